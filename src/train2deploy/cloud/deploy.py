"""`make cloud-deploy`: build/model.tar.gz, as it is, behind an endpoint.

Models and endpoint configurations are named by what they hold. So the command can be
killed at any step and run again: what is there is taken up, nothing is made twice, and
what an endpoint no longer uses is removed. What was there before serves on until the new
bytes have answered the golden requests, and again if they do not.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import botocore.exceptions

from train2deploy import console, manifest, package_lint, paths
from train2deploy.cloud import alarms, endpoints, images, plan, proof, storage, tags
from train2deploy.cloud.rollout import Rollout
from train2deploy.cloud.session import (
    Cloud,
    CloudError,
    code,
    existing,
    message,
)
from train2deploy.cloud.train import instance_advice, refused
from train2deploy.cloud_settings import names, prices
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file, sha256_value
from train2deploy.requests import Request

DEPLOYMENT = paths.CLOUD_WORK / "deployment.json"


@dataclass(frozen=True)
class Deployment:
    """Names and requests of what serves one archive.

    Attributes:
        instances: how many there will be.
        recount: the settings' number of instances replaces that of the running endpoint.
    """

    sha256: str
    data_uri: str
    model: dict[str, Any]
    config: dict[str, Any]
    instances: int
    recount: bool

    @property
    def model_name(self) -> str:
        return str(self.model["ModelName"])

    @property
    def variant(self) -> str:
        return str(self.config["ProductionVariants"][0]["VariantName"])

    @property
    def config_name(self) -> str:
        return str(self.config["EndpointConfigName"])


def prepare(cloud: Cloud) -> Deployment:
    """Everything but the upload. Creates nothing."""
    if not paths.MODEL_ARCHIVE.exists():
        raise UserError("build/model.tar.gz: expected one, found none. Run `make package`.")
    settings = cloud.config
    digest = sha256_file(paths.MODEL_ARCHIVE)
    uri = storage.file_uri(cloud, "models", digest, paths.MODEL_ARCHIVE.name)
    model: dict[str, Any] = {
        # No entry point is given: code/ is in the archive, and nobody must repack it.
        "PrimaryContainer": {
            "Image": images.serving_image(cloud, settings.endpoint_instance_type),
            "ModelDataUrl": uri,
            "Environment": {
                "SAGEMAKER_TFS_NGINX_LOGLEVEL": "error",
                **settings.serving_variables,
            },
        },
        "ExecutionRoleArn": cloud.role_arn,
        **({"VpcConfig": settings.vpc} if settings.vpc else {}),
    }
    model_name = _named(settings.endpoint_name, model)
    model = {"ModelName": model_name, **model, "Tags": settings.tag_list}
    return Deployment(digest, uri, model, *_config(cloud, model_name))


def planned(cloud: Cloud) -> plan.Plan:
    """What `deploy` would create."""
    deployment = prepare(cloud)
    settings = cloud.config
    result = plan.Plan("cloud-deploy")
    size = paths.MODEL_ARCHIVE.stat().st_size
    there = storage.is_there(cloud, deployment.data_uri, size)
    remark = "there already" if there else f"{size / 1e6:.1f} MB"
    result.add("S3 object", deployment.data_uri, remark)
    image = deployment.model["PrimaryContainer"]["Image"]
    result.add("model", deployment.model_name, image)
    result.add("endpoint configuration", deployment.config_name)
    existing = endpoints.describe(cloud, settings.endpoint_name)
    if existing and not endpoints.is_ours(cloud, "endpoint", settings.endpoint_name):
        raise UserError(
            f"endpoint {settings.endpoint_name}: it is there and does not belong to project"
            f" {settings.project} (no such tag), so it is left alone. Choose another"
            " ENDPOINT_NAME."
        )
    if existing and existing["EndpointName"] != settings.endpoint_name:
        raise UserError(
            f"endpoint {settings.endpoint_name}: the account has it as {existing['EndpointName']}."
            " SageMaker tells names apart without regard to capitals, but an invocation must spell"
            f" them as they are: give ENDPOINT_NAME={existing['EndpointName']}."
        )
    remark = f"there already, {existing['EndpointStatus']}" if existing else ""
    result.add("endpoint", settings.endpoint_name, remark)
    _add_alarms(result, settings.endpoint_name)
    if existing is None or existing.get("EndpointConfigName") != deployment.config_name:
        target = endpoints.scalable_target(cloud, settings.endpoint_name)
        count = max(deployment.instances, target["MaxCapacity"] if target else 0)
        kind, hours = settings.endpoint_instance_type, settings.endpoint_hours
        result.costs.append(prices.cost(settings, kind, count, hours))
    return result


def _add_alarms(result: plan.Plan, endpoint: str) -> None:
    for name in alarms.names(endpoint):
        result.add("alarm", name, "rolls an update back")


def outlined(cloud: Cloud) -> plan.Plan:
    """What `deploy` would create of an archive that is yet to be packed; its bytes give names."""
    settings = cloud.config
    name = settings.endpoint_name
    result = plan.Plan("cloud-deploy, after `make package`")
    result.add("S3 object", settings.uri("models", "<sha256>", paths.MODEL_ARCHIVE.name))
    image = images.serving_image(cloud, settings.endpoint_instance_type)
    result.add("model", f"{names.serving(name)}-<sha256>", image)
    result.add("endpoint configuration", f"{names.serving(name)}-<sha256>")
    result.add("endpoint", name)
    _add_alarms(result, name)
    kind, count = settings.endpoint_instance_type, settings.endpoint_instance_count
    result.costs.append(prices.cost(settings, kind, count, settings.endpoint_hours))
    return result


def deploy(
    cloud: Cloud,
    leave: plan.Leave,
    request: Request | None,
    rollout: Rollout,
) -> None:
    """Creates or updates the endpoint, and proves that it serves these bytes.

    Args:
        request: one of the user's own, which it must answer.

    Raises:
        CloudError: it did not come into service; what was made for it is removed.
    """
    check_package()
    cloud.check_bucket()
    plan.ask(cloud, planned(cloud), leave)
    deployment = prepare(cloud)
    _refuse_another_type_while_scaled(cloud)
    storage.upload_file(cloud, paths.MODEL_ARCHIVE, "models", deployment.sha256)
    name = cloud.config.endpoint_name
    existing = _settled(cloud, name)
    before = existing.get("EndpointConfigName") if existing else None
    with _undone_on_failure(cloud, deployment, before):
        endpoints.create(cloud.sagemaker.create_model, deployment.model)
        endpoints.create(cloud.sagemaker.create_endpoint_config, deployment.config)
        alarms.put(cloud, name, deployment.variant, deployment.config_name)
        if existing is None:
            _create_endpoint(cloud, name, deployment)
        elif before != deployment.config_name:
            _update_endpoint(cloud, name, deployment, rollout)
        else:
            console.say(f"endpoint {name} has this model already")
        _wait(cloud, name, deployment)
        _prove(cloud, deployment)
        proof.ask(cloud, request)
    tags.renew(cloud, deployment.model_name, deployment.config_name)
    endpoints.remove_unused(cloud, name, keep=deployment.config_name)
    endpoints.remember(cloud, name, deployment.sha256)
    console.say(f"endpoint {name} is in service; it costs until `make cloud-delete`")


def check_package() -> None:
    """Raises UserError where build/model.tar.gz could not be served."""
    if paths.MODEL_ARCHIVE.exists():
        package_lint.check(paths.MODEL_ARCHIVE)


def _config(cloud: Cloud, model_name: str) -> tuple[dict[str, Any], int, bool]:
    """The endpoint configuration: of the one in force, what our settings say nothing about.

    Returns:
        The request, how many instances there will be, and whether the settings say so
        (they do when their number is not the one that the endpoint was made with).
    """
    settings = cloud.config
    existing = endpoints.describe(cloud, settings.endpoint_name)
    current = _config_in_force(cloud, existing)
    wanted = {
        "ModelName": model_name,
        "InstanceType": settings.endpoint_instance_type,
        "InitialInstanceCount": settings.endpoint_instance_count,
    }
    key = {"KmsKeyId": settings.kms_key} if settings.kms_key else {}
    if not current:
        fresh = {"VariantName": endpoints.VARIANT, "InitialVariantWeight": 1.0}
        config = {"ProductionVariants": [fresh | wanted], **key}
        name, count, recount = _named(settings.endpoint_name, config), 0, True
    else:
        # A variant that somebody has put beside ours goes on.
        first, *others = current.pop("ProductionVariants")
        config = {"ProductionVariants": [first | wanted, *others], **current, **key}
        recount = bool(first.get("InitialInstanceCount") != settings.endpoint_instance_count)
        name = _named(settings.endpoint_name, config)
        if wanted.items() <= first.items() and key.items() <= current.items():
            name = existing["EndpointConfigName"] if existing else name
        summaries = (existing or {}).get("ProductionVariants") or [{}]
        count = int(summaries[0].get("CurrentInstanceCount", 0))
    count = settings.endpoint_instance_count if recount or not count else count
    return {"EndpointConfigName": name, **config, "Tags": settings.tag_list}, count, recount


def _config_in_force(cloud: Cloud, endpoint: dict[str, Any] | None) -> dict[str, Any]:
    """Everything of an endpoint's configuration that can be given again, but name and tags."""
    if endpoint is None or not endpoint.get("EndpointConfigName"):
        return {}
    client = cloud.sagemaker
    name = endpoint["EndpointConfigName"]
    if (found := existing(client.describe_endpoint_config, EndpointConfigName=name)) is None:
        return {}
    model = client.meta.service_model.operation_model("CreateEndpointConfig")
    own = ("EndpointConfigName", "Tags")
    return {key: found[key] for key in model.input_shape.members if key in found and key not in own}


