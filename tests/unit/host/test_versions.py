"""versions, declaration, hyperparameters: models are found by looking, and read, not run."""

import argparse
import json
from pathlib import Path

import pytest

from train2deploy import cli, hyperparameters, job_source, jobs, paths, versions
from train2deploy.errors import EXIT_USAGE, UserError
from train2deploy.runs import plan, reproduce

OF_V2_ALONE = {
    "members": 5,
    "ngram-dimensions": 4,
    "ngram-dropout": 0.5,
    "patience": 1,
    "refit": False,
}
ARGPARSE = """
import argparse
import os
parser = argparse.ArgumentParser()
parser.add_argument('--epochs', type=int, default=3, help='passes')
parser.add_argument('--filters', '-f', type=int, choices=range(8, 129), default=32)
parser.add_argument('--learning_rate', type=float, default=0.001)
parser.add_argument('--optimizer', choices=['adam', 'sgd'], default='adam')
parser.add_argument('--seed', type=int, default=1)
parser.add_argument('--quiet', action='store_true')
parser.add_argument('--model_dir', default='')
parser.add_argument('--train', default=os.environ.get('SM_CHANNEL_TRAIN'))
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without models."""
    for name, folder in (("TRAIN_SOURCE", "src/train"), ("MODELS", "models")):
        (tmp_path / folder).mkdir(parents=True)
        monkeypatch.setattr(paths, name, tmp_path / folder)
    (tmp_path / "src" / "train" / "published").mkdir()
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    return tmp_path


