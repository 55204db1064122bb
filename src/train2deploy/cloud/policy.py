"""`make cloud-policy`: what the caller and SageMaker's role must be allowed, and no more."""

import fnmatch
import json
import re
from pathlib import Path
from string import Template
from typing import Any

from train2deploy import console
from train2deploy.cloud_settings import arns, names
from train2deploy.cloud_settings.config import Config

DIRECTORY = Path(__file__).with_name("policies")
TITLES = {
    "caller": "for whoever runs make",
    "execution": "for the role that SageMaker takes on",
    "trust": "that role's trust policy",
}


def show(config: Config, note: str = "") -> None:
    """Prints the policies, filled in as far as the settings say.

    Args:
        note: what there is to say of the role.
    """
    if note:
        console.say(f"# {note}")
    for name, title in TITLES.items():
        console.say(f"# {name}: {title}")
        console.say(json.dumps(policy(name, config), indent=2))


def policy(name: str, config: Config) -> dict[str, Any]:
    """One policy for these settings; what a key or a VPC needs is in it only where there is one."""
    match = re.match(r"arn:[^:]+:iam::(\d{12}):", config.role)
    partition = arns.partition(config.region)
    account = match.group(1) if match else "*"
    endpoint = config.endpoint_name
    serving = names.serving(endpoint)

    def ours(kind: str, name: str) -> str:
        return arns.sagemaker(config.region, account, kind, name)

    values: dict[str, str | list[str]] = {
        "partition": partition,
        "region": config.region,
        "account": account,
        "roles": _roles(config.role, partition),
        "jobs": [
            *(ours("training-job", f"{stem}-*") for stem in names.jobs(config.project)),
            ours("transform-job", f"{names.batch(config.project)}-*"),
            ours("hyper-parameter-tuning-job", f"{names.tuning(config.project)}-*"),
        ],
        "serving": [
            ours("model", f"{serving}-*"),
            ours("endpoint-config", f"{serving}-*"),
            ours("endpoint-config", endpoint),  # as the SDK's deploy calls it
            ours("endpoint", endpoint),
        ],
        "bucket": config.bucket or "BUCKET",
        "prefix": config.prefix,
        "endpoint": endpoint,
        "key": _key_arn(config, f"arn:{partition}:kms:{config.region}:{account}"),
    }
    result = _read(name, values)
    for key in ("kms_key", "subnets"):
        if getattr(config, key) and (DIRECTORY / f"{name}.{key}.json").exists():
            result["Statement"] += _read(f"{name}.{key}", values)["Statement"]
    return result


def _roles(role: str, partition: str) -> list[str]:
    """A role by its ARN; by its name alone, under whatever path it lies.

    No two roles of an account have the same name, so this names one role all the same.
    """
    if role.startswith("arn:"):
        return [role]
    name = role.rpartition("/")[2] or "*"
    return [f"arn:{partition}:iam::*:role/{name}", f"arn:{partition}:iam::*:role/*/{name}"]


def _read(name: str, values: dict[str, str | list[str]]) -> dict[str, Any]:
    text = (DIRECTORY / f"{name}.json").read_text(encoding="utf-8")
    result: dict[str, Any] = _filled(json.loads(text), values)
    return result


def _filled(part: Any, values: dict[str, str | list[str]]) -> Any:
    """A template's values put in. A text that is nothing but `${name}` may become a list."""
    if isinstance(part, dict):
        return {key: _filled(value, values) for key, value in part.items()}
    if isinstance(part, list):
        return [_filled(each, values) for each in part]
    alone = re.fullmatch(r"\$\{(\w+)\}", part)
    return values[alone.group(1)] if alone else Template(part).substitute(values)


def _key_arn(config: Config, stem: str) -> str:
    """Of the key itself: an alias is not what a policy can name."""
    if config.kms_key.startswith("arn:") and ":alias/" not in config.kms_key:
        return config.kms_key
    return f"{stem}:key/{'*' if 'alias/' in config.kms_key else config.kms_key}"


def allowed(name: str, config: Config) -> set[str]:
    """The actions of a policy."""
    statements = policy(name, config)["Statement"]
    return {action for statement in statements for action in statement["Action"]}


def allows(name: str, config: Config, action: str, resource: str) -> bool:
    """Whether a policy allows an action on a resource ("*": on whatever it is)."""
    for statement in policy(name, config)["Statement"]:
        places = statement["Resource"]
        places = [places] if isinstance(places, str) else places
        if action in statement["Action"] and any(
            resource == "*" or fnmatch.fnmatchcase(resource, place) for place in places
        ):
            return True
    return False


OBJECT_ACTIONS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "DeleteObjects": "s3:DeleteObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "ListObjectsV2": "s3:ListBucket",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "HeadBucket": "s3:ListBucket",
}


SERVICES = {"monitoring": "cloudwatch", "tagging": "tag"}
"""IAM's names of services that sign their requests by another one."""


def action(service: str, operation: str) -> str:
    """The action that an API call needs.

    >>> action("s3", "HeadObject"), action("monitoring", "DescribeAlarms")
    ('s3:GetObject', 'cloudwatch:DescribeAlarms')
    """
    service = SERVICES.get(service, service)
    if service == "s3":
        return OBJECT_ACTIONS.get(operation, f"s3:{operation}")
    return f"{service}:{operation}"
