"""vectors.own_text: which text chiVe's vectors fit, and what other text is cut into."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from train2deploy import cli, datasets, paths
from train2deploy.datasets import channels
from train2deploy.datasets.rows import DataSet, Row
from train2deploy.vectors import ginza, own_text

EXAMPLE = paths.ROOT / "examples" / "english" / "make_data.py"
CHIVE = ["電波", "が", "悪い", "抹茶", "パフェ", "phone", "in", "a", "to", "t", "h", "e"]
PIECES = """
import json, sys
import sentencepiece
tokenizer = sentencepiece.SentencePieceProcessor()
tokenizer.Load(sys.argv[1])
print(json.dumps([tokenizer.EncodeAsPieces(text) for text in json.load(sys.stdin)]))
"""


@pytest.fixture
def chive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands for the words that have a vector, with a few English ones as chiVe has them."""
    folder = tmp_path / "chive"
    folder.mkdir()
    (folder / "words.txt").write_text("\n".join(CHIVE), encoding="utf-8")
    monkeypatch.setattr(ginza, "words", lambda package: folder)


def lay(texts: list[str], name: str = "mine") -> None:
    rows = [Row(str(n), text, "ab"[n % 2]) for n, text in enumerate(texts)]
    dataset = DataSet(rows, frozenset({"0"}), {"dataset": name, "texts": texts})
    channels.write(dataset, 1, "random", paths.DATASET)


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["電波が悪い", "抹茶パフェ", "悪い抹茶！"], "chive"),
        (["the phone in the rain", "soup to go", "a cold dinner in the end"], "corpus"),
        (["휴대폰 신호가 나쁘다", "국이 차갑다", "배터리"], "corpus"),
        (["Акку пуст", "суп холодный", "ужин"], "corpus"),
        (["phone 電波", "電波 in", "パフェ"], "chive"),
    ],
    ids=["Japanese", "English", "Korean", "Russian", "mixed"],
)
def test_text_without_vectors_of_its_own_is_learnt_from_and_that_is_said(
    project: Path, chive: None, texts: list[str], kind: str
):
    lay(texts)
    chosen, said = own_text.choose("v2", paths.DATASET)
    assert chosen == kind
    assert ("(VECTORS=corpus)" in said) == (kind == "corpus")


def test_how_many_tokens_have_a_vector_is_counted_over_the_training_rows(project, chive):
    lay(["電波", "The phone died.", "in a tunnel"])
    assert own_text.choose("v2", paths.DATASET) == ("chive", ""), "3 of 6"
    lay(["電波", "The phone died.", "in the tunnel"])
    assert own_text.choose("v2", paths.DATASET)[1].startswith(
        "2 of 6 tokens of mine's training rows have a chive vector, so tokenizer and vectors are")
    chosen, said = own_text.choose("v3", paths.DATASET)
    assert (chosen, said.endswith("VERSION=v2 learns from any language.")) == ("encoder", True)


@pytest.mark.parametrize("name", ["sample", "knbc"])
def test_the_data_sets_that_runs_are_recorded_of_keep_their_vectors(project: Path, name: str):
    lay(["the phone", "a soup", "dinner"], name)
    assert own_text.choose("v1", paths.DATASET) == ("chive", "")


@pytest.mark.parametrize("rows", [60, 2000])
def test_english_of_any_size_is_cut_into_words(project, chive, capsys, rows):
    subprocess.run([sys.executable, EXAMPLE, str(rows), project / "english"], check=True)
    made = datasets.load(str(project / "english"))
    assert len(made.rows) == rows
    channels.write(made, 1, "random", paths.DATASET)
    assert cli.main(["vectors", ""]) == 0
    assert "learnt from these rows themselves (VECTORS=corpus)" in capsys.readouterr().out
    train, test = (channels.read(paths.DATASET / part) for part in ("train", "test"))
    known = {word for row in train for word in own_text.WORD.findall(row.text)}
    done = subprocess.run(
        [paths.TRAIN_PYTHON, "-c", PIECES, paths.VECTORS / "tokenizer.model"],
        input=json.dumps([row.text for row in test]), env={**os.environ, "PYTHONPATH": ""},
        capture_output=True, text=True, check=True)  # fmt: skip
    pieces = [piece for sentence in json.loads(done.stdout) for piece in sentence]
    words = [word for row in test for word in own_text.WORD.findall(row.text) if word in known]
    whole = {piece.strip("▁") for piece in pieces}
    assert sum(word in whole for word in words) >= 0.95 * len(words)
    assert cli.main(["vectors", ""]) == 0
    assert "build/vectors is up to date (corpus)" in capsys.readouterr().out
