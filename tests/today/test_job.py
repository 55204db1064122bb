"""A job of STACK=today, from vectors to the SavedModel: the same seed leaves the same bytes.

Of v1 here; of v2 test_emulator_today.py compares a job here with one in the account.
"""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from train2deploy import datasets, jobs, manifest, paths
from train2deploy.datasets import channels
from train2deploy.hashing import sha256_tree
from train2deploy.vectors import channel


@pytest.fixture(scope="module", autouse=True)
def today():
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("STACK", "today")
        yield


@pytest.fixture(scope="module")
def sources(tmp_path_factory, today) -> dict[str, Path]:
    """A few sentences of the sample, and vectors learnt from them by gensim 4."""
    below = tmp_path_factory.mktemp("channels")
    whole = datasets.load("sample")
    channels.write(replace(whole, rows=whole.rows[::40]), 1, "random", below / "data")
    channel.build("corpus", None, 800, 1, below=below)
    return jobs.channel_sources(below)


def test_the_same_seed_leaves_the_same_bytes(sources, tmp_path):
    made = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        job = jobs.TrainingJob("v1", {"hidden": 2, "epochs": 1, "seed": 3}, repro=True)
        jobs.run(job, tmp_path / name, sources=sources)
        made.append((manifest.read(tmp_path / name / "manifest.json") or {})["outputs"])
    assert made[0] == made[1]
    record = manifest.read(tmp_path / "first" / "manifest.json") or {}
    assert record["inputs"]["stack"] == "today"
    assert record["metrics"]["tensorflow"] == "2.21.0"
    assert not list((tmp_path / "first" / "model").rglob("fingerprint.pb"))  # a random number


def test_vectors_are_the_same_bytes_again(sources, tmp_path):
    shutil.copytree(sources["train"].parent, tmp_path / "data")
    channel.build("corpus", None, 800, 1, below=tmp_path)
    built = [folder / "vectors" for folder in (tmp_path, sources["vectors"].parent)]
    for folder in built:
        (folder / "manifest.json").unlink()
    assert sha256_tree(built[0]) == sha256_tree(built[1])


def test_sentencepiece_of_both_stacks_cuts_alike(sources, tmp_path):
    """0.2.1 has wheels for CPython 3.12, 0.1.82 is the TensorFlow 1.12 side's."""
    articles = paths.VENVS / "train" / "bin" / "python"
    if not articles.exists():
        pytest.skip("no environment of the TensorFlow 1.12 side")
    code = (
        "import sys, sentencepiece\n"
        "t = sentencepiece.SentencePieceProcessor()\nt.Load(sys.argv[1])\n"
        "for line in open(sys.argv[2], encoding='utf-8'): print(t.EncodeAsIds(line.strip()))"
    )
    text = tmp_path / "text.txt"
    text.write_text("\n".join(row.text for row in datasets.load("sample").rows), encoding="utf-8")
    said = [
        subprocess.run(
            [python, "-c", code, sources["vectors"] / "tokenizer.model", text],
            capture_output=True,
            check=True,
        ).stdout
        for python in (articles, paths.VENVS / "train-today" / "bin" / "python")
    ]
    assert said[0] == said[1] and said[0].count(b"\n") > 2000
