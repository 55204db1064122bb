"""`make parity A=2019 B=today`: one SavedModel in the model servers of two containers.

The package's encoder makes inputs of every sentence in build/data; its SavedModel alone, without
code/, answers them under each contract. So only TensorFlow and how numbers are printed differ.
"""

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from train2deploy import bundles, endpoint, paths, stack
from train2deploy.datasets import channels
from train2deploy.hashing import sha256_file
from train2deploy.parity import conclude
from train2deploy.requests import Request
from train2deploy.runtimes import ask
from train2deploy.runtimes.host import HOST

TOLERANCE = 1e-6  # 2019 prints six digits, so up to half of it is rounding
ROWS = 200  # in a request


def parity(a: str, b: str) -> None:
    """Compares the answers under two contracts; prints and writes build/contract-parity.json.

    Raises:
        JobFailed: a number differs by more than TOLERANCE.
    """
    model_dir = endpoint.unpacked_model()
    folders = (paths.DATASET / "train", paths.DATASET / "test")
    sentences = [row.text for each in folders for row in channels.read(each) if row.text.strip()]
    with stack.under(stack.ARTICLES):
        inputs = ask(HOST, "hosting.encoded", [model_dir], sentences)
    with tempfile.TemporaryDirectory() as folder:
        version = bundles.latest(model_dir)
        shutil.copytree(version, Path(folder) / "model" / version.name)
        first, second = (_answers(Path(folder), contract, inputs) for contract in (a, b))
    facts = {
        "contracts": [a, b],
        "sentences": len(sentences),
        "max_abs_difference": float(np.abs(first - second).max()),
        "tolerance": TOLERANCE,
        "model_sha256": sha256_file(paths.MODEL_ARCHIVE),
    }
    line = f"{a} against {b}: the same SavedModel, {len(sentences)} sentences: max |Δp|"
    conclude(line, facts, paths.CONTRACT_PARITY)


def _answers(model_dir: Path, contract: str, inputs: dict[str, Sequence[Any]]) -> np.ndarray:
    """The outputs of all rows."""
    count = len(next(iter(inputs.values())))
    found = []
    with stack.under(contract), endpoint.temporary(model_dir, None) as running:
        for start in range(0, count, ROWS):
            part = {key: rows[start : start + ROWS] for key, rows in inputs.items()}
            body = json.dumps({"inputs": part}).encode()
            found += json.loads(endpoint.invocations(running, Request(body)))["outputs"]
    return np.array(found)
