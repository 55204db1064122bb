"""`make cloud-batch INPUT=file.jsonl`: a batch transform job, its answers joined to the inputs.

An instance takes whole S3 objects, so the input is cut into parts, two for each
instance. Each input line has one answer; both are counted before they are joined.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.exceptions

from train2deploy import console, endpoint, paths
from train2deploy.cloud import deploy, endpoints, follow, plan, refusals, storage
from train2deploy.cloud.session import Cloud, CloudError, already_there, existing
from train2deploy.cloud_settings import arns, names, prices
from train2deploy.datasets import encodings
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_value
from train2deploy.requests import TYPES

CONTENT_TYPE = "application/jsonlines"
PARTS_PER_INSTANCE = 2
LARGEST_PAYLOAD_MB = 100
"""SageMaker's limit, for one request and for all that an instance works on at once."""
MEGABYTE = 1_000_000  # as SageMaker's documents leave it open which one is meant, the smaller
AT_ONCE = 2


@dataclass(frozen=True)
class Lines:
    """The lines of a file."""

    texts: list[str]  # sentences, or records as they are
    content_type: str = ""  # of the records; "" where they are sentences

    def record(self, text: str) -> bytes:
        """A line as the job is given it."""
        line = text if self.content_type else json.dumps({"q": text}, ensure_ascii=False)
        return (line + "\n").encode()


def batch(
    cloud: Cloud, file: Path, approval: plan.Approval, content_type: str = "", accept: str = ""
) -> Path:
    """Has every line of a file answered.

    Args:
        file: a line each {"q": "…"} or plain text; or records of any type.
        content_type: of the records; "" is by the file's name and first line.
        accept: what is wanted back; "" is the records' own type.

    Returns:
        The result, in the input's order: a line each {"q": …, "ranking": […]} for sentences,
        {"input": …, "answer": …} for other records.

    Raises:
        UserError: a line is wrong.
        CloudError: the job failed, or an answer is missing.
    """
    cloud.check_bucket()
    lines = read(file, content_type)
    deploy.check_package()
    deployment = deploy.prepare(cloud)
    parts = split(lines.texts, PARTS_PER_INSTANCE * cloud.config.batch_instance_count)
    request, existing = _choose_job(cloud, deployment, lines, accept or _accept(lines))
    name = request["TransformJobName"]
    plan.ask(cloud, _planned(cloud, deployment, request, existing, len(parts)), approval)
    if existing is None:
        storage.upload_file(cloud, paths.MODEL_ARCHIVE, "models", deployment.sha256)
        _upload(cloud, request, lines, parts)
        _create(cloud, deployment, request)
    job = _wait(cloud, name)
    _remove_model(cloud)
    if job["TransformJobStatus"] != "Completed":
        reason = job.get("FailureReason", "it was stopped")
        advice = refusals.capacity_advice(cloud, reason, "BATCH_INSTANCE_TYPE")
        raise CloudError(f"transform job {name}: {job['TransformJobStatus']}: {reason}{advice}")
    result = paths.CLOUD_WORK / f"{file.stem}.answers.jsonl"
    _join(cloud, request, lines, parts, result)
    console.say(f"{len(lines.texts)} lines: {paths.relative(result)}")
    return result


def read(file: Path, content_type: str = "") -> Lines:
    """The lines of a file.

    Raises:
        UserError: it is not there, or a line is not what it should be; with the line's number.
    """
    try:
        text = encodings.read_text(file, "INPUT")
    except OSError as error:
        raise UserError(
            f"INPUT={file}: expected a text file in UTF-8: {error.strerror}."
        ) from error
    # Not splitlines: characters such as U+2028 may stand within a sentence.
    texts = text.removesuffix("\n").split("\n") if text else []
    if not texts:
        raise UserError(f"INPUT={file}: expected at least one line, found none.")
    kind = content_type or _kind(file, texts[0])
    lines = Lines([], kind)
    for number, line in enumerate(texts, 1):
        where = f"{file}, line {number}"
        lines.texts.append(_record(where, line, kind) if kind else _sentence(where, line))
        size = len(lines.record(lines.texts[-1]))
        if size > LARGEST_PAYLOAD_MB * MEGABYTE:
            raise UserError(
                f"{where}: expected at most {LARGEST_PAYLOAD_MB} MB, SageMaker's limit for one"
                f" line, found {size / MEGABYTE:.1f} MB. Shorten it or leave it out."
            )
    return lines


