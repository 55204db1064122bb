"""What report.json says: each number against one worked out by hand."""

from pathlib import Path
from typing import Any

import pytest
from report_runs import edited, write_both, write_cloud_parity, write_measurements, write_run

from train2deploy import manifest, paths
from train2deploy.errors import UserError
from train2deploy.report import content, pages, recorded
from train2deploy.report.spread import calibration, spread
from train2deploy.runs import registry


def build(dataset: str = "sample") -> dict[str, Any]:
    return content.build(dataset, paths.RUNS, paths.BUILD, paths.REPORTS / dataset)


# --- statistics --------------------------------------------------------------------------------


def test_the_spread_is_that_of_a_sample():
    found = spread([0.70, 0.74, 0.78])
    # sd: ((.04² + 0 + .04²) / 2) ** .5
    assert found == {"mean": 0.74, "sd": 0.04, "min": 0.70, "max": 0.78, "n": 3}


def test_one_run_has_no_spread():
    assert spread([0.5])["sd"] is None


def test_the_calibration_error_is_the_hand_worked_one():
    """.9–1: four at .95, three right: |.75 - .95| = .2. .6–.7: one at .65, right: .35."""
    bins, error = calibration([0.95] * 4 + [0.65], [True, True, True, False, True])
    assert error == pytest.approx(0.8 * 0.2 + 0.2 * 0.35)
    found = [(one["low"], one["count"], one["accuracy"]) for one in bins]
    assert found == [(0.6, 1, 1.0), (0.9, 4, 0.75)]


def test_a_probability_of_one_is_in_the_last_bin_and_empty_bins_are_left_out():
    (last,), error = calibration([1.0], [True])
    assert (last["low"], last["high"], error) == (0.9, 1.0, 0.0)


# --- which runs --------------------------------------------------------------------------------


def test_runs_of_other_settings_are_not_mixed_and_named(project: Path):
    write_both(paths.RUNS, seeds=3)
    stray = write_run(paths.RUNS, "v1", 1, epochs=2)
    built = build()
    assert [run["seed"] for run in built["runs"]] == [1, 2, 3, 1, 2, 3]
    assert built["left_out"] == [stray.name]


def test_of_equally_many_seeds_the_settings_that_were_started_last_are_shown(project: Path):
    for seed in (1, 2):
        write_run(paths.RUNS, "v1", seed, epochs=3)
    for seed in (3, 4):
        write_run(paths.RUNS, "v1", seed, epochs=4)
    assert chosen("sample", "v1") == [(3, 1), (4, 1)]


def chosen(dataset: str, version: str) -> list[tuple[int, int]]:
    """Seed and split seed of the runs that a report shows."""
    found = recorded.matching(registry.load(folder=paths.RUNS), dataset, version)
    return [(run.seed, run.split_seed) for run in recorded.of_one_configuration(found)]


def test_runs_on_one_split_and_runs_on_a_split_each_are_not_mixed(project: Path):
    for seed, split in ((1, 1), (2, 1), (3, 1), (2, 2)):
        write_run(paths.RUNS, "v1", seed, "knbc", data={"seed": split})
    assert chosen("knbc", "v1") == [(1, 1), (2, 1), (3, 1)]
    for split in (3, 4):
        write_run(paths.RUNS, "v1", split, "knbc", data={"seed": split})
    assert chosen("knbc", "v1") == [(1, 1), (2, 2), (3, 3), (4, 4)]


@pytest.mark.parametrize(
    "other",
    [
        {"data": {"split": "fold"}},
        {"data": {"split": "published", "titles": False}},
        {"data": {"split": "published"}, "vectors": "random"},
    ],
)
def test_runs_on_the_corpus_as_published_go_before_more_runs_otherwise(project, other):
    write_run(paths.RUNS, "v1", 7, "knbc", data={"split": "published"}, vectors="chive")
    for seed in (1, 2, 3):
        write_run(paths.RUNS, "v1", seed, "knbc", **other)
    assert chosen("knbc", "v1") == [(7, 1)]


@pytest.mark.parametrize("name", ["evaluation", "history", "golden"])
@pytest.mark.parametrize("damage", ["missing", "cut", "list"])
def test_a_damaged_run_is_named_with_what_to_do(project: Path, name: str, damage: str):
    path = write_run(paths.RUNS) / f"{name}.json"
    text = path.read_text(encoding="utf-8")
    path.write_text({"missing": "", "cut": text[:40], "list": "[]"}[damage], encoding="utf-8")
    if damage == "missing":
        path.unlink()
    with pytest.raises(UserError) as caught:
        build()
    assert "build/runs/sample-v1-s1" in str(caught.value)
    assert f"{name}.json" in str(caught.value)
    assert "Remove" in str(caught.value)


def test_without_a_run_the_message_says_what_makes_one(project: Path):
    write_run(paths.RUNS, dataset="sample")
    with pytest.raises(UserError) as caught:
        build("knbc")
    assert "found runs of: sample." in str(caught.value)
    assert "`make reproduce DATASET=knbc SEEDS=3`" in str(caught.value)


# --- numbers -----------------------------------------------------------------------------------


def test_scores_are_the_mean_over_seeds_beside_the_yardsticks(project: Path):
    for seed, accuracy in ((1, 0.6), (2, 0.7), (3, 0.8)):
        write_run(paths.RUNS, "v1", seed, accuracy=accuracy)
    model, yardstick = build()["scores"]
    assert model["accuracy"] == {"mean": 0.7, "sd": 0.1, "min": 0.6, "max": 0.8, "n": 3}
    assert model["each"] == [0.6, 0.7, 0.8]
    assert model["seeds"] == [1, 2, 3]
    assert (yardstick["is_model"], yardstick["accuracy"]["sd"]) == (False, 0.0)


