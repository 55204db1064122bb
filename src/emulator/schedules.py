"""When a scheduled action is due: at(…), rate(…) and cron(…) of Application Auto Scaling."""

import calendar
import math
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
UNITS = {"minute": 1, "hour": 60, "day": 60 * 24}
FIELDS: dict[str, tuple[int, int, list[str]]] = {
    "minutes": (0, 59, []),
    "hours": (0, 23, []),
    "day of month": (1, 31, []),
    "month": (1, 12, MONTHS),
    "day of week": (1, 7, DAYS),
    "year": (1970, 2199, []),
}
"""Of cron(…), in order: least, greatest, and the names that stand for numbers from the least on."""


@dataclass(frozen=True)
class Once:
    """at(…)"""

    moment: datetime  # in the action's time zone


@dataclass(frozen=True)
class Every:
    """rate(…)"""

    minutes: int


@dataclass(frozen=True)
class Cron:
    """cron(…), field by field."""

    fields: tuple[str, ...]

    def includes(self, moment: datetime) -> bool:
        """Whether a minute is one of the expression's."""
        values = (moment.minute, moment.hour, moment.month, moment.year)
        names = ("minutes", "hours", "month", "year")
        given = dict(zip(FIELDS, self.fields, strict=True))
        return (
            all(
                value in _numbers(given[name], name)
                for name, value in zip(names, values, strict=True)
            )
            and _is_day_of_month(given["day of month"], moment.date())
            and _is_day_of_week(given["day of week"], moment.date())
        )


Schedule = Once | Every | Cron


def parse(text: str) -> Schedule:
    """
    >>> parse("rate(5 minutes)"), parse("at(2026-11-28T18:00:00)").moment.hour
    (Every(minutes=5), 18)

    Raises:
        ValueError: with what was expected.
    """
    found = re.fullmatch(r"(at|rate|cron)\((.*)\)", text)
    kind, inner = found.groups() if found else ("", "")
    if kind == "at":
        try:
            return Once(datetime.strptime(inner, "%Y-%m-%dT%H:%M:%S"))
        except ValueError:
            raise ValueError(f"{text}: expected at(yyyy-mm-ddThh:mm:ss)") from None
    if kind == "rate":
        rate = re.fullmatch(r"([1-9]\d*) (minute|hour|day)(s?)", inner)
        if rate is None or (rate[1] == "1") == bool(rate[3]):
            raise ValueError(f"{text}: expected rate(1 hour), rate(5 minutes) or the like")
        return Every(int(rate[1]) * UNITS[rate[2]])
    if kind == "cron":
        return _cron(text, inner.split())
    raise ValueError(f"{text}: expected at(…), rate(…) or cron(…)")


def _cron(text: str, fields: list[str]) -> Cron:
    if len(fields) != len(FIELDS):
        raise ValueError(f"{text}: expected six fields, {', '.join(FIELDS)}")
    given = dict(zip(FIELDS, fields, strict=True))
    if (given["day of month"] == "?") == (given["day of week"] == "?"):
        raise ValueError(f"{text}: expected ? for either the day of the month or that of the week")
    try:
        for name, field in given.items():
            if name == "day of month":
                _is_day_of_month(field, date(2026, 1, 1))
            elif name == "day of week":
                _is_day_of_week(field, date(2026, 1, 1))
            else:
                _numbers(field, name)
    except ValueError as error:
        raise ValueError(f"{text}: {error}") from None
    return Cron(tuple(fields))


def is_due(
    schedule: Schedule, zone: tzinfo, anchor: float, span: tuple[float, float], minute: float
) -> bool:
    """Whether an action falls within a span of time: after its start, up to its end.

    Args:
        anchor: what rate(…) counts from.
        minute: seconds that a minute of rate(…) lasts; the other two go by the clock.
    """
    start, end = span
    if isinstance(schedule, Once):
        return start < schedule.moment.replace(tzinfo=zone).timestamp() <= end
    if isinstance(schedule, Every):
        period = schedule.minutes * minute
        return end > anchor and math.floor((end - anchor) / period) > max(
            0, math.floor((start - anchor) / period)
        )
    first = math.floor(start / 60) + 1
    minutes = range(first, math.floor(end / 60) + 1)
    return any(schedule.includes(datetime.fromtimestamp(each * 60, zone)) for each in minutes)


def _numbers(field: str, name: str) -> set[int]:
    """The numbers that a field names: `*`, `5`, `1-5`, `0/15`, `MON-FRI`, several with commas."""
    low, high, names = FIELDS[name]

    def number(word: str) -> int:
        if word.upper() in names:
            return low + names.index(word.upper())
        if not word.isdecimal() or not low <= int(word) <= high:
            raise ValueError(f"{name}: expected {low} to {high}, found {word!r}")
        return int(word)

    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        if slash and not (step.isdecimal() and int(step)):
            raise ValueError(f"{name}: expected a number after /, found {part!r}")
        first, dash, last = span.partition("-")
        if span in ("*", "?"):
            start, end = low, high
        elif dash:
            start, end = number(first), number(last)
        else:
            start = number(span)
            end = high if slash else start
        days = (
            range(start, end + 1)
            if start <= end
            else [*range(start, high + 1), *range(low, end + 1)]
        )
        found |= set(days[:: int(step) if slash else 1])
    return found


def _is_day_of_month(field: str, day: date) -> bool:
    """With L, the last day; 15W, the weekday nearest to the 15th; LW, the last weekday."""
    last = calendar.monthrange(day.year, day.month)[1]
    if field == "L":
        return day.day == last
    if field.endswith("W"):
        wanted = last if field == "LW" else min(_numbers(field[:-1], "day of month"))
        return day == _weekday_nearest(day.replace(day=min(wanted, last)))
    return day.day in _numbers(field, "day of month")


def _weekday_nearest(day: date) -> date:
    """Of the same month."""
    moved = {5: -1, 6: 1}.get(day.weekday(), 0)
    near = day + timedelta(moved)
    return near if near.month == day.month else day + timedelta(-moved * 2)


def _is_day_of_week(field: str, day: date) -> bool:
    """With 5L or FRIL, the month's last Thursday or Friday; 3#2, its second Tuesday."""
    number = day.isoweekday() % 7 + 1
    if field != "L" and field.endswith("L"):
        next_week = day + timedelta(7)
        return number in _numbers(field[:-1], "day of week") and next_week.month != day.month
    name, nth, week = field.partition("#")
    if nth:
        if week not in tuple("12345"):
            raise ValueError(f"day of week: expected 1 to 5 after #, found {field!r}")
        return number in _numbers(name, "day of week") and (day.day - 1) // 7 + 1 == int(week)
    return number in _numbers("7" if field == "L" else field, "day of week")
