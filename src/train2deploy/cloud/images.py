"""AWS's own images and the SDK's session."""

import importlib.metadata
import logging
from typing import Any

from train2deploy import manifest, paths
from train2deploy.cloud.session import Cloud
from train2deploy.errors import UserError

TRAIN_VERSION = "1.12.0"
SERVE_VERSION = "1.13"
"""1.13.1 names the same container, but the SDK does not know it."""
KNOWN = paths.CLOUD_WORK / "images.json"


def training_image(cloud: Cloud, instance_type: str) -> str:
    return _image(cloud, TRAIN_VERSION, "training", instance_type)


def serving_image(cloud: Cloud, instance_type: str) -> str:
    return _image(cloud, SERVE_VERSION, "inference", instance_type)


def _image(cloud: Cloud, version: str, scope: str, instance_type: str) -> str:
    """The SDK's answer, kept: to ask it takes two seconds."""
    sdk = importlib.metadata.version("sagemaker")
    key = f"{cloud.config.region} {scope} {version} {instance_type} sagemaker=={sdk}"
    known = manifest.read(KNOWN) or {}
    if key not in known:
        known[key] = _retrieve(cloud.config.region, version, scope, instance_type)
        manifest.write_json(KNOWN, known)
    return str(known[key])


def _retrieve(region: str, version: str, scope: str, instance_type: str) -> str:
    from sagemaker import image_uris

    try:
        uri = image_uris.retrieve(
            "tensorflow", region, version=version, image_scope=scope,
            py_version="py3" if scope == "training" else None,
            instance_type=instance_type,
        )  # fmt: skip
    except (ValueError, KeyError) as error:
        raise UserError(
            f"region {region}, {instance_type}: AWS has no image of TensorFlow {version} for it"
            f" ({error}). Choose another region, for instance us-east-1."
        ) from error
    return str(uri)


def sdk_session(cloud: Cloud) -> Any:
    """The SageMaker SDK on our clients. It is given the bucket: it would choose and make one."""
    import sagemaker.utils

    # Its configuration is ours (session.OPT_OUT). The SDK would check it against its schema again
    # for each of the thirty values that it looks up, which takes over a second.
    sagemaker.utils.validate_sagemaker_config = lambda _: None
    logging.getLogger("sagemaker").setLevel(logging.ERROR)
    return sagemaker.Session(
        boto_session=cloud.boto,
        sagemaker_client=cloud.sagemaker,
        sagemaker_runtime_client=cloud.client("sagemaker-runtime"),
        default_bucket=cloud.config.bucket,
        default_bucket_prefix=cloud.config.prefix,
    )
