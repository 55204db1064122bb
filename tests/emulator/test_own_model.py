"""A third model is one new file: every target finds it, here and in the account."""

import json

import pytest
from conftest import Account, Rehearsal, forbidden
from project import REPOSITORY

from train2deploy.hashing import sha256_file

STEPS = [
    "local-train FILTERS=8", "package", "local-serve DETACH=1 PORT=0", "invoke Q=電波が悪い",
    "verify", "evaluate", "local-stop", "tune", "reproduce SEEDS=2 FILTERS=8",
    "compare A=mine-cnn-s1 B=mine-cnn-s2", "report LANG_REPORT=ja", "emulator DETACH=1",
    "cloud-train FILTERS=8", "package", "cloud-deploy", "cloud-invoke Q=電波が悪い",
    "cloud-delete DATA=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """What every step of the chain said, by its target; of two, the last one's."""
    root = Rehearsal(tmp_path_factory.mktemp("own"))
    data = [word for word in root.variables if word.startswith("DATASET")]
    kept = ("VECTORS", "CORPUS", "VOCABULARY", "REPRO", "CLOUD")
    text = [word for word in root.variables if word.startswith(kept)]
    script = root.root / "models" / "cnn" / "train.py"
    script.parent.mkdir(parents=True)
    source = (REPOSITORY / "examples" / "cnn" / "train.py").read_text(encoding="utf-8")
    script.write_text(source.replace("'jobs': 8", "'jobs': 1"), encoding="utf-8")
    root.said = {}
    for step in STEPS:
        target, *words = step.split()
        if target == "cloud-delete":
            root.calls = Account(root.json("emulator.json")["url"]).calls()
        given = root.taken(target, "VERSION=cnn", "EPOCHS=1", *data, *text)
        root.said[target] = root.make("--no-print-directory", target, *given, *words).stdout
        if step == "local-train FILTERS=8":
            root.local_job = (root.build / "jobs" / "latest").resolve()
    yield root
    root.make("emulator-stop")
    assert root.wait_until_quiet() == []


def test_it_is_trained_here_and_there_with_what_was_given(own):
    there = (own.build / "jobs" / "latest").resolve()
    assert own.local_job.name.startswith("cnn-")
    assert there.name.startswith("train2deploy-cnn-")
    for job in (own.local_job, there):
        inputs = json.loads((job / "manifest.json").read_text(encoding="utf-8"))["inputs"]
        assert inputs["version"] == "cnn"
        assert inputs["hyperparameters"] == {
            "epochs": 1, "filters": 8, "seed": 1, "single-thread": True}
    assert sha256_file(there / "model.tar.gz") == sha256_file(own.local_job / "model.tar.gz")


def test_it_is_packed_served_scored_and_searched(own):
    for target in ("invoke", "cloud-invoke"):
        assert "グルメ" in own.said[target]
    assert "the model, by its endpoint" in own.said["evaluate"]
    best = own.said["tune"].split("best: ")[1]
    assert best.startswith("FILTERS=") and "EPOCHS" not in best


def test_its_runs_are_compared_and_reported_in_both_languages(own):
    assert "A  mine-cnn-s" in own.said["compare"] and "McNemar" in own.said["compare"]
    folder = own.build / "reports" / "mine"
    for name, title in (("report", "a small CNN"), ("report.ja", "小さな CNN")):
        for ending in ("html", "md"):
            page = (folder / f"{name}.{ending}").read_text(encoding="utf-8")
            assert title in page and "cnn" in page
    command = json.loads((folder / "report.json").read_text())["versions"]["cnn"]["command"]
    assert "VERSION=cnn" in command and command.endswith(" EPOCHS=1 FILTERS=8")


def test_nothing_is_left_and_no_call_was_beyond_the_policy(own):
    assert "is left that costs" in own.said["cloud-delete"]
    assert forbidden(own.calls) == set()
    models = [path.name for path in (own.root / "models").rglob("*") if path.is_file()]
    assert models == ["train.py"]
