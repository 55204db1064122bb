"""`make cloud-scale MIN= MAX= TARGET=`: the endpoint's instances follow its load."""

from train2deploy import console
from train2deploy.cloud import endpoints, plan, prices
from train2deploy.cloud.session import Cloud
from train2deploy.errors import UserError

NAMESPACE = "sagemaker"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
COOL_DOWN = {"ScaleInCooldown": 300, "ScaleOutCooldown": 60}


def scale(cloud: Cloud, low: int, high: int, target: float, leave: plan.Leave) -> None:
    """Target tracking: as many instances as keep each near `target` invocations a minute.

    Raises:
        UserError: no endpoint, or numbers that make no sense.
    """
    name = cloud.config.endpoint_name
    if not 1 <= low <= high or target <= 0:
        raise UserError(
            f"MIN={low} MAX={high} TARGET={target:g}: expected 1 ≤ MIN ≤ MAX, TARGET > 0."
        )
    endpoint = endpoints.describe(cloud, name)
    if endpoint is None or endpoint["EndpointStatus"] != "InService":
        raise UserError(f"endpoint {name}: expected it in service. Run `make cloud-deploy`.")
    variant = endpoint["ProductionVariants"][0]["VariantName"]
    config = cloud.sagemaker.describe_endpoint_config(
        EndpointConfigName=endpoint["EndpointConfigName"]
    )
    kind = config["ProductionVariants"][0]["InstanceType"]
    if kind.startswith("ml.t"):
        raise UserError(
            f"endpoint {name}: {kind} is burstable, and AWS scales no such instances. Deploy on"
            " another type first: make cloud-deploy ENDPOINT_INSTANCE_TYPE=ml.m5.large"
        )
    resource = f"endpoint/{name}/variant/{variant}"
    planned = plan.Plan("cloud-scale")
    planned.add("scalable target", resource, f"{low} to {high} instances")
    planned.add("scaling policy", policy_name(name), f"{target:g} invocations a minute each")
    hours = cloud.config.endpoint_hours
    planned.costs.append(prices.cost(cloud.config, kind, high, hours))
    plan.ask(cloud, planned, leave)
    client = cloud.client("application-autoscaling")
    client.register_scalable_target(
        ServiceNamespace=NAMESPACE,
        ResourceId=resource,
        ScalableDimension=DIMENSION,
        MinCapacity=low,
        MaxCapacity=high,
    )
    client.put_scaling_policy(
        PolicyName=policy_name(name),
        ServiceNamespace=NAMESPACE,
        ResourceId=resource,
        ScalableDimension=DIMENSION,
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
