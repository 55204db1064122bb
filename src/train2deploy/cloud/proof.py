"""What an endpoint is asked once it is in service."""

from pathlib import Path

from train2deploy import console, endpoint, golden, paths
from train2deploy.cloud import invocations
from train2deploy.cloud.session import Cloud, CloudError
from train2deploy.requests import Request


def ask(
    cloud: Cloud, request: Request | None, archive: Path = paths.MODEL_ARCHIVE, variant: str = ""
) -> None:
    """Asks what it must answer: golden sentences of our code, a request of the user's, or one that
    is made for the signature of a model without code.

    Args:
        archive: what is served.
        variant: the one that is to answer; "" leaves it to the weights.

    Raises:
        CloudError: there is no answer, or it is not a ranking of labels.
    """
    model_dir = endpoint.unpacked_model(archive)
    if golden.reads_sentences(model_dir):
        _ask_sentences(cloud, variant)
        if not request:
            return
    asked, left = golden.other_requests(model_dir, request)
    if not asked:
        console.say(left)
        return
    try:
        _, answer = golden.first_answer(asked, lambda one: invocations.ask(cloud, one, variant))
    except CloudError as error:
        if request:
            raise
        console.say(f"no request of ours suits this model ({error}); {golden.ASK}")
        return
    whose = "REQUEST" if request else "a request made for the model's signature"
    console.say(f"{whose} ({asked[0].content_type}): answered, {len(answer)} bytes")


def _ask_sentences(cloud: Cloud, variant: str) -> None:
    sentences = golden.sentences()
    rankings = invocations.classify(cloud, sentences, variant)
    for sentence, ranking in zip(sentences, rankings, strict=True):
        total = sum(float(entry["prob"]) for entry in ranking)
        if abs(total - 1) > 1e-4:
            raise CloudError(f"{sentence}: probabilities that add up to {total:.4f}: {ranking}")
    first = console.shown(rankings[0][0]["label"])
    console.say(f"{len(sentences)} golden requests answered; {sentences[0]}: {first}")