def _kind(file: Path, first: str) -> str:
    """The content type of a file's records; "" for sentences, as the article's client sends one."""
    kind = TYPES.get(file.suffix.lower(), "")
    if kind != CONTENT_TYPE:
        return kind if kind == "text/csv" else ""
    try:
        value = json.loads(first)
    except ValueError:
        return ""
    return "" if isinstance(value, str) or (isinstance(value, dict) and "q" in value) else kind


def _record(where: str, line: str, kind: str) -> str:
    line = line.removesuffix("\r")
    if not line.strip():
        raise UserError(f"{where}: expected a record, found a blank line.")
    if kind == CONTENT_TYPE:
        try:
            json.loads(line)
        except ValueError as error:
            raise UserError(f"{where}: expected JSON, found {line[:60]!r} ({error}).") from error
    return line


def _accept(lines: Lines) -> str:
    """The type that is wanted back. A model without code has JSON alone, which only JSON lines
    bring on a line each."""
    has_code = (endpoint.unpacked_model() / "code" / "inference.py").exists()
    return lines.content_type if lines.content_type and has_code else CONTENT_TYPE


def limits(lines: Lines) -> dict[str, int]:
    """How large a request is, by the longest line, and how many an instance gets at once.

    >>> limits(Lines(["short"]))
    {'MaxPayloadInMB': 1, 'MaxConcurrentTransforms': 2}
    """
    longest = max(len(lines.record(text)) for text in lines.texts)
    payload = -(-longest // MEGABYTE)
    return {
        "MaxPayloadInMB": payload,
        "MaxConcurrentTransforms": min(AT_ONCE, LARGEST_PAYLOAD_MB // payload),
    }


def split(items: list[str], parts: int) -> list[list[str]]:
    """Cut into at most `parts` runs of about the same length, in order.

    >>> split(["a", "b", "c"], 2)
    [['a', 'b'], ['c']]
    """
    size = -(-len(items) // max(1, min(parts, len(items))))
    return [items[start : start + size] for start in range(0, len(items), size)]


def _sentence(where: str, line: str) -> str:
    text: Any = line
    if line.lstrip().startswith("{"):
        try:
            request = json.loads(line)
            text = request["q"]
        except (ValueError, KeyError) as error:
            raise UserError(f'{where}: expected {{"q": "…"}}, found {line[:60]!r}.') from error
        if len(request) > 1:
            others = ", ".join(sorted(request.keys() - {"q"}))
            raise UserError(f'{where}: expected "q" alone, found {others}, too.')
    if not isinstance(text, str) or not text.strip():
        raise UserError(f"{where}: expected a sentence, found {str(text)[:60]!r}.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{where}: expected text, found half of a character: {error}") from error
    return text


def _choose_job(
    cloud: Cloud, deployment: deploy.Deployment, lines: Lines, accept: str
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The request for these lines, and the job if there is one to be taken up."""
    types = [lines.content_type, accept] if lines.content_type else []
    facts = [deployment.sha256, lines.texts, cloud.config.batch_instance_count, *types]
    stem = f"{names.batch(cloud.config.project)}-batch-{sha256_value(facts)[:10]}"

    def is_lost(job: dict[str, Any]) -> bool:
        place = arns.split_uri(job["TransformOutput"]["S3OutputPath"])[1]
        return job["TransformJobStatus"] == "Completed" and not storage.keys(cloud, place)

    name, found = follow.choose(
        stem, lambda name: _describe(cloud, name), "TransformJobStatus", is_lost
    )
    return _request(cloud, deployment, name, lines, accept), found


def _request(
    cloud: Cloud, deployment: deploy.Deployment, name: str, lines: Lines, accept: str
) -> dict[str, Any]:
    settings = cloud.config
    count = settings.batch_instance_count
    return {
        "TransformJobName": name,
        "ModelName": deployment.model_name,
        **limits(lines),
        # How another handler answers several records at once only its author knows.
        "BatchStrategy": "SingleRecord" if lines.content_type else "MultiRecord",
        "TransformInput": {
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": settings.uri("batch", name, "input/"),
                }
            },
            "ContentType": lines.content_type or CONTENT_TYPE,
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": settings.uri("batch", name, "output"),
            "Accept": accept,
            "AssembleWith": "Line",
            **({"KmsKeyId": settings.kms_key} if settings.kms_key else {}),
        },
        "TransformResources": {
            "InstanceType": settings.batch_instance_type,
            "InstanceCount": count,
            **({"VolumeKmsKeyId": settings.kms_key} if settings.kms_key else {}),
        },
        "Tags": settings.tag_list,
    }


def _planned(
    cloud: Cloud,
    deployment: deploy.Deployment,
    request: dict[str, Any],
    existing: dict[str, Any] | None,
    parts: int,
) -> plan.Plan:
    result = plan.Plan("cloud-batch")
    if existing is not None:
        status = existing["TransformJobStatus"]
        result.add("transform job", request["TransformJobName"], f"there already, {status}")
        return result
    result.add("S3 objects", request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"],
               f"{parts} parts")  # fmt: skip
    result.add("model", deployment.model_name, "for the length of the job")
    result.add("transform job", request["TransformJobName"])
    settings = cloud.config
    kind, count = settings.batch_instance_type, settings.batch_instance_count
    result.costs.append(prices.cost(settings, kind, count, settings.batch_max_minutes / 60))
    return result


def _part_key(number: int) -> str:
    return f"part-{number:05d}.jsonl"


def _upload(cloud: Cloud, request: dict[str, Any], lines: Lines, parts: list[list[str]]) -> None:
    bucket, prefix = arns.split_uri(
        request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
    )
    for number, part in enumerate(parts):
        body = b"".join(map(lines.record, part))
        cloud.client("s3").put_object(Bucket=bucket, Key=prefix + _part_key(number), Body=body)


def _create(cloud: Cloud, deployment: deploy.Deployment, request: dict[str, Any]) -> None:
    try:
        endpoints.create(cloud.sagemaker.create_model, deployment.model)
        cloud.sagemaker.create_transform_job(**request)
    except botocore.exceptions.ClientError as error:
        if not already_there(error):
            _remove_model(cloud)
            raise refusals.refused(cloud, error, "BATCH_INSTANCE_TYPE") from error


def _describe(cloud: Cloud, name: str) -> dict[str, Any] | None:
    return existing(cloud.sagemaker.describe_transform_job, TransformJobName=name)


def _wait(cloud: Cloud, name: str) -> dict[str, Any]:
    """Until the job has ended, or has run for longer than batch_max_minutes and is stopped."""
    seconds = 0.0

    def said(job: dict[str, Any]) -> str:
        nonlocal seconds
        seconds += cloud.poll_seconds
        status = str(job["TransformJobStatus"])
        if seconds > 60 * cloud.config.batch_max_minutes and status == "InProgress":
            cloud.sagemaker.stop_transform_job(TransformJobName=name)
        return status

    return follow.to_the_end(
        cloud, f"transform job {name}", lambda: _describe(cloud, name), "TransformJobStatus", said
    )


def _join(
    cloud: Cloud, request: dict[str, Any], lines: Lines, parts: list[list[str]], result: Path
) -> None:
    bucket, prefix = arns.split_uri(request["TransformOutput"]["S3OutputPath"])
    keys = ("input", "answer") if lines.content_type else ("q", "ranking")
    joined = []
    for number, part in enumerate(parts):
        key = f"{prefix}/{_part_key(number)}.out"
        body = cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        found = values(body.decode("utf-8", "replace"), len(part))
        if len(found) != len(part):
            raise CloudError(
                f"s3://{bucket}/{key}: expected {len(part)} answers, a line each, found"
                f" {len(found)}."
            )
        pairs = zip(part, found, strict=True)
        joined += [
            json.dumps(dict(zip(keys, pair, strict=True)), ensure_ascii=False) for pair in pairs
        ]
    result.parent.mkdir(parents=True, exist_ok=True)
    partial = result.with_name(result.name + ".part")
    partial.write_text("\n".join(joined) + "\n", encoding="utf-8")
    partial.replace(result)


def values(text: str, count: int) -> list[Any]:
    """The answers in what a job wrote: a line each, JSON or text; or JSON of several lines.

    >>> values('6.0\\na, b\\n', 2), values('{\\n"a": 1\\n}\\n[2]', 2)
    ([6.0, 'a, b'], [{'a': 1}, [2]])
    """
    lines = [line for line in text.split("\n") if line]
    if len(lines) != count:
        with contextlib.suppress(ValueError):
            if len(found := list(_documents(text))) == count:
                return found
    return [_value(line) for line in lines]


def _documents(text: str) -> Iterator[Any]:
    at, decoder = 0, json.JSONDecoder()
    while rest := text[at:].lstrip():
        value, size = decoder.raw_decode(rest)
        at = len(text) - len(rest) + size
        yield value


def _value(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line


def _remove_model(cloud: Cloud) -> None:
    """The model was made for the job, unless the endpoint uses it."""
    endpoint = endpoints.describe(cloud, cloud.config.endpoint_name)
    keep = endpoint.get("EndpointConfigName", "") if endpoint else ""
    endpoints.remove_unused(cloud, cloud.config.endpoint_name, keep=keep)
