"""From latencies to figures: percentiles of a round, medians of rounds, ratios to the limit."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Round:
    """One measurement of one subject."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    per_second: float  # requests answered a second
    requests: int  # answered in the measured time
    foreign_cpu: float  # share of the machine that others used meanwhile (0 to 1)
    cpu_ms: dict[str, float]  # what each process of ours used for a request, by role


def percentiles(values: Sequence[float], percents: Sequence[int], digits: int) -> list[float]:
    """For each percentage the smallest value that so many % of the values do not exceed.

    >>> percentiles([4.0, 1.0, 3.0, 2.0], [50, 100], 1)
    [2.0, 4.0]
    """
    found = np.percentile(values, percents, method="inverted_cdf")
    return [round(float(value), digits) for value in found]


def summarize(
    latencies_ms: Sequence[float], seconds: float, foreign_cpu: float, cpu_s: dict[str, float]
) -> Round:
    """A Round of the latencies of all requests that were answered in `seconds`."""
    count = len(latencies_ms)
    p50, p95, p99 = percentiles(latencies_ms, (50, 95, 99), 4)
    return Round(
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        per_second=round(count / seconds, 2),
        requests=count,
        foreign_cpu=round(foreign_cpu, 3),
        cpu_ms={role: round(used * 1e3 / count, 3) for role, used in sorted(cpu_s.items())},
    )


def median_of(rounds: Sequence[Round]) -> dict[str, Any]:
    """The median of each figure over the rounds; `requests` is their sum."""
    rows = [asdict(one) for one in rounds]
    result: dict[str, Any] = {
        name: statistics.median(row[name] for row in rows)
        for name in ("p50_ms", "p95_ms", "p99_ms", "per_second", "foreign_cpu")
    }
    result["requests"] = sum(one.requests for one in rounds)
    roles = sorted({role for one in rounds for role in one.cpu_ms})
    result["cpu_ms"] = {
        role: statistics.median(one.cpu_ms.get(role, 0.0) for one in rounds) for role in roles
    }
    return result


def median_ratio(values: Iterable[float], yardsticks: Iterable[float]) -> float:
    """The median over the rounds of value / yardstick of the same round.

    Whatever slows the machine down for a while slows both, so a ratio within a
    round varies less than the figures do.

    >>> median_ratio([2.0, 8.0, 3.0], [1.0, 2.0, 2.0])
    2.0
    """
    ratios = [value / yard for value, yard in zip(values, yardsticks, strict=True)]
    return round(statistics.median(ratios), 4)
