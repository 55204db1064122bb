"""The rule of target tracking: how many instances a minute's figures ask for.

As the alarms that AWS makes for such a policy have it: three minutes above the target scale out,
to as many instances as bring the metric back to it; fifteen below nine tenths of the target scale
in. AWS says of that only that it is gradual: here it is one instance at a time.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MINUTES_ABOVE = 3
MINUTES_BELOW = 15
BELOW = 0.9  # of the target: what scales in lies below this share of it


@dataclass(frozen=True)
class Tracking:
    """A policy's configuration."""

    target: float
    # out_cooldown, in_cooldown: seconds; AWS's default for a variant is 300 each
    out_cooldown: float = 300.0
    in_cooldown: float = 300.0
    scales_in: bool = True  # False with DisableScaleIn


@dataclass(frozen=True)
class Cooldown:
    """What is left of the last activity."""

    before: int | None = None  # the capacity that a scale-out began from, None once that is over
    holds_in: bool = False  # a scale-in is not yet to be followed by another one


def is_above(tracking: Tracking, minutes: Sequence[float]) -> bool:
    """Whether the alarm AlarmHigh would be in ALARM."""
    last = minutes[-MINUTES_ABOVE:]
    return len(last) == MINUTES_ABOVE and min(last) > tracking.target


def is_below(tracking: Tracking, minutes: Sequence[float]) -> bool:
    """Whether the alarm AlarmLow would be in ALARM."""
    last = minutes[-MINUTES_BELOW:]
    return len(last) == MINUTES_BELOW and max(last) < BELOW * tracking.target


def proposal(
    tracking: Tracking, minutes: Sequence[float], capacity: int, cooldown: Cooldown
) -> int | None:
    """The instances that one policy asks for, before any bounds; None: it has no say.

    >>> proposal(Tracking(100), [290, 300, 300], 1, Cooldown())
    3
    >>> proposal(Tracking(100), [20] * 15, 3, Cooldown())
    2

    Args:
        minutes: the metric of the last whole minutes, the newest last.
    """
    if is_above(tracking, minutes):
        # What a scale-out has added counts until its cool-down is over: the metric is still that
        # of the instances before, and only a larger wish goes beyond it.
        base = capacity if cooldown.before is None else cooldown.before
        return max(capacity, math.ceil(base * minutes[-1] / tracking.target))
    if not (tracking.scales_in and is_below(tracking, minutes)):
        return None
    if cooldown.holds_in:
        return capacity
    fewest = math.ceil(capacity * minutes[-1] / tracking.target)
    return min(capacity, max(fewest, capacity - 1))


def decided(capacity: int, proposals: Iterable[int | None], low: int, high: int) -> int:
    """What comes of several policies: out if one says so, in if all that scale in do.

    >>> decided(2, [1, 4], 1, 8), decided(2, [1, None], 1, 8), decided(2, [1], 1, 8)
    (4, 2, 1)
    """
    wish = max((capacity if each is None else each for each in proposals), default=capacity)
    return min(max(wish, low), high)
