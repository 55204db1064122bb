"""A service's JSON as AWS reads and writes it: by botocore's shapes, in AWS's words.

A value of another type than its shape is a SerializationException, before anything else is looked
at; null is as if it were absent. The texts are those that services of this protocol answer with.
"""

import base64
import binascii
import json
import math
from datetime import datetime, timezone
from typing import Any

from botocore.validate import ParamValidator

NUMBERS = {"integer": "an Integer", "long": "a Long", "float": "a Float", "double": "a Double"}
SCALARS = {**NUMBERS, "string": "a String", "boolean": "a Boolean", "blob": "a Blob"}
TIME = "milliseconds since epoch"


class Unreadable(ValueError):
    """What AWS says of a body that is not of the shape; "" where it says nothing."""


def loads(body: bytes) -> Any:
    """Raises Unreadable for what is not JSON."""
    try:
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Unreadable from None


def read(shape: Any, value: Any) -> Any:
    """A value with Python's types, without its nulls; what the shape does not know stays.

    Raises:
        Unreadable: it is not of the shape's type.
    """
    kind = shape.type_name
    if kind == "structure":
        given = _mapping(value)
        return {
            name: read(shape.members[name], member) if name in shape.members else member
            for name, member in given.items()
        }
    if kind == "map":
        return {key: read(shape.value, member) for key, member in _mapping(value).items()}
    if kind == "list":
        if isinstance(value, dict):
            raise Unreadable("Start of structure or map found where not expected.")
        if not isinstance(value, list):
            raise Unreadable("Expected list or null")
        return [read(shape.member, member) for member in value if member is not None]
    return _scalar(kind, value)


def unknown(shape: Any, value: Any) -> list[str]:
    """A sentence for each member that the shape does not have, as boto3 says it."""
    report = ParamValidator().validate(value, shape).generate_report()
    return [line for line in report.splitlines() if line.startswith("Unknown parameter in ")]


def written(shape: Any, value: Any) -> Any:
    """An answer as JSON has it: what the shape knows of it, without absent members."""
    if isinstance(value, datetime):
        return value.timestamp()
    if shape.type_name == "structure":
        return {
            name: written(shape.members[name], member)
            for name, member in value.items()
            if name in shape.members and member is not None
        }
    if shape.type_name == "list":
        return [written(shape.member, member) for member in value]
    if shape.type_name == "map":
        return {key: written(shape.value, member) for key, member in value.items()}
    return value


def _mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        raise Unreadable("Start of list found where not expected")
    if not isinstance(value, dict):
        raise Unreadable("Expected null")
    return {name: member for name, member in value.items() if member is not None}


def _scalar(kind: str, value: Any) -> Any:
    if isinstance(value, dict):
        raise Unreadable("Start of structure or map found where not expected.")
    if isinstance(value, list):
        raise Unreadable("Start of list found where not expected")
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "timestamp" and is_number:
        try:
            return datetime.fromtimestamp(value, timezone.utc)
        except (ValueError, OverflowError, OSError):
            raise Unreadable from None
    if kind in ("integer", "long") and is_number:
        return math.trunc(value)
    if kind in ("float", "double") and is_number:
        return float(value)
    if (kind == "string" and isinstance(value, str)) or (
        kind == "boolean" and isinstance(value, bool)
    ):
        return value
    if kind == "blob" and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error:
            raise Unreadable from None
    found = "NUMBER" if is_number else str(value).upper() if isinstance(value, bool) else "STRING"
    wanted = TIME if kind == "timestamp" else SCALARS[kind]
    raise Unreadable(f"{found}_VALUE can not be converted to {wanted}")


def _refuse(name: str) -> Any:
    raise ValueError(name)
