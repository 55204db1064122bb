"""`make verify`: the article's direct check, and whether the endpoint answers the same.

The packed SavedModel is loaded in a TensorFlow session, without the endpoint; what it says is
compared with the endpoint's answers: probabilities of some sentences where the package's code is
ours, the outputs of a generated or given request where it is not.
"""

import http.client
import json
import math
from pathlib import Path
from typing import Any

from train2deploy import (
    answers,
    bundles,
    console,
    endpoint,
    golden,
    manifest,
    package,
    paths,
    runtimes,
)
from train2deploy import signature as signatures
from train2deploy.errors import JobFailed, UserError
from train2deploy.hashing import sha256_file
from train2deploy.requests import Request
from train2deploy.runtimes import Runtime
from train2deploy.runtimes.host import HOST

TOLERANCE = 1e-6
"""The model server prints six digits, which is half of this away from a probability at most;
the other half is for the order in which sums are taken."""
OTHER_TOLERANCE = 1e-5  # the same of any numbers, relative to those above 1


def verify(
    running: endpoint.Endpoint, runtime: Runtime = HOST, request: Request | None = None
) -> None:
    """Compares, prints and writes build/verification.json.

    Args:
        running: serves build/model.tar.gz.
        runtime: where the session runs.
        request: the user's own, which must be answered, too.

    Raises:
        JobFailed: the endpoint's answers differ from the model's.
    """
    model_dir = endpoint.unpacked_model()
    if golden.reads_sentences(model_dir):
        result, what = _of_sentences(running, model_dir, runtime)
    else:
        result, what = _of_signatures(running, model_dir, runtime, request)
    for name, tensors in result["signature"].items():
        for key, tensor in tensors.items():
            console.say(f"signature {name} {key}: {tensor}")
    of = {
        "model_sha256": sha256_file(paths.MODEL_ARCHIVE),
        "made_of": package.described(paths.MODEL_ARCHIVE),
    }
    manifest.write_json(paths.VERIFICATION, {**of, **result})
    worst, tolerance = result["max_abs_difference"], result["tolerance"]
    line = (
        f"endpoint against session (TensorFlow {result['tensorflow']}), {what} = {worst:.2g},"
        f" tolerance {tolerance:g}"
    )
    if not worst <= tolerance:
        raise JobFailed(f"{line}: the endpoint's answers differ from the model's.")
    console.say(f"{line}: ok")
    if request:
        size = len(endpoint.invocations(running, request))
        console.say(f"REQUEST ({request.content_type}): answered, {size} bytes")
    elif not golden.reads_sentences(model_dir):
        _, left = golden.other_requests(model_dir, None)
        if left:
            console.say(left)


def _of_sentences(
    running: endpoint.Endpoint, model_dir: Path, runtime: Runtime
) -> tuple[dict[str, Any], str]:
    sentences = golden.sentences()
    direct = run_session(model_dir, sentences, runtime)
    served = endpoint.classify(running, sentences)
    labels = json.loads((model_dir / "code" / "labels.json").read_text(encoding="utf-8"))
    differences = [
        abs(row[labels.index(label)] - probability)
        for row, ranking in zip(direct.pop("probabilities"), served, strict=True)
        for label, probability in answers.by_label(ranking).items()
    ]
    # What is not a number differs more than any number.
    worst = max(differences, key=lambda difference: (math.isnan(difference), difference))
    found = {"max_abs_difference": worst, "tolerance": TOLERANCE, "sentences": len(sentences)}
    return {**direct, **found}, f"{len(sentences)} sentences: max |Δp|"


def _of_signatures(
    running: endpoint.Endpoint, model_dir: Path, runtime: Runtime, request: Request | None
) -> tuple[dict[str, Any], str]:
    """The default signature of each model, asked of the endpoint."""
    found: dict[str, Any] = {"signature": {}}
    worst, origin = 0.0, "generated"
    models = bundles.newest(model_dir)
    for name, version in models.items():
        wanted = signatures.read(version)
        inputs = wanted.given(request.body) if request else None
        origin = "given" if inputs else origin
        choice = [inputs] if inputs else wanted.requests()
        direct = _ask(runtime, version, {"signature": wanted.name, "requests": choice})
        if "refused" in direct:
            raise UserError(
                f"{name}: the model takes no {origin} request ({direct['refused']}). Give one:"
                ' REQUEST=<file with {"instances": …} or {"inputs": …}>.'
            )
        body = {"signature_name": wanted.name, "inputs": choice[direct["request"]]}
        # A lone model without code answers behind /invocations itself.
        plain = len(models) == 1 and not (model_dir / "code" / "inference.py").exists()
        path = "/invocations" if plain else f"/tfs/v1/models/{name}:predict"
        served = _predict(running, path, body)
        worst = max(worst, answers.difference(served, direct["outputs"]))
        found["tensorflow"] = direct["tensorflow"]
        found["signature"] |= {f"{name} {key}": value for key, value in direct["signature"].items()}
    found |= {"max_abs_difference": worst, "tolerance": OTHER_TOLERANCE}
    return found, f"{origin} request to {', '.join(models)}: max |Δ|"


def _predict(running: endpoint.Endpoint, path: str, body: dict[str, Any]) -> Any:
    content = json.dumps(body).encode()
    status, _, answer, _ = endpoint.exchange(running, "POST", path, content, "application/json")
    if status != http.client.OK:
        raise JobFailed(f"{running.url}{path} answered {status}: {answer[:300].decode('utf-8')}")
    return json.loads(answer)["outputs"]


def run_session(model_dir: Path, sentences: list[str], runtime: Runtime = HOST) -> dict[str, Any]:
    """Probabilities straight from a TensorFlow session, in the serving environment.

    Returns:
        {"probabilities": rows, "signature": …, "tensorflow": version}
    """
    return _ask(runtime, model_dir, sentences)


def _ask(runtime: Runtime, path: Path, question: object) -> dict[str, Any]:
    try:
        result: dict[str, Any] = runtimes.ask(runtime, "hosting.direct_session", [path], question)
    except JobFailed as error:
        reason = str(error).splitlines()[-1]
        raise JobFailed(f"the SavedModel could not be run in a session: {reason}") from error
    return result
