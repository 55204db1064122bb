"""Which call a request is: what IAM would be asked about it."""

import io
import json
import re
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

from werkzeug.wrappers import Request

from emulator.account import ACCOUNT_ID, REGION

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
    """An operation of a service (by the name it signs with).

    Attributes:
        resource: the ARN that IAM looks at, "*" where there is none or we do not know it.
    """

    service: str
    operation: str
    resource: str


def recognise(environ: dict[str, Any]) -> Call:
    """The call; the request's body can be read again afterwards."""
    service = _service(environ)
    if service == "s3":
        path, operation = unquote(environ["PATH_INFO"]).strip("/"), _s3_operation(environ)
        known = path and operation != "DeleteObjects"  # whose keys are in its body
        return Call(service, operation, f"arn:aws:s3:::{path}" if known else "*")
    body = Request(environ).get_data()
    rewind(environ, body)
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    if target:
        operation = target.rpartition(".")[2]
        return Call(service, operation, _resource(service, operation, parameters(body)))
    if service == "sagemaker":
        name = environ["PATH_INFO"].split("/")[2:3]
        return Call(service, "InvokeEndpoint", _arn("sagemaker", "endpoint", *name))
    form = parse_qs(environ.get("QUERY_STRING", "") + "&" + body.decode("utf-8", "replace"))
    operation = form.get("Action", [environ["REQUEST_METHOD"]])[0]
    role = form.get("RoleName", [""])[0]
    return Call(service, operation, f"arn:aws:iam::{ACCOUNT_ID}:role/{role}" if role else "*")


def rewind(environ: dict[str, Any], body: bytes) -> None:
    """Has the body read again by whoever comes next."""
    environ["wsgi.input"] = io.BytesIO(body)


def _resource(service: str, operation: str, given: dict[str, Any]) -> str:
    if service == "logs" and "logGroupName" in given:
        return f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:{given['logGroupName']}"
    for key in ("ResourceArn", "ResourceARN"):
        if key in given:
            return str(given[key])
    noun = VERBS.sub("", operation).removesuffix("WeightsAndCapacities")
    name = given.get(f"{noun}Name")
    if service != "sagemaker" or noun not in KINDS or not isinstance(name, str):
        return "*"
    return _arn(service, KINDS[noun], name)


def _arn(service: str, kind: str, name: str = "") -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{kind}/{name.lower()}"


def parameters(body: bytes) -> dict[str, Any]:
    """Of a call in JSON; {} where that is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _service(environ: dict[str, Any]) -> str:
    """The service of a signed request: Credential=<key>/<date>/<region>/<service>/…"""
    match = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    return match.group(1) if match else "s3"


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
