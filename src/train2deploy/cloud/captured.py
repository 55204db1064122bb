"""`make cloud-captured`: what data capture has kept in S3, as a table that takes labels."""

import base64
import binascii
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from train2deploy import answers, console, labelled, paths
from train2deploy.cloud import configuration, endpoints, storage
from train2deploy.cloud.session import Cloud
from train2deploy.errors import UserError

TABLE = paths.CLOUD_WORK / "captured.csv"
AT_ONCE = 8
LONGEST = 2000  # characters of a request or an answer that is not one of sentences and labels

Row = dict[str, str]


def captured(cloud: Cloud) -> Path:
    """Writes the table, with the labels that the last one had been given.

    Raises:
        UserError: nothing has been captured.
    """
    found = keys(cloud)
    if not found:
        raise UserError(
            f"s3://{cloud.config.bucket}/{_prefix(cloud)}: expected captured requests, found none"
            f"{_why(cloud)}"
        )
    rows = {row["id"]: row for row in read(cloud, found)}
    before = labelled.read(TABLE) if TABLE.exists() else []
    kept = {row["id"]: row for row in before if row["label"].strip()}
    for name, row in kept.items():
        rows[name] = {**rows.get(name, row), "label": row["label"]}
    labelled.write(TABLE, sorted(rows.values(), key=lambda row: (row["time"], row["id"])))
    console.say(f"{len(rows)} sentences, {len(kept)} of them with a label: {paths.relative(TABLE)}")
    console.say(
        "fill in the column `label`; then `make evaluate CAPTURED="
        f"{paths.relative(TABLE)}` scores what was answered"
    )
    return TABLE


def keys(cloud: Cloud) -> list[str]:
    """The objects that the endpoint's variants have left."""
    return [key for key in storage.keys(cloud, _prefix(cloud)) if key.endswith(".jsonl")]


def read(cloud: Cloud, found: list[str]) -> list[Row]:
    """A row for each sentence in these objects."""
    s3, start = cloud.client("s3"), len(_prefix(cloud))

    def fetch(key: str) -> bytes:
        body: bytes = s3.get_object(Bucket=cloud.config.bucket, Key=key)["Body"].read()
        return body

    rows: list[Row] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for key, body in zip(found, pool.map(fetch, found), strict=True):
            variant = key[start:].partition("/")[0]
            for number, line in enumerate(body.split(b"\n"), 1):
                if line.strip():
                    rows += _rows(f"s3://{cloud.config.bucket}/{key}, line {number}", variant, line)
    return rows


def _rows(where: str, variant: str, line: bytes) -> Iterator[Row]:
    try:
        event = json.loads(line)
        data, metadata = event["captureData"], event["eventMetadata"]
        asked = _text(data.get("endpointInput"))
        answer = _text(data.get("endpointOutput"))
        name, time = str(metadata["eventId"]), str(metadata["inferenceTime"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{where}: expected an event of data capture: {error!r}.") from error
    texts = _sentences(asked)
    rankings = answers.read_rankings(answer.encode(), len(texts))
    for number, text in enumerate(texts):
        first = rankings[number][0] if rankings else {"label": answer[:LONGEST], "prob": ""}
        yield {
            "id": name if len(texts) == 1 else f"{name}/{number + 1:03}",
            "time": time,
            "variant": variant,
            "sentence": text,
            "predicted": str(first["label"]),
            "probability": str(first["prob"]),
            "label": "",
        }


def _text(side: dict[str, Any] | None) -> str:
    """A request or an answer; "" where it was not captured."""
    if side is None:
        return ""
    data = str(side["data"])
    if side["encoding"] != "BASE64":
        return data
    try:
        return base64.b64decode(data, validate=True).decode("utf-8", "replace")
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from error


def _sentences(asked: str) -> list[str]:
    """Those of a request to our handler, JSON or JSON lines; another one's is one text."""
    found: list[str] = []
    try:
        for line in [asked] if "\n" not in asked.strip() else asked.split("\n"):
            if line.strip():
                query = json.loads(line)["q"]
                found += query if isinstance(query, list) else [query]
    except (ValueError, KeyError, TypeError, RecursionError):
        return [asked[:LONGEST]]
    if not found or not all(isinstance(text, str) for text in found):
        return [asked[:LONGEST]]
    return found


def _prefix(cloud: Cloud) -> str:
    """Below which the endpoint's captured data lies, whatever the variant."""
    settings = cloud.config
    return f"{settings.prefix}/{configuration.CAPTURED}/{settings.endpoint_name}/"


def _why(cloud: Cloud) -> str:
    """Why nothing has been captured, as far as the endpoint tells."""
    endpoint = endpoints.describe(cloud, cloud.config.endpoint_name)
    there = (endpoint or {}).get("DataCaptureConfig")
    if not there:
        return ". `make cloud-deploy CAPTURE=20` keeps 20 % of the requests."
    if there["DestinationS3Uri"] != cloud.config.uri(configuration.CAPTURED):
        return f": the endpoint writes to {there['DestinationS3Uri']}."
    return " yet: on AWS they come some minutes after the requests."
