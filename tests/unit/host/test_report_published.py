"""results/published.toml and its articles: complete, consistent, and every mistake is named."""

import shutil
from pathlib import Path

import pytest

from train2deploy import paths
from train2deploy.errors import UserError
from train2deploy.report import published
from train2deploy.report.shape import Printed

PUBLISHED = published.read()
MODELS = {model.id: model for model in PUBLISHED.models}
REPORTS = {name: model for name, model in MODELS.items() if model.report}


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name].right])
def test_the_count_rounds_to_the_printed_headline(name: str):
    model = MODELS[name]
    assert model.accuracy is not None and model.right and model.n
    assert model.right <= model.n
    if model.metric in ("accuracy", "val_acc") and not model.at_least:
        assert model.printed is not None and model.printed.is_rounding_of(model.accuracy)


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_agrees_with_itself_and_with_its_count(name: str):
    model = REPORTS[name]
    report = model.report
    assert report and model.right and model.n
    supports = report.supports
    assert sum(supports.values()) == model.n == 419
    assert supports == PUBLISHED.test_sets[model.test_set].supports
    averages = {row.average: row.scores for row in report.averages}
    # The weighted mean of the recalls is the accuracy.
    assert averages["weighted"].recall.is_rounding_of(model.right / model.n)
    if "micro" in averages:
        micro = averages["micro"]
        assert micro.precision == micro.recall == micro.f1
        assert micro.f1.is_rounding_of(model.right / model.n)
    right = sum(row.scores.recall * row.support for row in report.classes)
    room = sum(row.scores.recall.rounding * row.support for row in report.classes)
    assert abs(right - model.right) <= room
    if model.metric == "f1_weighted":
        assert model.printed == averages["weighted"].f1


def edit(tmp_path: Path, file: str, old: str, new: str) -> Path:
    """A copy of everything that was published, changed in one place."""
    path = tmp_path / "published.toml"
    shutil.copy(paths.PUBLISHED, path)
    shutil.copytree(paths.PUBLISHED.with_suffix(""), tmp_path / "published")
    changed = path if file == "published" else tmp_path / "published" / f"{file}.toml"
    text = changed.read_text(encoding="utf-8")
    assert old in text
    changed.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


CV = "comp-vectorizer"


@pytest.mark.parametrize(
    "file, old, new, told",
    [
        ("published", "[rule]", "[rule", "published.toml: expected the published figures as TOML"),
        ("published", "[rule]", "[rules]", "expected the keys articles, chosen_on, rule"),
        ("published", '"not stated" = {', '"unknown" = {', "chosen_on: expected the keys"),
        ("published", 'kind = "split"', 'kind = "rows"', "substitute.split.kind: expected one of"),
        ("published", "[test_set.A]", "[test_set.Z]", "test_set.Z: expected one of A; B; C; none"),
        ("published", f'"{CV}"', '"comp-nothing"', "comp-nothing.toml: expected the published"),
        ("published", '"京都" = 137', '"京都" = 0', "supports.京都: expected a whole number"),
        (CV, 'date = "2018-12-06"', 'date = "2018"', "date: expected a date such as 2019-01-20"),
        (CV, '[note]\nen = "', '[note]\nde = "', "note: expected the keys en, ja"),
        (CV, 'test_set = "B"', 'test_set = "D"', "words.test_set: expected one of A; B; C; none"),
        (CV, '"last epoch"', '"best"', "words.chosen_on: expected one of validation split;"),
        (CV, '"f1_weighted"', '"bleu"', "words.headline.metric: expected one of accuracy"),
        (CV, "value = 0.64", "value = 64.0", "headline.value: expected a decimal number from 0"),
        (CV, "right = 268\n", "", "comp-vectorizer-words: expected right and n, or neither"),
        (CV, "right = 268", "wrong = 151", "expected no keys but answer, at_least"),
        (CV, '["vectors-words"', '["vectors-none"', "words.substitutes: expected one of split;"),
        (CV, 'version = "comp-vectorizer-words"\n', "", "expected either version or impossible"),
        (CV, "bilstm = 3330048", "bilstm = 0", "words.parameters.bilstm: expected a whole number"),
        (CV, "precision = 0.53, ", "", "report.classes, row 1: expected the keys class, f1"),
        (CV, "precision = 0.53", "precision = 53", "row 1.precision: expected a decimal number"),
        (CV, 'average = "weighted"', 'average = "mean"', "averages, row 1.average: expected one"),
        (CV, 'metric = "val_mae"', 'metric = "loss"', "log, number 1.metric: expected one of"),
        (CV, "patience = 3", "epochs = [1]", "log, number 1: expected 16 epochs, found [1]"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, file: str, old: str, new: str, told: str):
    path = edit(tmp_path, file, old, new)
    with pytest.raises(UserError) as caught:
        published.read(path)
    assert told in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"none\.toml: expected the published figures as TOML"):
        published.read(tmp_path / "none.toml")


def test_a_number_keeps_the_decimals_it_was_printed_with():
    assert [str(Printed(text)) for text in ("0.70", "0.7", "0.816229")] == [
        "0.70", "0.7", "0.816229",
    ]  # fmt: skip
    assert Printed("0.64").is_rounding_of(268 / 419)
    assert Printed("0.76").is_rounding_of(0.755)
    assert not Printed("0.76").is_rounding_of(0.7549)
