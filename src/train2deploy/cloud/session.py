"""The account: boto3 clients, with patience for an account's bad minutes, or the emulator's."""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
from botocore.config import Config as ClientConfig

from train2deploy import console, manifest, paths
from train2deploy.cloud_settings import arns
from train2deploy.cloud_settings.config import NEEDED, Config, load
from train2deploy.errors import JobFailed, MissingRequirement, UserError

EMULATOR_ROLE = "train2deploy-execution"
EMULATOR_BUCKET = "train2deploy-emulator"
"""In us-east-1; in another region its name ends with that: buckets' names are the world's."""
ADMINISTRATOR_KEY = "emulator-internal"
"""Whose calls the emulator neither records nor lets run into faults."""
CONNECTIONS = 256  # at once, to one service: as many threads of Python as there is any use for


class CloudError(JobFailed):
    """The account refused, or did not do what was asked."""


@dataclass(frozen=True)
class Cloud:
    """An account, and the settings for it."""

    config: Config
    emulator_url: str = ""  # of src/emulator, "" for AWS
    attempts: int = 8  # how often a call is tried at most

    @property
    def is_emulator(self) -> bool:
        return bool(self.emulator_url)

    @property
    def poll_seconds(self) -> float:
        return 0.5 if self.is_emulator else 5.0

    @cached_property
    def boto(self) -> Any:
        """The boto3 session. Credentials are boto3's own affair; the emulator's are dummies."""
        keys = (
            {"aws_access_key_id": "emulator", "aws_secret_access_key": "emulator"}
            if self.is_emulator
            else {}
        )
        return boto3.Session(region_name=self.config.region, **keys)

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    def client(self, service: str) -> Any:
        """A client that tries again after throttling, 5xx and lost connections."""
        if service not in self._clients:
            emulated: dict[str, Any] = (
                {"s3": {"addressing_style": "path"}, "proxies": {}} if self.is_emulator else {}
            )
            # An invocation is not repeated unasked: the endpoint may still work on it.
            attempts = 1 if service == "sagemaker-runtime" else self.attempts
            retries = {"mode": "standard", "total_max_attempts": attempts}
            self._clients[service] = self.boto.client(
                service,
                endpoint_url=self.emulator_url or None,
                config=ClientConfig(
                    retries=retries,
                    connect_timeout=10,
                    read_timeout=70,
                    max_pool_connections=CONNECTIONS,
                    **emulated,
                ),
            )
        return self._clients[service]

    @property
    def sagemaker(self) -> Any:
        return self.client("sagemaker")

    @cached_property
    def account_id(self) -> str:
        return str(self.client("sts").get_caller_identity()["Account"])

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a SageMaker resource."""
        return arns.sagemaker(self.config.region, self.account_id, kind, name)

    @cached_property
    def role_arn(self) -> str:
        """The execution role; a name is looked up, with the path that it lies under."""
        given = self.config.role
        if given.startswith("arn:"):
            return given
        try:
            found = self.client("iam").get_role(RoleName=given.rpartition("/")[2])
        except self.client("iam").exceptions.NoSuchEntityException:
            raise UserError(
                f"role: the account {self.account_id} has none of the name {given!r}."
                " Give an existing one's name or ARN; `make cloud-policy` prints what it must be"
                " allowed to do."
            ) from None
        arn = str(found["Role"]["Arn"])
        if "/" in given and not arn.endswith(f":role/{given.strip('/')}"):
            raise UserError(f"role: the account has no {given!r}, but {arn}. Give that.")
        return arn

    def check_bucket(self) -> None:
        """Raises UserError unless the bucket is there, in the region; none is ever made on AWS."""
        name, region = self.config.bucket, self.config.region
        try:
            head = self.client("s3").head_bucket(Bucket=name)
        except botocore.exceptions.ClientError as error:
            raise UserError(
                f"bucket: s3://{name} is not there, or not for this caller"
                f" ({error.response['Error'].get('Code')}). Make it, or give another one's name."
            ) from error
        there = head.get("BucketRegion", region)
        if there != region:
            raise UserError(
                f"bucket: s3://{name} is in {there}, and SageMaker in {region} reads and writes"
                f" buckets of {region} alone. Give one of those, or REGION={there}."
            )


def settings(cloud: str, overrides: Mapping[str, str], needs: Collection[str] = NEEDED) -> Config:
    """The settings for what CLOUD= names; the emulator has a role and a bucket of its own.

    Raises:
        UserError: CLOUD is something else, or as config.load does.
    """
    if cloud not in ("aws", "emulator"):
        raise UserError(f"CLOUD={cloud}: expected aws or emulator.")
    if cloud == "aws":
        return load(overrides, needs=needs)
    config = load(overrides, needs=())
    here = config.region == "us-east-1"
    bucket = EMULATOR_BUCKET if here else f"{EMULATOR_BUCKET}-{config.region}"
    return replace(config, role=config.role or EMULATOR_ROLE, bucket=config.bucket or bucket)


def connect(config: Config, cloud: str) -> Cloud:
    """The account that CLOUD= names: aws or emulator.

    Raises:
        MissingRequirement: no emulator runs.
    """
    if cloud == "aws":
        return Cloud(config)
    url = emulator_url()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_ENDPOINT_URL"] = url
    os.environ["AWS_ACCESS_KEY_ID"] = os.environ["AWS_SECRET_ACCESS_KEY"] = "emulator"
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ["no_proxy"] = "*"
    account = Cloud(config, url)
    _furnish(account)
    return account


def with_role_arn(config: Config, cloud: str) -> tuple[Config, str]:
    """The settings with the ARN of their role, for a policy to name.

    Returns:
        The settings, and why the role stays a name: it need not be there yet, and who prints a
        policy may not be allowed to look.
    """
    if not config.role or config.role.startswith("arn:"):
        return config, ""
    unseen = f"role {config.role}: named whatever path it lies under, as it was not looked up"
    try:
        account = replace(connect(config, cloud), attempts=2)
        return replace(config, role=account.role_arn), ""
    except UserError as error:
        return config, f"{unseen}: {error}"
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        return config, f"{unseen} with GetRole: {error}"


def emulator_url() -> str:
    state = manifest.read(paths.EMULATOR_STATE)
    if state is None or not Path(f"/proc/{state['pid']}").exists():
        raise MissingRequirement(
            "CLOUD=emulator: no emulator is running. Start one with `make emulator DETACH=1`."
        )
    return str(state["url"])


def emulator_minute() -> float:
    """Seconds that a minute of AWS lasts in the emulator (LIMITS=minute:…)."""
    return float((manifest.read(paths.EMULATOR_STATE) or {}).get("minute", 60.0))


def _furnish(account: Cloud) -> None:
    """What an administrator has made in a real account: the bucket and the role."""
    config = account.config

    def client(service: str) -> Any:
        return account.boto.client(
            service,
            endpoint_url=account.emulator_url,
            aws_access_key_id=ADMINISTRATOR_KEY,
            aws_secret_access_key="none",
            config=ClientConfig(s3={"addressing_style": "path"}, proxies={}),
        )

    s3, iam = client("s3"), client("iam")
    try:
        s3.head_bucket(Bucket=config.bucket)
    except botocore.exceptions.ClientError:
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": config.region}}
        s3.create_bucket(
            Bucket=config.bucket, **({} if config.region == "us-east-1" else elsewhere)
        )
    if config.role.startswith("arn:"):
        return
    path, _, name = config.role.strip("/").rpartition("/")
    try:
        iam.get_role(RoleName=name)
    except iam.exceptions.NoSuchEntityException:
        place = f"/{path}/" if path else "/"
        iam.create_role(RoleName=name, Path=place, AssumeRolePolicyDocument="{}")


def code(error: botocore.exceptions.ClientError) -> str:
    return str(error.response["Error"]["Code"])


def message(error: botocore.exceptions.ClientError) -> str:
    return str(error.response["Error"].get("Message", error))


def already_there(error: botocore.exceptions.ClientError) -> bool:
    """Whether a create call failed because a call before it, maybe ours, succeeded."""
    return code(error) == "ResourceInUse" or "already exist" in message(error)


def not_there(error: botocore.exceptions.ClientError) -> bool:
    """Whether a describe or delete call failed because there is no such thing."""
    text = message(error).lower()
    return code(error) in ("ResourceNotFound", "NoSuchKey", "404") or any(
        words in text for words in ("could not find", "not found", "does not exist")
    )


def existing(call: Callable[..., Any], **request: Any) -> dict[str, Any] | None:
    """What a describe, list or head call says of a thing; None where there is no such thing."""
    try:
        return dict(call(**request))
    except botocore.exceptions.ClientError as error:
        if not_there(error):
            return None
        raise


def say_account(account: Cloud) -> None:
    where = f"the emulator at {account.emulator_url}" if account.is_emulator else "AWS"
    console.say(f"account {account.account_id} ({where}), region {account.config.region}")
