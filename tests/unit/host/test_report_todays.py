"""What today's stack got, beside 2019's runs of the same splits and seeds, and never among them."""

import json
import shutil
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest
from report_runs import edited, write_corpus, write_run, write_todays

from train2deploy import paths
from train2deploy.report import cells, content, pages, readme, reference
from train2deploy.runs import registry
from train2deploy.texts import load

T_4 = 2.776445  # student's t, 97.5 %, four degrees of freedom
ARTICLES = (0.70, 0.72, 0.74, 0.76, 0.78)


def build(dataset: str = "knbc") -> dict[str, Any]:
    return content.build(dataset, paths.RUNS, paths.BUILD, paths.REPORTS / dataset)


def write_articles(version: str = "v1") -> list[float]:
    for seed, accuracy in enumerate(ARTICLES, start=1):
        data = {"split": "published", "seed": seed}
        options = {"data": data, "vectors": "chive"}
        write_run(paths.RUNS, version, seed, "knbc", accuracy, 419, **options)
    return [round(419 * accuracy) / 419 for accuracy in ARTICLES]


@pytest.mark.parametrize(
    "accuracies, within, mean_within, told",
    [
        ((0.69, 0.75, 0.77), [True, True, True], True, "all 3 runs"),
        ((0.60, 0.75, 0.77), [False, True, True], True, "2 of 3 runs; their mean is, too"),
        ((0.84, 0.85, 0.86), [False, False, False], False, "0 of 3 runs; their mean is not"),
    ],
)
def test_a_run_is_held_against_where_one_more_of_2019s_would_fall(
    project: Path, accuracies, within, mean_within, told
):
    ours = write_articles()
    for seed, accuracy in enumerate(accuracies, start=1):
        write_todays(paths.RUNS, "v1", seed, accuracy)
    (row,) = build()["today"]["rows"]
    half = T_4 * stdev(ours) * sqrt(1 + 1 / 5)  # wider than the binomial interval, .092
    assert (row["low"], row["high"]) == pytest.approx(
        (fmean(ours) - half, fmean(ours) + half), abs=2e-6
    )
    assert (row["within"], row["mean_within"]) == (within, mean_within)
    assert (row["articles"]["accuracy"]["n"], row["todays"]["accuracy"]["n"]) == (5, 3)
    pairs = [100 * (round(419 * a) / 419 - b) for a, b in zip(accuracies, ours, strict=False)]
    assert (row["points"]["n"], row["points"]["mean"]) == (3, pytest.approx(fmean(pairs), abs=1e-6))
    assert row["command"] == (
        "make reproduce DATASET=knbc VERSION=v1 SPLIT=published SPLITS=3 EPOCHS=5 STACK=today"
    )
    assert cells.within(row, load("en")) == told


def test_only_runs_of_one_seed_and_the_same_sentences_are_a_pair(project: Path):
    write_articles()
    write_todays(paths.RUNS, "v1", 9, 0.74)
    with edited(write_todays(paths.RUNS, "v1", 2, 0.74) / "evaluation.json") as evaluation:
        evaluation["test_sha256"] = "of others"
    (row,) = build()["today"]["rows"]
    assert (row["within"], row["points"]) == ([True, True], None)


@pytest.mark.parametrize(
    "other", [{"epochs": 2}, {"vectors": "wikipedia"}, {"data": {"split": "fold", "seed": 1}}]
)
def test_runs_that_were_asked_for_something_else_stand_beside_no_others(project, other):
    write_articles()
    write_todays(paths.RUNS, "v1", 1, 0.9, **other)
    (row,) = build()["today"]["rows"]
    assert row["articles"] is None and "within" not in row
    assert row["needs"] == row["command"].replace("STACK=today", "STACK=2019")


def test_runs_on_one_split_stand_beside_those_on_that_split(project: Path):
    for seed in (1, 2, 3):
        write_run(paths.RUNS, "v1", seed, accuracy=0.8)
        write_run(paths.RUNS, "v1", seed + 3, accuracy=0.2, data={"seed": seed + 3})
        write_todays(paths.RUNS, "v1", seed, 0.75, "sample")
    (row,) = build("sample")["today"]["rows"]
    assert row["articles"]["seeds"] == [1, 2, 3] and row["points"]["mean"] == -5.0


def test_it_changes_nothing_else_in_the_report_nor_in_readme(project: Path):
    write_corpus(paths.RUNS, runs=2)
    before = build()
    assert "today" not in before
    for version in ("v1", "v2"):
        for seed in (1, 2, 3):
            write_todays(paths.RUNS, version, seed, 0.95)
    after = build()
    assert [row["name"] for row in after.pop("today")["rows"]] == ["v1", "v2"]
    todays = [run for run in after["runs"] if run["version"].endswith("-today")]
    assert len(todays) == 6
    after["runs"] = [run for run in after["runs"] if run not in todays]
    assert after == before
    assert readme.section(after, "en") == readme.section(before, "en")


def test_without_runs_of_2019s_stack_the_report_is_of_todays(project: Path):
    write_todays(paths.RUNS, "v1", 1, 0.8, "sample")
    built = build("sample")
    assert "today" not in built
    assert [row["name"] for row in built["scores"] if row["is_model"]] == ["v1-today"]
    command = built["versions"]["v1-today"]["command"]
    assert command.endswith("VERSION=v1 SEEDS=1 EPOCHS=5 STACK=today")


def test_every_page_has_the_table(corpus: Path):
    """With v1 beside 2019's runs, and with what is missing for v2, which was trained otherwise."""
    for language, all_of_them in (("", "all 2 runs"), (".ja", "2 回すべて")):
        text = (corpus / f"report{language}.md").read_text(encoding="utf-8")
        page = (corpus / f"report{language}.html").read_text(encoding="utf-8")
        assert all_of_them in text and all_of_them in page
        for stack in ("2019", "today"):
            assert f"VERSION=v2 SPLIT=published SPLITS=2 EPOCHS=2 STACK={stack}" in text
            assert f"VERSION=v2 SPLIT=published SPLITS=2 EPOCHS=2 STACK={stack}" in page
        assert "Keras 3.15.1" in text and "Keras 3.15.1" in page


def test_a_report_is_the_same_made_on_either_stack(project, monkeypatch, corpus: Path):
    """Today's has no published models and no v3, whose declarations a report asks for."""
    runs = corpus.parent / "runs"
    monkeypatch.setenv("STACK", "today")
    for name, text in pages.make("knbc", runs, corpus.parent, corpus).items():
        assert (corpus / name).read_text(encoding="utf-8") == text, name


def test_a_reference_keeps_them_and_is_made_again_from_them(project: Path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", project / "results")
    monkeypatch.setattr(readme, "renew", lambda report_json: [])
    write_articles()
    for seed in (1, 2, 3):
        write_todays(paths.RUNS, "v1", seed, 0.75)
    reference.reference("knbc", seeds=5, keep=False)
    kept = registry.load(folder=reference.folder("knbc") / "runs")
    assert sorted(run.version for run in kept) == ["v1"] * 5 + ["v1-today"] * 3
    assert [run.id for run in kept if run.is_todays and "predicted" in run.evaluation] == []
    before = (reference.folder("knbc") / "report.json").read_bytes()
    assert json.loads(before)["today"]["rows"][0]["within"] == [True] * 3
    shutil.rmtree(paths.BUILD)
    reference.reference("knbc", seeds=5, keep=True)
    assert (reference.folder("knbc") / "report.json").read_bytes() == before