def script(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


def given(version: str, **variables: str) -> dict[str, object]:
    found = versions.declared(version)
    return hyperparameters.of_make(version, found, list(variables), variables)


def options_of(values: dict[str, object]) -> list[str]:
    return ["--hyperparameters", json.dumps(values)]


# --- found by looking ----------------------------------------------------------------------


def test_a_name_is_a_script_of_ours_a_folder_or_a_published_model(root: Path):
    script(root / "src/train/train_v7.py", "HYPERPARAMETERS = [('epochs', int, 3, 'passes')]\n")
    script(root / "src/train/published/two_words.py", "import driver\n\ndriver.run(__name__)\n")
    script(root / "src/train/published/layers.py", '"""Not a model: driver.run(__name__)."""\n')
    script(root / "models/cnn/train.py", ARGPARSE)
    assert [(one.name, one.is_published, one.is_folder) for one in versions.known()] == [
        ("v7", False, False), ("cnn", False, True), ("two-words", True, False),
    ]  # fmt: skip
    with pytest.raises(UserError, match=r"^VERSION=cmm: expected one of v7, cnn, or a published"):
        versions.find("cmm")
    (root / "models" / "empty").mkdir()
    with pytest.raises(UserError, match=r"expected models/empty/train\.py, found none"):
        versions.find("empty")
    script(root / "src/train/train_cnn.py", "")
    with pytest.raises(UserError, match=r"src/train/train_cnn\.py and models/cnn/train\.py have"):
        versions.find("cnn")


def test_a_script_is_called_as_its_file_or_its_folder(root: Path):
    own = script(root / "elsewhere/my model/train.py", "")
    assert versions.find(own).name == "my-model"
    assert versions.find(script(root / "elsewhere/lstm.py", "")).name == "lstm"
    assert versions.find(script(root / "モデル/train.py", "")).name == "own"
    ours = script(root / "src/train/train_v7.py", "")
    assert versions.find(ours).name == "v7" and not versions.find(ours).is_folder
    with pytest.raises(UserError, match=r"^SCRIPT=no/where\.py: expected a Python file"):
        versions.find("no/where.py")


def test_those_that_are_here_declare_what_they_take():
    one, other = versions.declared("v1"), versions.declared("v2")
    assert list(one.hyperparameters) == [
        "epochs", "batch-size", "hidden", "dropout", "learning-rate", "validation-split",
    ]  # fmt: skip
    assert set(other.hyperparameters) == set(one.hyperparameters) | set(OF_V2_ALONE)
    assert (one.seed, one.single_thread, one.is_whole) == ("seed", "single-thread", True)
    published = [one.name for one in versions.known() if one.is_published]
    assert len(published) == 13
    for name in published:
        assert {"epochs", "batch-size", "validation-split"} <= {
            *versions.declared(name).hyperparameters
        }


def test_of_the_drivers_table_a_published_model_has_what_its_article_has():
    assert list(versions.declared("mymodel").hyperparameters) == [
        "epochs", "batch-size", "hidden", "dropout", "patience", "validation-split",
    ]  # fmt: skip
    assert "dropout" not in versions.declared("comp-corpus").hyperparameters


def test_what_argparse_is_told_is_declared(root: Path):
    own = script(root / "own/train.py", ARGPARSE)
    found = versions.declared(own)
    assert list(found.hyperparameters) == ["epochs", "filters", "learning_rate", "optimizer"]
    assert (found.hyperparameters["epochs"].default, found.hyperparameters["epochs"].text) == (
        3, "passes",
    )  # fmt: skip
    assert (found.seed, found.single_thread) == ("seed", None)
    assert given(own, EPOCHS="5", LEARNING_RATE="1e-2", OPTIMIZER="sgd", HP="filters=8") == {
        "epochs": 5, "learning_rate": 0.01, "optimizer": "sgd", "filters": 8,
    }  # fmt: skip
    passed = hyperparameters.for_script(own, {"filters": 8, "seed": 4}, repro=True)
    assert passed == {"filters": 8, "seed": 4}


@pytest.mark.parametrize(
    "variables, message",
    [
        ({"FILTERS": "200"}, "FILTERS=200: expected a whole number, 8 to 128."),
        ({"EPOCHS": "abc"}, "EPOCHS=abc: expected a whole number."),
        ({"EPOCHS": "1_0"}, "EPOCHS=1_0: expected a whole number."),
        ({"EPOCHS": "３"}, "EPOCHS=３: expected a whole number."),
        ({"LEARNING_RATE": "nan"}, "LEARNING_RATE=nan: expected a number."),
        ({"OPTIMIZER": "rmsprop"}, "OPTIMIZER=rmsprop: expected adam or sgd."),
        ({"HP": "filter=8"},
         "HP: filter=8: not a hyperparameter of {own}. The nearest is filters."),
        ({"HP": "epochs"}, "HP=epochs: expected name=value, with blanks between, found 'epochs'."),
        ({"HP": "seed=2"}, "HP: seed=2: give SEED=2, which also shuffles the data."),
        ({"HP": "sagemaker_x=2"}, "HP: sagemaker_x=2: names that begin with sagemaker_ are"
         " reserved for the platform."),
        ({"EPOCHS": "1", "HP": "epochs=2"}, "HP: epochs=2: epochs is given twice."),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_in_one_line(root: Path, variables: dict, message: str):
    own = script(root / "own/train.py", ARGPARSE)
    with pytest.raises(UserError) as caught:
        given(own, **variables)
    assert str(caught.value) == message.format(own=own)


@pytest.mark.parametrize("text", [
    "import json\n",
    "p = argparse.ArgumentParser()\nfor n in 'ab':\n    p.add_argument('--' + n)\n",
    "HYPERPARAMETERS = {'epochs': 3}\n",
])  # fmt: skip
def test_a_script_that_declares_nothing_takes_what_hp_says_as_sagemaker_passes_it(root, text):
    own = script(root / "own/train.py", text)
    chosen = given(own, HP="epochs=3 filters=0.5 name=x flag=true text='a b' list=[1,2] seed=7")
    assert chosen == {"epochs": 3, "filters": 0.5, "name": "x", "flag": True, "text": "a b",
                      "list": [1, 2], "seed": 7}  # fmt: skip
    assert hyperparameters.for_script(own, chosen, repro=True) == chosen
    assert hyperparameters.with_seed(own, chosen, 1) == chosen
    assert given(own, EPOCHS="3") == {}, "make refuses it, see test_variables"


@pytest.mark.parametrize(
    "text, message",
    [
        ("def f(:\n", "broken/train.py:1: invalid syntax."),
        ("\nHYPERPARAMETERS = [('epochs',)]\n",
         "broken/train.py:2: HYPERPARAMETERS: expected (name, kind, default, what it is)."),
        ("DECLARES = {'title': f()}\n",
         "broken/train.py:1: DECLARES: expected a value that is written out."),
        ("DECLARES = {'colour': 1}\n", "broken/train.py:1: DECLARES: expected keys of title,"
         " metrics, search, vectors, tokens, given, found colour."),
        ("DECLARES = {'metrics': {'a': '('}}\n", "broken/train.py:1: DECLARES: metrics: a: expected"
         " a regular expression: missing ), unterminated subpattern at position 0."),
    ],
)  # fmt: skip
def test_a_broken_script_breaks_itself_alone_in_one_line(root: Path, text: str, message: str):
    broken = script(root / "broken/train.py", text)
    script(root / "src/train/train_v7.py", ARGPARSE)
    script(root / "models/broken/train.py", text)
    with pytest.raises(UserError) as caught:
        versions.declared(broken)
    assert str(caught.value) == message
    assert given("v7", EPOCHS="3") == {"epochs": 3}
    assert hyperparameters.having("FILTERS") == ["v7"]


def test_what_make_gives_by_default_depends_on_the_data_set():
    v1 = versions.declared("v1")
    always = {"validation-split": 0.1, "hidden": 32}
    assert hyperparameters.by_default(v1, "sample") == {**always, "epochs": 20, "batch-size": 32}
    assert hyperparameters.by_default(v1, "knbc") == {**always, "epochs": 10, "batch-size": 256}
    assert hyperparameters.by_default(versions.declared("v2"), "knbc") == {"validation-split": 0.1}


# --- what travels ---------------------------------------------------------------------------


def test_the_whole_folder_travels_with_a_script_and_the_modules_of_ours_that_it_imports(root: Path):
    script(root / "src/train/channels.py", "import helper\n")
    script(root / "src/train/helper.py", "ours = 1\n")
    script(root / "models/cnn/train.py", "import pkg.layers\nimport mine\n")
    script(root / "models/cnn/mine.py", "import channels\nfrom helper import its_own\n")
    script(root / "models/cnn/helper.py", "its_own = 1\n")
    script(root / "models/cnn/unused.py", "def f(:\n")
    for name in ("pkg/__init__.py", "pkg/layers.py", "words.txt", ".hidden", "__pycache__/a.pyc"):
        script(root / "models/cnn" / name, "")
    assert sorted(job_source.files("cnn")) == [
        "channels.py", "helper.py", "mine.py", "pkg/__init__.py", "pkg/layers.py", "train.py",
        "unused.py", "words.txt",
    ]  # fmt: skip
    job_source.stage("cnn", root / "source")
    assert (root / "source" / "helper.py").read_text() == "its_own = 1\n"


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("requirements.txt", "janome==0.4.2\n", "does not install it for a plain script"),
        ("setup.py", "", "the TensorFlow 1.12 container would install this folder"),
        (".git/HEAD", "", "all of its folder"),
    ],
)
def test_a_folder_that_sagemaker_would_not_take_as_it_is_is_refused(root, name, text, message):
    script(root / "models/cnn/train.py", ARGPARSE)
    script(root / "models/cnn" / name, text)
    with pytest.raises(UserError, match=message):
        job_source.stage("cnn", root / "source")
    assert not (root / "source" / "train.py").exists()


def test_requirements_that_ask_for_nothing_are_no_hindrance(root: Path):
    script(root / "models/cnn/train.py", ARGPARSE)
    script(root / "models/cnn/requirements.txt", "# TensorFlow is in the container\n\n")
    job_source.check("cnn")


# --- the commands ---------------------------------------------------------------------------


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


def test_what_make_gives_arrives_as_the_kind_that_the_script_declares(monkeypatch):
    for name, value in {"MEMBERS": "5", "REFIT": "0", "NGRAM_DROPOUT": "0.5"}.items():
        monkeypatch.setenv(name, value)
    parser = argparse.ArgumentParser()
    hyperparameters.add_options(parser)
    named = ["--variables", "MEMBERS REFIT NGRAM_DROPOUT"]
    asked = parser.parse_args(["--model-version", "v2", *named])
    assert hyperparameters.given(asked) == {"members": 5, "refit": False, "ngram-dropout": 0.5}


# --- the published models -----------------------------------------------------------------


def test_its_vectors_and_its_tokenizer_are_as_near_to_the_authors_as_can_be_had():
    assert versions.vectors_of("bilstm") == "wikipedia"
    assert versions.vectors_of("v2") == "chive" and versions.vectors_of("v3") == "encoder"
    assert versions.tokenizer_of("bilstm", "wikipedia") == "author"
    assert versions.tokenizer_of("bilstm", "chive") == "author"
    assert versions.tokenizer_of("bilstm", "wikija") == "", "these bring their own"
    assert versions.tokenizer_of("v1", "wikipedia") == ""


@pytest.mark.parametrize("command", [["parity", "host", "docker", "--model-version"],
                                     ["reproduce-check"]])  # fmt: skip
def test_what_needs_a_package_is_refused_for_it(command, capsys):
    assert cli.main([*command, "bilstm"]) == EXIT_USAGE
    assert "VERSION=bilstm: published models are trained and scored" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options, expected",
    [
        ([], [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]),
        (["--seeds", "2", "--split-seed", "7"], [(1, 7), (2, 7)]),
        (["--splits", "3"], [(1, 1), (2, 2), (3, 3)]),
    ],
)
def test_seeds_train_on_one_split_and_splits_on_each(options, expected, monkeypatch):
    plans: list[plan.Plan] = []
    monkeypatch.setattr(reproduce, "reproduce", lambda asked, *_: plans.append(asked))
    assert cli.main(["reproduce", "--split", "published", *options]) == 0
    assert list(plans[0].draws) == expected
    assert plans[0].split == "published"


def test_seeds_and_splits_are_not_asked_for_at_once(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["reproduce", "--seeds", "2", "--splits", "3"]) == EXIT_USAGE
    assert "SEEDS=2 SPLITS=3: expected one of them" in capsys.readouterr().err
