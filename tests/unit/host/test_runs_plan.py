"""runs.plan, record and check: what a run's id stands for, and what becomes of a finished job."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import relocate
from hypothesis import given
from hypothesis import strategies as st

from train2deploy import manifest, paths
from train2deploy.datasets import channels
from train2deploy.errors import JobFailed, UserError
from train2deploy.hashing import sha256_file
from train2deploy.runs import check, plan, record, registry, workers
from train2deploy.runs.plan import Plan
from train2deploy.runtimes.host import HOST

LABELS = ("グルメ", "携帯電話")


def data_set(directory: Path, count: int = 40) -> Path:
    directory.mkdir(exist_ok=True)
    rows = [(f"文 {number} 号", LABELS[number % 2]) for number in range(count)]
    for name, column, place in (("features", "feature", 0), ("labels", "label", 1)):
        lines = [column, *(row[place] for row in rows)]
        (directory / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return directory


@pytest.fixture
def sources(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's sources in copies that a test may change."""
    scripts = {"train": ("train_v1", "train_v2", "shared"), "code": ("script",)}
    for name, folder in (("TRAIN_SOURCE", "train"), ("PREDICT_CODE", "code")):
        (project / folder).mkdir()
        for script in scripts[folder]:
            (project / folder / f"{script}.py").write_text("import shared\n")
        monkeypatch.setattr(paths, name, project / folder)
    (project / "code" / "requirements.txt").write_text("requests==2.27.1\n")
    (project / "locks").mkdir()
    for name in ("serve.lock", "train.lock"):
        (project / "locks" / name).write_text("numpy==1.16.4\n")
    monkeypatch.setattr(paths, "REQUIREMENTS", project / "locks")
    return project


@pytest.fixture
def asked(sources: Path) -> Plan:
    directory = data_set(sources / "mine")
    return Plan(str(directory), "v1", ((1, 1), (2, 1)), {"epochs": 3})


def place_of(asked: Plan) -> Path:
    """As `prepare` makes it, with vectors that nobody trained."""
    from train2deploy import datasets

    place = paths.REPRODUCTIONS / "data-made"
    dataset = datasets.load(asked.dataset)
    channels.write(dataset, asked.draws[0][1], asked.split, place / "data")
    (place / "vectors").mkdir(exist_ok=True)
    (place / "vectors" / "tokenizer.model").write_bytes(b"pieces")
    (place / "vectors" / "manifest.json").write_text(
        json.dumps({"git": "of the day", "inputs": {"vectors": "chive"}}))
    return place


def ids(asked: Plan) -> list[str]:
    return [run.id for run in plan.runs(asked, asked.draws[0][1], place_of(asked))]


def test_an_id_names_data_set_version_seed_and_inputs(asked: Plan):
    first, second = ids(asked)
    assert first.startswith("mine-v1-s1-")
    assert second.startswith("mine-v1-s2-")
    assert first[-8:] != second[-8:]


def test_the_same_inputs_have_the_same_id(asked: Plan):
    assert ids(asked) == ids(asked)


def test_the_day_the_commit_and_other_locks_are_no_inputs(asked: Plan):
    before = ids(asked)
    place = place_of(asked)
    for folder in ("data", "vectors"):
        path = place / folder / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "git": {"commit": "another"}}))
    (paths.REQUIREMENTS / "dev.lock").write_text("pytest==8\n")
    assert [run.id for run in plan.runs(asked, 1, place)] == before


