"""A package's model, and the endpoint configuration that names it: requests, nothing is created.

Both are named by what they hold. What our settings say nothing about is taken over from the
configuration that the endpoint has.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train2deploy.cloud import endpoints, images, storage
from train2deploy.cloud.session import Cloud, existing
from train2deploy.cloud_settings import names
from train2deploy.hashing import sha256_file, sha256_value

CAPTURED = "captured"
"""Below the prefix: where data capture writes, <endpoint>/<variant>/yyyy/mm/dd/hh."""
CSV, JSON = ["text/csv"], ["application/json", "application/jsonlines"]
"""Content types that are captured as text; others come as base64."""


@dataclass(frozen=True)
class Model:
    """A package and the request that makes it a model."""

    sha256: str
    uri: str
    request: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.request["ModelName"])


def model(cloud: Cloud, archive: Path) -> Model:
    """The model of an archive of this machine."""
    settings = cloud.config
    digest = sha256_file(archive)
    uri = storage.file_uri(cloud, "models", digest, archive.name)
    request: dict[str, Any] = {
        # No entry point is given: code/ is in the archive, and nobody must repack it.
        "PrimaryContainer": {
            "Image": images.serving(settings.region, settings.endpoint_instance_type),
            "ModelDataUrl": uri,
            "Environment": {"SAGEMAKER_TFS_NGINX_LOGLEVEL": "error", **settings.serving_variables},
        },
        "ExecutionRoleArn": cloud.role_arn,
        **({"VpcConfig": settings.vpc} if settings.vpc else {}),
    }
    name = named(settings.endpoint_name, request)
    return Model(digest, uri, {"ModelName": name, **request, "Tags": settings.tag_list})


def served(cloud: Cloud, model: str) -> dict[str, Any]:
    """A variant's keys that our settings say."""
    return {
        "ModelName": model,
        "InstanceType": cloud.config.endpoint_instance_type,
        "InitialInstanceCount": cloud.config.endpoint_instance_count,
    }


def of_model(
    cloud: Cloud, model: str, capture: int | None = None
) -> tuple[dict[str, Any], int, bool]:
    """The endpoint's configuration with this model as its first variant.

    Args:
        capture: percentage of the requests that are kept in S3; 0: none; None: as it is.

    Returns:
        The request, how many instances there will be, and whether the settings say so
        (they do when their number is not the one that the endpoint was made with).
    """
    settings = cloud.config
    endpoint = endpoints.describe(cloud, settings.endpoint_name)
    current = in_force(cloud, endpoint)
    wanted = served(cloud, model)
    key = {"KmsKeyId": settings.kms_key} if settings.kms_key else {}
    if not current:
        fresh = {"VariantName": endpoints.VARIANT, "InitialVariantWeight": 1.0}
        config = captured(cloud, {"ProductionVariants": [fresh | wanted], **key}, capture)
        return request(cloud, config), settings.endpoint_instance_count, True
    # A variant that is beside ours goes on.
    first, *others = current["ProductionVariants"]
    config = captured(cloud, current, capture)
    is_the_same = config == current and wanted.items() <= first.items()
    is_the_same = is_the_same and key.items() <= current.items()
    recount = bool(first.get("InitialInstanceCount") != settings.endpoint_instance_count)
    config = {**config, "ProductionVariants": [first | wanted, *others], **key}
    found = request(cloud, config)
    if endpoint and is_the_same:
        found["EndpointConfigName"] = endpoint["EndpointConfigName"]
    summaries = (endpoint or {}).get("ProductionVariants") or [{}]
    count = int(summaries[0].get("CurrentInstanceCount", 0))
    return found, settings.endpoint_instance_count if recount or not count else count, recount


def in_force(cloud: Cloud, endpoint: dict[str, Any] | None) -> dict[str, Any]:
    """Everything of an endpoint's configuration that can be given again, but name and tags."""
    if endpoint is None or not endpoint.get("EndpointConfigName"):
        return {}
    client = cloud.sagemaker
    name = endpoint["EndpointConfigName"]
    if (found := existing(client.describe_endpoint_config, EndpointConfigName=name)) is None:
        return {}
    operation = client.meta.service_model.operation_model("CreateEndpointConfig")
    own = ("EndpointConfigName", "Tags")
    members = operation.input_shape.members
    return {key: found[key] for key in members if key in found and key not in own}


def captured(cloud: Cloud, config: dict[str, Any], percentage: int | None) -> dict[str, Any]:
    """A configuration with data capture turned on or off; None leaves it as it is."""
    if percentage is None:
        return config
    others = {key: value for key, value in config.items() if key != "DataCaptureConfig"}
    if not percentage:
        return others
    key = cloud.config.kms_key
    asked = {
        "EnableCapture": True,
        "InitialSamplingPercentage": percentage,
        "DestinationS3Uri": cloud.config.uri(CAPTURED),
        **({"KmsKeyId": key} if key else {}),
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": CSV, "JsonContentTypes": JSON},
    }
    return {**others, "DataCaptureConfig": asked}


def capture_rows(config: dict[str, Any]) -> list[tuple[str, str, str]]:
    """A plan's row of data capture, where there is any."""
    there = config.get("DataCaptureConfig")
    if not there:
        return []
    remark = f"{there['InitialSamplingPercentage']} % of the requests and answers"
    return [("data capture", there["DestinationS3Uri"], remark)]


def request(cloud: Cloud, config: dict[str, Any]) -> dict[str, Any]:
    """CreateEndpointConfig's, under the name that the content gives."""
    name = named(cloud.config.endpoint_name, config)
    return {"EndpointConfigName": name, **config, "Tags": cloud.config.tag_list}


def named(endpoint: str, content: dict[str, Any]) -> str:
    """A name of the endpoint's for something of this content."""
    digest = sha256_value(json.loads(json.dumps(content, default=str)))
    return f"{names.serving(endpoint)}-{digest[:12]}"
