"""Target-tracking policies as moto keeps them: what they follow, how, and their alarms."""

import re
import uuid
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from emulator.account import ACCOUNT_ID
from emulator.metrics import Metric, of_variant
from emulator.target_tracking import BELOW, MINUTES_ABOVE, MINUTES_BELOW, Tracking

NAMESPACE = "sagemaker"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
INVOCATIONS = "SageMakerVariantInvocationsPerInstance"
VARIANT = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")


def names(resource: str) -> tuple[str, str]:
    """Endpoint and variant; "" where a resource is none.

    >>> names("endpoint/topics/variant/AllTraffic")
    ('topics', 'AllTraffic')
    """
    found = VARIANT.fullmatch(resource)
    return (found[1], found[2]) if found else ("", "")


def rule(policy: Any) -> Tracking:
    given = policy.target_tracking_scaling_policy_configuration
    return Tracking(
        given["TargetValue"],
        given.get("ScaleOutCooldown", Tracking.out_cooldown),
        given.get("ScaleInCooldown", Tracking.in_cooldown),
        not given.get("DisableScaleIn", False),
    )


def invocations(resource: str) -> Metric:
    """How often each instance of a variant was asked."""
    return of_variant(*names(resource), "InvocationsPerInstance")


def tracked(policy: Any) -> tuple[Metric, str, str | None]:
    """(metric, statistic, unit) that a policy follows."""
    given = policy.target_tracking_scaling_policy_configuration
    own = given.get("CustomizedMetricSpecification")
    if own is None:
        return invocations(policy.resource_id), "Sum", None
    dimensions = {each["Name"]: each["Value"] for each in own.get("Dimensions", [])}
    metric = Metric.of(own["Namespace"], own["MetricName"], dimensions)
    return metric, own["Statistic"], own.get("Unit")


def alarm_names(policy: Any) -> tuple[str, str]:
    """Of AlarmHigh and AlarmLow; the same for the same policy, after a restart, too."""

    def name(side: str) -> str:
        key = uuid.uuid5(uuid.NAMESPACE_URL, f"{policy.resource_id}/{policy.policy_name}/{side}")
        return f"TargetTracking-{policy.resource_id}-{side}-{key}"

    return name("AlarmHigh"), name("AlarmLow")


def complete(policy: Any) -> None:
    """What moto's record lacks: the two alarms that AWS makes, which its deletion takes along.

    The ARN is the policy's however often it is put, as on AWS.
    """
    number = uuid.uuid5(uuid.NAMESPACE_URL, f"{policy.resource_id}/{policy.policy_name}")
    policy.policy_arn = re.sub("(?<=:scalingPolicy:)[^:]+", str(number), policy.policy_arn, count=1)
    metric, statistic, unit = tracked(policy)
    target = policy.target_tracking_scaling_policy_configuration["TargetValue"]
    sides = [
        ("GreaterThanThreshold", MINUTES_ABOVE, target),
        ("LessThanThreshold", MINUTES_BELOW, target * BELOW),
    ]
    action = f"{policy.policy_arn}:createdBy/{policy.resource_id}"
    text = f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.policy_arn}."
    cloudwatch = cloudwatch_backends[ACCOUNT_ID][policy.region_name]
    policy.alarms = [
        cloudwatch.put_metric_alarm(
            name=name,
            namespace=metric.namespace,
            metric_name=metric.name,
            comparison_operator=comparison,
            evaluation_periods=minutes,
            period=60,
            threshold=threshold,
            statistic=statistic,
            unit=unit,
            description=text,
            dimensions=[{"Name": key, "Value": value} for key, value in metric.dimensions],
            alarm_actions=[action],
        )
        for name, (comparison, minutes, threshold) in zip(alarm_names(policy), sides, strict=True)
    ]
