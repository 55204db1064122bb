"""The state of every alarm, after each minute: CloudWatch's side of a rollback."""

import json
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from emulator import expressions
from emulator.alarms import Rule
from emulator.metrics import Metric, Metrics

logger = logging.getLogger("emulator")

SETTLING_SECONDS = 2.0  # of AWS's time, after a minute's end


def watch(regions: Mapping[str, Any]) -> None:
    """Evaluates the alarms of these CloudWatches for as long as this process lives."""

    def run() -> None:
        while True:
            for backend in list(regions.values()):
                for alarm in list(backend.alarms.values()):
                    try:
                        evaluate(alarm, backend.metrics)
                    except Exception:
                        logger.exception("alarm %s", alarm.name)
            metrics = next(iter(regions.values())).metrics
            time.sleep(metrics.until_next_minute() + metrics.seconds(SETTLING_SECONDS))

    threading.Thread(target=run, daemon=True).start()


def evaluate(alarm: Any, metrics: Metrics) -> None:
    """Sets the state that moto's alarm has after the last full minute."""
    if alarm.rule is not None:
        return  # composite alarms are not evaluated
    rule = Rule(
        alarm.comparison_operator,
        float(alarm.threshold),
        int(alarm.evaluation_periods),
        int(alarm.datapoints_to_alarm or alarm.evaluation_periods),
        alarm.treat_missing_data or "missing",
    )
    points = _points(alarm, metrics, rule.range)
    state = rule.state(points, alarm.state_value)
    if state != alarm.state_value:
        data = {
            "version": "1.0",
            "recentDatapoints": [value for value in points if value is not None][-rule.periods :],
            "threshold": rule.threshold,
        }
        alarm.update_state(rule.reason(points, state), json.dumps(data), state)


def _points(alarm: Any, metrics: Metrics, periods: int) -> list[float | None]:
    """What the alarm looks at in each of its most recent periods, the oldest first."""
    if not alarm.metric_data_queries:
        dimensions = {each.name: each.value for each in alarm.dimensions}
        metric = Metric.of(alarm.namespace, alarm.metric_name, dimensions)
        statistic = alarm.statistic or alarm.extended_statistic
        return _series(metrics, metric, statistic, int(alarm.period), alarm.unit, periods)
    known: dict[str, dict[int, float]] = {}
    for query in alarm.metric_data_queries:
        if query.metric_stat is not None:
            asked = query.metric_stat
            dimensions = {each.name: each.value for each in asked.metric.dimensions}
            metric = Metric.of(asked.metric.namespace, asked.metric.metric_name, dimensions)
            series = _series(metrics, metric, asked.stat, int(asked.period), asked.unit, periods)
            known[query.id] = {at: each for at, each in enumerate(series) if each is not None}
    for query in alarm.metric_data_queries:
        if query.expression:
            known[query.id] = expressions.evaluate(query.expression, known)
    shown = next(
        query.id for query in reversed(alarm.metric_data_queries) if query.return_data is not False
    )
    return [known[shown].get(at) for at in range(periods)]


def _series(
    metrics: Metrics, metric: Metric, statistic: str, period: int, unit: str | None, periods: int
) -> list[float | None]:
    minutes = max(1, period // 60)
    end = metrics.minute(metrics.now())
    return [
        metrics.statistic(metric, statistic, end - ago * minutes, minutes, unit)
        for ago in range(periods, 0, -1)
    ]
