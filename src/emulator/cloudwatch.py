"""CloudWatch's metrics: the requests are moto's, what they find is what `Metrics` holds.

moto keeps each value as an object, begins periods at the first of them and knows neither
percentiles nor arithmetic; an endpoint under load would fill it within minutes.
"""

import math
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from moto.cloudwatch import urls
from moto.cloudwatch.exceptions import InvalidParameterValue, ValidationError
from moto.cloudwatch.models import CloudWatchBackend, MetricDatumBase, cloudwatch_backends
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from emulator import alarms, expressions, watch
from emulator.account import ACCOUNT_ID
from emulator.metrics import Metric, Metrics

_of_region: dict[str, Metrics] = {}
_watched: dict[str, "CloudWatch"] = {}


def serve(region: str, metrics: Metrics) -> "CloudWatch":
    """Has the region's CloudWatch answer from these from now on, and watch its alarms."""
    _of_region[region] = metrics
    backend: CloudWatch = cloudwatch_backends[ACCOUNT_ID][region]
    if not _watched:
        _watched[region] = backend
        watch.watch(_watched)
    _watched[region] = backend
    return backend


class CloudWatch(CloudWatchBackend):  # type: ignore[misc]
    """moto's, alarms included, with metrics of our own."""

    @property
    def _url_module(self) -> Any:
        return urls

    @property
    def metrics(self) -> Metrics:
        return _of_region[self.region_name]

    def put_metric_data(self, namespace: str, metric_data: list[dict[str, Any]]) -> None:
        for number, given in enumerate(metric_data, 1):
            self._validate_parameters_put_metric_data(given, number)
        for given in metric_data:
            metric = _metric(namespace, given["MetricName"], given.get("Dimensions"))
            at = given.get("Timestamp") or utcnow()
            self.metrics.record(metric, _values(given), given.get("Unit") or "None", _seconds(at))

    def put_metric_alarm(self, name: str, **given: Any) -> Any:
        """As AWS: a new alarm knows nothing yet, one that is changed keeps its state."""
        periods, to_alarm = given["evaluation_periods"], given.get("datapoints_to_alarm")
        if given.get("rule") is None and to_alarm and int(to_alarm) > int(periods):
            text = "DatapointsToAlarm must be less than or equal to EvaluationPeriods"
            raise ValidationError(text)
        before = self.alarms.get(name)
        alarm = super().put_metric_alarm(name, **given)
        if before is None:
            alarm.state_value = alarms.INSUFFICIENT_DATA
        else:
            for part in ("state_value", "state_reason", "state_reason_data", "history"):
                setattr(alarm, part, getattr(before, part))
            alarm.state_updated_timestamp = before.state_updated_timestamp
        return alarm

    def get_metric_statistics(
        self,
        namespace: str,
        metric_name: str,
        start_time: datetime,
        end_time: datetime,
        period: int,
        stats: list[str],
        dimensions: list[dict[str, str]],
        unit: str | None = None,
    ) -> list[Any]:
        if start_time >= end_time:
            text = "The parameter StartTime must be less than the parameter EndTime."
            raise InvalidParameterValue(text)
        metric = _metric(namespace, metric_name, dimensions)
        series = {
            name: self._series(metric, name, start_time, end_time, period, unit) for name in stats
        }
        shown = unit or self.metrics.unit(metric)
        return [
            {
                "Timestamp": at,
                "Unit": shown,
                **{name: series[name][at] for name in stats if not name.startswith("p")},
                "ExtendedStatistics": {
                    name: series[name][at] for name in stats if name.startswith("p")
                },
            }
            for at in next(iter(series.values()))
        ]

    def get_metric_data(
        self,
        queries: list[dict[str, Any]],
        start_time: datetime,
        end_time: datetime,
        scan_by: str = "TimestampAscending",
    ) -> list[dict[str, Any]]:
        if start_time >= end_time:
            text = "The parameter EndTime must be greater than StartTime."
            raise ValidationError(text)
        found: dict[str, dict[datetime, float]] = {}
        for query in queries:
            if "MetricStat" in query:
                asked = query["MetricStat"]
                metric = _asked(asked)
                found[query["Id"]] = self._series(
                    metric, asked["Stat"], start_time, end_time, asked["Period"], asked.get("Unit")
                )
        for query in queries:
            if "Expression" in query:
                try:
                    found[query["Id"]] = expressions.evaluate(query["Expression"], found)
                except ValueError as error:
                    raise ValidationError(str(error)) from error
        backwards = scan_by == "TimestampDescending"
        results = []
        for query in queries:
            if query.get("ReturnData", True):
                times = sorted(found[query["Id"]], reverse=backwards)
                name = query.get("MetricStat", {}).get("Metric", {}).get("MetricName", query["Id"])
                results.append(
                    {
                        "id": query["Id"],
                        "label": query.get("Label") or name,
                        "values": [found[query["Id"]][at] for at in times],
                        "timestamps": times,
                        "status_code": "Complete",
                    }
                )
        return results

    def get_filtered_metrics(
        self, metric_name: str, namespace: str, dimensions: list[dict[str, str]]
    ) -> list[MetricDatumBase]:
        found = [
            MetricDatumBase(
                metric.namespace,
                metric.name,
                [{"Name": name, "Value": value} for name, value in metric.dimensions],
                None,
            )
            for metric in self.metrics.known()
        ]
        return [each for each in found if each.filter(namespace, metric_name, dimensions)]

    def _series(
        self,
        metric: Metric,
        statistic: str,
        start: datetime,
        end: datetime,
        period: int,
        unit: str | None,
    ) -> dict[datetime, float]:
        """By when it begins, the statistic of each period that has a value."""
        minutes = max(1, int(period) // 60)
        metrics = self.metrics
        first = metrics.minute(_seconds(start)) // minutes
        beyond = math.ceil((metrics.minute(_seconds(end)) + 1) / minutes)
        held = {minute // minutes for minute in metrics.minutes(metric)}
        found = {}
        for number in sorted(each for each in held if first <= each < beyond):
            begin = metrics.begin(number * minutes)
            try:
                value = metrics.statistic(metric, statistic, number * minutes, minutes, unit)
            except ValueError as error:
                raise InvalidParameterValue(str(error)) from error
            if value is not None and begin < _seconds(end):
                found[datetime.fromtimestamp(begin, timezone.utc)] = value
        return found


def _statistics(response: Any) -> Any:
    """GetMetricStatistics; moto's has no percentiles."""
    names = [*response._get_param("Statistics", []), *response._get_param("ExtendedStatistics", [])]
    if not names:
        text = "Must specify either Statistics or ExtendedStatistics"
        raise InvalidParameterValue(text)
    points = response.cloudwatch_backend.get_metric_statistics(
        response._get_param("Namespace"),
        response._get_param("MetricName"),
        response._get_param("StartTime"),
        response._get_param("EndTime"),
        response._get_int_param("Period"),
        names,
        response._get_param("Dimensions", []),
        response._get_param("Unit"),
    )
    return ActionResult({"Label": response._get_param("MetricName"), "Datapoints": points})


CloudWatchResponse.get_metric_statistics = _statistics
cloudwatch_backends.backend = CloudWatch


def _metric(namespace: str, name: str, dimensions: Iterable[dict[str, str]] | None) -> Metric:
    return Metric.of(namespace, name, {each["Name"]: each["Value"] for each in dimensions or ()})


def _asked(stat: dict[str, Any]) -> Metric:
    """The metric of a MetricStat."""
    metric = stat["Metric"]
    return _metric(metric["Namespace"], metric["MetricName"], metric.get("Dimensions"))


def _values(given: dict[str, Any]) -> list[tuple[float, float]]:
    """Values of a MetricDatum with their counts."""
    if given.get("Values"):
        counts = given.get("Counts") or [1] * len(given["Values"])
        return [
            (float(value), float(count))
            for value, count in zip(given["Values"], counts, strict=True)
        ]
    if statistics := given.get("StatisticValues"):
        least, most, total, count = (
            float(statistics[name]) for name in ("Minimum", "Maximum", "Sum", "SampleCount")
        )
        if count < 3:
            return [(total / count, count)] if count else []
        # Nobody knows those between; their average keeps the sum.
        return [(least, 1), ((total - least - most) / (count - 2), count - 2), (most, 1)]
    return [(float(given.get("Value", 0)), 1)]


def _seconds(at: datetime) -> float:
    return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp()