CHANGES = {
    "script": lambda root: (root / "train" / "train_v1.py").write_text("print(2)\n"),
    "a module of it": lambda root: (root / "train" / "shared.py").write_text("print(2)\n"),
    "handler": lambda root: (root / "code" / "script.py").write_text("print(2)\n"),
    "packages of the endpoint": lambda root: (root / "code" / "requirements.txt").write_text("x"),
    "lock": lambda root: (root / "locks" / "train.lock").write_text("numpy==1.16.3\n"),
    "data": lambda root: data_set(root / "mine", 42),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_whatever_the_result_depends_on_changes_the_id(asked: Plan, sources: Path, kind: str):
    before = ids(asked)
    CHANGES[kind](sources)
    assert set(before).isdisjoint(ids(asked))


def test_vectors_change_the_id(asked: Plan):
    before, place = ids(asked), place_of(asked)
    assert {run.inputs["vectors"] for run in plan.runs(asked, 1, place)} == {"chive"}
    (place / "vectors" / "tokenizer.model").write_bytes(b"other pieces")
    assert set(before).isdisjoint(run.id for run in plan.runs(asked, 1, place))


@pytest.mark.parametrize(
    "change", [{"version": "v2"}, {"hyperparameters": {"epochs": 4}}, {"draws": ((1, 2), (2, 2))}]
)
def test_options_change_the_id(asked: Plan, change: dict[str, Any]):
    assert set(ids(asked)).isdisjoint(ids(replace(asked, **change)))


def test_the_split_is_the_same_for_every_seed(asked: Plan):
    one, other = plan.runs(asked, 1, place_of(asked))
    assert one.inputs["channels"] == other.inputs["channels"]
    assert one.channels == other.channels


@given(name=st.text(min_size=1, max_size=30))
def test_an_id_is_one_readable_file_name(name: str):
    found = plan.run_id(name, "v1", 1, {})
    assert not {"/", "\0", " ", "*"} & set(found)
    assert not found.startswith((".", "-"))
    assert found.endswith(plan.run_id("x", "v1", 1, {})[1:])


def test_preparing_leaves_build_data_and_build_vectors_alone(asked: Plan, tmp_path: Path):
    text = tmp_path / "text.txt"
    text.write_text("電波が悪い\n今日は寒い\n" * 40, encoding="utf-8")
    corpus = replace(asked, vectors="corpus", corpus=text, vocabulary_size=60)
    place, lines = plan.prepare(corpus, 1, HOST)
    assert place.parent == paths.REPRODUCTIONS
    assert (place / "vectors" / "tokenizer.model").exists()
    assert len(lines) == 2
    assert not paths.DATASET.exists()
    assert not paths.VECTORS.exists()
    assert all("up to date" in line for line in plan.prepare(corpus, 1, HOST)[1])
    assert plan.prepare(corpus, 2, HOST)[0] != place


def test_an_unknown_version_is_refused_before_anything_is_made(asked, sources):
    with pytest.raises(UserError, match=r"VERSION=v9: expected one of v1, v2\."):
        plan.prepare(replace(asked, version="v9"), 1, HOST)
    assert not paths.REPRODUCTIONS.exists()


# --- from a job to a record ---------------------------------------------------------------


def test_the_learning_curves_are_columns(tmp_path: Path):
    (tmp_path / "history.csv").write_text("epoch,acc,val_acc\n1,0.5,0.25\n2,0.75,0.5\n")
    history = record.read_history(tmp_path / "history.csv")
    assert history == {"epoch": [1, 2], "acc": [0.5, 0.75], "val_acc": [0.25, 0.5]}
    metrics = {"monitor": "val_loss", "best_epoch": 1}
    assert record.validation(history, metrics) == {
        "accuracy": 0.25,
        "epoch": 1,
        "epochs": 2,
        "monitor": "val_loss",
    }


def test_without_validation_sentences_no_epoch_is_the_best(tmp_path: Path):
    history = {"epoch": [1, 2], "acc": [0.5, 0.75]}
    assert record.validation(history, {"monitor": "acc", "best_epoch": 2}) == {
        "accuracy": None,
        "epoch": None,
        "epochs": 2,
        "monitor": None,
    }


def test_the_median_epoch_is_of_keras_lines(tmp_path: Path):
    log = tmp_path / "train.log"
    log.write_text("Epoch 1/3\n - 9s - loss: 1 - acc: 0\n - 2s - loss: 1\n - 3s - loss: 1\n - 7s\n")
    assert record.median_epoch_seconds(log) == 3.0
    log.write_text("nothing\n")
    assert record.median_epoch_seconds(log) is None


def test_a_source_that_changed_while_it_was_trained_is_not_recorded(asked: Plan, sources: Path):
    run = plan.runs(asked, 1, place_of(asked))[0]
    run.job.mkdir(parents=True)
    inputs = {"channels": run.inputs["channels"], "source_sha256": "of what was edited"}
    manifest.write(run.job / "manifest.json", inputs, {}, seconds=1.0)
    with pytest.raises(UserError, match=f"{run.id}: src/train or the data changed while"):
        record.record(run, HOST, {})
    assert not run.job.exists(), "it would be taken as finished again"
    assert not registry.is_recorded(run.id)


def test_a_published_model_is_scored_by_what_its_job_left(sources: Path):
    script = paths.TRAIN_SOURCE / "published" / "bilstm.py"
    script.parent.mkdir()
    script.write_text("import driver\n\ndriver.run(__name__)\n")
    asked = Plan(str(data_set(sources / "mine")), "bilstm", ((1, 1),), {})
    (run,) = plan.runs(asked, 1, place_of(asked))
    assert set(run.inputs["sources"]) == {"train"}, "no endpoint has a part in it"
    left = run.job / "output" / "data"
    left.mkdir(parents=True)
    rows = [row.label for row in channels.read(run.channels / "data" / "test")]
    right = [[float(label == name) for name in LABELS] for label in rows]
    wrong = [row[::-1] for row in right]
    (left / "history.csv").write_text("epoch,acc,val_acc,test_acc\n1,0.5,0.5,1\n2,0.5,0.4,0\n")
    predictions = {"labels": LABELS, "probabilities": right, "author_probabilities": wrong}
    manifest.write_json(left / "predictions.json", predictions)
    (run.job / "train.log").write_text(" - 2s - loss: 1\n")
    for archive in ("model.tar.gz", "output.tar.gz"):
        (run.job / archive).write_bytes(b"")
    (run.job / "model" / "1" / "variables").mkdir(parents=True)
    (run.job / "model" / "1" / "saved_model.pb").write_bytes(b"")
    inputs = {"channels": run.inputs["channels"], "source_sha256": run.inputs["sources"]["train"]}
    metrics = {
        "monitor": "val_acc",
        "best_epoch": 1,
        "author": {"rule": "last-epoch", "epoch": 2, "accuracy": 0.0},
        "parameters": {"trainable": 3, "all": 4},
    }
    manifest.write(
        run.job / "manifest.json", inputs, {}, seconds=1.0, metrics=metrics, started="2026"
    )
    made = record.record(run, HOST, {})
    assert made["metrics"]["accuracy"] == 1.0
    assert made["metrics"]["author"] == {
        "rule": "last-epoch", "epoch": 2, "accuracy": 0.0, "f1_weighted": 0.0, "f1_macro": 0.0,
    }  # fmt: skip
    assert made["metrics"]["parameters"] == {"trainable": 3, "all": 4}
    assert made["durations"]["package_s"] is None
    assert sorted(path.name for path in (paths.RUNS / run.id).iterdir()) == [
        "evaluation.json", "history.json", "manifest.json",
    ]  # fmt: skip
    assert registry.get(run.id).evaluation["labels"] == sorted(LABELS)


def test_jobs_at_a_time_are_as_many_as_cores_memory_and_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workers.os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    monkeypatch.setattr(workers, "_available_bytes", lambda: 64e9)

    def runs_of(count: int, version: str = "v1") -> list[plan.Run]:
        return [plan.Run("x", 1, version, {}, {}, paths.BUILD)] * count

    assert workers.how_many(None, runs_of(10)) == 4
    assert workers.how_many(None, runs_of(3)) == 3
    assert workers.how_many(6, runs_of(10)) == 6
    monkeypatch.setattr(workers, "_available_bytes", lambda: 2.2 * workers.BYTES_OF_A_JOB)
    assert workers.how_many(None, runs_of(10)) == 2
    monkeypatch.setattr(workers, "_available_bytes", lambda: 3 * workers.BYTES_OF_A_JOB)
    assert workers.how_many(None, runs_of(10, "bilstm")) == 1, "a published model takes more"
    monkeypatch.setattr(workers, "_available_bytes", lambda: 1.0)
    assert workers.how_many(None, runs_of(10)) == 1


# --- reproduce-check ----------------------------------------------------------------------

MANIFEST = """
{"id": "x", "version": "$(VERSION)", "outputs": {"variables": "ee"},
 "inputs": {"channels": {}, "sources": {"train": "$(EPOCHS)"}}}
"""
MAKEFILE = f"""
RUN := build/runs/sample-$(VERSION)-s1
reproduce:
\t@mkdir -p $(RUN)
\t@for name in evaluation history golden; do echo '{{}}' > $(RUN)/$$name.json; done
\t@echo WEIGHTS > $(RUN)/model.tar.gz
\t@echo '{" ".join(MANIFEST.split())}' > $(RUN)/manifest.json
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Gives a function: a git checkout whose `make reproduce` writes a run with these weights."""

    def make(weights: str) -> Path:
        root = tmp_path / "checkout"
        root.mkdir()
        relocate(monkeypatch, root)
        (root / "Makefile").write_text(MAKEFILE.replace("WEIGHTS", weights))
        (root / ".gitignore").write_text("build/\n")
        for command in (
            ["init", "--quiet"],
            ["add", "."],
            ["-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-qm", "x"],
        ):
            subprocess.run(["git", *command], cwd=root, check=True)
        return root

    return make


def test_two_equal_builds_are_said_to_be_equal(checkout, capsys: pytest.CaptureFixture[str]):
    checkout("the same")
    check.check(["v1", "v2"], ["EPOCHS=2"])
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "all 14 artifacts are equal, byte for byte"
    assert "warning" not in out
    assert out.count("equal") == 15
    written = json.loads(paths.REPRODUCE_CHECK.read_text(encoding="utf-8"))
    assert len(written["artifacts"]) == 14
    assert written["different"] == []
    assert written["commit"] in subprocess.run(
        ["git", "log", "-1", "--format=%H"], cwd=paths.ROOT, capture_output=True, text=True
    ).stdout


def test_the_first_artifact_that_differs_is_named(checkout, capsys: pytest.CaptureFixture[str]):
    checkout("$(CURDIR)")
    with pytest.raises(JobFailed, match=r"1 of 7 artifacts differ.*: v1 model\.tar\.gz, as"):
        check.check(["v1"], [])
    rows = [line for line in capsys.readouterr().out.splitlines() if "DIFFERS" in line]
    assert len(rows) == 1
    written = json.loads(paths.REPRODUCE_CHECK.read_text(encoding="utf-8"))
    assert written["different"] == ["v1 model.tar.gz, as recorded"]


def test_changes_that_are_not_committed_are_warned_of(checkout, capsys):
    (checkout("x") / "Makefile").write_text("reproduce:\n\t@exit 1\n")
    check.check(["v1"], [])
    assert "changes that are not committed: they are NOT in it" in capsys.readouterr().out


def test_a_clone_that_cannot_be_built_ends_with_its_last_lines(checkout):
    checkout("; echo no such package >&2; exit 1 #")
    with pytest.raises(JobFailed, match=r"make .* failed in a fresh clone: .*no such pack"):
        check.check(["v1"], [])


def test_outside_of_a_checkout_there_is_nothing_to_clone(project: Path):
    with pytest.raises(UserError, match="expected a git checkout"):
        check.check(["v1"], [])


def test_a_run_is_compared_by_everything_but_durations(project: Path):
    import made_runs

    made = made_runs.run()
    found = check.digests(paths.RUNS / made["id"])
    assert found["run id v1"] == made["id"]
    assert found["v1 channel vectors"] == "cc"
    assert found["v1 saved_model.pb"] == "ff"
    evaluation = paths.RUNS / made["id"] / "evaluation.json"
    assert found["v1 evaluation.json"] == sha256_file(evaluation)
    assert not [name for name in found if "duration" in name or "manifest" in name]
