"""When an alarm of CloudWatch changes its state, missing data included.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
MISSING, IGNORE, BREACHING, NOT_BREACHING = "missing", "ignore", "breaching", "notBreaching"

LOOKED_BACK = 2
"""Periods that are looked at beyond those that are evaluated, for data in place of missing ones."""

OPERATORS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}


@dataclass(frozen=True)
class Rule:
    """What is asked of the most recent periods."""

    comparison: str
    threshold: float
    periods: int  # that are evaluated (N)
    to_alarm: int  # of them, how many must breach (M)
    missing: str = MISSING  # how missing data is treated

    @property
    def range(self) -> int:
        """How many periods are looked at."""
        return self.periods + LOOKED_BACK

    def breaches(self, value: float) -> bool:
        return OPERATORS[self.comparison][0](value, self.threshold)

    def state(self, points: Sequence[float | None], current: str) -> str:
        """The state after these periods, the oldest first; None: no data.

        Real data is preferred to filled in, however old within the range, and missing data is
        filled in for as few periods as possible.
        """
        there = [(age, value) for age, value in enumerate(reversed(points), 1) if value is not None]
        recent = there[: self.periods]
        breaching = [age for age, value in recent if self.breaches(value)]
        lacking = self.periods - len(recent)
        if self.missing == BREACHING and lacking:
            return ALARM if len(breaching) + lacking >= self.to_alarm else OK
        if len(breaching) >= self.to_alarm:
            return ALARM
        if not lacking or self.missing == NOT_BREACHING or len(breaching) < len(recent):
            return OK
        # Nothing but too few breaching periods, or nothing at all.
        if self.missing == IGNORE:
            return current
        return ALARM if breaching and max(breaching) >= self.to_alarm else INSUFFICIENT_DATA

    def reason(self, points: Sequence[float | None], state: str) -> str:
        """As DescribeAlarms gives it."""
        there = [value for value in points if value is not None][-self.periods :]
        if state == INSUFFICIENT_DATA:
            return f"Insufficient Data: {_counted(self.periods - len(there))} unknown."
        if not there:
            treated = self.missing[0].upper() + self.missing[1:]
            return (
                f"Threshold Crossed: no datapoints were received for {self.periods} periods and"
                f" {_counted(self.periods)} treated as [{treated}]."
            )
        was = "was" if len(there) == 1 else "were"
        found = f"{len(there)} datapoint{'' if len(there) == 1 else 's'}"
        values = ", ".join(f"{value:.6g}" for value in reversed(there))
        is_not = "" if state == ALARM else "not "
        return (
            f"Threshold Crossed: {found} [{values}] {was} {is_not}"
            f"{OPERATORS[self.comparison][1]} the threshold ({self.threshold:g})."
        )


def _counted(number: int) -> str:
    """
    >>> _counted(1), _counted(2)
    ('1 datapoint was', '2 datapoints were')
    """
    return f"{number} datapoint was" if number == 1 else f"{number} datapoints were"
