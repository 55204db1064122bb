"""Data capture: a share of a variant's requests and answers, as JSON lines in S3.

    <DestinationS3Uri>/<endpoint>/<variant>/<yyyy>/<mm>/<dd>/<hh>/<mm-ss-mmm>-<uuid>.jsonl

The lines, their encodings and the keys are those of AWS's documentation. AWS says nothing of
requests that failed; here none of them is captured.
"""

import base64
import http.client
import itertools
import json
import logging
import random
import uuid
from datetime import datetime
from typing import Any

import botocore.exceptions

from emulator.account import Account, Record, Sender, now
from train2deploy.cloud_settings import arns

logger = logging.getLogger("emulator")

INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
SIDES = {
    "endpointInput": ("INPUT", ("Input", "InputAndOutput")),
    "endpointOutput": ("OUTPUT", ("Output", "InputAndOutput")),
}


class Capture(Sender):
    """What one variant's requests leave in S3.

    Args:
        config: the DataCaptureConfig of the endpoint's configuration.
    """

    every_seconds = 2.0

    def __init__(self, account: Account, config: Record, endpoint: str, variant: str) -> None:
        self.config = config
        self._stopping = account.stopping
        self._s3 = account.client("s3")
        self._bucket, prefix = arns.split_uri(config["DestinationS3Uri"])
        self._prefix = "/".join(filter(None, [prefix.strip("/"), endpoint, variant]))
        super().__init__()

    def saw(self, body: bytes, headers: dict[str, str], answer: tuple[int, bytes, str]) -> None:
        """Keeps a request and its answer, if it is of the share that is captured."""
        status, output, kind = answer
        if (
            status != http.client.OK
            or random.random() * 100 >= self.config["InitialSamplingPercentage"]
        ):
            return
        at = now()
        bodies = {"endpointInput": (body, headers.get("Content-Type", "")),
                  "endpointOutput": (output, kind)}  # fmt: skip
        self.add((at, json.dumps(event(self.config, at, bodies, headers), ensure_ascii=False)))

    def send(self, batch: list[tuple[datetime, str]]) -> None:
        for _, group in itertools.groupby(batch, key=lambda each: f"{each[0]:%Y%m%d%H}"):
            events = list(group)
            at = events[0][0]
            key = f"{self._prefix}/{at:%Y/%m/%d/%H}/{at:%M-%S}-{at.microsecond // 1000:03}"
            try:
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=f"{key}-{uuid.uuid4()}.jsonl",
                    Body="".join(f"{line}\n" for _, line in events).encode(),
                    **_encryption(self.config),
                )
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
                # An endpoint answers on; on AWS, too, nobody is told.
                if not self._stopping.is_set():
                    logger.warning("data capture to s3://%s/%s: %s", self._bucket, key, error)


def event(
    config: Record, at: datetime, bodies: dict[str, tuple[bytes, str]], headers: dict[str, str]
) -> Record:
    """A line: what is captured of a request, and when.

    Args:
        bodies: (body, content type) by the name of the side.
    """
    modes = {each["CaptureMode"] for each in config["CaptureOptions"]}
    types = config.get("CaptureContentTypeHeader", {})
    data = {
        side: _side(mode, *bodies[side], types)
        for side, (mode, asked) in SIDES.items()
        if modes & set(asked)
    }
    metadata: Record = {"eventId": str(uuid.uuid4())}
    if headers.get(CUSTOM_ATTRIBUTES):
        metadata["customAttributes"] = [headers[CUSTOM_ATTRIBUTES]]
    if headers.get(INFERENCE_ID):
        metadata["inferenceId"] = headers[INFERENCE_ID]
    metadata["inferenceTime"] = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}


def _side(mode: str, body: bytes, content_type: str, types: Record) -> Record:
    """A request's or an answer's part of a line; base64 but for the types that are named."""
    kind = content_type.partition(";")[0].strip().lower()
    encoding = "BASE64"
    for name in ("Csv", "Json"):
        if kind in [each.lower() for each in types.get(f"{name}ContentTypes", [])]:
            encoding = name.upper()
    try:
        data = body.decode() if encoding != "BASE64" else ""
    except UnicodeDecodeError:
        encoding = "BASE64"
    if encoding == "BASE64":
        data = base64.b64encode(body).decode()
    return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}


def is_on(config: Record | None) -> bool:
    """Whether a DataCaptureConfig has anything captured."""
    return config is not None and bool(config.get("EnableCapture", True))


def summary(config: Record) -> Record:
    """As DescribeEndpoint has it."""
    on = is_on(config)
    return {
        "EnableCapture": on,
        "CaptureStatus": "Started" if on else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }


def _encryption(config: Record) -> dict[str, Any]:
    key = config.get("KmsKeyId")
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