def _named(endpoint: str, content: dict[str, Any]) -> str:
    digest = sha256_value(json.loads(json.dumps(content, default=str)))
    return f"{names.serving(endpoint)}-{digest[:12]}"


def _create_endpoint(cloud: Cloud, name: str, deployment: Deployment) -> None:
    request = {
        "EndpointName": name,
        "EndpointConfigName": deployment.config_name,
        "Tags": cloud.config.tag_list,
    }
    try:
        endpoints.create(cloud.sagemaker.create_endpoint, request)
    except botocore.exceptions.ClientError as error:
        kind = cloud.config.endpoint_instance_type
        raise refused(error, kind, "ENDPOINT_INSTANCE_TYPE") from error


def _update_endpoint(cloud: Cloud, name: str, deployment: Deployment, rollout: Rollout) -> None:
    """Blue/green: the old instances answer until the new ones do, without an error."""
    try:
        cloud.sagemaker.update_endpoint(
            EndpointName=name,
            EndpointConfigName=deployment.config_name,
            # What autoscaling or an operator set is not set back to the initial count.
            RetainAllVariantProperties=True,
            ExcludeRetainedVariantProperties=(
                [{"VariantPropertyType": "DesiredInstanceCount"}] if deployment.recount else []
            ),
            DeploymentConfig=rollout.deployment_config(alarms.names(name)),
        )
    except botocore.exceptions.ClientError as error:
        if "in-progress" in message(error):
            return  # an answer of ours that was lost on its way: it has begun
        kind = cloud.config.endpoint_instance_type
        raise refused(error, kind, "ENDPOINT_INSTANCE_TYPE") from error
    console.say(f"endpoint {name}: blue/green update begun: {rollout}")


