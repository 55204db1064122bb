"""What CloudWatch holds of a region's metrics: their values by the minute, and statistics of them.

A minute is as long as `Limits.minute` says, by the real clock.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from emulator.limits import Limits

ENDPOINTS = "AWS/SageMaker"
INSTANCES = "/aws/sagemaker/Endpoints"
TRAINING = "/aws/sagemaker/TrainingJobs"
TRANSFORM = "/aws/sagemaker/TransformJobs"

MICROSECONDS, PERCENT, NONE = "Microseconds", "Percent", "None"
KEPT_MINUTES = 24 * 60
EXACT_VALUES = 1000
"""Different values of a minute that are kept as they are; of more, three digits are."""


@dataclass(frozen=True, order=True)
class Metric:
    """What a metric is told from others by."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str]) -> "Metric":
        return cls(namespace, name, tuple(sorted(dimensions.items())))


def of_variant(endpoint: str, variant: str, name: str) -> Metric:
    """A metric of an endpoint's variant, in the namespace that AWS has it in."""
    namespace = INSTANCES if name.endswith("Utilization") else ENDPOINTS
    return Metric.of(namespace, name, {"EndpointName": endpoint, "VariantName": variant})


class Values:
    """The values of a metric in some stretch of time."""

    def __init__(self) -> None:
        self.counts: Counter[float] = Counter()
        self.total = 0.0
        self._rounded = False

    def add(self, value: float, count: float = 1) -> None:
        self.total += value * count
        if self._rounded:
            value = _three_digits(value)
        self.counts[value] += count  # type: ignore[assignment]  # CloudWatch takes half a count
        if len(self.counts) > EXACT_VALUES and not self._rounded:
            self._rounded = True
            exact, self.counts = self.counts, Counter()
            for each, number in exact.items():
                self.counts[_three_digits(each)] += number

    def include(self, other: "Values") -> None:
        total = self.total + other.total
        for value, count in other.counts.items():
            self.add(value, count)
        self.total = total

    def statistic(self, name: str) -> float | None:
        """Sum, Average, Minimum, Maximum, SampleCount or a percentile; None without a value.

        >>> values = Values()
        >>> for value in (1, 2, 3, 10): values.add(value)
        >>> [values.statistic(name) for name in ("Sum", "Average", "SampleCount", "p50", "p99.9")]
        [16.0, 4.0, 4.0, 2.0, 10.0]

        Raises:
            ValueError: there is no such statistic here.
        """
        percentile = _percentile(name)
        count = sum(self.counts.values())
        if not count:
            return None
        if percentile is not None:
            return self._at(percentile / 100 * count)
        plain: dict[str, Callable[[], float]] = {
            "Sum": lambda: self.total,
            "Average": lambda: self.total / count,
            "Minimum": lambda: min(self.counts),
            "Maximum": lambda: max(self.counts),
            "SampleCount": lambda: count,
        }
        return float(plain[name]())

    def _at(self, rank: float) -> float:
        below = 0.0
        for value in sorted(self.counts):
            below += self.counts[value]
            if below >= rank:
                break
        return float(value)


STATISTICS = ("Sum", "Average", "Minimum", "Maximum", "SampleCount")


def _percentile(name: str) -> float | None:
    """
    >>> _percentile("p99.9"), _percentile("Sum")
    (99.9, None)
    """
    if name in STATISTICS:
        return None
    try:
        percentile = float(name[1:])
    except ValueError:
        percentile = -1.0
    if not name.startswith("p") or not 0 <= percentile <= 100:
        raise ValueError(f"The value {name} for parameter Stat is not supported.")
    return percentile


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")


class Metrics:
    """The metrics of a region."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._minutes: dict[Metric, dict[int, Values]] = {}
        self._units: dict[Metric, str] = {}

    def record(
        self,
        metric: Metric,
        values: Iterable[tuple[float, float]],
        unit: str = NONE,
        at: float | None = None,
    ) -> None:
        """Adds values with their counts, of now or of another time (seconds since 1970)."""
        minute = self.minute(self._clock() if at is None else at)
        with self._lock:
            self._add(metric, minute, values, unit)

    def invocation(
        self,
        endpoint: str,
        variant: str,
        config: str,
        instances: int,
        status: int,
        model: float,
        whole: float,
    ) -> None:
        """Counts an invocation: of the variant, and of the fleet that has this configuration.

        Args:
            instances: how many the variant has.
            status: that the container answered with, 0 where it did not answer.
            model: seconds until it did.
            whole: seconds that the invocation took.
        """
        values = {
            "Invocations": (1.0, NONE),
            "InvocationsPerInstance": (1 / max(1, instances), NONE),
            "Invocation4XXErrors": (float(400 <= status < 500), NONE),
            "Invocation5XXErrors": (float(status >= 500), NONE),
            "InvocationModelErrors": (float(not 200 <= status < 300), NONE),
            "ModelLatency": (round(model * 1e6), MICROSECONDS),
            "OverheadLatency": (round((whole - model) * 1e6), MICROSECONDS),
        }
        minute = self.minute(self._clock())
        with self._lock:
            for name, (value, unit) in values.items():
                metric = of_variant(endpoint, variant, name)
                self._add(metric, minute, [(value, 1)], unit)
                fleet = (("EndpointConfigName", config), *metric.dimensions)
                self._add(Metric(metric.namespace, name, fleet), minute, [(value, 1)], unit)

    def statistic(
        self, metric: Metric, statistic: str, first: int, minutes: int, unit: str | None = None
    ) -> float | None:
        """A statistic of so many minutes, from minute `first` on; None where there is no data."""
        found = self.values(metric, first, minutes)
        if unit is not None and self._units.get(metric) != unit:
            found = Values()
        return found.statistic(statistic)

    def values(self, metric: Metric, first: int, minutes: int) -> Values:
        merged = Values()
        with self._lock:
            held = self._minutes.get(metric, {})
            for minute in sorted(held) if minutes > len(held) else range(first, first + minutes):
                if first <= minute < first + minutes and minute in held:
                    merged.include(held[minute])
        return merged

    def minutes(self, metric: Metric) -> list[int]:
        """The numbers of the minutes that it has values of."""
        with self._lock:
            return list(self._minutes.get(metric, ()))

    def minute(self, at: float) -> int:
        """The number of the minute that a time is in."""
        return math.floor(at / self._limits.minute)

    def seconds(self, of_aws: float) -> float:
        return self._limits.seconds(of_aws)

    def until_next_minute(self) -> float:
        """Seconds from now."""
        now = self._clock()
        return self.begin(self.minute(now) + 1) - now

    def begin(self, minute: int) -> float:
        """When a minute begins, in seconds since 1970."""
        return minute * self._limits.minute

    def now(self) -> float:
        return self._clock()

    def known(self) -> list[Metric]:
        """Every metric that has a value, in order of their names."""
        with self._lock:
            return sorted(self._minutes)

    def unit(self, metric: Metric) -> str:
        return self._units.get(metric, NONE)

    def _add(
        self, metric: Metric, minute: int, values: Iterable[tuple[float, float]], unit: str
    ) -> None:
        held = self._minutes.setdefault(metric, {})
        self._units[metric] = unit
        if minute not in held:
            held[minute] = Values()
            for old in [each for each in held if each <= minute - KEPT_MINUTES]:
                del held[old]
        for value, count in values:
            held[minute].add(value, count)
