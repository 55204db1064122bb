"""What the policies of `make cloud-policy` allow, and the action that a call needs."""

import fnmatch

from train2deploy.cloud import policy
from train2deploy.cloud_settings.config import Config


def allowed(name: str, config: Config) -> set[str]:
    """The actions of a policy."""
    statements = policy.policy(name, config)["Statement"]
    return {action for statement in statements for action in statement["Action"]}


def allows(name: str, config: Config, action: str, resource: str) -> bool:
    """Whether a policy allows an action on a resource ("*": on whatever it is)."""
    for statement in policy.policy(name, config)["Statement"]:
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
    """The action that an API call needs."""
    service = SERVICES.get(service, service)
    if service == "s3":
        return OBJECT_ACTIONS.get(operation, f"s3:{operation}")
    return f"{service}:{operation}"
