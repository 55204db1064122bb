"""The wire format of the SageMaker API: JSON 1.1, checked against botocore's own model of it."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session

from emulator import shapes
from emulator.constraints import violations


class ApiError(Exception):
    """An answer that boto3 turns into a ClientError with this code."""

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = members


def invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def needs(given: Mapping[str, Any], *names: str, place: str = "") -> None:
    """Raises ApiError where a member is absent that AWS can do without, and the emulator cannot."""
    for name in names:
        if name not in given:
            text = f"A request without {place}{name} is not emulated."
            raise ApiError("NotImplemented", text, 501)


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def parse(operation: str, body: bytes, service: str = "sagemaker") -> dict[str, Any]:
    """The parameters of a request, as the service would take them.

    Raises:
        ApiError: no such operation, not JSON, or parameters that its model forbids.
    """
    if operation not in _model(service).operation_names:
        raise ApiError("UnknownOperationException", f"{operation} is no operation of {service}.")
    shape = _model(service).operation_model(operation).input_shape
    try:
        parameters = shapes.read(shape, shapes.loads(body))
    except shapes.Unreadable as error:
        raise ApiError("SerializationException", str(error)) from error
    check(shape, parameters)
    return dict(parameters)


def check(shape: Any, parameters: dict[str, Any], code: str = "ValidationException") -> None:
    """Raises ApiError for what the service's model forbids, in its words."""
    found = [*shapes.unknown(shape, parameters), *violations(shape, parameters)]
    if found:
        count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected"
        raise ApiError(code, f"{count}: {'; '.join(found)}")


def invocation(name: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of InvokeEndpoint without its body, by their names.

    Raises:
        ApiError: its model forbids one.
    """
    shape = _model("sagemaker-runtime").operation_model("InvokeEndpoint").input_shape
    given = {
        member: headers[part.serialization["name"]]
        for member, part in shape.members.items()
        if part.serialization.get("location") == "header" and part.serialization["name"] in headers
    }
    check(shape, {"EndpointName": name, "Body": b"", **given}, "ValidationError")
    return given


def serialise(operation: str, answer: dict[str, Any], service: str = "sagemaker") -> bytes:
    """An answer as JSON: what the service's model has of it, seconds for dates."""
    shape = _model(service).operation_model(operation).output_shape
    # An operation without an answer has an empty body.
    return b"" if shape is None else json.dumps(shapes.written(shape, answer)).encode()
