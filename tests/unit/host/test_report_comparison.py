"""Verdicts, and which runs a published figure is compared with."""

import json
from pathlib import Path
from typing import Any

import pytest
from report_runs import write_both, write_run

from train2deploy import manifest
from train2deploy.report import comparison, published, recorded
from train2deploy.report.comparison import (
    NOT_REPRODUCED,
    NOT_RUN,
    OTHER_MODEL,
    REPRODUCED,
    WITHIN,
    judge,
)
from train2deploy.report.published import Figure, Value
from train2deploy.report.spread import spread

VALUES = published.load()


def figure(relation: str = "same", version: str = "v1") -> Figure:
    compare = {"dataset": "knbc", "version": version, "relation": relation}
    return Figure("f", "x", "https://example.com/", "2019", {}, compare, {}, {})


def value(number: float = 0.79, tolerance: float = 0.02, relation: str = "same") -> Value:
    return Value(figure(relation), "f1_weighted", number, 419, tolerance, None, None, None, 2)


@pytest.mark.parametrize(
    "ours, verdict",
    [
        ([0.78, 0.80], REPRODUCED),  # in the range
        ([0.785], REPRODUCED),  # .785 is published as .79, or as .78
        ([0.795], REPRODUCED),
        ([0.7849], WITHIN),  # a rounding away, but in the tolerance
        ([0.77, 0.771], WITHIN),
        ([0.77], WITHIN),  # at the tolerance
        ([0.81], WITHIN),
        ([0.7699], NOT_REPRODUCED),
        ([0.8101], NOT_REPRODUCED),  # better is not reproduced, either
        ([0.70, 0.90], REPRODUCED),
        ([0.74, 0.78], NOT_REPRODUCED),  # the mean is .76
    ],
)
def test_the_verdict_follows_the_rule(ours: list[float], verdict: str):
    assert judge(value(), spread(ours)) == verdict


def test_without_runs_there_is_no_verdict_and_another_model_never_gets_one():
    assert judge(value(), None) == NOT_RUN
    assert judge(value(relation="other"), spread([0.79])) == OTHER_MODEL
    assert judge(value(relation="other"), None) == NOT_RUN
    assert judge(value(relation="nearest"), spread([0.79])) == REPRODUCED


def rows_of(folder: Path) -> dict[str, comparison.Row]:
    runs = recorded.read(folder)
    rows = comparison.rows(VALUES, runs, folder)
    assert len(rows) == len(VALUES)
    return {row.published.id: row for row in rows if row.published}


def test_with_runs_of_the_sample_only_every_figure_says_that_it_was_not_run(tmp_path: Path):
    write_both(tmp_path)
    rows = rows_of(tmp_path)
    assert {row.verdict for row in rows.values()} == {NOT_RUN}
    assert {row.found for row in rows.values()} == {None}


def test_with_runs_of_the_corpus_every_figure_is_filled_in(tmp_path: Path):
    for seed, accuracy in ((1, 0.7), (2, 0.8), (3, 0.9)):
        write_run(tmp_path, "v1", seed, "knbc", accuracy, epochs=9)
        write_run(tmp_path, "v2", seed, "knbc", 0.9, epochs=9)
    rows = rows_of(tmp_path)
    assert all(row.found and row.found.n == 3 for row in rows.values())
    own = rows["mymodel-tuned/accuracy"]
    assert own.found
    assert (own.found.mean, own.found.min, own.found.max) == (pytest.approx(0.8), 0.7, 0.9)
    assert own.found.sd == pytest.approx(0.1)
    assert own.verdict == OTHER_MODEL
    assert rows["transformers/accuracy"].found == spread([0.9, 0.9, 0.9])
    # 0.95 - 0.001 * seed, published 0.96622, tolerance 0.05
    golden = rows["article-golden/probability/携帯電話"]
    assert golden.found and golden.found.mean == pytest.approx(0.948)
    assert golden.verdict == WITHIN
    assert rows["self-attention/f1_weighted"].verdict == REPRODUCED
    # The last epoch of the made-up curves: accuracy - 0.3 * 0.6 ** 8.
    last = rows["mymodel-epochs/val_acc/9"].found
    assert last and last.max == pytest.approx(0.9 - 0.3 * 0.6**8, abs=1e-4)
    assert rows["mymodel-epochs/epoch_seconds"].found == spread([2.0, 2.0, 2.0])


def test_each_number_names_the_file_that_it_came_from(tmp_path: Path):
    write_run(tmp_path, "v1", 1, "knbc", epochs=9)
    rows = rows_of(tmp_path)
    expected = {
        "self-attention/f1_weighted": "evaluation.json",
        "self-attention/recall/京都": "evaluation.json",
        "mymodel-epochs/val_acc/1": "history.json",
        "article-golden/probability/京都": "golden.json",
        "mymodel-epochs/epoch_seconds": "manifest.json",
    }
    for name, file in expected.items():
        (source,) = rows[name].sources
        assert (tmp_path / source).is_file()
        assert source.endswith(f"/{file}")


def test_an_epoch_that_was_not_reached_is_not_compared(tmp_path: Path):
    write_run(tmp_path, "v1", 1, "knbc", epochs=4)
    rows = rows_of(tmp_path)
    assert rows["mymodel-epochs/val_acc/4"].found is not None
    assert rows["mymodel-epochs/val_acc/5"].found is None


@pytest.mark.parametrize("option", [{"titles": False}, {"split": "article"}])
def test_runs_on_other_data_than_the_authors_are_not_compared(
    tmp_path: Path, option: dict[str, Any]
):
    folder = write_run(tmp_path, "v1", 1, "knbc")
    assert rows_of(tmp_path)["lstm-only/f1_weighted"].found is not None
    text = (folder / "manifest.json").read_text(encoding="utf-8")
    described = json.loads(text)
    described["dataset"]["inputs"].update(option)
    manifest.write_json(folder / "manifest.json", described)
    assert rows_of(tmp_path)["lstm-only/f1_weighted"].found is None


def test_what_nobody_published_is_shown_without_a_verdict(tmp_path: Path):
    write_both(tmp_path)
    runs = recorded.of_one_configuration(recorded.read(tmp_path), "sample", "v2")
    rows = comparison.unpublished(runs, tmp_path)
    assert [row.metric for row in rows] == ["accuracy", "f1_weighted", "f1_macro"]
    assert {row.verdict for row in rows} == {comparison.UNPUBLISHED}
    assert {row.published for row in rows} == {None}
