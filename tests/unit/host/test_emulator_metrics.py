"""The emulator's metrics: minutes, statistics and metric math, by a clock that a test turns."""

from datetime import datetime, timezone

import pytest

from emulator import expressions, metrics
from emulator.limits import Limits
from emulator.limits import parse as limits


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture(params=[60.0, 2.0])
def counted(request):
    """Metrics with a clock that moves by minutes, however long these are."""
    clock = Clock()
    held = metrics.Metrics(Limits(minute=request.param), clock)

    def pass_minutes(number):
        clock.now += number * request.param

    return held, pass_minutes


def last_minutes(held, name, statistic, variant="v"):
    """A statistic of each of the last three full minutes."""
    metric, now = metrics.of_variant("e", variant, name), held.minute(held._clock())
    return [held.statistic(metric, statistic, now - ago, 1) for ago in (3, 2, 1)]


def test_a_minute_is_shown_once_it_is_over_and_one_without_invocations_has_no_value(counted):
    held, pass_minutes = counted
    held.invocation("e", "v", "c", 2, 200, 0.010, 0.012)
    held.invocation("e", "v", "c", 2, 500, 0.030, 0.031)
    assert last_minutes(held, "Invocations", "Sum") == [None, None, None]
    pass_minutes(1)
    held.invocation("e", "v", "new", 4, 404, 0.001, 0.002)
    pass_minutes(2)

    def of(name, statistic):
        return last_minutes(held, name, statistic)

    assert of("Invocations", "Sum") == [2, 1, None]
    assert of("InvocationsPerInstance", "Sum") == [1, 0.25, None]
    assert of("Invocation5XXErrors", "Sum") == [1, 0, None]
    assert of("Invocation5XXErrors", "Average") == [0.5, 0, None]
    assert of("Invocation4XXErrors", "Sum") == [0, 1, None]
    assert of("InvocationModelErrors", "Sum") == [1, 1, None]
    assert of("ModelLatency", "Maximum") == [30000, 1000, None]
    assert of("OverheadLatency", "Minimum") == [1000, 1000, None]
    assert last_minutes(held, "Invocations", "Sum", "another") == [None, None, None]


def test_many_different_values_are_kept_by_three_digits_and_their_sum_exactly():
    values = metrics.Values()
    for value in range(1, 10001):
        values.add(value)
    assert len(values.counts) <= 3 * metrics.EXACT_VALUES
    assert values.statistic("Sum") == 10000 * 10001 / 2
    assert values.statistic("SampleCount") == 10000
    assert values.statistic("p99") == pytest.approx(9900, rel=0.006)


@pytest.mark.parametrize("name", ["p101", "p", "median", "tm90", ""])
def test_a_statistic_that_is_not_known_is_refused_even_without_data(name):
    with pytest.raises(ValueError, match="not supported"):
        metrics.Values().statistic(name)


def test_old_minutes_are_forgotten(counted):
    held, pass_minutes = counted
    held.invocation("e", "v", "c", 1, 200, 0.01, 0.01)
    pass_minutes(metrics.KEPT_MINUTES + 1)
    held.invocation("e", "v", "c", 1, 200, 0.01, 0.01)
    assert len(held.minutes(metrics.of_variant("e", "v", "Invocations"))) == 1


FIRST, SECOND = (datetime(2026, 1, 1, 0, minute, tzinfo=timezone.utc) for minute in (0, 1))


@pytest.mark.parametrize("expression, values", [
    ("errors / all", [0.25]),
    ("100*(errors/all)", [25]),
    ("-errors + 2", [1]),
    ("FILL(errors, 0) / all", [0.25, 0]),
    ("all", [4, 2]),
    ("errors / (errors - errors)", []),
])
def test_metric_math(expression, values):
    known = {"errors": {FIRST: 1}, "all": {FIRST: 4, SECOND: 2}}
    assert list(expressions.evaluate(expression, known).values()) == values


@pytest.mark.parametrize("expression", ["other", "errors /", "__import__('os')", "ANOMALY(m)"])
def test_metric_math_that_is_not_understood_is_refused(expression):
    with pytest.raises(ValueError, match="not understood"):
        expressions.evaluate(expression, {"errors": {FIRST: 1}})


def test_a_minute_lasts_as_long_as_the_limits_say():
    assert limits("minute:0.5").seconds(300) == 2.5
    assert limits("").seconds(300) == 300
    with pytest.raises(ValueError, match="minute"):
        limits("minute:0")
