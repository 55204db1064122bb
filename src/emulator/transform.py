"""Batch transform jobs: an endpoint for the length of a job, S3 objects in and out."""

import http.client
import io
import itertools
import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from emulator.account import INTERRUPTED, Account, Record, now
from emulator.metrics import TRANSFORM
from emulator.protocol import invalid
from emulator.serving import Instance, StartFailed
from emulator.training import NO_CAPACITY, limit_exceeded
from emulator.variants import end_all, start_all
from train2deploy.cloud_settings import arns
from train2deploy.runtimes import Runtime

LOG_GROUP = "/aws/sagemaker/TransformJobs"
DEFAULT_PAYLOAD_MB, MOST_PAYLOAD_MB = 6, 100
MEGABYTE = 1024 * 1024
ENDED = ("Completed", "Failed", "Stopped")


class Failure(Exception):
    """The job fails with this reason."""


class Transforms:
    """The operations on transform jobs."""

    def __init__(self, account: Account, runtime: Runtime) -> None:
        self._account = account
        self._runtime = runtime
        self._instances: set[Instance] = set()

    def create(self, request: Record) -> Record:
        instance_type = request["TransformResources"]["InstanceType"]
        if instance_type in self._account.faults.types("limit"):
            raise limit_exceeded(instance_type, "transform job")
        check(request)
        self._account.models.get(request["ModelName"])
        return self._account.begin("TransformJob", self._account.transforms, request, self._run)

    def stop(self, request: Record) -> Record:
        job = self._account.transforms.get(request["TransformJobName"])
        if job["TransformJobStatus"] in ENDED:
            raise invalid(f"The transform job is in status {job['TransformJobStatus']}.")
        job["TransformJobStatus"] = "Stopping"
        return {}

    def resume(self, when: datetime) -> None:
        """Jobs that ran when the last emulator was ended have failed by that."""
        for job in self._account.transforms:
            if job["TransformJobStatus"] not in ENDED:
                self._end(job, "Failed", INTERRUPTED, when)

    def end_all(self) -> None:
        for instance in list(self._instances):
            instance.stop()

    def _run(self, job: Record) -> None:
        status, reason = "Failed", "InternalServerError: see the emulator's log"
        try:
            self._transform(job)
            status = "Stopped" if job["TransformJobStatus"] == "Stopping" else "Completed"
            reason = ""
        except (Failure, StartFailed) as failure:
            reason = str(failure)
        finally:
            self._end(job, status, reason, now())

    def _end(self, job: Record, status: str, reason: str, when: datetime) -> None:
        with self._account.lock:
            job["TransformEndTime"] = when
            if reason:
                job["FailureReason"] = reason[:1024]
            job["TransformJobStatus"] = status

    def _transform(self, job: Record) -> None:
        account, name = self._account, job["TransformJobName"]
        if job["TransformResources"]["InstanceType"] in account.faults.types("capacity"):
            raise Failure(NO_CAPACITY)
        model = account.models.get(job["ModelName"])
        container = dict(model["PrimaryContainer"])
        container["Environment"] = {
            **container.get("Environment", {}),
            **job.get("Environment", {}),
            "SAGEMAKER_BATCH": "true",
        }
        job["TransformStartTime"] = now()
        numbers = itertools.count()

        def start() -> Instance:
            number = next(numbers)
            directory = account.directory / "transforms" / f"{name}-{number}"
            log = (LOG_GROUP, f"{name}/i-{number}")
            model = {"PrimaryContainer": container}
            instance = Instance(account, self._runtime, model, directory, log)
            instance.watch(TRANSFORM, {"Host": log[1]})
            return instance

        instances = start_all(start, job["TransformResources"]["InstanceCount"])
        self._instances.update(instances)
        try:
            self._transform_objects(job, instances)
        finally:
            self._instances.difference_update(instances)
            end_all(instances)

    def _transform_objects(self, job: Record, instances: list[Instance]) -> None:
        """Each instance takes an object whenever it is idle."""
        s3 = self._account.client("s3")
        uri = job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
        if reason := self._account.unreachable(uri):
            raise Failure(f"ClientError: Data download failed: {reason}")
        bucket, prefix = arns.split_uri(uri)
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        if not keys:
            raise Failure(f"ClientError: no S3 objects below s3://{bucket}/{prefix}")
        folder = prefix if prefix.endswith("/") else prefix.rpartition("/")[0]
        idle = queue.SimpleQueue[Instance]()
        for instance in instances:
            idle.put(instance)

        def transform(key: str) -> None:
            instance = idle.get()
            try:
                self._transform_object(job, instance, bucket, key, key[len(folder) :].lstrip("/"))
            finally:
                idle.put(instance)

        with ThreadPoolExecutor(len(instances)) as pool:
            for _ in pool.map(transform, keys):
                pass

    def _transform_object(
        self, job: Record, instance: Instance, bucket: str, key: str, name: str
    ) -> None:
        s3 = self._account.client("s3")
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        answers = list(self._answers(job, instance, body))
        if job["TransformJobStatus"] == "Stopping":
            return
        line_by_line = job["TransformOutput"].get("AssembleWith") == "Line"
        result = b"".join(
            answer + b"\n" if line_by_line and not answer.endswith(b"\n") else answer
            for answer in answers
        )
        bucket, prefix = arns.split_uri(job["TransformOutput"]["S3OutputPath"])
        s3.put_object(Bucket=bucket, Key=f"{prefix.rstrip('/')}/{name}.out", Body=result)

    def _answers(self, job: Record, instance: Instance, body: bytes) -> Iterator[bytes]:
        headers = {"Content-Type": job["TransformInput"].get("ContentType", "")}
        if "Accept" in job["TransformOutput"]:
            headers["Accept"] = job["TransformOutput"]["Accept"]

        def ask(part: bytes) -> bytes:
            if job["TransformJobStatus"] == "Stopping":
                return b""
            try:
                chunked = job.get("MaxPayloadInMB") == 0
                status, answer, _ = instance.invoke(iter([part]) if chunked else part, headers)
            except (OSError, http.client.HTTPException) as error:
                raise Failure(f"InternalServerError: {error}") from error
            if status != http.client.OK:
                text = answer.decode("utf-8", "replace")
                raise Failure(f"ClientError: the model answered {status}: {text}")
            return answer

        with ThreadPoolExecutor(max(1, job.get("MaxConcurrentTransforms", 1))) as pool:
            yield from pool.map(ask, payloads(job, body))


