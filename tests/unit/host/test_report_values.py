"""results/published-values.toml: complete, and every mistake in it is named."""

from pathlib import Path

import pytest

from train2deploy import paths
from train2deploy.errors import UserError
from train2deploy.report import values as published

VALUES = {value.id: value for value in published.load()}

WHOLE = """
[figure.a]
published_in = "x/y"
url = "https://example.com/"
date = "2019-01-20"
compare = { dataset = "knbc", version = "v1", relation = "same" }
tolerance = 0.02
values = [{ metric = "f1_weighted", value = 0.70, n = 419 }]
[figure.a.model]
en = "m"
ja = "m"
[figure.a.why]
en = "w"
ja = "w"
"""


def test_all_published_figures_are_there():
    """Counted from the articles."""
    counts = {}
    for value in VALUES.values():
        counts[value.figure.id] = counts.get(value.figure.id, 0) + 1
    assert counts == {
        "article-golden": 4, "mymodel-epochs": 10, "mymodel-tuned": 14, "lstm-only": 1,
        "self-attention": 13, "comp-vectorizer": 3, "comp-corpus": 2, "keras-bert": 2,
        "transformers": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    "name, value, n",
    [
        ("article-golden/probability/携帯電話", 0.96622, 1),
        ("mymodel-epochs/val_acc/9", 0.6711, None),
        ("mymodel-tuned/recall/京都", 0.77, 137),
        ("lstm-only/f1_weighted", 0.76, 419),
        ("self-attention/precision/グルメ", 0.88, 90),
        ("comp-vectorizer/f1_weighted/characters", 0.62, 419),
        ("comp-corpus/f1_weighted/Wikipedia + BCCWJ", 0.79, 419),
        ("keras-bert/f1_weighted/fine-tuned", 0.82, 419),
        ("transformers/accuracy", 0.837, None),
    ],
)
def test_a_figure_is_as_published(name: str, value: float, n: int | None):
    assert (VALUES[name].value, VALUES[name].n) == (value, n)


def test_decimals_are_those_of_the_file():
    assert VALUES["mymodel-tuned/precision/京都"].digits == 2  # written as .70
    assert VALUES["mymodel-tuned/precision/京都"].rounding == pytest.approx(0.005)
    assert VALUES["transformers/f1_weighted"].digits == 3


def test_only_models_that_are_the_same_or_the_nearest_are_held_to_a_verdict():
    held = {v.figure.id for v in VALUES.values() if v.figure.compare["relation"] != "other"}
    assert held == {"article-golden", "self-attention"}


@pytest.mark.parametrize(
    "old, new, told",
    [
        ('relation = "same"', 'relation = "close"', "figure.a.compare.relation: expected one of"),
        ('version = "v1"', 'version = "v9"', "figure.a.compare.version: expected one of v1"),
        ('metric = "f1_weighted"', 'metric = "bleu"', "figure.a, value 1.metric: expected one of"),
        ("value = 0.70", "value = 70.0", "value 1.value: expected a decimal number from 0 to 1"),
        ("value = 0.70", "value = 1", "value 1.value: expected a decimal number"),
        ("n = 419", "n = 0", "value 1.n: expected a whole number above 0, found 0"),
        ("n = 419", "m = 419", "value 1: expected no keys but class, epoch"),
        ("n = 419", 'class = "京都"', "figure.a, value 1: expected no class"),
        ('"f1_weighted"', '"recall"', "figure.a, value 1: expected a class"),
        ('"f1_weighted"', '"val_acc"', "figure.a, value 1: expected a epoch"),
        ("tolerance = 0.02", "", "figure.a: expected the keys compare, date"),
        ("tolerance = 0.02", "tolerance = -0.1", "value 1.tolerance: expected a decimal number"),
        ('ja = "w"', "", "figure.a.why: expected the keys en, ja, found ['en']"),
        ('date = "2019-01-20"', 'date = ""', "figure.a.date: expected text"),
        ("[{ metric", "[]\nother = [{ metric", "figure.a: expected no keys but"),
        ("n = 419 }", "n = 419 }, { metric = 'f1_weighted', value = 0.71 }", "each value once"),
        ("[figure.a]", "[figure.a", "expected the published figures as TOML"),
        ("[figure.a", "[number.a", "expected one table `figure`, found ['number']"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, told: str):
    path = tmp_path / "published.toml"
    path.write_text(WHOLE, encoding="utf-8")
    assert [value.id for value in published.load(path)] == ["a/f1_weighted"]
    assert old in WHOLE
    path.write_text(WHOLE.replace(old, new), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        published.load(path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"none\.toml: expected the published figures as TOML"):
        published.load(tmp_path / "none.toml")


def test_the_file_is_the_one_of_the_repository():
    assert paths.relative(paths.PUBLISHED) == "results/published.toml"
