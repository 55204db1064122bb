"""next_step: where a user has got to, and the line after a target."""

import os
from pathlib import Path

import pytest
from test_staleness import data_set, job, pack

from train2deploy import clean, cli, doctor, endpoint, manifest, next_step, paths
from train2deploy.endpoint import Endpoint
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file
from train2deploy.make import ending
from train2deploy.make.targets import TARGETS


def measured(*places: Path) -> None:
    for path in places:
        manifest.write_json(path, {"model_sha256": sha256_file(paths.MODEL_ARCHIVE)})


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch):
    """Gives a function: an endpoint that serves the package of now."""
    def start() -> None:
        found = Endpoint(8080, 7, sha256_file(paths.MODEL_ARCHIVE))
        monkeypatch.setattr(endpoint, "current", lambda: found)
    return start


def test_each_step_of_the_main_job_leads_to_the_next_one(project: Path, running):
    assert next_step.after("setup", {}) == "make dry-run"
    data = data_set()
    assert next_step.after("setup", {}) == "make local-train"
    job("v1-1", data)
    assert next_step.after("local-train", {}) == "make package"
    pack(paths.LATEST_JOB)
    assert next_step.after("package", {}) == "make local-serve DETACH=1"
    assert next_step.after("local-serve", {"DETACH": "1"}) == "make invoke Q='…'"
    running()
    assert next_step.after("invoke", {}) == "make evaluate"
    measured(paths.EVALUATION)
    assert next_step.after("evaluate", {}) == "make verify"
    measured(paths.VERIFICATION)
    assert next_step.after("invoke", {}) == "make local-stop"
    assert next_step.after("verify", {}) == "make emulator DETACH=1"
    assert next_step.after("local-stop", {}) == "make emulator DETACH=1"
    manifest.write_json(paths.EMULATOR_STATE, {"pid": 1, "url": "http://127.0.0.1:1"})
    assert next_step.after("verify", {}) == "make cloud-plan CLOUD=emulator"
    cloud = {"CLOUD": "emulator", "YES": "1"}
    assert next_step.after("cloud-plan", cloud) == "make cloud-deploy CLOUD=emulator"
    assert next_step.after("cloud-delete", cloud) == "make emulator-stop"
    job("v1-2", data, weights=b"newer")
    assert next_step.after("status", {}) == "make package"
    pack(paths.LATEST_JOB)
    assert next_step.after("package", {}) == "make local-stop local-serve DETACH=1"


@pytest.mark.parametrize("goal, given, command", [
    ("data", {"DATASET": "knbc", "SEED": "2", "KNBC": "x"},
     "make local-train DATASET=knbc SEED=2"),
    ("cloud-train", {"CLOUD": "emulator", "VERSION": "v2", "YES": "1"},
     "make package cloud-deploy CLOUD=emulator"),
    ("local-train", {"VERSION": "bilstm"}, "make reproduce SPLITS=5 VERSION=bilstm"),
    ("cloud-delete", {}, "make cloud-status"),
    ("images", {"RUNTIME": "docker"}, "make dry-run RUNTIME=docker"),
])  # fmt: skip
def test_what_was_given_goes_on_to_the_target_that_takes_it(project: Path, goal, given, command):
    assert next_step.after(goal, given) == command


@pytest.mark.parametrize("goal", TARGETS)
def test_every_target_has_a_next_step_that_is_there(project: Path, goal: str):
    words = next_step.after(goal, {}).split()
    assert words[0] == "git" or words[0] == "make" and words[1] in TARGETS
    assert words[1] != goal or goal == "dry-run"


def test_the_line_stands_on_standard_error_after_success_alone(project, monkeypatch, capsys):
    def line(goal: str, *words: str) -> str:
        monkeypatch.setenv(ending.VARIABLE, ending.handed_on(goal, {})[ending.VARIABLE])
        cli.main(list(words))
        return "".join(one for one in capsys.readouterr().err.splitlines(True) if "next:" in one)

    assert line("local-stop", "stop") == "next: make dry-run\n"
    assert line("package", "package") == ""  # there is no job
    assert cli.main(["stop"]) == 0
    assert "next:" not in capsys.readouterr().err, "nobody asked"


def test_the_opening_has_five_lines_that_fit_what_is_there(project, monkeypatch, running):
    def lines() -> list[str]:
        said = next_step.opening()
        assert [line.partition(": ")[0] for line in said] == [
            "train2deploy", "one command", "here", "next", "more"]  # fmt: skip
        assert max(map(len, said)) <= 100
        return said[2:4]

    monkeypatch.setattr(paths, "STAMPS", project / ".stamps")
    monkeypatch.setattr(doctor, "findings", list)
    assert lines() == [
        "here: nothing made yet; this machine has what it needs", "next: make dry-run"]  # fmt: skip
    gcc = doctor.Finding("C compiler", None, True, "get it")
    monkeypatch.setattr(doctor, "findings", lambda: [gcc])
    assert lines() == ["here: nothing made yet, and not there: C compiler", "next: make doctor"]
    paths.STAMPS.mkdir()
    (paths.STAMPS / "host").touch()
    assert lines()[1] == "next: make dry-run"
    pack(job("v1-1", data_set()))
    running()
    digest = sha256_file(paths.MODEL_ARCHIVE)
    scores = {"model_sha256": digest, "model": {"accuracy": 0.75, "n": 4}}
    manifest.write_json(paths.EVALUATION, scores)
    assert lines() == [
        "here: job v1-1, packed, accuracy 0.750, endpoint at http://127.0.0.1:8080",
        "next: make verify"]  # fmt: skip


def test_clean_refuses_while_something_runs_and_removes_build_otherwise(project: Path):
    own = Path(f"/proc/{os.getpid()}/cmdline").read_bytes().split(b"\0")[0].decode()
    paths.BUILD.mkdir()
    for state, target in ((paths.ENDPOINT_STATE, "local-stop"),
                          (paths.EMULATOR_STATE, "emulator-stop")):  # fmt: skip
        manifest.write_json(state, {"pid": os.getpid(), "container": own})
        with pytest.raises(UserError, match=f"make {target} clean"):
            clean.main()
        manifest.write_json(state, {"pid": os.getpid(), "container": "another process by now"})
    clean.main()
    assert not paths.BUILD.exists()


def test_what_a_target_was_given_reaches_its_last_command_alone(monkeypatch: pytest.MonkeyPatch):
    (said,) = ending.handed_on("data", {"SEED": "1"}).values()
    monkeypatch.setenv(ending.VARIABLE, said)
    assert ending.taken() == ending.Target("data", {"SEED": "1"})
    assert ending.taken() is None
