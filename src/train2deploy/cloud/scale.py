"""`make cloud-scale MIN= MAX= TARGET=`: how many instances the endpoint has.

MIN < MAX: target tracking, as many instances as the load asks for. MIN = MAX: that many,
fixed; the only way on burstable types (ml.t2.*), which AWS does not scale by load. With SCHEDULE=
the two are the bounds from its next time on, of an endpoint that follows its load already.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import botocore.exceptions

from train2deploy import console
from train2deploy.cloud import endpoints, inventory, plan
from train2deploy.cloud.refusals import instance_advice, refused
from train2deploy.cloud.session import Cloud, CloudError, message
from train2deploy.cloud_settings import prices
from train2deploy.errors import UserError

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
INSTANCES = 2


@dataclass(frozen=True)
class Wish:
    """What the user asks for."""

    # low, high: None where it was not given
    low: int | None = None
    high: int | None = None
    target: float = 600.0  # invocations a minute that each instance is to get
    cooldown: Sequence[int] = (60, 300)  # seconds after scaling out, and after scaling in
    schedule: str = ""  # at(…), rate(…) or cron(…), "" for at once
    timezone: str = ""  # of at(…) and cron(…), "" for UTC


def bounds(low: int | None, high: int | None, burstable: bool) -> tuple[int, int]:
    """What MIN= and MAX= stand for where they are not given.

    >>> bounds(None, None, burstable=False), bounds(None, None, burstable=True)
    ((1, 2), (2, 2))
    >>> bounds(3, None, burstable=False), bounds(None, 4, burstable=True)
    ((3, 3), (4, 4))
    """
    high = max(low or 0, INSTANCES) if high is None else high
    low = (high if burstable else 1) if low is None else low
    return low, high


def scale(cloud: Cloud, wish: Wish, approval: plan.Approval) -> None:
    """Sets the number of instances, or between which numbers it follows the load.

    Raises:
        UserError: no endpoint, or numbers that make no sense.
        CloudError: the account cannot have that many instances.
    """
    endpoint, kind = endpoints.in_service(cloud)
    name = endpoint["EndpointName"]
    burstable = kind.startswith("ml.t")
    low, high = bounds(wish.low, wish.high, burstable)
    if not 1 <= low <= high or not 0 < wish.target < float("inf"):
        raise UserError(
            f"MIN={low} MAX={high} TARGET={wish.target:g}: expected 1 ≤ MIN ≤ MAX, TARGET > 0."
        )
    if len(wish.cooldown) != 2:
        given = ",".join(map(str, wish.cooldown))
        raise UserError(f"COOLDOWN={given}: expected two numbers of seconds, such as 60,300.")
    if wish.schedule:
        _schedule(cloud, endpoint, kind, wish, approval)
    elif low == high:
        _fix(cloud, endpoint, kind, high, approval)
    elif burstable:
        raise UserError(
            f"endpoint {name}: {kind} is burstable, and AWS scales no such instances by load. Give"
            f" a fixed number: make cloud-scale MIN={high} MAX={high}; or deploy on another type"
            " first: make cloud-deploy ENDPOINT_INSTANCE_TYPE=ml.m5.large"
        )
    else:
        _follow_load(cloud, endpoint, kind, (low, high), wish, approval)


def _fix(
    cloud: Cloud, endpoint: dict[str, Any], kind: str, count: int, approval: plan.Approval
) -> None:
    name, variant = endpoint["EndpointName"], endpoint["ProductionVariants"][0]
    scaled = endpoints.scalable_target(cloud, name) is not None
    before = variant["CurrentInstanceCount"]
    planned = plan.Plan("cloud-scale", replaces=name)
    remark = f"fixed; now {before}" + (", following the load" if scaled else "")
    planned.add("instances", f"{count} × {kind}", remark)
    if count > before:
        hours = cloud.config.endpoint_hours
        planned.costs.append(prices.cost(cloud.config, kind, count, hours))
    plan.ask(cloud, planned, approval)
    if scaled:
        inventory.delete_scaling(cloud, name)
    if count != before:
        endpoint = _resize(cloud, name, variant["VariantName"], kind, count)
    found = endpoint["ProductionVariants"][0]["CurrentInstanceCount"]
    if found != count:
        reason = endpoint.get("FailureReason", "no reason given")
        raise CloudError(
            f"endpoint {name}: expected {count} instances, found {found}: {reason}"
            + instance_advice(kind, "ENDPOINT_INSTANCE_TYPE")
        )
    console.say(f"endpoint {name}: {count} instances, whatever the load")


def _resize(cloud: Cloud, name: str, variant: str, kind: str, count: int) -> dict[str, Any]:
    wish = {"VariantName": variant, "DesiredInstanceCount": count}
    try:
        cloud.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=[wish]
        )
    except botocore.exceptions.ClientError as error:
        # In progress: an answer of ours that was lost on its way.
        if "in-progress" not in message(error):
            raise refused(cloud, error, "ENDPOINT_INSTANCE_TYPE", kind) from error
    endpoint = endpoints.settled(cloud, name)
    if endpoint is None:
        raise CloudError(f"endpoint {name}: someone else deleted it meanwhile.")
    return endpoint


def _follow_load(
    cloud: Cloud,
    endpoint: dict[str, Any],
    kind: str,
    between: tuple[int, int],
    wish: Wish,
    approval: plan.Approval,
) -> None:
    name, (low, high) = endpoint["EndpointName"], between
    place = _place(endpoint)
    each = f"{wish.target:g} invocations a minute each"
    out, in_ = wish.cooldown
    planned = plan.Plan("cloud-scale", replaces=name)
    planned.add("scalable target", place["ResourceId"], f"{low} to {high} instances")
    planned.add("scaling policy", policy_name(name), f"{each}; cool-down {out} s out, {in_} s in")
    planned.costs.append(prices.cost(cloud.config, kind, high, cloud.config.endpoint_hours))
    plan.ask(cloud, planned, approval)
    client = cloud.client(endpoints.AUTOSCALING)
    client.register_scalable_target(**place, MinCapacity=low, MaxCapacity=high)
    client.put_scaling_policy(
        **place,
        PolicyName=policy_name(name),
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": wish.target,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            },
            "ScaleOutCooldown": out,
            "ScaleInCooldown": in_,
        },
    )
    console.say(f"endpoint {name}: {low} to {high} instances, {each}")


def _schedule(
    cloud: Cloud, endpoint: dict[str, Any], kind: str, wish: Wish, approval: plan.Approval
) -> None:
    """Bounds from a time on; the one that is not given stays."""
    name = endpoint["EndpointName"]
    now = endpoints.scalable_target(cloud, name)
    if now is None:
        raise UserError(
            f"SCHEDULE={wish.schedule}: endpoint {name} does not follow its load, and only bounds"
            " are scheduled. Set these first: make cloud-scale MIN= MAX="
        )
    low = now["MinCapacity"] if wish.low is None else wish.low
    high = now["MaxCapacity"] if wish.high is None else wish.high
    if (wish.low, wish.high) == (None, None) or low > high:
        raise UserError(
            f"SCHEDULE={wish.schedule}: expected MIN, MAX or both, and MIN={low} ≤ MAX={high}."
        )
    zone = wish.timezone or "UTC"
    action = f"{name}-{hashlib.sha256(f'{wish.schedule} {zone}'.encode()).hexdigest()[:8]}"
    when = f"{wish.schedule} {zone}"
    planned = plan.Plan("cloud-scale", replaces=name)
    planned.add("scheduled action", action, f"{low} to {high} instances from {when}")
    planned.costs.append(prices.cost(cloud.config, kind, high, cloud.config.endpoint_hours))
    plan.ask(cloud, planned, approval)
    try:
        cloud.client(endpoints.AUTOSCALING).put_scheduled_action(
            **_place(endpoint),
            ScheduledActionName=action,
            Schedule=wish.schedule,
            Timezone=zone,
            ScalableTargetAction={
                key: value
                for key, value in (("MinCapacity", wish.low), ("MaxCapacity", wish.high))
                if value is not None
            },
        )
    except botocore.exceptions.ClientError as error:
        raise UserError(f"SCHEDULE={wish.schedule} TIMEZONE={zone}: {message(error)}") from error
    console.say(f"endpoint {name}: {low} to {high} instances from {when} on")


def _place(endpoint: dict[str, Any]) -> dict[str, str]:
    variant = endpoint["ProductionVariants"][0]["VariantName"]
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint['EndpointName']}/variant/{variant}",
        "ScalableDimension": DIMENSION,
    }


def policy_name(endpoint: str) -> str:
    return f"{endpoint}-invocations"


def tracked_target(cloud: Cloud, name: str) -> float | None:
    """The invocations a minute that the policy of `cloud-scale` keeps to, None without it."""
    client = cloud.client(endpoints.AUTOSCALING)
    found = client.describe_scaling_policies(
        ServiceNamespace="sagemaker", PolicyNames=[policy_name(name)]
    )["ScalingPolicies"]
    for policy in found:
        if policy["PolicyName"] == policy_name(name):
            return float(policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"])
    return None


def activities(cloud: Cloud, target: dict[str, Any], since: float) -> list[dict[str, Any]]:
    """What autoscaling has done since a time, the oldest first."""
    answer = cloud.client(endpoints.AUTOSCALING).describe_scaling_activities(
        ServiceNamespace="sagemaker", ResourceId=target["ResourceId"], ScalableDimension=DIMENSION
    )
    return [
        {
            "at_s": round(each["StartTime"].timestamp() - since, 1),
            "status": each["StatusCode"],
            "description": each["Description"],
            "cause": each["Cause"],
            "message": each.get("StatusMessage", ""),
        }
        for each in reversed(answer["ScalingActivities"])
        if each["StartTime"].timestamp() >= since
    ]
