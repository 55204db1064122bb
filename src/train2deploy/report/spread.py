"""The few statistics of a report: spread over seeds, calibration."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

BINS = 10
DECIMALS = 6
"""What report.json keeps: more than any page shows, and the same on every machine."""


@dataclass(frozen=True)
class Spread:
    """One number over several runs.

    Attributes:
        sd: the sample standard deviation; None with one run.
    """

    mean: float
    sd: float | None
    min: float
    max: float
    n: int

    def as_json(self) -> dict[str, float | int | None]:
        return {
            "mean": round(self.mean, DECIMALS),
            "sd": None if self.sd is None else round(self.sd, DECIMALS),
            "min": round(self.min, DECIMALS),
            "max": round(self.max, DECIMALS),
            "n": self.n,
        }


def spread(values: Sequence[float]) -> Spread:
    """Mean, sample standard deviation and range of at least one value.

    >>> spread([1.0, 2.0, 3.0])
    Spread(mean=2.0, sd=1.0, min=1.0, max=3.0, n=3)
    """
    sd = statistics.stdev(values) if len(values) > 1 else None
    return Spread(statistics.fmean(values), sd, min(values), max(values), len(values))


@dataclass(frozen=True)
class Bin:
    """Predictions whose probability lies between two bounds."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def calibration(confidences: Sequence[float], right: Sequence[bool]) -> tuple[list[Bin], float]:
    """Bins of equal width (empty ones left out) and the expected calibration error.

    The error is the mean of |accuracy − confidence| over the bins, each with the share of the
    predictions in it.

    Args:
        confidences: probability of the predicted class, a sentence each.
        right: whether that class is the true one.

    >>> calibration([0.95, 0.95, 0.95, 0.95], [True, True, True, False])[1]
    0.2
    """
    groups: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for confidence, is_right in zip(confidences, right, strict=True):
        groups[min(int(confidence * BINS), BINS - 1)].append((confidence, is_right))
    bins = [
        Bin(
            number / BINS,
            (number + 1) / BINS,
            len(group),
            statistics.fmean(confidence for confidence, _ in group),
            sum(is_right for _, is_right in group) / len(group),
        )
        for number, group in enumerate(groups)
        if group
    ]
    total = len(confidences)
    error = sum(one.count * abs(one.accuracy - one.confidence) for one in bins) / total
    return bins, round(error, DECIMALS)
