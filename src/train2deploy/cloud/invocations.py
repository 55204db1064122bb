"""Asking an endpoint: as the article's client does, invoke_endpoint with a JSON body."""

from typing import Any

import botocore.exceptions

from train2deploy import invoke as local
from train2deploy import requests
from train2deploy.answers import Ranking, read_rankings
from train2deploy.cloud.session import Cloud, CloudError, code, message
from train2deploy.requests import Request

AT_ONCE = 50  # sentences of a request: far below the platform's 60 s and 5 MB


def classify(cloud: Cloud, sentences: list[str], variant: str = "") -> list[Ranking]:
    """For each sentence its labels with probabilities, the most probable first.

    Args:
        variant: the production variant that is to answer; "" leaves it to the weights.
    """
    rankings: list[Ranking] = []
    for start in range(0, len(sentences), AT_ONCE):
        asked = sentences[start : start + AT_ONCE]
        answer = ask(cloud, requests.sentences(asked, requests.JSON), variant)
        found = read_rankings(answer, len(asked))
        if found is None:
            raise CloudError(
                f"endpoint {cloud.config.endpoint_name}: the answer is not a JSON ranking of"
                f" labels: {answer[:300]!r}"
            )
        rankings += found
    return rankings


def invoke(cloud: Cloud, request: Request, as_json: bool) -> None:
    """Prints one answer."""
    local.show(request, ask(cloud, request), as_json)


def ask(cloud: Cloud, request: Request, variant: str = "") -> bytes:
    """What the endpoint answers."""
    name = cloud.config.endpoint_name
    try:
        answer = call(cloud, request, variant)
    except botocore.exceptions.ClientError as error:
        if code(error) == "ModelError":
            said = error.response.get("OriginalMessage", message(error))
            raise CloudError(f"endpoint {name}: the model answered an error: {said}") from error
        raise CloudError(
            f"endpoint {name}: {code(error)}: {message(error)} `make cloud-status` shows what"
            " is there, `make cloud-deploy` makes it."
        ) from error
    body: bytes = answer["Body"].read()
    return body


def call(cloud: Cloud, request: Request, variant: str = "") -> dict[str, Any]:
    """InvokeEndpoint, as boto3 answers it."""
    answer: dict[str, Any] = cloud.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=cloud.config.endpoint_name,
        Body=request.body,
        ContentType=request.content_type,
        **({"Accept": request.accept} if request.accept else {}),
        **({"TargetVariant": variant} if variant else {}),
    )
    return answer
