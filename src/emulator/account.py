"""What the account holds of SageMaker in a region, and how that reaches its S3 and its logs."""

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
from botocore.config import Config

from emulator.faults import Faults
from emulator.journal import Journal
from emulator.limits import Limits
from emulator.metrics import Metrics
from emulator.protocol import ApiError, invalid
from emulator.records import Records
from emulator.samples import Sampler
from train2deploy.cloud_settings import arns

ACCOUNT_ID = "123456789012"
INTERNAL_KEY = "emulator-internal"
"""Access key of the emulator's own calls: no fault reaches them, none is recorded."""

Record = dict[str, Any]


INTERRUPTED = "InternalServerError: the emulator was ended while this job was running."


def now() -> datetime:
    return datetime.now(timezone.utc)


CONNECTIONS = 64  # at once, to one service
_making_client = threading.Lock()  # boto3's session is not for several threads at once


@dataclass(frozen=True)
class Settings:
    """What all regions have in common."""

    directory: Path  # for what runs; each region takes a folder of it
    url: str  # where this account answers
    faults: Faults
    limits: Limits
    journal: Journal  # what the account is made of, from which the next emulator restores it
    stopping: threading.Event = field(default_factory=threading.Event)  # set once the emulator ends


class Collection:
    """Resources of one kind by name, in order of creation; capitals make no other name."""

    def __init__(self, region: str, kind: str, noun: str) -> None:
        self._region = region
        self.kind = kind
        self.noun = noun
        self._by_name: dict[str, Record] = {}

    def arn(self, name: str) -> str:
        return arns.sagemaker(self._region, ACCOUNT_ID, self.kind, name)

    def find(self, name: str) -> Record | None:
        return self._by_name.get(name.lower())

    def get(self, name: str) -> Record:
        """The record, or what AWS says when there is none."""
        record = self.find(name)
        if record is None:
            raise invalid(f'Could not find {self.noun} "{self.arn(name)}".')
        return record

    def add(self, name: str, record: Record) -> None:
        self._by_name[name.lower()] = record

    def remove(self, name: str) -> None:
        self._by_name.pop(name.lower(), None)

    def items(self) -> list[tuple[str, Record]]:
        """With the name that each is found by."""
        return list(self._by_name.items())

    def __iter__(self) -> Iterator[Record]:
        return iter(list(self._by_name.values()))


