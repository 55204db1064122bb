"""The account's one door: SageMaker answered here, everything else by moto, in one process.

Beside AWS's own calls:

    GET  /emulator/health   "ok"
    GET  /emulator/calls    what was called so far: [[service, operation, ARN, count], …]
    POST /emulator/faults   the faults from now on (faults.py)
"""

import http.client
import json
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.wrappers import Request, Response

from emulator import calls
from emulator.account import INTERNAL_KEY, Account, Record
from emulator.hosting_api import Endpoints, Models
from emulator.protocol import ApiError, parse, serialise
from emulator.scaling import Scaling
from emulator.training import Training
from emulator.transform import Transforms
from emulator.tuning import Tunings
from train2deploy.runtimes import Runtime

logger = logging.getLogger("emulator")

TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the"
    " latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)
WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Application:
    """A WSGI application.

    Args:
        account: its SageMaker.
        moto: the WSGI application for everything else.
        runtime: where jobs and endpoints run.
    """

    def __init__(self, account: Account, moto: WsgiApplication, runtime: Runtime) -> None:
        self._account = account
        self._moto = moto
        self._calls: Counter[calls.Call] = Counter()
        self._training = Training(account, runtime)
        self._models = Models(account)
        self._endpoints = Endpoints(account, runtime)
        self._transforms = Transforms(account, runtime)
        self._tunings = Tunings(account, self._training)
        self._scaling = Scaling(self._endpoints)
        self._operations = self._table()

    def end_all(self) -> None:
        """Ends every process of every job and endpoint."""
        self._account.stopping.set()
        for part in (self._training, self._transforms, self._endpoints):
            part.end_all()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"].startswith("/emulator/"):
            return self._control(Request(environ))(environ, start_response)
        if INTERNAL_KEY in environ.get("HTTP_AUTHORIZATION", ""):
            return self._moto(environ, start_response)
        call = calls.recognise(environ)
        service, operation = call.service, call.operation
        self._calls[call] += 1
        time.sleep(self._account.faults.delay(service, operation))
        kind = self._account.faults.take(service, operation)
        if kind in ("throttle", "error"):
            return _refusal(kind, service)(environ, start_response)
        if kind == "drop":
            return _cut(environ)
        if service == "sagemaker":
            answer: Any = self._sagemaker(operation, Request(environ))
        elif operation == "GetResources":
            answer = self._tagged(Request(environ))
        elif operation == "RegisterScalableTarget":
            answer = self._register
        else:
            answer = self._moto
        if kind == "lost":
            b"".join(answer(environ, lambda *_: lambda _: None))
            return _cut(environ)
        return answer(environ, start_response)

    def _control(self, request: Request) -> Response:
        text = request.get_data(as_text=True)
        if request.path == "/emulator/calls":
            return _json([[*call, count] for call, count in sorted(self._calls.items())])
        if request.path == "/emulator/faults" and request.method == "POST":
            try:
                self._account.faults.replace(text)
            except ValueError as error:
                return Response(str(error), 400)
        return Response("ok")

    def _register(self, environ: dict[str, Any], start_response: Any) -> Any:
        body = Request(environ).get_data()
        wanted = calls.parameters(body)
        try:
            self._scaling.check(wanted)
        except ApiError as error:
            return _error(error)(environ, start_response)
        calls.rewind(environ, body)
        answer = self._moto(environ, start_response)
        self._scaling.apply(wanted)
        return answer

    def _sagemaker(self, operation: str, request: Request) -> Response:
        try:
            if operation == "InvokeEndpoint":
                return self._invoke(request)
            handler = self._operations.get(operation)
            if handler is None:
                raise ApiError("NotImplemented", f"{operation} is not emulated.", 501)
            parameters = parse(operation, request.get_data())
            with self._account.lock:
                body = serialise(handler(parameters))
        except ApiError as error:
            return _error(error)
        except Exception as error:
            logger.exception("%s", operation)
            return _error(ApiError("InternalFailure", f"{type(error).__name__}: {error}", 500))
        return Response(body, content_type="application/x-amz-json-1.1")

    def _invoke(self, request: Request) -> Response:
        match = re.fullmatch(r"/endpoints/([^/]+)/invocations", request.path)
        if match is None:
            raise ApiError("NotImplemented", f"{request.path} is not emulated.", 501)
        name, body = match.group(1), request.get_data()
        limit = self._account.limits.body
        if len(body) > limit:
            text = f"Request body of {len(body)} bytes is over {limit}."
            raise ApiError("ValidationError", text, 413)
        headers = {"Content-Type": request.headers.get("Content-Type", "")}
        for name_here, name_there in (
            ("Accept", "Accept"),
            ("X-Amzn-SageMaker-Custom-Attributes", "X-Amzn-SageMaker-Custom-Attributes"),
        ):
            if name_here in request.headers:
                headers[name_there] = request.headers[name_here]
        target = request.headers.get("X-Amzn-SageMaker-Target-Variant", "")
        try:
            status, answer, kind, variant = self._endpoints.invoke(name, body, headers, target)
        except TimeoutError:
            raise self._model_error(name, 0, TIMED_OUT) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._model_error(name, 0, str(error)) from None
        if status >= http.client.BAD_REQUEST:
            raise self._model_error(name, status, answer.decode("utf-8", "replace"))
        shown = {"x-Amzn-Invoked-Production-Variant": variant}
        return Response(answer, status, shown, content_type=kind)

    def _model_error(self, name: str, status: int, message: str) -> ApiError:
        side = "client" if 400 <= status < 500 else "server"
        return ApiError(
            "ModelError",
            f"Received {side} error ({status}) from primary with message"
            f' "{message[:1000]}". See the log group /aws/sagemaker/Endpoints/{name}.',
            424,
            OriginalStatusCode=status,
            OriginalMessage=message[:20000],
            LogStreamArn=self._endpoints.log_stream_arn(name),
        )

    def _table(self) -> dict[str, Callable[[Record], Record]]:
        account = self._account
        return {
            "CreateTrainingJob": self._training.create,
            "DescribeTrainingJob": self._training.describe,
            "StopTrainingJob": self._training.stop,
            "ListTrainingJobs": self._list(account.training, "TrainingJob", "TrainingJobSummaries"),
            "CreateModel": self._models.create_model,
            "DescribeModel": lambda r: account.models.get(r["ModelName"]),
            "DeleteModel": lambda r: self._delete(account.models, r["ModelName"]),
            "ListModels": self._list(account.models, "Model", "Models"),
            "CreateEndpointConfig": self._models.create_config,
            "DescribeEndpointConfig": lambda r: account.configs.get(r["EndpointConfigName"]),
            "DeleteEndpointConfig": lambda r: self._delete(
                account.configs, r["EndpointConfigName"]
            ),
            "ListEndpointConfigs": self._list(account.configs, "EndpointConfig", "EndpointConfigs"),
            "CreateEndpoint": self._endpoints.create,
            "DescribeEndpoint": lambda r: account.endpoints.get(r["EndpointName"]),
            "UpdateEndpoint": self._endpoints.update,
            "UpdateEndpointWeightsAndCapacities": self._endpoints.update_weights,
            "DeleteEndpoint": self._endpoints.delete,
            "ListEndpoints": self._list(account.endpoints, "Endpoint", "Endpoints"),
            "CreateTransformJob": self._transforms.create,
            "DescribeTransformJob": lambda r: account.transforms.get(r["TransformJobName"]),
            "StopTransformJob": self._transforms.stop,
            "ListTransformJobs": self._list(
                account.transforms, "TransformJob", "TransformJobSummaries"
            ),
            "CreateHyperParameterTuningJob": self._tunings.create,
            "DescribeHyperParameterTuningJob": self._tunings.describe,
            "StopHyperParameterTuningJob": self._tunings.stop,
            "ListHyperParameterTuningJobs": self._list(
                account.tunings, "HyperParameterTuningJob", "HyperParameterTuningJobSummaries"
            ),
            "ListTrainingJobsForHyperParameterTuningJob": self._tunings.list_jobs,
            "AddTags": self._add_tags,
            "ListTags": self._list_tags,
            "DeleteTags": self._delete_tags,
        }

    def _list(self, collection: Any, kind: str, member: str) -> Callable[[Record], Record]:
        """Pages of summaries, the newest first, by the filters that lists have in common."""
        shown = ("Name", "Arn", "Status")

        def answer(request: Record) -> Record:
            found = [
                {
                    **{kind + part: record.get(kind + part) for part in shown},
                    "CreationTime": record["CreationTime"],
                    "LastModifiedTime": record.get("LastModifiedTime", record["CreationTime"]),
                    **_counters(record),
                }
                for record in collection
                if request.get("NameContains", "") in record[kind + "Name"]
                and request.get("StatusEquals") in (None, record.get(kind + "Status"))
            ]
            found.reverse()
            start = int(request.get("NextToken", 0))
            end = start + request.get("MaxResults", 100)
            more = {"NextToken": str(end)} if end < len(found) else {}
            return {member: found[start:end], **more}

        return answer

    def _delete(self, collection: Any, name: str) -> Record:
        collection.get(name)
        del collection.by_name[name]
        self._account.tags.pop(collection.arn(name), None)
        return {}

    def _tagged(self, request: Request) -> Response:
        """GetResources of the tagging API, for SageMaker's resources."""
        wanted = calls.parameters(request.get_data())
        filters = wanted.get("TagFilters", [])

        def fits(tags: dict[str, str]) -> bool:
            return all(
                each["Key"] in tags
                and (not each.get("Values") or tags[each["Key"]] in each["Values"])
                for each in filters
            )

        found = [
            {
                "ResourceARN": arn,
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
            for arn, tags in list(self._account.tags.items())
            if fits(tags)
        ]
        return _json({"PaginationToken": "", "ResourceTagMappingList": found})

    def _add_tags(self, request: Record) -> Record:
        self._account.tag(request["ResourceArn"], request["Tags"])
        return self._list_tags(request)

    def _list_tags(self, request: Record) -> Record:
        tags = self._account.tags.get(request["ResourceArn"], {})
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _delete_tags(self, request: Record) -> Record:
        self._account.untag(request["ResourceArn"], request["TagKeys"])
        return {}


def _counters(record: Record) -> Record:
    names = ("TrainingJobStatusCounters", "ObjectiveStatusCounters")
    return {name: record[name] for name in names if name in record}


def _refusal(kind: str, service: str) -> Response:
    if service == "s3":
        text = "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
        return Response(text, 503, content_type="application/xml")
    if kind == "throttle":
        return _error(ApiError("ThrottlingException", "Rate exceeded"))
    return _error(ApiError("InternalFailure", "The request processing has failed.", 500))


def _cut(environ: dict[str, Any]) -> Iterable[bytes]:
    """The client sees its connection closed without an answer."""
    connection = environ["werkzeug.socket"]
    connection.shutdown(2)
    raise ConnectionError("cut on request")


def _error(error: ApiError) -> Response:
    body = {"__type": error.code, "message": error.message, "Message": error.message}
    return Response(
        json.dumps({**body, **error.members}),
        error.status,
        {"x-amzn-ErrorType": error.code},
        content_type="application/x-amz-json-1.1",
    )


def _json(value: Any) -> Response:
    return Response(json.dumps(value), content_type="application/json")
