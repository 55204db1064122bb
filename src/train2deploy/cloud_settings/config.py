"""cloud.toml: everything that may be chosen, checked before anything is called.

Each key can be overridden by a make variable of the same name in capitals:
`make cloud-train TRAIN_INSTANCE_TYPE=ml.c5.xlarge`.
"""

import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from train2deploy import paths, stack
from train2deploy.cloud_settings import arns, names
from train2deploy.errors import UserError
from train2deploy.toml import tomllib

NEEDED = ("role", "bucket")
"""Keys without a default: what a command does not use, it does not ask for."""
PROJECT_TAG = "train2deploy.project"

NAME = re.compile(r"[a-zA-Z0-9](-?[a-zA-Z0-9])*")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
REGION = re.compile(r"[a-z]+(-[a-z]+)+-[0-9]+")
ROLE = re.compile(r"(arn:aws[a-z-]*:iam::\d{12}:role/)?/?([\w+=,.@-]+/)*[\w+=,.@-]{1,64}", re.ASCII)
PREFIX = re.compile(r"[\w.-]+(/[\w.-]+)*", re.ASCII)
INSTANCE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")

BATCH_PARAMETERS = (
    "max_batch_size",
    "batch_timeout_micros",
    "max_enqueued_batches",
    "num_batch_threads",
)
"""What the container lets one choose of batching, as SAGEMAKER_TFS_<name>."""
MOST_THREADS = 1024
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Config:
    """The settings. `role` and `bucket` have no default: they are never guessed."""

    region: str = "us-east-1"
    role: str = ""  # name or ARN of the role that SageMaker takes on
    bucket: str = ""  # an existing bucket in `region`
    prefix: str = "train2deploy"  # of every key in the bucket
    # every name begins with it, and everything made is tagged with it
    project: str = "train2deploy"
    train_instance_type: str = "ml.p2.xlarge"
    train_instance_count: int = 1
    train_volume_gb: int = 30
    train_max_minutes: int = 60  # the job is stopped after so long; what the plan reckons with
    train_spot: bool = False  # spare capacity, cheaper; the job may be interrupted and begins again
    endpoint_name: str = "train2deploy"
    endpoint_instance_type: str = "ml.t2.large"
    endpoint_instance_count: int = 1
    endpoint_hours: int = 24  # what the plan reckons an endpoint's cost for
    batch_instance_type: str = "ml.m5.xlarge"
    batch_instance_count: int = 1
    batch_max_minutes: int = 30
    # the model server batches requests. This, the parameters of batching and omp_num_threads
    # become variables of the model; None: the container's default.
    batching: bool = False
    max_batch_size: int | None = None
    batch_timeout_micros: int | None = None
    max_enqueued_batches: int | None = None
    num_batch_threads: int | None = None
    omp_num_threads: int | None = None
    kms_key: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    # USD an hour by instance type, above the table that is shipped
    prices: Mapping[str, float] = field(default_factory=dict)

    @property
    def tag_list(self) -> list[dict[str, str]]:
        """All tags as the API takes them, the project's first."""
        tags = {PROJECT_TAG: self.project, **self.tags}
        return [{"Key": key, "Value": value} for key, value in tags.items()]

    @property
    def serving_variables(self) -> dict[str, str]:
        """What these settings say to the serving container, here as on SageMaker.

        >>> Config(batching=True, max_batch_size=32).serving_variables
        {'SAGEMAKER_TFS_ENABLE_BATCHING': 'true', 'SAGEMAKER_TFS_MAX_BATCH_SIZE': '32'}
        """
        found = {"SAGEMAKER_TFS_ENABLE_BATCHING": "true"} if self.batching else {}
        for key in BATCH_PARAMETERS:
            if getattr(self, key) is not None:
                found[f"SAGEMAKER_TFS_{key.upper()}"] = str(getattr(self, key))
        if self.omp_num_threads is not None:
            found["OMP_NUM_THREADS"] = str(self.omp_num_threads)
        return found

    @property
    def vpc(self) -> dict[str, list[str]] | None:
        if not self.subnets:
            return None
        return {"Subnets": list(self.subnets), "SecurityGroupIds": list(self.security_groups)}

    def uri(self, *parts: str) -> str:
        """An S3 URI below the prefix."""
        return "/".join([f"s3://{self.bucket}", self.prefix, *parts])


KEYS = {
    each.name: int if hint == int | None else hint
    for each in fields(Config)
    for hint in [get_type_hints(Config)[each.name]]
}


def load(
    given: Mapping[str, str], file: Path = paths.CLOUD_SETTINGS, needs: Collection[str] = NEEDED
) -> Config:
    """The settings of a file, overridden by make variables.

    Args:
        given: by the key in capitals, as text.
        needs: which of NEEDED must be there.

    Raises:
        UserError: an unknown key, a wrong type or value, or one of `needs` is missing.
    """
    values: dict[str, Any] = {}
    if file.exists():
        try:
            written = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UserError(f"{paths.relative(file)}: expected TOML: {error}") from error
        for key, value in written.items():
            values[key] = _checked(f"{paths.relative(file)}: {key}", key, value)
    for name, text in given.items():
        values[name.lower()] = _checked(name, name.lower(), _parsed(name, text))
    if given.get("BATCHING") and not values["batching"]:
        # Turned off for once: what the file says of batches is not wrong because of it.
        for key in BATCH_PARAMETERS:
            if key.upper() not in given:
                values.pop(key, None)
    # Today's images do not run on ml.p2.
    todays = {"train_instance_type": "ml.c5.xlarge"} if stack.is_todays() else {}
    config = replace(Config(), **{**todays, **values})
    _check(config, file, needs, given)
    return config


