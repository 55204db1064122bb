"""SageMaker in one region: its operations, and their answers as the wire has them."""

import http.client
import json
import logging
import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from werkzeug.wrappers import Request, Response

from emulator import calls, listing
from emulator.account import Account, Collection, Record
from emulator.capture import CUSTOM_ATTRIBUTES, INFERENCE_ID
from emulator.hosting_api import Endpoints
from emulator.journal import Entry
from emulator.models_api import Models
from emulator.protocol import ApiError, invocation, parse, serialise
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


NOT_EMULATED = {
    "TargetModel", "TargetContainerHostname", "EnableExplanations", "InferenceComponentName",
    "SessionId",
}  # fmt: skip
"""Of InvokeEndpoint's parameters."""


class SageMaker:
    """The service; `scaling` is Application Auto Scaling for its endpoints."""

    def __init__(self, account: Account, runtime: Runtime) -> None:
        self.account = account
        self._training = Training(account, runtime)
        self._models = Models(account)
        self._endpoints = Endpoints(account, runtime)
        self._transforms = Transforms(account, runtime)
        self._tunings = Tunings(account, self._training)
        self.scaling = Scaling(account, self._endpoints)
        self._operations = self._table()

    def restore(self, entry: Entry) -> None:
        """Has the account a record of the journal's."""
        self.account.records.restore(entry)

    def resume(self, when: datetime) -> None:
        """Goes on with what the account's records say, which ended at that moment."""
        for part in (self._training, self._transforms, self._tunings):
            part.resume(when)
        self._endpoints.resume()
        self.scaling.complete()
        self.save()

    def save(self) -> None:
        """Has the journal know what has changed."""
        self.account.records.save()

    def end_all(self) -> None:
        """Ends every process of every job and endpoint."""
        for part in (self._training, self._transforms, self._endpoints):
            part.end_all()

    def answer(self, operation: str, request: Request) -> Response:
        """What the service says to a request, which may be a refusal."""
        try:
            if operation == "InvokeEndpoint":
                return self._invoke(request)
            parameters = parse(operation, request.get_data())
            handler = self._operations.get(operation)
            if handler is None:
                raise ApiError("NotImplemented", f"{operation} is not emulated.", 501)
            with self.account.lock:
                body = serialise(operation, handler(parameters))
                self.save()
        except ApiError as error:
            return refusal(error)
        except Exception as error:
            logger.exception("%s", operation)
            return refusal(ApiError("InternalFailure", f"{type(error).__name__}: {error}", 500))
        return Response(body, content_type="application/x-amz-json-1.1")

    def _invoke(self, request: Request) -> Response:
        match = re.fullmatch(r"/endpoints/([^/]+)/invocations", request.path)
        if match is None:
            raise ApiError("NotImplemented", f"{request.path} is not emulated.", 501)
        received = time.perf_counter()
        name, body = match.group(1), request.get_data()
        limit = self.account.limits.body
        if len(body) > limit:
            text = f"Request body of {len(body)} bytes is over {limit}."
            raise ApiError("ValidationError", text, 413)
        given = invocation(name, request.headers)
        if others := given.keys() & NOT_EMULATED:
            raise ApiError("ValidationError", f"{sorted(others)[0]} is not emulated.")
        headers = {"Content-Type": request.headers.get("Content-Type", "")}
        for name_here, name_there in (
            ("Accept", "Accept"),
            (CUSTOM_ATTRIBUTES, CUSTOM_ATTRIBUTES),
            (INFERENCE_ID, INFERENCE_ID),
        ):
            if name_here in request.headers:
                headers[name_there] = request.headers[name_here]
        try:
            status, answer, kind, variant = self._endpoints.invoke(
                name, body, headers, given.get("TargetVariant", ""), received
            )
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
        account = self.account
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
            "UpdateEndpoint": self._update_endpoint,
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

    def _update_endpoint(self, request: Record) -> Record:
        self.scaling.check_update(request)
        return self._endpoints.update(request)

    def _list(self, collection: Collection, kind: str, member: str) -> Callable[[Record], Record]:
        """Pages of summaries."""

        def answer(request: Record) -> Record:
            return listing.page(request, kind, member, collection)

        return answer

    def _delete(self, collection: Collection, name: str) -> Record:
        collection.get(name)
        collection.remove(name)
        self.account.tags.pop(collection.arn(name), None)
        return {}

    def tagged(self, request: Request) -> Response:
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
            for arn, tags in list(self.account.tags.items())
            if fits(tags)
        ]
        return json_response({"PaginationToken": "", "ResourceTagMappingList": found})

    def _add_tags(self, request: Record) -> Record:
        self.account.tag(request["ResourceArn"], request["Tags"])
        return self._list_tags(request)

    def _list_tags(self, request: Record) -> Record:
        tags = self.account.tags.get(request["ResourceArn"], {})
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _delete_tags(self, request: Record) -> Record:
        self.account.untag(request["ResourceArn"], request["TagKeys"])
        return {}


def refusal(error: ApiError) -> Response:
    body = {"__type": error.code}
    if error.message:
        body |= {"message": error.message, "Message": error.message}
    return Response(
        json.dumps({**body, **error.members}),
        error.status,
        {"x-amzn-ErrorType": error.code},
        content_type="application/x-amz-json-1.1",
    )


def json_response(value: Any) -> Response:
    return Response(json.dumps(value), content_type="application/json")