class Account:
    """All resources of one region; `lock` guards every change of them."""

    def __init__(self, settings: Settings, region: str) -> None:
        self.region = region
        self.partition = arns.partition(region)
        self.faults = settings.faults
        self.limits = settings.limits
        self.directory = settings.directory / region
        self.stopping = settings.stopping
        self._url = settings.url
        self._clients: dict[str, Any] = {}
        self.lock = threading.RLock()
        self.training = Collection(region, "training-job", "training job")
        self.models = Collection(region, "model", "model")
        self.configs = Collection(region, "endpoint-config", "endpoint configuration")
        self.endpoints = Collection(region, "endpoint", "endpoint")
        self.transforms = Collection(region, "transform-job", "transform job")
        self.tunings = Collection(region, "hyper-parameter-tuning-job", "tuning job")
        self.collections = (
            self.training, self.models, self.configs, self.endpoints, self.transforms, self.tunings,
        )  # fmt: skip
        self.tags: dict[str, dict[str, str]] = {}
        self.alarms: Mapping[str, Any] = {}  # moto's, by their names
        self.metrics = Metrics(settings.limits)
        self.sampler = Sampler(self.metrics, settings.limits, settings.stopping)
        self.records = Records(self, settings.journal)

    def client(self, service: str) -> Any:
        """A boto3 client of this very account and region, one for all threads."""
        with _making_client:
            if service not in self._clients:
                client = boto3.client(
                    service,
                    endpoint_url=self._url,
                    region_name=self.region,
                    aws_access_key_id=INTERNAL_KEY,
                    aws_secret_access_key="none",
                    config=Config(
                        s3={"addressing_style": "path"},
                        proxies={},
                        max_pool_connections=CONNECTIONS,
                    ),
                )
                # Its classes are made when first read; two threads would each make their own, and
                # one would not catch what the other's are raised for.
                _ = client.exceptions
                self._clients[service] = client
            return self._clients[service]

    def check_role(self, arn: str) -> None:
        """Raises ApiError for what cannot be a role of this region's partition."""
        if not re.fullmatch(rf"arn:{self.partition}:iam::\d{{12}}:role/.+", arn):
            raise invalid(
                f"Could not assume role {arn}. Please ensure that the role exists and allows"
                " principal 'sagemaker.amazonaws.com' to assume the role."
            )

    def unreachable(self, uri: str) -> str:
        """Why SageMaker cannot read what lies at an S3 URI, "" where it can."""
        try:
            head = self.client("s3").head_bucket(Bucket=arns.split_uri(uri)[0])
        except botocore.exceptions.ClientError:
            return "NoSuchBucket (404): The specified bucket does not exist"
        region = head.get("BucketRegion", self.region)
        if region == self.region:
            return ""
        return (
            f"PermanentRedirect (301): The bucket is in this region: {region}. Please use this"
            " region to retry the request"
        )

    def begin(
        self,
        stem: str,
        jobs: Collection,
        request: Record,
        run: Callable[[Record], None],
        taken: str = "Job name already exists",
        **more: object,
    ) -> Record:
        """Adds a job that `run` takes up in a thread; what AWS answers.

        Args:
            stem: of the request's keys, such as TrainingJob.
            taken: what AWS says of a name that there is already.
            more: further keys of the record.
        """
        name = request[f"{stem}Name"]
        arn = jobs.arn(name)
        with self.lock:
            if jobs.find(name):
                raise ApiError("ResourceInUse", f"{taken} ({arn})")
            job = {
                **request,
                f"{stem}Arn": arn,
                f"{stem}Status": "InProgress",
                "CreationTime": now(),
            }
            self.tag(arn, job.pop("Tags", None))
            jobs.add(name, job | more)
            threading.Thread(target=run, args=(jobs.get(name),), name=name, daemon=True).start()
        return {f"{stem}Arn": arn}

    def tag(self, arn: str, tags: list[dict[str, str]] | None) -> None:
        """Gives a resource these tags, those that it has with them.

        Raises:
            ApiError: a key is one of AWS's own.
        """
        if tags:
            check_keys(tag["Key"] for tag in tags)
            self.tags.setdefault(arn, {}).update({tag["Key"]: tag["Value"] for tag in tags})

    def untag(self, arn: str, keys: list[str]) -> None:
        """Takes these keys away; raises as `tag` does."""
        check_keys(keys)
        for key in keys:
            self.tags.get(arn, {}).pop(key, None)

    def download(self, uri: str, directory: Path) -> int:
        """Copies everything below an S3 prefix; how many objects there were."""
        bucket, prefix = arns.split_uri(uri)
        s3 = self.client("s3")
        count = 0
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                relative = entry["Key"][len(prefix) :].lstrip("/") or Path(prefix).name
                target = directory / relative
                target.parent.mkdir(parents=True, exist_ok=True)
                s3.download_file(bucket, entry["Key"], str(target))
                count += 1
        return count

    def fetch(self, uri: str, file: Path) -> None:
        """Copies one S3 object."""
        bucket, key = arns.split_uri(uri)
        file.parent.mkdir(parents=True, exist_ok=True)
        self.client("s3").download_file(bucket, key, str(file))

    def upload(self, file: Path, uri: str) -> None:
        bucket, key = arns.split_uri(uri)
        self.client("s3").upload_file(str(file), bucket, key)


def check_keys(keys: Iterable[str]) -> None:
    """Raises ApiError for a key that only AWS may change."""
    if any(key.lower().startswith("aws:") for key in keys):
        raise invalid("aws: prefixed tag key names are not allowed for external use.")


class Sender:
    """What is added is sent in batches, every so many seconds and at the end."""

    every_seconds: float

    def __init__(self) -> None:
        self._pending: list[Any] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def send(self, batch: list[Any]) -> None:
        """All that was added since the last batch."""
        raise NotImplementedError

    def add(self, one: Any) -> None:
        with self._lock:
            self._pending.append(one)

    def close(self) -> None:
        """Sends what is left."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._closed.wait(self.every_seconds)
            with self._lock:
                batch, self._pending = self._pending, []
            self.send(batch)


class LogStream(Sender):
    """One CloudWatch stream."""

    every_seconds = 0.5

    def __init__(self, account: Account, group: str, stream: str) -> None:
        self._logs = account.client("logs")
        self._names = {"logGroupName": group, "logStreamName": stream}
        self._stopping = account.stopping
        exists = self._logs.exceptions.ResourceAlreadyExistsException
        with contextlib.suppress(exists):
            self._logs.create_log_group(logGroupName=group)
        with contextlib.suppress(exists):
            self._logs.create_log_stream(**self._names)
        super().__init__()

    def write(self, line: str) -> None:
        # A message of no characters is refused by CloudWatch.
        self.add({"timestamp": int(time.time() * 1000), "message": line or " "})

    def send(self, batch: list[Any]) -> None:
        for start in range(0, len(batch), 1000):
            try:
                self._logs.put_log_events(**self._names, logEvents=batch[start : start + 1000])
            except botocore.exceptions.BotoCoreError:
                if not self._stopping.is_set():
                    raise
