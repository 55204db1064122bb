"""`make cloud-metrics`: what CloudWatch has of the endpoint, by the minute: a table and a plot."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from rich.table import Table

from train2deploy import console, paths
from train2deploy.cloud import endpoints, follow, metrics_plot
from train2deploy.cloud.session import Cloud
from train2deploy.errors import UserError

SHOWN_ROWS = 30
FOLLOWED = timedelta(minutes=15)
OVER = timedelta(seconds=60)


@dataclass(frozen=True)
class Column:
    """A statistic of a metric."""

    title: str
    metric: str
    statistic: str
    panel: str
    factor: float = 1.0  # from the metric's unit to the one that is shown
    digits: int = 0

    @property
    def namespace(self) -> str:
        of_instance = self.metric.endswith("Utilization")
        return "/aws/sagemaker/Endpoints" if of_instance else "AWS/SageMaker"


REQUESTS, LATENCY, BUSY = "requests by the minute", "latency of the model, ms", "utilization, %"
COLUMNS = (
    Column("invocations", "Invocations", "Sum", REQUESTS),
    Column("4xx", "Invocation4XXErrors", "Sum", REQUESTS),
    Column("5xx", "Invocation5XXErrors", "Sum", REQUESTS),
    Column("p50 ms", "ModelLatency", "p50", LATENCY, 1e-3, 1),
    Column("p90 ms", "ModelLatency", "p90", LATENCY, 1e-3, 1),
    Column("overhead ms", "OverheadLatency", "p50", LATENCY, 1e-3, 1),
    Column("CPU %", "CPUUtilization", "Average", BUSY),
    Column("memory %", "MemoryUtilization", "Average", BUSY, 1.0, 1),
)
Minutes = dict[datetime, dict[str, float]]
"""By when a minute begins, the columns that it has a value of."""


def show(cloud: Cloud, minutes: int) -> None:
    """Prints the last minutes of each variant, and draws them into build/cloud.

    Raises:
        UserError: there is no endpoint.
    """
    name = cloud.config.endpoint_name
    for variant in _variants(cloud, name):
        found = of(cloud, name, variant, timedelta(minutes=minutes))
        if not found:
            console.say(f"{name}, {variant}: no metrics of the last {minutes} minutes")
            continue
        table = Table(box=None, title=f"{name}, {variant}", title_justify="left")
        for heading in ("UTC", *(column.title for column in COLUMNS)):
            table.add_column(heading, justify="right")
        for at in sorted(found)[-SHOWN_ROWS:]:
            table.add_row(f"{at:%H:%M:%S}", *_texts(found[at]))
        console.print_table(table)
        if len(found) > SHOWN_ROWS:
            console.say(f"the last {SHOWN_ROWS} of {len(found)} minutes with data")
        paths.CLOUD_WORK.mkdir(parents=True, exist_ok=True)
        written = metrics_plot.over_time(
            f"{name}, {variant}", _panels(found), paths.CLOUD_WORK / f"metrics-{variant}"
        )
        console.say(f"plot: {', '.join(str(paths.relative(file)) for file in written)}")


def of(cloud: Cloud, endpoint: str, variant: str, back: timedelta) -> Minutes:
    """What there is of a variant's last minutes, by the one call that costs on AWS."""
    now = datetime.now(timezone.utc)
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": column.namespace,
                    "MetricName": column.metric,
                    "Dimensions": [
                        {"Name": "EndpointName", "Value": endpoint},
                        {"Name": "VariantName", "Value": variant},
                    ],
                },
                "Period": 60,
                "Stat": column.statistic,
            },
        }
        for number, column in enumerate(COLUMNS)
    ]
    pages = (
        cloud.client("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(MetricDataQueries=queries, StartTime=now - back, EndTime=now)
    )
    found: Minutes = {}
    for page in pages:
        for result in page["MetricDataResults"]:
            column = COLUMNS[int(result["Id"][1:])]
            for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                found.setdefault(at, {})[column.title] = value * column.factor
    return found


def follow_endpoint(cloud: Cloud) -> None:
    """A line for each minute of the endpoint, until it is gone or Ctrl-C."""
    name = cloud.config.endpoint_name
    if endpoints.describe(cloud, name) is None:
        return
    console.say(f"endpoint {name}, a line for each minute with data; Ctrl-C ends this")
    shown: dict[str, datetime] = {}

    def look() -> dict[str, Any] | None:
        endpoint = endpoints.describe(cloud, name)
        if endpoint is None:
            return {"gone": True}
        for variant in endpoint.get("ProductionVariants", []):
            count = variant.get("CurrentInstanceCount", 1)
            state = f"{endpoint['EndpointStatus']}, {count} instance{'' if count == 1 else 's'}"
            for line in _fresh(cloud, name, variant["VariantName"], shown):
                console.say(f"{line}; {state}")
        return None

    try:
        follow.patiently(cloud, look, every=cloud.poll_seconds * 6)
    except KeyboardInterrupt:
        return


def _fresh(cloud: Cloud, name: str, variant: str, shown: dict[str, datetime]) -> Iterator[str]:
    """A line for each minute that is over and has not been shown."""
    found = of(cloud, name, variant, FOLLOWED)
    newest = max(found, default=None)
    for at in sorted(found):
        over = at != newest or datetime.now(timezone.utc) - at > OVER
        if over and (variant not in shown or at > shown[variant]):
            shown[variant] = at
            texts = zip(COLUMNS, _texts(found[at]), strict=True)
            values = ", ".join(f"{text} {column.title}" for column, text in texts if text)
            yield f"{at:%H:%M:%S} {variant}: {values}"


def _texts(minute: dict[str, float]) -> list[str]:
    return [
        f"{minute[column.title]:.{column.digits}f}" if column.title in minute else ""
        for column in COLUMNS
    ]


def _panels(found: Minutes) -> dict[str, dict[str, metrics_plot.Curve]]:
    """The columns' values by panel and title."""
    panels: dict[str, dict[str, metrics_plot.Curve]] = {}
    for column in COLUMNS:
        curve = [(at, found[at][column.title]) for at in sorted(found) if column.title in found[at]]
        panels.setdefault(column.panel, {})[column.title] = curve
    return panels


def _variants(cloud: Cloud, name: str) -> list[str]:
    endpoint = endpoints.describe(cloud, name)
    if endpoint is None:
        raise UserError(f"endpoint {name}: expected it in service. Run `make cloud-deploy`.")
    return [each["VariantName"] for each in endpoint.get("ProductionVariants", [])]
