"""What to say when the account refuses a call, or has no instance of the type."""

import botocore.exceptions

from train2deploy.cloud.session import Cloud, CloudError, code, message
from train2deploy.cloud_settings import prices


def refused(
    cloud: Cloud, error: botocore.exceptions.ClientError, key: str, kind: str = ""
) -> CloudError:
    """The error of a create or update call, with what to do.

    Args:
        key: of cloud.toml, for the instance type.
        kind: the instance type, where it is not that of the settings.
    """
    kind = kind or getattr(cloud.config, key.lower())
    text = f"{code(error)}: {message(error)}"
    if code(error) == "ResourceLimitExceeded" or kind in message(error):
        text += instance_advice(kind, key)
    return CloudError(text)


def capacity_advice(cloud: Cloud, reason: str, key: str) -> str:
    """Which type to take where a job or endpoint failed for want of instances; else ""."""
    lacking = "CapacityError" in reason or "Insufficient" in reason
    return instance_advice(getattr(cloud.config, key.lower()), key) if lacking else ""


def instance_advice(kind: str, key: str) -> str:
    others = prices.alternatives("endpoint" if key.startswith("ENDPOINT") else "training")
    return (
        f"\n{kind} is not available. Others that will do: {others}; set"
        f" {key}={others.split(',')[0]}."
    )
