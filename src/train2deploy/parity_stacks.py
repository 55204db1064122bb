"""`make parity A=2019 B=today`, of v1 and v2: the package's weights in the networks of Keras 3."""

import json
import os

import numpy as np

from train2deploy import endpoint, manifest, package, paths, processes, stack
from train2deploy.datasets import channels
from train2deploy.errors import JobFailed
from train2deploy.parity import conclude
from train2deploy.verify import run_session

SENTENCES = 2000
TOLERANCE = 1e-5
"""Of probabilities, as between the graph that is trained and the one that is served."""
SCRIPT = paths.TODAYS_SOURCE / "parity.py"


def parity() -> None:
    """Compares what the SavedModel of build/model.tar.gz says in TensorFlow 1.13 with what the
    networks in Keras 3 say with its weights; prints and writes build/stack-parity.json.

    Of another model, or one that Keras 3 has trained, there is nothing to compare.

    Raises:
        JobFailed: a probability differs by more than TOLERANCE.
    """
    version = package.version_of(paths.MODEL_ARCHIVE)
    if version not in ("v1", "v2") or "stack" in package.made_of(paths.MODEL_ARCHIVE):
        return
    texts = [row.text for part in ("train", "test") for row in channels.read(paths.DATASET / part)]
    sentences = texts[:SENTENCES]
    with stack.under(stack.ARTICLES):
        direct = run_session(endpoint.unpacked_model(), sentences)
    first = np.array(direct["probabilities"])
    second = np.array(_in_keras_3(sentences))
    facts = {
        "stacks": [stack.ARTICLES, stack.TODAYS],
        "sentences": len(sentences),
        "max_abs_difference": float(np.abs(first - second).max()),
        "tolerance": TOLERANCE,
        "made_of": package.described(paths.MODEL_ARCHIVE),
    }
    line = f"{version} with the same weights in TensorFlow 1.13 and Keras 3, {len(sentences)}"
    conclude(f"{line} sentences: max |Δp|", facts, paths.STACK_PARITY)


def _in_keras_3(sentences: list[str]) -> list[list[float]]:
    job = manifest.read(paths.JOBS / str(package.job_of(paths.MODEL_ARCHIVE)) / "manifest.json")
    calibrated = (job or {}).get("metrics", {}).get("calibration", {})
    python = paths.VENVS / f"train-{stack.TODAYS}" / "bin" / "python"
    words = [SCRIPT, endpoint.unpacked_model(), calibrated.get("temperature", 1.0)]
    done = processes.captured(
        [str(python), *map(str, words)],
        {"PATH": os.defpath, "PYTHONPATH": str(paths.SRC), "TF_CPP_MIN_LOG_LEVEL": "2"},
        json.dumps(sentences),
        cwd=paths.ROOT,
    )
    if done.returncode != 0:
        raise JobFailed(done.stderr.strip().splitlines()[-1])
    found: list[list[float]] = json.loads(done.stdout)
    return found
