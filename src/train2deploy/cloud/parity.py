"""`make parity A=host B=cloud`: the same requests to the endpoint here and to the one there."""

from train2deploy import answers, endpoint, golden, package, paths
from train2deploy import parity as of_package
from train2deploy.cloud import invocations
from train2deploy.cloud.session import Cloud
from train2deploy.hashing import sha256_file
from train2deploy.requests import Request
from train2deploy.runtimes import Runtime

TOLERANCE = 1e-5  # float32, on processors that are not the same
RESULT = paths.CLOUD_WORK / "parity.json"


def parity(cloud: Cloud, here: Runtime, request: Request | None = None) -> None:
    """Compares, prints and writes build/cloud/parity.json.

    Args:
        request: the user's own; needed where the package's code is neither ours nor none.

    Raises:
        JobFailed: a label differs, or a probability by more than TOLERANCE.
    """
    if request or not golden.reads_sentences(endpoint.unpacked_model()):
        with endpoint.of_current_model(here) as running:
            local = (here.name, lambda asked: endpoint.invocations(running, asked))
            there = ("cloud", lambda asked: invocations.ask(cloud, asked))
            of_package.compare(local, there, request, RESULT)
        return
    sentences = golden.sentences()
    with endpoint.of_current_model(here) as running:
        ours = endpoint.classify(running, sentences)
    theirs = invocations.classify(cloud, sentences)
    worst = max(
        of_package.difference(answers.by_label(a), answers.by_label(b))
        for a, b in zip(ours, theirs, strict=True)
    )
    agreed = sum(a[0]["label"] == b[0]["label"] for a, b in zip(ours, theirs, strict=True))
    facts = {
        "runtimes": [here.name, "emulator" if cloud.is_emulator else "aws"],
        "model_sha256": sha256_file(paths.MODEL_ARCHIVE),
        "made_of": package.described(paths.MODEL_ARCHIVE),
        "sentences": len(sentences),
        "same_label": agreed,
        "max_abs_difference": worst,
        "tolerance": TOLERANCE,
    }
    line = f"{here.name} and cloud, {len(sentences)} sentences: {agreed} with the same label,"
    of_package.conclude(f"{line} max |Δp|", facts, RESULT, agreed == len(sentences))