def _refuse_another_type_while_scaled(cloud: Cloud) -> None:
    """AWS fails an update that changes the instance type of an automatically scaled variant."""
    name, wanted = cloud.config.endpoint_name, cloud.config.endpoint_instance_type
    endpoint = endpoints.describe(cloud, name)
    if endpoint is None or not endpoint.get("EndpointConfigName"):
        return
    if endpoints.scalable_target(cloud, name) is None:
        return
    config = cloud.sagemaker.describe_endpoint_config(
        EndpointConfigName=endpoint["EndpointConfigName"]
    )
    current = config["ProductionVariants"][0]["InstanceType"]
    if current != wanted:
        raise UserError(
            f"endpoint {name} is scaled automatically on {current}, and AWS does not change the"
            f" type of such a one to {wanted}. Keep ENDPOINT_INSTANCE_TYPE={current}, or end the"
            " scaling first: make cloud-scale OFF=1"
        )


def _settled(cloud: Cloud, name: str) -> dict[str, Any] | None:
    """The endpoint once nothing is going on with it; a failed one is removed first."""
    existing = endpoints.settled(cloud, name)
    if existing is not None and existing["EndpointStatus"] == "Failed":
        console.say(f"endpoint {name}: failed earlier; removing it")
        endpoints.delete(cloud.sagemaker.delete_endpoint, EndpointName=name)
        existing = endpoints.settled(cloud, name)
    return existing


