"""`make cloud-deploy`: build/model.tar.gz, as it is, behind an endpoint.

Models and endpoint configurations are named by what they hold. So the command can be
killed at any step and run again: what is there is taken up, nothing is made twice, and
what an endpoint no longer uses is removed. What was there before serves on until the new
bytes have answered the golden requests, and again if they do not.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import botocore.exceptions

from train2deploy import console, manifest, package_lint, paths
from train2deploy.cloud import (
    alarms,
    configuration,
    endpoints,
    guards,
    images,
    plan,
    proof,
    refusals,
    storage,
    tags,
)
from train2deploy.cloud.rollout import Rollout
from train2deploy.cloud.session import Cloud, CloudError, code, message
from train2deploy.cloud_settings import names, prices
from train2deploy.errors import UserError
from train2deploy.requests import Request

DEPLOYMENT = paths.CLOUD_WORK / "deployment.json"


@dataclass(frozen=True)
class Options:
    """What is said of a deployment beside the settings."""

    rollout: Rollout = field(default_factory=Rollout)  # how an update takes over the traffic
    # percentage of the requests that are kept in S3; 0: none; None: as it is
    capture: int | None = None
    expires: str = ""  # when the endpoint is to end; "": as it is


AS_IT_IS = Options()


@dataclass(frozen=True)
class Deployment:
    """Names and requests of what serves one archive."""

    sha256: str
    data_uri: str
    model: dict[str, Any]
    config: dict[str, Any]
    instances: int = field(compare=False)  # how many there will be
    # the settings' number of instances replaces that of the running endpoint
    recount: bool = field(compare=False)

    @property
    def model_name(self) -> str:
        return str(self.model["ModelName"])

    @property
    def variant(self) -> str:
        return str(self.config["ProductionVariants"][0]["VariantName"])

    @property
    def config_name(self) -> str:
        return str(self.config["EndpointConfigName"])


def prepare(cloud: Cloud, options: Options = AS_IT_IS) -> Deployment:
    """Everything but the upload. Creates nothing."""
    if not paths.MODEL_ARCHIVE.exists():
        raise UserError("build/model.tar.gz: expected one, found none. Run `make package`.")
    model = configuration.model(cloud, paths.MODEL_ARCHIVE)
    config = configuration.of_model(cloud, model.name, options.capture)
    return Deployment(model.sha256, model.uri, model.request, *config)


def planned(cloud: Cloud, deployment: Deployment, options: Options = AS_IT_IS) -> plan.Plan:
    """What `deploy` would create."""
    settings = cloud.config
    result = plan.Plan("cloud-deploy", replaces=settings.endpoint_name)
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
    for row in configuration.capture_rows(deployment.config):
        result.add(*row)
    if existing is None or existing.get("EndpointConfigName") != deployment.config_name:
        target = endpoints.scalable_target(cloud, settings.endpoint_name)
        count = max(deployment.instances, target["MaxCapacity"] if target else 0)
        kind, hours = settings.endpoint_instance_type, guards.hours(cloud, options.expires)
        result.costs.append(prices.cost(settings, kind, count, hours))
    return result


def _add_alarms(result: plan.Plan, endpoint: str) -> None:
    for name in alarms.names(endpoint):
        result.add("alarm", name, "rolls an update back")


def outlined(cloud: Cloud) -> plan.Plan:
    """What `deploy` would create of an archive that is yet to be packed; its bytes give names."""
    settings = cloud.config
    name = settings.endpoint_name
    result = plan.Plan("cloud-deploy, after `make package`", replaces=name)
    result.add("S3 object", settings.uri("models", "<sha256>", paths.MODEL_ARCHIVE.name))
    image = images.serving(settings.region, settings.endpoint_instance_type)
    result.add("model", f"{names.serving(name)}-<sha256>", image)
    result.add("endpoint configuration", f"{names.serving(name)}-<sha256>")
    result.add("endpoint", name)
    _add_alarms(result, name)
    kind, count = settings.endpoint_instance_type, settings.endpoint_instance_count
    result.costs.append(prices.cost(settings, kind, count, settings.endpoint_hours))
    return result


def deploy(
    cloud: Cloud,
    approval: plan.Approval,
    request: Request | None = None,
    options: Options = AS_IT_IS,
) -> None:
    """Creates or updates the endpoint, and proves that it serves these bytes.

    Args:
        request: one of the user's own, which it must answer.

    Raises:
        CloudError: it did not come into service; what was made for it is removed.
    """
    check_package()
    cloud.check_bucket()
    deployment = prepare(cloud, options)
    plan.ask(cloud, planned(cloud, deployment, options), approval)
    if prepare(cloud, options) != deployment:
        raise UserError(
            f"build/model.tar.gz or the endpoint {cloud.config.endpoint_name} has changed since"
            " this was planned, so nothing was created. Run the command again."
        )
    refuse_another_type_while_scaled(cloud, cloud.config.endpoint_instance_type)
    storage.upload_file(cloud, paths.MODEL_ARCHIVE, "models", deployment.sha256)
    name = cloud.config.endpoint_name
    existing = _settled(cloud, name)
    before = existing.get("EndpointConfigName") if existing else None
    with undone_on_failure(cloud, deployment, before):
        endpoints.create(cloud.sagemaker.create_model, deployment.model)
        endpoints.create(cloud.sagemaker.create_endpoint_config, deployment.config)
        alarms.put(cloud, name, deployment.variant, deployment.config_name)
        if existing is None:
            _create_endpoint(cloud, name, deployment, options.expires)
        elif before != deployment.config_name:
            _update_endpoint(cloud, name, deployment, options.rollout)
        else:
            console.say(f"endpoint {name} has this model already")
        wait(cloud, name, deployment)
        _prove(cloud, deployment)
        proof.ask(cloud, request)
    tags.renew(cloud, deployment.model_name, deployment.config_name)
    endpoints.remove_unused(cloud, name, keep=deployment.config_name)
    endpoints.remember(cloud, name, deployment.sha256)
    guards.set_expiry(cloud, name, options.expires)
    console.say(f"endpoint {name} is in service; it costs until `make cloud-delete`")


def check_package() -> None:
    """Raises UserError where build/model.tar.gz could not be served."""
    if paths.MODEL_ARCHIVE.exists():
        package_lint.check(paths.MODEL_ARCHIVE)


def _create_endpoint(cloud: Cloud, name: str, deployment: Deployment, expires: str) -> None:
    request = {
        "EndpointName": name,
        "EndpointConfigName": deployment.config_name,
        "Tags": cloud.config.tag_list + guards.tag_list(expires),
    }
    try:
        endpoints.create(cloud.sagemaker.create_endpoint, request)
    except botocore.exceptions.ClientError as error:
        raise refusals.refused(cloud, error, "ENDPOINT_INSTANCE_TYPE") from error


def _update_endpoint(cloud: Cloud, name: str, deployment: Deployment, rollout: Rollout) -> None:
    """Blue/green: the old instances answer until the new ones do, without an error."""
    try:
        cloud.sagemaker.update_endpoint(
            EndpointName=name,
            EndpointConfigName=deployment.config_name,
            # What autoscaling or an operator set is not set back to the initial count.
            RetainAllVariantProperties=True,
            # Data capture is what the configuration says.
            ExcludeRetainedVariantProperties=[
                {"VariantPropertyType": "DataCaptureConfig"},
                *([{"VariantPropertyType": "DesiredInstanceCount"}] if deployment.recount else []),
            ],
            DeploymentConfig=rollout.deployment_config(alarms.names(name)),
        )
    except botocore.exceptions.ClientError as error:
        if "in-progress" in message(error):
            return  # an answer of ours that was lost on its way: it has begun
        raise refusals.refused(cloud, error, "ENDPOINT_INSTANCE_TYPE") from error
    console.say(f"endpoint {name}: blue/green update begun: {rollout}")


def refuse_another_type_while_scaled(cloud: Cloud, wanted: str) -> None:
    """AWS fails an update that changes the instance type of an automatically scaled variant."""
    name = cloud.config.endpoint_name
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


def wait(cloud: Cloud, name: str, deployment: Deployment) -> None:
    """Returns once the endpoint serves a deployment; raises CloudError where it does not."""
    tripped = ""

    def look() -> None:
        nonlocal tripped
        tripped = alarms.tripped(cloud, name) or tripped

    endpoint = endpoints.settled(cloud, name, look)
    if endpoint is None:
        raise CloudError(f"endpoint {name}: someone else deleted it meanwhile.")
    reason = endpoint.get("FailureReason", "no reason given")
    advice = refusals.capacity_advice(cloud, reason, "ENDPOINT_INSTANCE_TYPE")
    if endpoint["EndpointStatus"] != "InService":
        raise CloudError(f"endpoint {name}: {endpoint['EndpointStatus']}: {reason}{advice}")
    if endpoint["EndpointConfigName"] != deployment.config_name:
        # AWS may give no numbers, or no reason at all; the alarm had them.
        if tripped and tripped.split(": ", 1)[1] not in reason:
            reason = f"{tripped}; {reason}"
        raise CloudError(
            f"endpoint {name}: the update was rolled back, the old model still answers"
            f" ({endpoint['EndpointConfigName']}): {reason}{advice}"
        )


@contextlib.contextmanager
def undone_on_failure(cloud: Cloud, deployment: Deployment, before: str | None) -> Iterator[None]:
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
            EndpointName=name,
            EndpointConfigName=config,
            RetainAllVariantProperties=True,
            ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DataCaptureConfig"}],
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
