"""versions: what each script lets be chosen, and that nothing else is taken for it."""

import argparse
import json
import re

import pytest

from train2deploy import cli, jobs, paths, versions
from train2deploy.errors import EXIT_USAGE, UserError
from train2deploy.runs import plan, reproduce

OF_V2_ALONE = {
    "members": 5,
    "ngram-dimensions": 4,
    "ngram-dropout": 0.5,
    "patience": 1,
    "refit": False,
}
EVERY = sorted({name for version in versions.SCRIPTS for name in versions.declared(version)})


def given(*options: str) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    versions.add_options(parser)
    return versions.given(parser.parse_args(options))


def options_of(values: dict[str, object]) -> list[str]:
    return [part for name, value in values.items() for part in (f"--{name}", str(value))]


def test_v2_lets_be_chosen_what_v1_does_and_more():
    one, other = versions.declared("v1"), versions.declared("v2")
    assert list(one) == [
        "epochs", "batch-size", "hidden", "dropout", "learning-rate", "validation-split",
    ]  # fmt: skip
    assert set(other) == set(one) | set(OF_V2_ALONE)


@pytest.mark.parametrize("name", EVERY)
def test_make_has_a_variable_for_each_and_hands_it_on(name: str):
    variable = versions.every()[name].variable
    makefile = (paths.ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{variable} \?=", makefile, re.M)
    (handed_on,) = re.findall(r"^HYPERPARAMETERS = ((?:.*\\\n)*.*)$", makefile, re.M)
    assert f"--{name} $({variable})" in handed_on


def test_what_is_given_arrives_as_the_kind_that_its_script_declares():
    assert given("--model-version", "v2", *options_of(OF_V2_ALONE)) == OF_V2_ALONE
    assert given("--model-version", "v2", "--refit", "1") == {"refit": True}
    assert given("--epochs", "3", "--dropout", "0") == {"epochs": 3, "dropout": 0.0}
    assert given() == {}


@pytest.mark.parametrize("name", OF_V2_ALONE)
def test_what_a_version_has_not_is_refused_and_what_it_has_is_named(name: str):
    with pytest.raises(UserError) as caught:
        given("--model-version", "v1", f"--{name}", str(OF_V2_ALONE[name]))
    variable = name.upper().replace("-", "_")
    assert str(caught.value) == (
        f"{variable}={OF_V2_ALONE[name]}: v1 has no such hyperparameter, VERSION=v2 has."
        " Expected one of EPOCHS, BATCH_SIZE, HIDDEN, DROPOUT, LEARNING_RATE, VALIDATION_SPLIT."
    )


def test_a_version_that_is_not_there_is_refused():
    with pytest.raises(UserError, match=r"VERSION=v9: expected one of v1, v2, v3, or a published"):
        given("--model-version", "v9", "--members", "3")


def test_a_switch_is_on_or_off(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        given("--refit", "maybe")
    assert "expected 1 or 0, found 'maybe'" in capsys.readouterr().err


def test_what_make_asks_first_is_answered_in_one_line(capsys: pytest.CaptureFixture[str]):
    options = ["--seed", "1", "--epochs", "20", "--validation-split", "0.1"]
    assert versions.main(["--model-version", "v2", "--members", "3", *options]) == 0
    assert capsys.readouterr().err == ""
    assert versions.main(["--model-version", "v1", "--members", "3", *options]) == EXIT_USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("train2deploy: MEMBERS=3: v1 has no such hyperparameter")


def test_a_job_gets_those_of_its_version(monkeypatch: pytest.MonkeyPatch):
    started: list[jobs.TrainingJob] = []
    monkeypatch.setattr(jobs, "train", lambda job, *_: started.append(job))
    assert cli.main(["train", "--model-version", "v2", *options_of(OF_V2_ALONE)]) == 0
    assert started[0].hyperparameters == {**OF_V2_ALONE, "seed": 1}
    # As the toolkit reads them from hyperparameters.json.
    assert json.dumps(started[0].hyperparameters["refit"]) == "false"


def test_the_runs_that_are_reproduced_get_them_too(monkeypatch: pytest.MonkeyPatch):
    plans: list[plan.Plan] = []
    monkeypatch.setattr(reproduce, "reproduce", lambda asked, *_: plans.append(asked))
    assert cli.main(["reproduce", "--model-version", "v2", *options_of(OF_V2_ALONE)]) == 0
    assert plans[0].hyperparameters == OF_V2_ALONE


@pytest.mark.parametrize("command", [["train"], ["reproduce"], ["parity", "host", "docker"]])
def test_nothing_is_begun_with_what_the_version_has_not(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def begun(*_: object) -> None:
        raise AssertionError("begun")

    monkeypatch.setattr(jobs, "train", begun)
    monkeypatch.setattr(jobs, "run", begun)
    monkeypatch.setattr(plan, "prepare", begun)
    assert cli.main([*command, "--patience", "3"]) == EXIT_USAGE
    assert "PATIENCE=3: v1 has no such hyperparameter" in capsys.readouterr().err


def test_a_script_without_a_table_is_named(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(paths, "TRAIN_SOURCE", tmp_path)
    (tmp_path / "train_v1.py").write_text("print(1)\n")
    with pytest.raises(UserError, match=r"train_v1\.py: expected HYPERPARAMETERS in it"):
        versions.declared("v1")


# --- the published models -----------------------------------------------------------------


@pytest.mark.parametrize("version", versions.PUBLISHED)
def test_a_published_model_has_a_script_and_hyperparameters(version: str):
    versions.check(version)
    assert {"epochs", "batch-size", "validation-split"} <= set(versions.declared(version))
    assert given("--model-version", version, "--epochs", "3") == {"epochs": 3}


def test_of_the_table_a_published_model_has_what_its_article_has():
    assert list(versions.declared("mymodel")) == [
        "epochs", "batch-size", "hidden", "dropout", "patience", "validation-split",
    ]  # fmt: skip
    assert "dropout" not in versions.declared("comp-corpus")
    with pytest.raises(UserError, match=r"comp-corpus has no such hyperparameter, VERSION=v1 or"):
        given("--model-version", "comp-corpus", "--dropout", "0.5")


def test_its_vectors_and_its_tokenizer_are_as_near_to_the_authors_as_can_be_had():
    assert versions.vectors_of("bilstm") == "wikipedia"
    assert versions.vectors_of("v2") == "chive"
    assert versions.tokenizer_of("bilstm", "wikipedia") == "author"
    assert versions.tokenizer_of("bilstm", "chive") == "author"
    assert versions.tokenizer_of("bilstm", "wikija") == "", "these bring their own"
    assert versions.tokenizer_of("v1", "wikipedia") == ""


@pytest.mark.parametrize("command", [["parity", "host", "docker", "--model-version"],
                                     ["reproduce-check"]])  # fmt: skip
def test_what_needs_a_package_is_refused_for_it(
    command: list[str], capsys: pytest.CaptureFixture[str]
):
    assert cli.main([*command, "bilstm"]) == EXIT_USAGE
    assert "VERSION=bilstm: published models are trained and scored" in capsys.readouterr().err


def test_make_dry_run_refuses_it_before_anything_is_begun(capsys: pytest.CaptureFixture[str]):
    assert versions.main(["--packed", "--model-version", "v1"]) == 0
    assert versions.main(["--packed", "--model-version", "bilstm"]) == EXIT_USAGE
    assert "trained and scored, not packed" in capsys.readouterr().err
    makefile = (paths.ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^dry-run: \.packed ", makefile, re.M)


@pytest.mark.parametrize(
    "options, expected",
    [
        ([], [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]),
        (["--seeds", "2", "--split-seed", "7"], [(1, 7), (2, 7)]),
        (["--splits", "3"], [(1, 1), (2, 2), (3, 3)]),
    ],
)
def test_seeds_train_on_one_split_and_splits_on_each(
    options: list[str], expected: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
):
    plans: list[plan.Plan] = []
    monkeypatch.setattr(reproduce, "reproduce", lambda asked, *_: plans.append(asked))
    assert cli.main(["reproduce", "--split", "published", *options]) == 0
    assert list(plans[0].draws) == expected
    assert plans[0].split == "published"


def test_seeds_and_splits_are_not_asked_for_at_once(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["reproduce", "--seeds", "2", "--splits", "3"]) == EXIT_USAGE
    assert "SEEDS=2 SPLITS=3: expected one of them" in capsys.readouterr().err