def overrides(given: Iterable[str]) -> dict[str, str]:
    """What the command line gives as KEY=VALUE.

    >>> overrides(["TAGS=a=b"])
    {'TAGS': 'a=b'}
    """
    return dict(each.split("=", 1) for each in given)


def _parsed(name: str, text: str) -> Any:
    kind = KEYS.get(name.lower())
    try:
        if kind is int:
            return int(text)
        if kind is bool:
            return {"1": True, "true": True, "0": False, "false": False, "": False}[text.lower()]
        if get_origin(kind) is tuple:
            return [part for part in text.split(",") if part]
        if kind is not str and kind is not None:
            number = get_args(kind)[1] is float
            pairs = [pair.split("=", 1) for pair in text.split(",") if pair]
            return {key: float(value) if number else value for key, value in pairs}
    except (ValueError, KeyError):
        raise UserError(f"{name}={text}: expected {_described(kind)}.") from None
    return text


def _checked(where: str, key: str, value: Any) -> Any:
    """`value` as the key's type."""
    if key not in KEYS:
        raise UserError(f"{where}: no such key. Expected one of {', '.join(KEYS)}.")
    kind = KEYS[key]
    if kind in (str, int, bool):
        if type(value) is kind:
            return value
    elif get_origin(kind) is tuple:
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(value)
    elif isinstance(value, dict):
        wanted: tuple[type, ...] = (float, int) if get_args(kind)[1] is float else (str,)
        if all(isinstance(each, wanted) for each in value.values()):
            return value
    raise UserError(f"{where}: expected {_described(kind)}, found {value!r}.")


def _described(kind: Any) -> str:
    names = {str: "text", int: "a whole number", bool: "true or false (1 or 0)"}
    if kind in names:
        return names[kind]
    if get_origin(kind) is tuple:
        return "a list of text (a,b)"
    return "a table of " + ("numbers" if get_args(kind)[1] is float else "text") + " (key=value,…)"


def _check(config: Config, file: Path, needs: Collection[str], given: Collection[str]) -> None:
    def said(key: str) -> str:
        """A key as the user gave it: in the file, or as a variable of make."""
        return key.upper() if key.upper() in given else key

    for key in needs:
        if not getattr(config, key):
            raise UserError(
                f"{key}: expected one, found none; it is never guessed. Copy"
                f" {paths.relative(paths.CLOUD_EXAMPLE)} to {paths.relative(file)} and fill it in,"
                f" or give {key.upper()}=…, or rehearse with CLOUD=emulator."
            )
    patterns = [
        ("role", ROLE, "a role's name or ARN"),
        ("bucket", BUCKET, "a bucket's name (no s3://)"),
        ("region", REGION, "a region such as us-east-1"),
        ("prefix", PREFIX, "names with single slashes between them, such as team/train2deploy"),
        ("project", NAME, "letters, digits and single hyphens between them"),
        ("endpoint_name", NAME, "letters, digits and single hyphens between them"),
        ("train_instance_type", INSTANCE, "a type such as ml.c5.xlarge"),
        ("endpoint_instance_type", INSTANCE, "a type such as ml.t2.large"),
        ("batch_instance_type", INSTANCE, "a type such as ml.m5.xlarge"),
    ]
    for key, pattern, expected in patterns:
        absent = key in NEEDED and not getattr(config, key)
        if not absent and not pattern.fullmatch(getattr(config, key)):
            raise UserError(f"{said(key)}: expected {expected}, found {getattr(config, key)!r}.")
    for key, kind in KEYS.items():
        number = getattr(config, key)
        if kind is int and number is not None:
            least = 0 if key == "batch_timeout_micros" else 1
            most = MOST_THREADS if key.endswith("threads") else LARGEST
            if not least <= number <= most:
                expected = f"{least} or more" if number < least else f"at most {most}"
                raise UserError(f"{said(key)}: expected {expected}, found {number}.")
    idle = [key for key in BATCH_PARAMETERS if getattr(config, key) is not None]
    if idle and not config.batching:
        raise UserError(
            f"{said(idle[0])}: has no effect without batching. Give batching = true"
            f" (BATCHING=1), too, or leave {idle[0]} out."
        )
    for key in ("project", "endpoint_name"):
        name = getattr(config, key)
        if len(name) > names.LONGEST:
            raise UserError(
                f"{said(key)}: expected at most {names.LONGEST} characters, as SageMaker"
                f" takes, found {len(name)}: {name!r}."
            )
    wanted = arns.partition(config.region)
    for key in ("role", "kms_key"):
        value = getattr(config, key)
        if value.startswith("arn:") and value.split(":")[1] != wanted:
            raise UserError(
                f"{said(key)}: expected an ARN that begins with arn:{wanted}: for the region"
                f" {config.region}, found {value!r}."
            )
    if bool(config.subnets) != bool(config.security_groups):
        raise UserError("subnets, security_groups: give both or neither.")
    if config.train_instance_type.startswith("ml.t"):
        raise UserError(
            f"{said('train_instance_type')}: {config.train_instance_type} is for hosting only."
            " Use, for instance, ml.c5.xlarge."
        )


def set_serving_variables(given: Iterable[str]) -> None:
    """The same settings as the model's in the cloud, for endpoints that this process starts.

    Args:
        given: KEY=VALUE, from make's command line.
    """
    os.environ.update(load(overrides(given), needs=()).serving_variables)
