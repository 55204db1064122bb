"""REQUESTS=file.jsonl: the user's own requests, a line each."""

import base64
import binascii
import json
from pathlib import Path
from typing import Any

from train2deploy.errors import UserError
from train2deploy.requests import JSON, Request
from train2deploy.upgrade.cases import INVOCATIONS, YOURS, Case

KEYS = {"body", "type", "accept", "attributes", "method", "path", "name"}
CAPTURED = "captureData"


def read(file: Path | None) -> list[Case]:
    """The requests of a file.

    A line is a body in JSON; or an object with the key `body` that says more (KEYS); or a record of
    SageMaker's data capture.

    Raises:
        UserError: with the line that is none of these.
    """
    if file is None:
        return []
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(f"REQUESTS={file}: expected a file of JSON lines: {said}.") from error
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(_case(line, f"{file.name}, line {number}"))
            except ValueError as error:
                raise UserError(f"REQUESTS={file}, line {number}: {error}.") from error
    if not found:
        raise UserError(f"REQUESTS={file}: expected a request on each line, found none.")
    return found


def _case(line: str, name: str) -> Case:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError(
            'expected JSON: a body, or {"body": "1,2", "type": "text/csv"} for another type'
        ) from None
    if isinstance(value, dict) and CAPTURED in value:
        attributes = (value.get("eventMetadata") or {}).get("customAttributes") or []
        return Case(YOURS, name, _captured(value[CAPTURED]), attributes=",".join(attributes))
    if not isinstance(value, dict) or "body" not in value:
        return Case(YOURS, name, Request(line.encode()))
    unknown = sorted(value.keys() - KEYS)
    texts = {key: each for key, each in value.items() if key != "body"}
    if unknown or not all(isinstance(each, str) for each in texts.values()):
        wrong = unknown[0] if unknown else "a value that is not text"
        raise ValueError(f"expected the keys {', '.join(sorted(KEYS))}, found {wrong}")
    request = Request(_bytes(value["body"]), value.get("type", JSON), value.get("accept", ""))
    where = value.get("method", "POST"), value.get("path", INVOCATIONS)
    return Case(YOURS, value.get("name", name), request, *where, value.get("attributes", ""))


def _captured(record: Any) -> Request:
    """What a client sent, of a line that SageMaker's data capture wrote."""
    try:
        sent = record["endpointInput"]
        data, kind = sent["data"], sent.get("observedContentType") or JSON
        body = base64.b64decode(data) if sent.get("encoding") == "BASE64" else data.encode()
    except (KeyError, TypeError, AttributeError, binascii.Error):
        raise ValueError("expected endpointInput with data, as data capture writes it") from None
    return Request(body, kind)


def _bytes(body: Any) -> bytes:
    return (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode()
