"""The endpoint, its configurations and models: found, told ours from others', removed."""

import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import botocore.exceptions

from train2deploy import console, manifest, paths
from train2deploy.cloud import follow
from train2deploy.cloud.session import Cloud, already_there, existing, not_there
from train2deploy.cloud_settings.names import serving
from train2deploy.errors import UserError

VARIANT = "AllTraffic"
BUSY = ("Creating", "Updating", "RollingBack", "Deleting", "SystemUpdating")
AUTOSCALING = "application-autoscaling"


def remember(cloud: Cloud, name: str, model_sha256: str) -> None:
    """Writes build/cloud/endpoint.json, what `make status` knows without asking the account."""
    at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    found = {"endpoint": name, "account": _account(cloud), "model_sha256": model_sha256, "at": at}
    paths.CLOUD_WORK.mkdir(parents=True, exist_ok=True)
    manifest.write_json(paths.CLOUD_ENDPOINT, found)


def forget(cloud: Cloud) -> None:
    """Removes it, if it is of this account."""
    if (manifest.read(paths.CLOUD_ENDPOINT) or {}).get("account") == _account(cloud):
        paths.CLOUD_ENDPOINT.unlink()


def _account(cloud: Cloud) -> str:
    return "the emulator" if cloud.is_emulator else f"AWS, {cloud.config.region}"


def describe(cloud: Cloud, name: str) -> dict[str, Any] | None:
    """The endpoint, or None."""
    return existing(cloud.sagemaker.describe_endpoint, EndpointName=name)


def settled(
    cloud: Cloud, name: str, meanwhile: Callable[[], None] = lambda: None
) -> dict[str, Any] | None:
    """The endpoint once nothing is going on with it, or None; says what is going on.

    Args:
        meanwhile: called each time that it is looked at.
    """
    shown = ""

    def look() -> dict[str, Any] | None:
        nonlocal shown
        meanwhile()
        endpoint = describe(cloud, name)
        status = endpoint["EndpointStatus"] if endpoint else "gone"
        said = f"{status}{_progress(endpoint or {})}"
        if said != shown and (shown or status in BUSY):
            console.say(f"endpoint {name}: {said}")
        shown = said
        return None if status in BUSY else {"endpoint": endpoint}

    endpoint: dict[str, Any] | None = follow.patiently(cloud, look)["endpoint"]
    return endpoint


def _progress(endpoint: dict[str, Any]) -> str:
    """How far an update is, in the account's words: ", Baking (10% of the traffic)"."""
    pending = endpoint.get("PendingDeploymentSummary") or {}
    for variant in pending.get("ProductionVariants", []):
        for state in variant.get("VariantStatus", [])[-1:]:
            message = state.get("StatusMessage")
            return f", {state['Status']}" + (f" ({message})" if message else "")
    return ""


def in_service(cloud: Cloud) -> tuple[dict[str, Any], str]:
    """The endpoint, once nothing is going on with it, and the instance type of its first variant.

    Raises:
        UserError: it is not in service.
    """
    name = cloud.config.endpoint_name
    endpoint = settled(cloud, name)
    if endpoint is None or endpoint["EndpointStatus"] != "InService":
        raise UserError(f"endpoint {name}: expected it in service. Run `make cloud-deploy`.")
    config = cloud.sagemaker.describe_endpoint_config(
        EndpointConfigName=endpoint["EndpointConfigName"]
    )
    return endpoint, str(config["ProductionVariants"][0]["InstanceType"])


def scalable_target(cloud: Cloud, name: str) -> dict[str, Any] | None:
    """What autoscaling knows of the endpoint's variant; None where it is not scaled."""
    pages = cloud.client(AUTOSCALING).get_paginator("describe_scalable_targets")
    for page in pages.paginate(ServiceNamespace="sagemaker"):
        for target in page["ScalableTargets"]:
            if target["ResourceId"].startswith(f"endpoint/{name}/"):
                return dict(target)
    return None


def is_ours(cloud: Cloud, kind: str, name: str) -> bool:
    """Whether a resource has the project's tag."""
    found = existing(cloud.sagemaker.list_tags, ResourceArn=cloud.arn(kind, name))
    return found is not None and cloud.config.tag_list[0] in found["Tags"]


def create(call: Callable[..., Any], request: dict[str, Any]) -> None:
    try:
        call(**request)
    except botocore.exceptions.ClientError as error:
        if not already_there(error):
            raise


def remove_unused(cloud: Cloud, endpoint: str, keep: str = "") -> None:
    """Deletes the endpoint's configurations and models but those of configuration `keep`."""
    client = cloud.sagemaker
    kept_models = set()
    if keep:
        kept = client.describe_endpoint_config(EndpointConfigName=keep)
        kept_models = {variant["ModelName"] for variant in variants(kept)}
    for name in names(cloud, "list_endpoint_configs", "EndpointConfigs", endpoint):
        if name != keep and is_ours(cloud, "endpoint-config", name):
            delete(client.delete_endpoint_config, EndpointConfigName=name)
    for name in names(cloud, "list_models", "Models", endpoint):
        if name not in kept_models and is_ours(cloud, "model", name):
            delete(client.delete_model, ModelName=name)


def variants(config: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of a configuration or an endpoint, one in the shadow last."""
    return [*config.get("ProductionVariants", []), *config.get("ShadowProductionVariants", [])]


def names(cloud: Cloud, operation: str, member: str, endpoint: str) -> list[str]:
    """The endpoint's configurations or models, by their names."""
    key = f"{member.removesuffix('s')}Name"
    pages = cloud.sagemaker.get_paginator(operation).paginate(NameContains=f"{serving(endpoint)}-")
    found = [entry[key] for page in pages for entry in page[member]]
    return [name for name in found if belongs_to(endpoint, name)]


def belongs_to(endpoint: str, name: str) -> bool:
    """Whether a name is made as `deploy` makes it: of the endpoint's, and of what it stands for.

    >>> belongs_to("topics", "topics-0a1b2c3d4e5f"), belongs_to("topics", "topics-b-0a1b2c3d4e5f")
    (True, False)
    """
    return bool(re.fullmatch(re.escape(serving(endpoint)) + "-[0-9a-f]{12}", name))


def delete(call: Callable[..., Any], **name: str) -> None:
    try:
        call(**name)
    except botocore.exceptions.ClientError as error:
        if not not_there(error):
            raise
