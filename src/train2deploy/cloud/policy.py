"""`make cloud-policy`: what the caller and SageMaker's role must be allowed, and no more."""

import fnmatch
import json
import re
from pathlib import Path
from string import Template
from typing import Any

from train2deploy import console
from train2deploy.cloud.config import Config

DIRECTORY = Path(__file__).with_name("policies")
TITLES = {
    "caller": "for whoever runs make",
    "execution": "for the role that SageMaker takes on",
    "trust": "that role's trust policy",
}


def show(config: Config) -> None:
    """Prints the policies, filled in as far as the settings say."""
    for name, title in TITLES.items():
        console.say(f"# {name}: {title}")
        console.say(json.dumps(policy(name, config), indent=2))


def policy(name: str, config: Config) -> dict[str, Any]:
    """One policy for these settings; what a key or a VPC needs is in it only where there is one."""
    match = re.match(r"arn:[^:]+:iam::(\d{12}):", config.role)
    partition = "aws-cn" if config.region.startswith("cn-") else "aws"
    account = match.group(1) if match else "*"
    role = config.role or "*"
    if not role.startswith("arn:"):
        role = f"arn:{partition}:iam::*:role/{role}"
    values = {
        "partition": partition,
        "region": config.region,
        "account": account,
        "role": role,
        "bucket": config.bucket or "BUCKET",
        "prefix": config.prefix,
        "project": config.project,
        "endpoint": config.endpoint_name,
        "key": _key_arn(config, f"arn:{partition}:kms:{config.region}:{account}"),
    }
    result = _filled(name, values)
    for key in ("kms_key", "subnets"):
        if getattr(config, key) and (DIRECTORY / f"{name}.{key}.json").exists():
            result["Statement"] += _filled(f"{name}.{key}", values)["Statement"]
    return result


def _filled(name: str, values: dict[str, str]) -> dict[str, Any]:
    text = (DIRECTORY / f"{name}.json").read_text(encoding="utf-8")
    result: dict[str, Any] = json.loads(Template(text).substitute(values))
    return result


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
