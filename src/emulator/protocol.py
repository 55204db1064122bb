"""The wire format of the SageMaker API: JSON 1.1, checked against botocore's own model of it."""

import json
from datetime import datetime
from functools import cache
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

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
    try:
        parameters = json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError("SerializationException", str(error)) from error
    shape = _model(service).operation_model(operation).input_shape
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():
        raise invalid(report.generate_report())
    found = list(violations(shape, parameters))
    if found:
        count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected"
        raise invalid(f"{count}: {'; '.join(found)}")
    return dict(parameters)


def serialise(answer: dict[str, Any]) -> bytes:
    """An answer as JSON: seconds for dates, no absent members, none that begin with `_`."""
    return json.dumps(_visible(answer)).encode()


def _visible(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _visible(member)
            for key, member in value.items()
            if member is not None and not str(key).startswith("_")
        }
    if isinstance(value, list):
        return [_visible(member) for member in value]
    if isinstance(value, datetime):
        return value.timestamp()
    return value
