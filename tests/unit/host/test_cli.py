"""cli: exit statuses, one line for a user, a traceback for who wants it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from train2deploy import cli, endpoint, jobs, package, paths, processes, requests
from train2deploy.datasets import channels
from train2deploy.errors import (
    EXIT_ENVIRONMENT,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    JobFailed,
    MissingRequirement,
    UserError,
)

COMMANDS = ["data", "vectors", "train", "package", "serve", "stop", "invoke", "verify", "evaluate"]
COMMANDS += ["rehearse", "reproduce", "runs", "compare", "reproduce-check"]


@pytest.fixture(autouse=True)
def signals_as_they_were():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def raising(error: BaseException):
    def command(*_: object, **__: object) -> None:
        raise error

    return command


@pytest.mark.parametrize(
    "error, status",
    [
        (UserError("wrong input"), EXIT_USAGE),
        (JobFailed("bad end"), EXIT_FAILED),
        (MissingRequirement("not there"), EXIT_ENVIRONMENT),
        (KeyboardInterrupt(), EXIT_INTERRUPTED),
    ],
)
def test_an_error_is_one_line_and_a_status_of_its_own(monkeypatch, capsys, error, status):
    monkeypatch.setattr(package, "package", raising(error))
    assert cli.main(["package"]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"train2deploy: {str(error) or 'interrupted'}\n"


def test_the_statuses_differ():
    assert len({0, EXIT_FAILED, EXIT_USAGE, EXIT_ENVIRONMENT, EXIT_INTERRUPTED}) == 5


def test_with_verbose_the_traceback_is_shown(monkeypatch, capsys):
    monkeypatch.setattr(package, "package", raising(UserError("wrong input")))
    assert cli.main(["--verbose", "package"]) == EXIT_USAGE
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last):")
    assert err.endswith("train2deploy: wrong input\n")


def test_a_fault_of_the_tool_is_not_dressed_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(package, "package", raising(ZeroDivisionError("a bug")))
    with pytest.raises(ZeroDivisionError):
        cli.main(["package"])


def test_a_command_that_succeeds_ends_with_0(monkeypatch, capsys):
    monkeypatch.setattr(endpoint, "stop", lambda: False)
    assert cli.main(["stop"]) == 0
    assert capsys.readouterr().out == "no endpoint was running\n"


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["data"], ["data", "x", "--no"]]
)
def test_wrong_arguments_end_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == EXIT_USAGE
    assert "usage: train2deploy" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        cli.main([command, "--help"])
    assert caught.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) > 3


def test_data_takes_a_name_or_a_directory(monkeypatch, capsys):
    written = []

    def write(dataset, seed, way, tokenizer) -> str:
        written.append((dataset.source["dataset"], seed, way))
        return "done"

    monkeypatch.setattr(channels, "write", write)
    assert cli.main(["data", "sample", "--seed", "7", "--split", "article"]) == 0
    assert written == [("sample", 7, "article")]
    assert capsys.readouterr().out == "done\n"
    assert cli.main(["data", "/not/there"]) == EXIT_USAGE
    assert "DATASET=/not/there: expected sample, knbc or a directory" in capsys.readouterr().err


def test_train_passes_on_the_hyperparameters_that_were_given(monkeypatch: pytest.MonkeyPatch):
    started: list[jobs.TrainingJob] = []
    monkeypatch.setattr(jobs, "train", lambda job, *_: started.append(job))
    monkeypatch.setenv("EPOCHS", "3")
    monkeypatch.setenv("VALIDATION_SPLIT", "0")
    given = ["--variables", "EPOCHS VALIDATION_SPLIT", "--hyperparameters", '{"batch-size": 32}']
    assert cli.main(["train", *given, "--seed", "5", "--repro"]) == 0
    (job,) = started
    assert job.version == "v1"
    assert job.repro
    assert job.hyperparameters == {
        "epochs": 3,
        "batch-size": 32,
        "validation-split": 0.0,
        "seed": 5,
    }


def test_train_takes_a_directory_and_channels_of_its_own(monkeypatch, tmp_path):
    started: list[tuple] = []
    monkeypatch.setattr(jobs, "run", lambda *given: started.append(given))
    for folder in ("data/train", "data/test", "vectors", "job"):
        (tmp_path / folder).mkdir(parents=True)
    places = ["--directory", str(tmp_path / "job"), "--channels", str(tmp_path)]
    assert cli.main(["train", "--model-version", "v2", *places]) == 0
    ((job, directory, _, sources),) = started
    assert job.version == "v2"
    assert directory == tmp_path / "job"
    assert sources == {
        "train": tmp_path / "data" / "train",
        "test": tmp_path / "data" / "test",
        "vectors": tmp_path / "vectors",
    }


def test_train_ends_where_its_parent_has_ended_already(monkeypatch, capsys):
    monkeypatch.setattr(processes, "end_with_parent", lambda: None)  # it would last
    assert cli.main(["train", "--parent", str(os.getpid())]) == EXIT_INTERRUPTED
    assert capsys.readouterr().err == "train2deploy: interrupted\n"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--splits", "6", "--split", "fold"],
         "SPLITS=6: SPLIT=fold has 5 folds. Give a number from 1 to 5."),
        (["--split-seed", "9", "--split", "fold"],
         "SPLIT_SEED=9: SPLIT=fold has 5 folds. Give a number from 1 to 5."),
        (["--splits", "2", "--split-seed", "1"],
         "SPLITS=2 SPLIT_SEED=1: expected one of them. SPLITS takes the splits from 1 on;"
         " SPLIT_SEED is for SEEDS."),
    ],
)
def test_seeds_and_splits_that_do_not_go_together_are_named(arguments, message, capsys):
    assert cli.main(["reproduce", *arguments]) == EXIT_USAGE
    assert capsys.readouterr().err == f"train2deploy: {message}\n"


def test_runs_of_a_version_that_there_is_not_are_refused(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["runs", "--model-version", "v11"]) == EXIT_USAGE
    assert capsys.readouterr().err.startswith("train2deploy: VERSION=v11: expected one of v1,")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["data", "x", "--split", "typo"],
         "SPLIT=typo: expected random, article, published or fold."),
        (["data", "x", "--seed", "one"], "SEED=one: expected a whole number, 0 to 4294967295."),
        (["reproduce", "--seeds", "0"], "SEEDS=0: expected a whole number, 1 or more."),
        (["reproduce", "--jobs", "-1"], "JOBS=-1: expected a whole number, 1 or more."),
        (["invoke", "--type", "csv", "x"],
         "TYPE=csv: expected a content type, such as text/csv."),
        (["invoke", "--accept", "text/html\nX: y", "x"],
         "ACCEPT=text/html\nX: y: expected a content type, such as text/csv."),
        (["package", "--dependencies", "both"], "DEPS=both: expected lib or requirements."),
        (["--image", "mine", "status"], "IMAGE=mine: expected own or aws."),
        (["--model-server", "mine", "status"], "MODEL_SERVER=mine: expected own or official."),
        (["report", "--language", "de"], "LANG_REPORT=de: expected en or ja."),
        (["bench", "--rounds", "0"], "ROUNDS=0: expected a whole number, 1 or more."),
        (["bench", "--seconds", "-1.0"], "SECONDS=-1.0: expected a number above 0."),
        (["bench", "--article-words", "0"],
         "ARTICLE_WORDS=0: expected a whole number, 1 or more."),
        (["bench", "--clients", "1,x"],
         "CLIENTS=1,x: expected whole numbers with commas between them, 1 or more."),
        (["bench", "--clients", "0"],
         "CLIENTS=0: expected whole numbers with commas between them, 1 or more."),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_by_makes_variable_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == EXIT_USAGE
    assert capsys.readouterr().err == f"train2deploy: {message}\n"


def test_a_sentence_may_begin_with_a_hyphen(monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr("train2deploy.invoke.invoke", lambda *request: asked.append(request))
    assert cli.main(["invoke", "--port", "1234", "--", "-圏外"]) == 0
    assert asked == [(requests.sentences("-圏外"), 1234, False)]


# --- as a process -----------------------------------------------------------------------------


def command(root: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "train2deploy", *arguments],
        env={
            **os.environ,
            "PYTHONPATH": str(paths.SRC),
            "TRAIN2DEPLOY_ROOT": str(root),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    "arguments, status, message",
    [
        (["data", "nothing"], 2, "train2deploy: DATASET=nothing: expected sample, knbc or"),
        (["package"], 2, "train2deploy: build/jobs/latest/model.tar.gz: expected a finished job"),
        (["vectors", "corpus"], 2, "train2deploy: build/data/train: expected the training"),
        (["serve"], 2, "train2deploy: build/model.tar.gz: expected a packed model, found none."),
        (["serve", "--model-dir", "no"], 2, "train2deploy: MODEL_DIR=no: expected a directory"),
        (["invoke", "--port", "9", "x"], 1, "train2deploy: http://127.0.0.1:9: no answer"),
    ],
)
def test_in_an_empty_project_a_command_says_what_is_missing(tmp_path, arguments, status, message):
    process = command(tmp_path, *arguments)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (status, "")
    assert err.startswith(message)
    assert err.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_command_with_130_and_one_line(tmp_path: Path, number: signal.Signals):
    """A data set that is a pipe nobody writes to: the command waits for ever."""
    folder = tmp_path / "mine"
    folder.mkdir()
    os.mkfifo(folder / "features.csv")
    process = command(tmp_path, "data", str(folder))
    opener = os.open(folder / "features.csv", os.O_WRONLY)  # returns when the command reads
    time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    os.close(opener)
    assert (process.returncode, out, err) == (130, "", "train2deploy: interrupted\n")


TIDIES_UP = """
import sys, time
from train2deploy import cli, endpoint

def stop():
    try:
        print("ready", flush=True)
        time.sleep(600)
    finally:
        print("tidies up", flush=True)
        sys.stdin.readline()
        print("tidied up", flush=True)

endpoint.stop = stop
sys.exit(cli.main(["stop"]))
"""


def test_a_second_sigterm_does_not_end_the_tidying_up():
    process = subprocess.Popen(
        [sys.executable, "-c", TIDIES_UP],
        env={**os.environ, "PYTHONPATH": str(paths.SRC)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "tidies up\n"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate("go on\n", timeout=60)
    assert out == "tidied up\n"
    assert err == "train2deploy: interrupted\n"
    assert process.returncode == EXIT_INTERRUPTED
