"""`make cloud-scale MIN= MAX= TARGET=`: how many instances the endpoint has.

MIN < MAX: target tracking, as many instances as the load asks for. MIN = MAX: that many,
fixed; the only way on burstable types (ml.t2.*), which AWS does not scale by load.
"""

from typing import Any

import botocore.exceptions

from train2deploy import console
from train2deploy.cloud import endpoints, inventory, plan
from train2deploy.cloud.session import Cloud, CloudError, message
from train2deploy.cloud.train import instance_advice, refused
from train2deploy.cloud_settings import prices
from train2deploy.errors import UserError

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
COOL_DOWN = {"ScaleInCooldown": 300, "ScaleOutCooldown": 60}
INSTANCES = 2


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


def scale(
    cloud: Cloud, low: int | None, high: int | None, target: float, leave: plan.Leave
) -> None:
    """Sets the number of instances, or between which numbers it follows the load.

    Args:
        low, high: None where it was not given.
        target: invocations a minute that each instance is to get.

    Raises:
        UserError: no endpoint, or numbers that make no sense.
        CloudError: the account cannot have that many instances.
    """
    name = cloud.config.endpoint_name
    endpoint = endpoints.settled(cloud, name)
    if endpoint is None or endpoint["EndpointStatus"] != "InService":
        raise UserError(f"endpoint {name}: expected it in service. Run `make cloud-deploy`.")
    config = cloud.sagemaker.describe_endpoint_config(
        EndpointConfigName=endpoint["EndpointConfigName"]
    )
    kind = config["ProductionVariants"][0]["InstanceType"]
    burstable = kind.startswith("ml.t")
    low, high = bounds(low, high, burstable)
    if not 1 <= low <= high or not 0 < target < float("inf"):
        raise UserError(
            f"MIN={low} MAX={high} TARGET={target:g}: expected 1 ≤ MIN ≤ MAX, TARGET > 0."
        )
    if low == high:
        _fix(cloud, endpoint, kind, high, leave)
    elif burstable:
        raise UserError(
            f"endpoint {name}: {kind} is burstable, and AWS scales no such instances by load. Give"
            f" a fixed number: make cloud-scale MIN={high} MAX={high}; or deploy on another type"
            " first: make cloud-deploy ENDPOINT_INSTANCE_TYPE=ml.m5.large"
        )
    else:
        _follow_load(cloud, endpoint, kind, (low, high, target), leave)


def _fix(cloud: Cloud, endpoint: dict[str, Any], kind: str, count: int, leave: plan.Leave) -> None:
    name, variant = endpoint["EndpointName"], endpoint["ProductionVariants"][0]
    scaled = endpoints.scalable_target(cloud, name) is not None
    before = variant["CurrentInstanceCount"]
    planned = plan.Plan("cloud-scale")
    remark = f"fixed; now {before}" + (", following the load" if scaled else "")
    planned.add("instances", f"{count} × {kind}", remark)
    if count > before:
        hours = cloud.config.endpoint_hours
        planned.costs.append(prices.cost(cloud.config, kind, count, hours))
    plan.ask(cloud, planned, leave)
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
            raise refused(error, kind, "ENDPOINT_INSTANCE_TYPE") from error
    endpoint = endpoints.settled(cloud, name)
    if endpoint is None:
        raise CloudError(f"endpoint {name}: someone else deleted it meanwhile.")
    return endpoint


def _follow_load(
    cloud: Cloud,
    endpoint: dict[str, Any],
    kind: str,
    wanted: tuple[int, int, float],
    leave: plan.Leave,
) -> None:
    name, (low, high, target) = endpoint["EndpointName"], wanted
    resource = f"endpoint/{name}/variant/{endpoint['ProductionVariants'][0]['VariantName']}"
    planned = plan.Plan("cloud-scale")
    planned.add("scalable target", resource, f"{low} to {high} instances")
    planned.add("scaling policy", policy_name(name), f"{target:g} invocations a minute each")
    hours = cloud.config.endpoint_hours
    planned.costs.append(prices.cost(cloud.config, kind, high, hours))
    plan.ask(cloud, planned, leave)
    client = cloud.client(endpoints.AUTOSCALING)
    place = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": resource,
        "ScalableDimension": DIMENSION,
    }
    client.register_scalable_target(**place, MinCapacity=low, MaxCapacity=high)
    client.put_scaling_policy(
        **place,
        PolicyName=policy_name(name),
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": target,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            },
            **COOL_DOWN,
        },
    )
    console.say(f"endpoint {name}: {low} to {high} instances, {target:g} invocations a minute each")


def policy_name(endpoint: str) -> str:
    return f"{endpoint}-invocations"
