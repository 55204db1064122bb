"""What the emulator's autoscaling decides: target tracking, cool-downs, and when schedules act."""

import datetime
from zoneinfo import ZoneInfo

import pytest

from emulator import schedules
from emulator.target_tracking import Cooldown, Tracking, decided, proposal

UTC = datetime.timezone.utc


@pytest.mark.parametrize("minutes, capacity, expected", [
    ([300, 300], 1, None),  # two minutes are not three
    ([100, 300, 300], 1, None),  # nor is one at the target itself above it
    ([101, 101, 101], 1, 2),
    ([300, 300, 300], 1, 3),
    ([101, 101, 301], 2, 7),  # rounded up, from what each of them gets now
    ([90] * 15, 2, None),  # nine tenths of the target are not below nine tenths
    ([89] * 14, 2, None),
    ([89] * 15, 2, 2),  # one fewer would have more than the target
    ([49] * 15, 2, 1),
    ([0] * 15, 5, 4),  # gradually
    ([89] * 14 + [91], 2, None),
    ([95] * 15, 2, None),
])  # fmt: skip
def test_three_minutes_above_scale_out_in_proportion_and_fifteen_below_in_by_one(
    minutes, capacity, expected
):
    assert proposal(Tracking(100), minutes, capacity, Cooldown()) == expected


def test_in_the_cool_down_of_a_scale_out_only_a_larger_wish_counts():
    cooling = Cooldown(before=1)
    assert proposal(Tracking(100), [300] * 3, 3, cooling) == 3  # what it has asked for
    assert proposal(Tracking(100), [450] * 3, 3, cooling) == 5
    assert proposal(Tracking(100), [450] * 3, 3, Cooldown()) == 14


def test_in_the_cool_down_of_a_scale_in_nothing_scales_in_but_out_it_does():
    cooling = Cooldown(holds_in=True)
    assert proposal(Tracking(100), [10] * 15, 3, cooling) == 3
    assert proposal(Tracking(100), [300] * 15, 3, cooling) == 9


def test_a_policy_that_disables_it_has_no_say_in_scaling_in():
    outwards = Tracking(100, scales_in=False)
    assert proposal(outwards, [0] * 15, 3, Cooldown()) is None
    assert proposal(outwards, [200] * 3, 3, Cooldown()) == 6


@pytest.mark.parametrize("proposals, expected", [
    ([], 3), ([None], 3), ([2], 2), ([2, 3], 3), ([2, 6], 6), ([99], 8), ([0], 1)])
def test_of_several_policies_the_largest_wish_wins_within_the_bounds(proposals, expected):
    assert decided(3, proposals, 1, 8) == expected


@pytest.mark.parametrize("text, expected", [
    ("", "expected at"),
    ("every(5 minutes)", "expected at"),
    ("at(2026-11-28)", "yyyy-mm-ddThh:mm:ss"),
    ("at(2026-02-30T00:00:00)", "yyyy-mm-ddThh:mm:ss"),
    ("rate(1 minutes)", "expected rate"),
    ("rate(5 minute)", "expected rate"),
    ("rate(0 hours)", "expected rate"),
    ("cron(0 8 * * ?)", "six fields"),
    ("cron(0 8 * * * *)", "expected ? for either"),
    ("cron(0 8 ? * ? *)", "expected ? for either"),
    ("cron(60 8 * * ? *)", "minutes: expected 0 to 59, found '60'"),
    ("cron(0 8 ? * 0 *)", "day of week: expected 1 to 7, found '0'"),
    ("cron(0 8 ? * MON#6 *)", "1 to 5 after #"),
    ("cron(0/0 8 * * ? *)", "a number after /"),
    ("cron(0 8 32 * ? *)", "day of month: expected 1 to 31, found '32'"),
])
def test_a_schedule_that_is_none_is_refused_with_what_was_expected(text, expected):
    with pytest.raises(ValueError, match=expected.replace("?", r"\?")):
        schedules.parse(text)


def due(text, moment, zone=UTC):
    """Whether an action falls on this minute of the zone, and not on the one before."""
    schedule = schedules.parse(text)
    end = datetime.datetime.fromisoformat(moment).replace(tzinfo=zone).timestamp()
    assert not schedules.is_due(schedule, zone, 0, (end - 119, end - 60), 60)
    return schedules.is_due(schedule, zone, 0, (end - 60, end), 60)


@pytest.mark.parametrize("text, moment", [
    ("at(2026-11-28T08:00:00)", "2026-11-28T08:00"),
    ("cron(0 8 * * ? *)", "2026-11-28T08:00"),
    ("cron(0 8 ? * MON-FRI *)", "2026-11-30T08:00"),
    ("cron(0 8 ? * 2 2026)", "2026-11-30T08:00"),
    ("cron(0/15 8-18 * NOV,DEC ? *)", "2026-11-28T18:45"),
    ("cron(30 0 L * ? *)", "2028-02-29T00:30"),
    ("cron(30 0 LW * ? *)", "2026-02-27T00:30"),  # the 28th is a Saturday
    ("cron(30 0 1W * ? *)", "2026-08-03T00:30"),  # the 1st is a Saturday, July's no longer
    ("cron(30 0 ? * 6L *)", "2026-11-27T00:30"),
    ("cron(30 0 ? * 3#2 *)", "2026-11-10T00:30"),
    ("cron(30 0 ? * SAT-SUN *)", "2026-11-29T00:30"),
])
def test_a_schedule_is_due_at_its_minute(text, moment):
    assert due(text, moment)


@pytest.mark.parametrize("text, moment", [
    ("cron(0 8 ? * MON-FRI *)", "2026-11-28T08:00"),  # a Saturday
    ("cron(0 8 ? * 2 2027)", "2026-11-30T08:00"),
    ("cron(30 0 15W * ? *)", "2026-11-15T00:30"),  # a Sunday; the 16th it is
    ("cron(30 0 ? * 6L *)", "2026-11-20T00:30"),
])
def test_a_schedule_is_not_due_at_another(text, moment):
    assert not due(text, moment)


def test_cron_and_at_go_by_the_clock_of_the_time_zone():
    tokyo = ZoneInfo("Asia/Tokyo")
    assert due("cron(0 8 * * ? *)", "2026-11-28T08:00", tokyo)
    assert due("at(2026-11-28T08:00:00)", "2026-11-28T08:00", tokyo)
    eight = datetime.datetime(2026, 11, 28, 8, tzinfo=tokyo)
    assert due("cron(0 23 * * ? *)", eight.astimezone(UTC).strftime("%Y-%m-%dT%H:%M"))


def test_a_rate_counts_from_its_beginning_in_minutes_of_the_rehearsal():
    every = schedules.parse("rate(5 minutes)")

    def times(start, end, minute=60):
        return [second for second in range(start, end)
                if schedules.is_due(every, UTC, 1000, (second, second + 1), minute)]

    assert times(0, 1900) == [1299, 1599, 1899]
    assert times(0, 1040, minute=2) == [1009, 1019, 1029, 1039]
