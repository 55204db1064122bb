"""Requests of SageMaker's API as they are on the wire, and whether an answer is of its shape."""

import json
import urllib.error
import urllib.request
from datetime import datetime

import botocore.session

SIGNED = (
    "AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/sagemaker/aws4_request,"
    " SignedHeaders=host, Signature=0"
)
SERVICE = botocore.session.get_session().get_service_model("sagemaker")
TYPES = {
    "string": str, "boolean": bool, "integer": int, "long": int, "timestamp": (int, float),
    "float": (int, float), "double": (int, float), "structure": dict, "map": dict, "list": list,
}  # fmt: skip


def send(account, operation, body):
    """(status, answer) of a request whose body may be anything."""
    request = urllib.request.Request(account.url, data=body, headers={
        "X-Amz-Target": f"SageMaker.{operation}", "Authorization": SIGNED,
        "Content-Type": "application/x-amz-json-1.1"})
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.loads(response.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def call(account, operation, **parameters):
    """The answer, which is of the operation's shape."""
    status, answer = send(account, operation, json.dumps(parameters, default=seconds).encode())
    assert status == 200, answer
    shape = SERVICE.operation_model(operation).output_shape
    assert list(wrong(shape, answer)) == [], operation
    return answer


def seconds(value):
    assert isinstance(value, datetime)
    return value.timestamp()


def wrong(shape, value, place=""):
    """What about an answer is not as botocore's model has it."""
    if shape is None:
        if value is not None:
            yield f"expected no body, found {value}"
        return
    kind = shape.type_name
    right = isinstance(value, TYPES[kind]) and (kind == "boolean") == isinstance(value, bool)
    if not right:
        yield f"{place}: expected {kind}, found {value!r}"
    elif kind == "structure":
        yield from (f"{place}.{name}: missing" for name in shape.required_members
                    if name not in value)
        for name, member in value.items():
            if name in shape.members:
                yield from wrong(shape.members[name], member, f"{place}.{name}")
            else:
                yield f"{place}.{name}: unknown"
    elif kind == "list":
        for number, member in enumerate(value):
            yield from wrong(shape.member, member, f"{place}[{number}]")
    elif kind == "map":
        for key, member in value.items():
            yield from wrong(shape.value, member, f"{place}[{key!r}]")
    elif kind == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{place}: expected one of {shape.enum}, found {value!r}"
