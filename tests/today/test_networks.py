"""Keras 3 computes what TensorFlow 1.12 does, and learns the same in each step."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from train2deploy import paths

HERE = Path(__file__).parent
FIXTURE = HERE / "networks.npz"  # made by TensorFlow 1.12, see made_by_tensorflow_1.py


@pytest.fixture(scope="module")
def differences() -> dict:
    """The largest ones between TensorFlow 1.12's numbers and Keras 3's."""
    folders = (paths.SRC, paths.TRAIN_SOURCE / "today", paths.TRAIN_SOURCE)
    done = subprocess.run(
        [paths.VENVS / "train-today" / "bin" / "python", HERE / "in_keras_3.py", FIXTURE],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(map(str, folders))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_same_weights_give_the_same_answers(differences: dict, version: str):
    assert differences[version]["answers"] <= 1e-6


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_five_steps_of_the_optimizer_leave_the_same_weights(differences: dict, version: str):
    assert differences[version]["trained"] <= 5e-6


def test_every_layer_of_v2_that_has_weights_is_compared(differences: dict):
    by_member = ("attention", "logits", "ngram_vectors", "token")
    expected = [f"{name}_{member}" for name in by_member for member in (0, 1)]
    assert differences["v2"]["layers"] == [*expected, "word_vectors"]


def test_v2s_attention_gives_padding_nothing_and_the_tokens_all(differences: dict):
    assert differences["v2"]["padding"] == 0
    assert differences["v2"]["sum"] <= 1e-5
