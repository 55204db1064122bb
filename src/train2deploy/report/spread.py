"""Statistics of a report: the spread over seeds, and how well probabilities are calibrated."""

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

BINS = 10
DECIMALS = 6  # what report.json keeps: more than any page shows, and the same on every machine


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean, sample standard deviation (None of one value) and range of at least one value.

    >>> spread([1.0, 2.0, 3.0])
    {'mean': 2.0, 'sd': 1.0, 'min': 1.0, 'max': 3.0, 'n': 3}
    """
    found = {
        "mean": statistics.fmean(values),
        "sd": statistics.stdev(values) if len(values) > 1 else None,
        "min": min(values),
        "max": max(values),
    }
    return {
        **{name: None if one is None else round(one, DECIMALS) for name, one in found.items()},
        "n": len(values),
    }


def calibration(
    confidences: Sequence[float], right: Sequence[bool]
) -> tuple[list[dict[str, Any]], float]:
    """Bins of equal width (empty ones left out) and the expected calibration error.

    The error is the mean of |accuracy − confidence| over the bins, each with the share of the
    predictions in it.

    Args:
        confidences: probability of the predicted class, a sentence each.
        right: whether that class is the true one.

    >>> calibration([0.95, 0.95, 0.95, 0.95], [True, True, True, False])[1]
    0.2
    """
    given, is_right = np.array(confidences), np.array(right)
    places = np.minimum((given * BINS).astype(int), BINS - 1)
    bins, error = [], 0.0
    for place in map(int, np.unique(places)):
        here = places == place
        confidence, accuracy = float(given[here].mean()), float(is_right[here].mean())
        error += float(here.mean()) * abs(accuracy - confidence)
        bins.append(
            {
                "low": round(place / BINS, DECIMALS),
                "high": round((place + 1) / BINS, DECIMALS),
                "count": int(here.sum()),
                "confidence": round(confidence, DECIMALS),
                "accuracy": round(accuracy, DECIMALS),
            }
        )
    return bins, round(error, DECIMALS)
