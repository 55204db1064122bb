"""`make cloud-policy`: what the caller and SageMaker's role must be allowed, and no more."""

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
