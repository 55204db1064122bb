"""Which call a request is: what IAM would be asked about it."""

import io
import json
import re
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

from werkzeug.wrappers import Request

from emulator.account import ACCOUNT_ID
from train2deploy.cloud_settings import arns

KINDS = {
    "TrainingJob": "training-job",
    "HyperParameterTuningJob": "hyper-parameter-tuning-job",
    "TransformJob": "transform-job",
    "Model": "model",
    "EndpointConfig": "endpoint-config",
    "Endpoint": "endpoint",
}
"""SageMaker's nouns in operations and parameters, and in ARNs."""
VERBS = re.compile(r"^(Create|Describe|Update|Stop|Delete|ListTrainingJobsFor)")


class Call(NamedTuple):
    """An operation of a service (by the name it signs with)."""

    service: str
    operation: str
    resource: str  # the ARN that IAM looks at, "*" where there is none or we do not know it


def recognise(environ: dict[str, Any]) -> tuple[Call, str]:
    """The call and its region; the request's body can be read again afterwards."""
    service, region = scope(environ)
    partition = arns.partition(region)
    if service == "s3":
        path, operation = unquote(environ["PATH_INFO"]).strip("/"), _s3_operation(environ)
        known = path and operation != "DeleteObjects"  # whose keys are in its body
        return Call(service, operation, f"arn:{partition}:s3:::{path}" if known else "*"), region
    body = Request(environ).get_data()
    rewind(environ, body)
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    if target:
        operation = target.rpartition(".")[2]
        resource = _resource(service, operation, region, parameters(body))
        return Call(service, operation, resource), region
    if service == "sagemaker":
        name = environ["PATH_INFO"].split("/")[2:3]
        resource = arns.sagemaker(region, ACCOUNT_ID, "endpoint", *name) if name else "*"
        return Call(service, "InvokeEndpoint", resource), region
    form = parse_qs(environ.get("QUERY_STRING", "") + "&" + body.decode("utf-8", "replace"))
    operation = form.get("Action", [environ["REQUEST_METHOD"]])[0]
    role = form.get("RoleName", [""])[0]
    return Call(service, operation, _role_arn(partition, role) if role else "*"), region


def rewind(environ: dict[str, Any], body: bytes) -> None:
    """Has the body read again by whoever comes next."""
    environ["wsgi.input"] = io.BytesIO(body)


def _resource(service: str, operation: str, region: str, given: dict[str, Any]) -> str:
    if service == "logs" and "logGroupName" in given:
        place = f"{arns.partition(region)}:logs:{region}:{ACCOUNT_ID}"
        return f"arn:{place}:log-group:{given['logGroupName']}"
    for key in ("ResourceArn", "ResourceARN"):
        if key in given:
            return str(given[key])
    noun = VERBS.sub("", operation).removesuffix("WeightsAndCapacities")
    name = given.get(f"{noun}Name")
    if service != "sagemaker" or noun not in KINDS or not isinstance(name, str):
        return "*"
    return arns.sagemaker(region, ACCOUNT_ID, KINDS[noun], name)


def _role_arn(partition: str, name: str) -> str:
    """With the path that the role lies under, which its name alone does not tell."""
    from moto.iam.models import iam_backends

    known = iam_backends[ACCOUNT_ID][partition].roles.values()
    found = (str(role.arn) for role in known if role.name == name)
    return next(found, f"arn:{partition}:iam::{ACCOUNT_ID}:role/{name}")


def parameters(body: bytes) -> dict[str, Any]:
    """Of a call in JSON; {} where that is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def scope(environ: dict[str, Any]) -> tuple[str, str]:
    """Service and region of a signed request: Credential=<key>/<date>/<region>/<service>/…"""
    signed = environ.get("HTTP_AUTHORIZATION", "")
    match = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", signed)
    return (match.group(2), match.group(1)) if match else ("s3", "us-east-1")


def _s3_operation(environ: dict[str, Any]) -> str:
    bucket, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
    method, query = str(environ["REQUEST_METHOD"]), environ.get("QUERY_STRING", "")
    if key:
        if method == "GET" and "uploadId" in query:
            return "ListParts"
        if method in ("PUT", "POST") and ("uploadId" in query or "uploads" in query):
            return "PutObject"
        if method == "DELETE" and "uploadId" in query:
            return "AbortMultipartUpload"
        return {
            "GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject",
        }.get(method, method)  # fmt: skip
    if method == "GET" and "uploads" in query:
        return "ListMultipartUploads"
    if bucket and method == "POST" and "delete" in query:
        return "DeleteObjects"
    return {"GET": "ListObjectsV2", "HEAD": "HeadBucket", "PUT": "CreateBucket"}.get(method, method)
