"""The alarms that roll an update of an endpoint back, and watch what came of it.

They look at the fleet of one endpoint configuration: what the package before answers with errors
neither rolls its successor back nor keeps a better one from being deployed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from train2deploy.cloud.session import Cloud


@dataclass(frozen=True)
class Alarm:
    """One metric of a fleet's, by the minute."""

    ending: str  # of its name, after the endpoint's
    metric: str
    statistic: dict[str, str]  # the request's parameter for it
    threshold: float
    said: str  # what breaches, in words


ALARMS = (
    # SageMaker sends a 1 for each answer of 5xx and a 0 for every other: the average is the rate.
    Alarm("answers-with-errors", "Invocation5XXErrors", {"Statistic": "Average"}, 0.05,
          "more than 5 % of a minute's requests answered with 5xx"),
    Alarm("answers-late", "ModelLatency", {"ExtendedStatistic": "p90"}, 10e6,
          "more than a tenth of a minute's requests took over 10 s"),
)  # fmt: skip


def names(endpoint: str) -> list[str]:
    return [f"{endpoint}-{alarm.ending}" for alarm in ALARMS]


def put(cloud: Cloud, endpoint: str, variant: str, config: str) -> None:
    """Makes the alarms of an endpoint watch the fleet of this configuration from now on."""
    client = cloud.client("cloudwatch")
    fleet = {"Name": "EndpointConfigName", "Value": config}
    if any(fleet not in alarm["Dimensions"] for alarm in there(cloud, [endpoint])):
        # One that watches something else from now on would keep the state that it has.
        delete(cloud, endpoint)
    for name, alarm in zip(names(endpoint), ALARMS, strict=True):
        client.put_metric_alarm(
            AlarmName=name,
            AlarmDescription=f"train2deploy: {alarm.said}; an update is rolled back",
            Namespace="AWS/SageMaker",
            MetricName=alarm.metric,
            Dimensions=[
                {"Name": "EndpointName", "Value": endpoint},
                {"Name": "VariantName", "Value": variant},
                fleet,
            ],
            **alarm.statistic,
            Period=60,
            EvaluationPeriods=1,
            Threshold=alarm.threshold,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
            Tags=cloud.config.tag_list,
        )


def delete(cloud: Cloud, endpoint: str) -> None:
    """Deletes those that are there: CloudWatch deletes none where it does not know one."""
    if found := [alarm["AlarmName"] for alarm in there(cloud, [endpoint])]:
        cloud.client("cloudwatch").delete_alarms(AlarmNames=found)


def there(cloud: Cloud, endpoints: Iterable[str]) -> list[dict[str, Any]]:
    """The alarms of these endpoints that the account has, as it describes them."""
    wanted = [name for endpoint in endpoints for name in names(endpoint)]
    return list(cloud.client("cloudwatch").describe_alarms(AlarmNames=wanted)["MetricAlarms"])


def tripped(cloud: Cloud, endpoint: str) -> str:
    """Which of an endpoint's alarms are in state ALARM, and by what numbers; "" where none is."""
    found = there(cloud, [endpoint])
    return "; ".join(
        f"alarm {alarm['AlarmName']}: {alarm.get('StateReason', 'no reason given')}"
        for alarm in found
        if alarm.get("StateValue") == "ALARM"
    )