def test_the_confusion_matrix_adds_the_seeds_up(project: Path):
    for seed in (1, 2):
        write_run(paths.RUNS, "v1", seed, accuracy=0.8, sentences=60)
    detail = build()["versions"]["v1"]
    # Of 60 sentences 48 are right and the last 12, three a class, go to the next class.
    assert detail["confusion"] == [[24, 6, 0, 0], [0, 24, 6, 0], [0, 0, 24, 6], [6, 0, 0, 24]]
    assert [row["n"] for row in detail["per_class"]] == [15] * 4
    assert detail["per_class"][0]["recall"]["mean"] == 0.8


def test_the_epoch_that_was_kept_is_the_one_that_the_run_names(project: Path):
    folder = write_run(paths.RUNS)
    with edited(folder / "manifest.json") as described:
        described["metrics"]["validation"]["epoch"] = 2
    (curve,) = build()["versions"]["v1"]["learning"]
    assert (curve["best_epoch"], curve["epochs"]) == (2, [1, 2, 3, 4, 5])


def test_training_without_validation_sentences_has_curves_of_training_alone(project: Path):
    folder = write_run(paths.RUNS)
    manifest.write_json(folder / "history.json", {"epoch": [1, 2], "acc": [0.5, 0.6]})
    with edited(folder / "manifest.json") as described:
        described["metrics"]["validation"].update(accuracy=None, epoch=None, monitor=None)
    pages.report("sample", "en")
    (curve,) = build()["versions"]["v1"]["learning"]
    assert (curve["best_epoch"], "val_acc" in curve) == (None, False)


def test_an_earlier_run_without_probabilities_has_no_calibration(project: Path):
    folder = write_run(paths.RUNS)
    with edited(folder / "evaluation.json") as evaluation:
        del evaluation["probabilities"]
    assert build()["versions"]["v1"]["calibration"] is None


def test_the_articles_answer_stands_beside_the_mean_of_ours(project: Path):
    write_both(paths.RUNS, seeds=3)
    golden = build()["golden"]
    assert golden["sentence"] == "電波が悪い"
    assert golden["article"]["携帯電話"] == 0.96622
    assert golden["ours"]["v2"]["probabilities"]["携帯電話"]["mean"] == pytest.approx(0.948)
    assert golden["ours"]["v2"]["first"] == ["携帯電話"] * 3


def test_what_was_not_measured_is_none_and_what_was_is_there(project: Path):
    write_run(paths.RUNS)
    built = build()
    assert built["bench"] is None
    assert built["parity"] == {"session": None, "runtimes": None, "cloud": None}
    write_measurements(paths.BUILD)
    built = build()
    assert built["bench"]["source"] == "../bench.json"
    assert built["parity"]["runtimes"]["weights_equal"] is True
    assert built["parity"]["session"]["holds"] is True
    assert built["parity"]["cloud"] is None
    write_cloud_parity(paths.BUILD, "emulator")
    cloud = build()["parity"]["cloud"]
    assert cloud["runtimes"] == ["host", "emulator"] and cloud["holds"] is True
    assert cloud["source"] == "../../cloud/parity.json"


FILES = ("reports/bench.json", "verification.json", "parity.json", "cloud/parity.json")
MEASURED = {"version": "v1", "data": {"dataset": "mine"}, "hyperparameters": {"epochs": 5}}


@pytest.mark.parametrize(
    ("made_of", "is_shown"),
    [
        (MEASURED, True),
        ({**MEASURED, "hyperparameters": {"epochs": 5, "single_thread": False}}, True),
        ({**MEASURED, "version": "v2"}, False),
        ({**MEASURED, "data": {"dataset": "sample"}}, False),
        ({**MEASURED, "hyperparameters": {"epochs": 5, "hidden": 512}}, False),
        ({}, False),
    ],
    ids=["of it", "threads", "another version", "another data set", "another size", "not known"],
)
def test_only_what_was_measured_of_a_model_that_is_shown_is_shown(project, made_of, is_shown):
    write_run(paths.RUNS, dataset="mine", hidden=32, single_thread=True)
    write_measurements(paths.BUILD)
    write_cloud_parity(paths.BUILD, "emulator")
    for name in FILES:
        with edited(paths.BUILD / name) as found:
            found["made_of"] = made_of
    built = content.build("mine", paths.RUNS, paths.BUILD, paths.BUILD)
    shown = [built["bench"], *built["parity"].values()]
    assert [one is not None for one in shown] == [is_shown] * 4


@pytest.mark.parametrize(
    "change", [{"max_abs_difference": 2e-6}, {"weights_sha256": ["a", "b"]}, {"same_label": 19}]
)
def test_a_parity_that_does_not_hold_is_not_shown_as_one(project: Path, change: dict[str, Any]):
    write_run(paths.RUNS)
    write_measurements(paths.BUILD)
    with edited(paths.BUILD / "parity.json") as found:
        found |= change
    assert build()["parity"]["runtimes"]["holds"] is False


def test_what_differs_between_the_machines_of_the_runs_is_named(project: Path):
    write_run(paths.RUNS, seed=1)
    folder = write_run(paths.RUNS, seed=2)
    with edited(folder / "manifest.json") as described:
        described["environment"]["cpu"] = "another"
        described["environment"]["git"] = {"commit": "0" * 40, "dirty": True}
    environment = build()["environment"]
    assert environment["differing"] == ["cpu"]
    assert environment["dirty"] is True
    assert len(environment["commits"]) == 2