def _wait(cloud: Cloud, name: str, deployment: Deployment) -> None:
    endpoint = endpoints.settled(cloud, name)
    if endpoint is None:
        raise CloudError(f"endpoint {name}: someone else deleted it meanwhile.")
    reason = endpoint.get("FailureReason", "no reason given")
    advice = ""
    if "CapacityError" in reason or "Insufficient" in reason:
        advice = instance_advice(cloud.config.endpoint_instance_type, "ENDPOINT_INSTANCE_TYPE")
    if endpoint["EndpointStatus"] != "InService":
        raise CloudError(f"endpoint {name}: {endpoint['EndpointStatus']}: {reason}{advice}")
    if endpoint["EndpointConfigName"] != deployment.config_name:
        # AWS may give no numbers, or no reason at all; the alarm has them.
        found = alarms.tripped(cloud, name)
        reason = reason if not found or found.split(": ", 1)[1] in reason else f"{found}; {reason}"
        raise CloudError(
            f"endpoint {name}: the update was rolled back, the old model still answers"
            f" ({endpoint['EndpointConfigName']}): {reason}{advice}"
        )


@contextlib.contextmanager
def _undone_on_failure(cloud: Cloud, deployment: Deployment, before: str | None) -> Iterator[None]:
    """A deployment that failed leaves nothing; one that was interrupted is left to go on.

    Args:
        before: the configuration that the endpoint had, if there was one.
    """
    name = cloud.config.endpoint_name
    try:
        yield
    except (CloudError, botocore.exceptions.ClientError) as error:
        if before == deployment.config_name:
            raise  # nothing was made
        console.say(f"endpoint {name} failed, removing what was made for it")
        endpoint = endpoints.settled(cloud, name)
        if endpoint is not None and endpoint["EndpointStatus"] == "InService" and before:
            endpoint = _back_to(cloud, name, before)
        elif endpoint is not None:
            endpoints.delete(cloud.sagemaker.delete_endpoint, EndpointName=name)
            endpoint = endpoints.settled(cloud, name)
        used = endpoint["EndpointConfigName"] if endpoint else ""
        if not used:
            alarms.delete(cloud, name)
        elif endpoint:
            alarms.put(cloud, name, endpoint["ProductionVariants"][0]["VariantName"], used)
        endpoints.remove_unused(cloud, name, keep=used)
        if isinstance(error, botocore.exceptions.ClientError):
            raise CloudError(f"endpoint {name}: {code(error)}: {message(error)}") from error
        raise
    except KeyboardInterrupt:
        console.say(
            "interrupted: run the same command to continue, or `make cloud-delete` to end it"
        )
        raise


def _back_to(cloud: Cloud, name: str, config: str) -> dict[str, Any] | None:
    """The endpoint on the configuration that it had before (it has it after a rollback)."""
    endpoint = endpoints.describe(cloud, name)
    if endpoint is not None and endpoint["EndpointConfigName"] != config:
        console.say(f"endpoint {name}: restored to what was there before")
        cloud.sagemaker.update_endpoint(
            EndpointName=name, EndpointConfigName=config, RetainAllVariantProperties=True
        )
        endpoint = endpoints.settled(cloud, name)
    return endpoint


def _prove(cloud: Cloud, deployment: Deployment) -> None:
    """That the bytes which the endpoint's model names are those of build/model.tar.gz."""
    client = cloud.sagemaker
    endpoint = client.describe_endpoint(EndpointName=cloud.config.endpoint_name)
    config = client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = client.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    uri = model["PrimaryContainer"]["ModelDataUrl"]
    served = storage.sha256_of(cloud, uri)
    if served != deployment.sha256:
        raise CloudError(
            f"{uri}: sha256 {served}, expected {deployment.sha256} of build/model.tar.gz: the"
            " endpoint serves other bytes."
        )
    manifest.write_json(
        DEPLOYMENT, {"model_sha256": served, "model_uri": uri, "endpoint": endpoint["EndpointName"]}
    )
    console.say(f"deployed bytes are those of build/model.tar.gz: sha256 {served}")
