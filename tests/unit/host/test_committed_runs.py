"""The runs in results/sample are what results/CHECKLIST.md says of each of them."""

import re

import pytest

from train2deploy import paths
from train2deploy.datasets import sample
from train2deploy.hashing import sha256_file
from train2deploy.report import reference
from train2deploy.runs import registry

RUNS = registry.load(folder=reference.folder() / paths.RUNS.name)
SHA256 = re.compile(r"[0-9a-f]{64}")
each = pytest.mark.parametrize("run", RUNS, ids=lambda run: run.id)


@pytest.mark.parametrize("version", reference.VERSIONS)
def test_each_version_has_five_seeds(version):
    assert len({run.seed for run in RUNS if run.version == version}) >= 5


@each
def test_it_is_of_the_sentences_that_are_in_the_repository(run):
    assert run.data["sentences_sha256"] == sha256_file(sample.SENTENCES)
    assert run.data["test_ids_sha256"] == sha256_file(sample.TEST_IDS)


@each
def test_its_hyperparameters_and_its_seed_are_recorded_and_the_seed_decides(run):
    given = run.manifest["hyperparameters"]
    assert given
    assert run.seed
    assert given.get("seed", run.seed) == run.seed
    assert run.manifest["repro"]


@each
def test_its_epoch_was_chosen_by_the_validation_sentences(run):
    validation = run.manifest["metrics"]["validation"]
    if validation["monitor"] is None:
        assert run.version == "v3", "which has no epoch to choose"
        return
    values = run.history[validation["monitor"]]
    best = min(values) if validation["monitor"] == "val_loss" else max(values)
    assert values.index(best) + 1 == validation["epoch"]


@each
def test_it_was_scored_on_the_held_out_sentences_and_so_were_two_baselines(run):
    held_out = set(sample.TEST_IDS.read_text(encoding="utf-8").split())
    assert set(run.evaluation["test_ids"]) == held_out
    assert len(run.evaluation["yardsticks"]) == 2


@each
def test_hardware_software_durations_and_cost_are_recorded(run):
    environment, durations = run.manifest["environment"], run.manifest["durations"]
    assert all(environment[name] for name in ("cpu", "cores", "platform", "tensorflow"))
    steps = ("training_s", "epoch_s", "package_s", "evaluate_s")
    assert all(durations[name] is not None for name in steps)
    assert run.manifest["cost"]


@each
def test_what_went_in_and_came_out_is_known_by_sha256_and_the_packed_model_was_scored(run):
    outputs, inputs = run.manifest["outputs"], run.manifest["inputs"]
    digests = [*outputs.values(), *inputs["channels"].values(), *inputs["locks"].values()]
    assert [one for one in digests if not SHA256.fullmatch(one)] == []
    assert run.evaluation["model_sha256"] == outputs["model.tar.gz"]