def check(request: Record) -> None:
    """Raises ApiError for what AWS refuses, and for what is not emulated."""
    payload, most = request.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB), MOST_PAYLOAD_MB
    at_once = request.get("MaxConcurrentTransforms", 0) or 1
    if payload > most:
        raise invalid(
            f"1 validation error detected: Value '{payload}' at 'maxPayloadInMB' failed to satisfy"
            f" constraint: Member must have value less than or equal to {most}"
        )
    if at_once * payload > most:
        raise invalid(
            f"MaxConcurrentTransforms * MaxPayloadInMB must not exceed {most}, found"
            f" {at_once} * {payload} = {at_once * payload}."
        )
    processing = request.get("DataProcessing", {})
    whole = ("None", "$")
    for key in ("JoinSource", "InputFilter", "OutputFilter"):
        if processing.get(key, "None") not in whole:
            raise invalid(f"{key} is not emulated: join the answers to the inputs by line.")
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    if source["S3DataType"] != "S3Prefix":
        raise invalid(f"S3DataType {source['S3DataType']} is not emulated: give an S3Prefix.")
    split, packed = (
        request["TransformInput"].get(key, "None") for key in ("SplitType", "CompressionType")
    )
    if split not in ("None", "Line") or packed != "None":
        raise invalid(f"SplitType {split}, CompressionType {packed} are not emulated.")


def payloads(job: Record, body: bytes) -> Iterator[bytes]:
    """What is sent in one request: the object, a line, or as many lines as fit.

    Raises:
        Failure: a record is larger than a payload may be.
    """
    # 0 stands for no limit: a payload is then sent in chunks.
    limit = job.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB) * MEGABYTE or float("inf")
    whole = job["TransformInput"].get("SplitType", "None") == "None"
    alone = job.get("BatchStrategy", "MultiRecord") == "SingleRecord"
    batch: list[bytes] = []
    size = 0
    for record in [body] if whole else io.BytesIO(body):
        if len(record) > limit:
            raise Failure(
                f"ClientError: Too much data for max payload size: a record of {len(record)} bytes,"
                f" MaxPayloadInMB is {job.get('MaxPayloadInMB', DEFAULT_PAYLOAD_MB)}."
            )
        if batch and (alone or size + len(record) > limit):
            yield b"".join(batch)
            batch, size = [], 0
        batch.append(record)
        size += len(record)
    if batch:
        yield b"".join(batch)
