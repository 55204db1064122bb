"""`make cloud-policy`: what the caller and SageMaker's role must be allowed, and no more."""

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
    """One policy for these settings."""
    match = re.match(r"arn:[^:]+:iam::(\d{12}):", config.role)
    china = config.region.startswith("cn-")
    partition = "aws-cn" if china else "aws"
    role = config.role or "*"
    if not role.startswith("arn:"):
        role = f"arn:{partition}:iam::*:role/{role}"
    filled = Template((DIRECTORY / f"{name}.json").read_text(encoding="utf-8")).substitute(
        partition=partition,
        region=config.region,
        account=match.group(1) if match else "*",
        role=role,
        bucket=config.bucket or "BUCKET",
        prefix=config.prefix,
        project=config.project,
        endpoint=config.endpoint_name,
    )
    result: dict[str, Any] = json.loads(filled)
    return result


def allowed(name: str, config: Config) -> set[str]:
    """The actions of a policy."""
    statements = policy(name, config)["Statement"]
    return {action for statement in statements for action in statement["Action"]}


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


def action(service: str, operation: str) -> str:
    """The action that an API call needs.

    >>> action("s3", "HeadObject"), action("monitoring", "DescribeAlarms")
    ('s3:GetObject', 'cloudwatch:DescribeAlarms')
    """
    if service == "s3":
        return OBJECT_ACTIONS.get(operation, f"s3:{operation}")
    return f"{'cloudwatch' if service == 'monitoring' else service}:{operation}"
