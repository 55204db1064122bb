"""Asking an endpoint: as the article's client does, invoke_endpoint with a JSON body."""

import json

import botocore.exceptions

from train2deploy.cloud.session import Cloud, CloudError, code, message
from train2deploy.invoke import check, show
from train2deploy.rankings import Ranking, read_rankings

AT_ONCE = 50
"""Sentences of a request: far below the platform's 60 s and 5 MB."""


def classify(cloud: Cloud, sentences: list[str], variant: str = "") -> list[Ranking]:
    """For each sentence its labels with probabilities, the most probable first.

    Args:
        variant: the production variant that is to answer; "" leaves it to the weights.
    """
    rankings: list[Ranking] = []
    for start in range(0, len(sentences), AT_ONCE):
        asked = sentences[start : start + AT_ONCE]
        rankings += _ask(cloud, asked, len(asked), variant)
    return rankings


def invoke(cloud: Cloud, sentence: str, as_json: bool) -> None:
    """Prints one ranking."""
    check(sentence)
    show(sentence, _ask(cloud, sentence, 1)[0], as_json)


def _ask(cloud: Cloud, query: str | list[str], count: int, variant: str = "") -> list[Ranking]:
    name = cloud.config.endpoint_name
    try:
        answer = cloud.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=name,
            Body=json.dumps({"q": query}, ensure_ascii=False).encode(),
            ContentType="application/json",
            Accept="application/json",
            **({"TargetVariant": variant} if variant else {}),
        )
    except botocore.exceptions.ClientError as error:
        if code(error) == "ModelError":
            said = error.response.get("OriginalMessage", message(error))
            raise CloudError(f"endpoint {name}: the model answered an error: {said}") from error
        raise CloudError(
            f"endpoint {name}: {code(error)}: {message(error)} `make cloud-status` shows what"
            " is there, `make cloud-deploy` makes it."
        ) from error
    body = answer["Body"].read()
    rankings = read_rankings(body, count)
    if rankings is None:
        raise CloudError(
            f"endpoint {name}: the answer is not a JSON ranking of labels: {body[:300]!r}"
        )
    return rankings
