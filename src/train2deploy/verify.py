"""`make verify`: the article's direct check, and whether the endpoint answers the same.

The packed SavedModel is loaded in a TensorFlow session, without the endpoint; its
probabilities for some sentences are compared with the endpoint's.
"""

import json
import math
from pathlib import Path
from typing import Any

from train2deploy import console, endpoint, manifest, paths, runtimes
from train2deploy.datasets import channels
from train2deploy.errors import JobFailed
from train2deploy.hashing import sha256_file
from train2deploy.runtimes import Runtime
from train2deploy.runtimes.host import HOST

SENTENCES = 20
TOLERANCE = 1e-6
"""The model server prints six digits, which is half of this away from a probability at most;
the other half is for the order in which sums are taken."""
FIRST_SENTENCE = "電波が悪い"


def verify(running: endpoint.Endpoint, runtime: Runtime = HOST) -> None:
    """Compares, prints and writes build/verification.json.

    Args:
        running: serves build/model.tar.gz.
        runtime: where the session runs.

    Raises:
        JobFailed: a probability differs by more than TOLERANCE.
    """
    sentences = golden_sentences()
    model_dir = endpoint.unpacked_model()
    direct = run_session(model_dir, sentences, runtime)
    served = endpoint.classify(running, sentences)
    labels = json.loads((model_dir / "code" / "labels.json").read_text(encoding="utf-8"))
    differences = [
        abs(dict(zip(labels, row, strict=True))[str(entry["label"])] - float(str(entry["prob"])))
        for row, ranking in zip(direct["probabilities"], served, strict=True)
        for entry in ranking
    ]
    # What is not a number differs more than any number.
    worst = max(differences, key=lambda difference: (math.isnan(difference), difference))
    for name, tensors in direct["signature"].items():
        for key, tensor in tensors.items():
            console.say(f"signature {name} {key}: {tensor}")
    result = {
        "model_sha256": sha256_file(paths.MODEL_ARCHIVE),
        "sentences": len(sentences),
        "max_abs_difference": worst,
        "tolerance": TOLERANCE,
        "signature": direct["signature"],
        "tensorflow": direct["tensorflow"],
    }
    manifest.write_json(paths.VERIFICATION, result)
    line = (
        f"endpoint against session (TensorFlow {direct['tensorflow']}), {len(sentences)} sentences:"
        f" max |Δp| = {worst:.2g}, tolerance {TOLERANCE:g}"
    )
    if not worst <= TOLERANCE:
        raise JobFailed(f"{line}: the endpoint does not answer what the model says.")
    console.say(f"{line}: ok")


def run_session(model_dir: Path, sentences: list[str], runtime: Runtime = HOST) -> dict[str, Any]:
    """Probabilities straight from a TensorFlow session, in the serving environment.

    Returns:
        {"probabilities": rows, "signature": …, "tensorflow": version}
    """
    try:
        result: dict[str, Any] = runtimes.ask(
            runtime, "hosting.direct_session", [model_dir], sentences
        )
    except JobFailed as error:
        raise JobFailed(f"{error}\nthe SavedModel could not be run in a session.") from error
    return result


def golden_sentences() -> list[str]:
    """The article's sentence and the first test sentences (with something in them)."""
    rows = channels.read(paths.DATASET / "test") if paths.DATASET.is_dir() else []
    texts = [row.text for row in rows if row.text.strip()]
    return [FIRST_SENTENCE, *texts[: SENTENCES - 1]]
