"""jobs: small scripts under the real AWS training toolkit."""

import json
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import relocate

from train2deploy import given_channels, job_source, jobs, manifest, paths
from train2deploy.disk import DiskFull
from train2deploy.errors import JobFailed, UserError
from train2deploy.hashing import sha256_file
from train2deploy.jobs import TrainingJob

RECORD = """
import json, os, sys
def unused():
    import encoding, helper
print('Epoch 1/1')
HYPERPARAMETERS = [('single-thread', bool, False)]
print('not for the user')
with open(os.path.join(os.environ['SM_OUTPUT_DATA_DIR'], 'seen.json'), 'w') as target:
    json.dump({'argv': sys.argv[1:], 'environment': dict(os.environ),
               'source': sorted(os.listdir('.'))}, target)
"""
SAVE = """
version = os.path.join(os.environ['SM_MODEL_DIR'], '1')
os.makedirs(version)
open(os.path.join(version, 'saved_model.pb'), 'w').close()
"""
METRICS = """
path = os.path.join(os.environ['SM_OUTPUT_DATA_DIR'], 'metrics.json')
with open(path, 'w', encoding='utf-8') as target:
    target.write('{"test_accuracy": 0.5, "label": "京都"}')
"""
FAIL = """
import sys
sys.stderr.write('no such layer\\n')
sys.exit(7)
"""

HYPERPARAMETERS = {
    "epochs": 10,
    "validation-split": 0.1,
    "optimizer": "adam",
    "flag": True,
    "layers": [1, 2],
    "name": "京都",
}


def lay_out(patch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> Path:
    """A project with channels, and `script` as the article's training script."""
    root = tmp_path / "project"
    root.mkdir()
    relocate(patch, root)
    source = tmp_path / "source"
    (source / "__pycache__").mkdir(parents=True)
    (source / "__pycache__" / "x.pyc").touch()
    (source / "train_v1.py").write_text(script, encoding="utf-8")
    (source / "helper.py").touch()
    patch.setattr(paths, "TRAIN_SOURCE", source)
    for folder, name in (("data/train", "features.csv"), ("data/test", "labels.csv")):
        (paths.BUILD / folder).mkdir(parents=True)
        (paths.BUILD / folder / name).write_text(folder)
    paths.VECTORS.mkdir()
    for name in ("tokenizer.model", "vectors.model"):
        (paths.VECTORS / name).write_text(name)
    manifest.write(paths.VECTORS / "manifest.json", {}, {})
    return root


@dataclass
class Done:
    """A job that ran to its end."""

    directory: Path
    printed: list[str]

    def json(self, name: str) -> dict:
        return json.loads((self.directory / name).read_text(encoding="utf-8"))

    @property
    def seen(self) -> dict:
        return self.json("output/data/seen.json")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    with pytest.MonkeyPatch.context() as patch:
        lay_out(patch, tmp_path_factory.mktemp("jobs"), RECORD + SAVE + METRICS)
        patch.setenv("SM_HP_EPOCHS", "of the caller")
        patch.setenv("PYTHONPATH", "/of/the/caller")
        printed: list[str] = []
        patch.setattr(jobs.console, "say", printed.append)
        directory = jobs.train(TrainingJob("v1", HYPERPARAMETERS, repro=True))
        assert paths.LATEST_JOB.resolve() == directory
        return Done(directory, printed)


def test_hyperparameters_are_encoded_as_the_sdk_encodes_them(done: Done):
    written = done.json("input/config/hyperparameters.json")
    assert all(isinstance(value, str) for value in written.values())
    own = {name: value for name, value in written.items() if not name.startswith("sagemaker_")}
    assert own == {
        "epochs": "10",
        "validation-split": "0.1",
        "optimizer": '"adam"',
        "flag": "true",
        "layers": "[1, 2]",
        "name": json.dumps("京都"),
        "single-thread": "true",
    }
    assert written["sagemaker_program"] == '"train_v1.py"'
    assert json.loads(written["sagemaker_job_name"]) == done.directory.name


def test_the_script_gets_them_as_arguments_and_nothing_of_sagemakers(done: Done):
    assert done.seen["argv"] == [
        *("--epochs", "10"),
        *("--flag", "True"),
        *("--layers", "[1, 2]"),
        *("--name", "京都"),
        *("--optimizer", "adam"),
        *("--single-thread", "True"),
        *("--validation-split", "0.1"),
    ]


def test_the_script_sees_sagemakers_variables_for_this_job(done: Done):
    environment = done.seen["environment"]
    assert environment["SM_MODEL_DIR"] == str(done.directory / "model")
    assert environment["SM_OUTPUT_DATA_DIR"] == str(done.directory / "output" / "data")
    for channel in ("train", "test", "vectors"):
        variable = f"SM_CHANNEL_{channel.upper()}"
        assert environment[variable] == str(done.directory / "input" / "data" / channel)
    assert json.loads(environment["SM_CHANNELS"]) == ["test", "train", "vectors"]
    assert json.loads(environment["SM_HOSTS"]) == ["localhost"]
    assert environment["SM_HP_EPOCHS"] == "10"


def test_the_callers_own_variables_do_not_reach_the_script(done: Done):
    assert "/of/the/caller" not in done.seen["environment"]["PYTHONPATH"]


def test_repro_fixes_the_hash_seed(done: Done):
    assert done.seen["environment"]["PYTHONHASHSEED"] == "0"


def test_the_source_is_the_script_and_the_modules_that_it_imports(done: Done):
    source = [name for name in done.seen["source"] if name != "__pycache__"]
    assert source == ["encoding.py", "helper.py", "train_v1.py"]


def test_the_tree_is_that_of_the_platform(done: Done):
    tree = {
        path.relative_to(done.directory).as_posix()
        for path in done.directory.rglob("*")
        if path.is_file()
    }
    assert {
        "input/config/hyperparameters.json",
        "input/config/resourceconfig.json",
        "input/config/inputdataconfig.json",
        "input/data/train/features.csv",
        "input/data/test/labels.csv",
        "input/data/vectors/tokenizer.model",
        "input/data/vectors/vectors.model",
        "output/success",
    } <= tree
    assert "input/data/vectors/manifest.json" not in tree
    channels = done.json("input/config/inputdataconfig.json")
    assert {channel["TrainingInputMode"] for channel in channels.values()} == {"File"}


def names(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return [member.name for member in tar.getmembers() if member.isfile()]


def test_archives_hold_what_the_platform_would_put_there(done: Done):
    assert names(done.directory / "model.tar.gz") == ["1/saved_model.pb"]
    assert names(done.directory / "output.tar.gz") == ["metrics.json", "seen.json"]


def test_the_manifest_says_what_went_in_and_came_out(done: Done):
    record = done.json("manifest.json")
    assert record["inputs"]["version"] == "v1"
    assert record["inputs"]["repro"] is True
    assert record["inputs"]["hyperparameters"] == {**HYPERPARAMETERS, "single-thread": True}
    assert set(record["inputs"]["channels"]) == {"train", "test", "vectors"}
    assert record["metrics"] == {"test_accuracy": 0.5, "label": "京都"}
    assert record["seconds"] > 0
    for name in ("model.tar.gz", "output.tar.gz"):
        assert record["outputs"][name] == sha256_file(done.directory / name)


def test_a_user_sees_the_epochs_and_the_log_holds_everything(done: Done):
    assert "Epoch 1/1" in done.printed
    assert "not for the user" not in done.printed
    log = (done.directory / "train.log").read_text(encoding="utf-8")
    assert "Epoch 1/1\nnot for the user\n" in log
    assert "Invoking user script" in log


# --- bad ends ------------------------------------------------------------------------------


def refused(job: TrainingJob | None = None) -> str:
    with pytest.raises(JobFailed) as caught:
        jobs.train(job or TrainingJob("v1", {"epochs": 1}))
    assert not paths.LATEST_JOB.exists()
    assert not list(paths.JOBS.glob("*/model.tar.gz"))
    return str(caught.value)


def test_a_failing_script_gives_the_toolkits_reason_and_the_end_of_its_log(tmp_path, monkeypatch):
    lay_out(monkeypatch, tmp_path, RECORD + FAIL)
    lines = refused().splitlines()
    assert "no such layer" in lines
    assert "failed (exit status 1): ExecuteUserScriptError" in lines[-1]
    assert "train_v1.py --epochs 1" in lines[-1]
    assert lines[-1].endswith("/train.log")


def test_a_script_that_saves_no_servable_model_has_failed(tmp_path, monkeypatch):
    lay_out(monkeypatch, tmp_path, RECORD + SAVE.replace("'1'", "'export'") + METRICS)
    assert "model/ holds no <number>/saved_model.pb" in refused()


def test_a_script_without_metrics_is_a_script_all_the_same(tmp_path, monkeypatch):
    lay_out(monkeypatch, tmp_path, RECORD + SAVE)
    directory = jobs.train(TrainingJob("v1", {}))
    record = manifest.read(directory / "manifest.json")
    assert record is not None
    assert record["metrics"] == {}


def toolkit(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str) -> None:
    """Another `train`, for ends that the real one comes to only by accident."""
    folder.mkdir()
    (folder / "python").write_text(f"#!/bin/sh\n{body}\n")
    (folder / "python").chmod(0o755)
    monkeypatch.setattr(paths, "TRAIN_PYTHON", folder / "python")


def test_exit_status_0_without_a_success_file_is_no_success(tmp_path, monkeypatch):
    lay_out(monkeypatch, tmp_path, RECORD)
    toolkit(monkeypatch, tmp_path / "bin", "echo nothing to do")
    text = refused()
    assert "nothing to do" in text
    assert "failed (exit status 0): no reason given" in text


def test_a_failure_file_is_believed_over_exit_status_0(tmp_path, monkeypatch):
    lay_out(monkeypatch, tmp_path, RECORD)
    ends = "touch output/success; printf 'framework error:\\n  out of\\n memory' > output/failure"
    toolkit(monkeypatch, tmp_path / "bin", ends)
    assert "(exit status 0): framework error: out of memory. The whole log" in refused()


def test_a_job_that_finds_no_room_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lay_out(monkeypatch, tmp_path, RECORD)
    says = "echo 'OSError: [Errno 28] No space left on device'; exit 1"
    toolkit(monkeypatch, tmp_path / "bin", says)
    with pytest.raises(DiskFull, match=r"^build/jobs/v1-\S+ could not be written: No space.*$"):
        jobs.train(TrainingJob("v1", {}))


def test_an_unknown_version_is_refused(project: Path):
    with pytest.raises(UserError, match=r"VERSION=v9: expected one of v1"):
        jobs.train(TrainingJob("v9", {}))
    assert not paths.JOBS.exists()


@pytest.mark.parametrize("channel", ["train", "test", "vectors"])
def test_a_missing_channel_is_named_and_no_job_is_left(tmp_path, monkeypatch, channel):
    lay_out(monkeypatch, tmp_path, RECORD)
    folder = paths.VECTORS if channel == "vectors" else paths.DATASET / channel
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    with pytest.raises(UserError, match=rf"build/\S*{channel}: expected .*`make data vectors`"):
        jobs.train(TrainingJob("v1", {}))
    assert not paths.JOBS.exists() or list(paths.JOBS.iterdir()) == []


OWN = """
import json, os, shutil
channels = {name: sorted(os.listdir(os.environ['SM_CHANNEL_' + name.upper()]))
            for name in json.loads(os.environ['SM_CHANNELS'])}
shutil.rmtree(os.environ['SM_CHANNEL_IMAGES'])
with open(os.path.join(os.environ['SM_OUTPUT_DATA_DIR'], 'channels.json'), 'w') as target:
    json.dump(channels, target)
"""


@pytest.mark.parametrize("train", ["pictures", "rows", ""], ids=["any", "a data set", "on top"])
def test_channels_of_any_content_are_laid_out_as_the_platform_lays_them_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train: str
):
    root = lay_out(monkeypatch, tmp_path, OWN + SAVE)
    for name in ("images/a.png", "images/manifest.json", "pictures/b.png", "rows/features.csv"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(name)
    given = f"train={root / train} images={root / 'images'}" if train else f"images={root}/images"
    channels = given_channels.parse(given)
    directory = jobs.train(TrainingJob("v1", {}, channels=channels))
    seen = Done(directory, []).json("output/data/channels.json")
    usual = {
        "train": ["features.csv"],
        "test": ["labels.csv"],
        "vectors": ["tokenizer.model", "vectors.model"],
    }
    expected = {"train": ["b.png"]} if train == "pictures" else usual
    assert seen == {**expected, "images": ["a.png", "manifest.json"]}
    config = Done(directory, []).json("input/config/inputdataconfig.json")
    assert set(config) == set(seen)
    made_of = Done(directory, []).json("manifest.json")
    assert set(made_of["inputs"]["channels"]) == set(seen)
    assert ("data" in made_of) == (train != "pictures")
    assert (root / "images" / "a.png").is_file(), "what a script does to it stays in its job"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("images", "expected name=directory, found images"),
        ("a/b=x", "expected name=directory, found a/b=x"),
        ("train=nowhere", "train=nowhere: expected a directory of files, found nothing"),
        ("a={0} a={0}", "the channel a is given twice"),
        ("a={0}/empty", "expected a directory of files, found an empty one"),
    ],
)
def test_a_wrong_channel_is_refused_in_one_line(tmp_path: Path, given: str, said: str):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError) as caught:
        given_channels.parse(given.format(tmp_path))
    assert str(caught.value).startswith("CHANNELS: ") and said in str(caught.value)


def test_train_with_rows_is_the_data_set_and_two_are_refused(tmp_path: Path):
    (tmp_path / "features.csv").touch()
    given = {"train": tmp_path}
    assert given_channels.data_set(given, "sample", is_given=False) == str(tmp_path)
    assert given_channels.data_set({}, "sample", is_given=True) == "sample"
    with pytest.raises(UserError, match=r"DATASET=knbc CHANNELS=train=.*: two data sets"):
        given_channels.data_set(given, "knbc", is_given=True)


def test_jobs_of_the_same_second_get_directories_of_their_own(project: Path):
    assert len({jobs._new_directory("v1") for _ in range(5)}) == 5


def test_an_interrupted_job_leaves_no_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lay_out(monkeypatch, tmp_path, RECORD)

    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs.processes, "run_streaming", interrupted)
    with pytest.raises(KeyboardInterrupt):
        jobs.train(TrainingJob("v1", {}))
    assert not paths.LATEST_JOB.exists()
    assert not list(paths.JOBS.glob("*/*.tar.gz"))


def test_what_a_script_writes_into_a_channel_stays_in_its_job(tmp_path, monkeypatch):
    lay_out(monkeypatch, tmp_path, RECORD)
    spoil = "echo spoilt > input/data/train/features.csv"
    toolkit(monkeypatch, tmp_path / "bin", spoil)
    refused()
    assert (paths.DATASET / "train" / "features.csv").read_text() == "data/train"


def test_the_staged_source_imports_nothing_of_this_machine(tmp_path: Path):
    job_source.stage("v1", tmp_path / "source")
    names = {path.name for path in (tmp_path / "source").iterdir()}
    assert {"train_v1.py", "encoding.py", "channels.py", "arguments.py"} <= names
    assert not {"build_vectors.py", "article_graph.py"} & set(names)
    assert not {name for name in names if name.startswith((".", "__"))}
    assert os.access(tmp_path / "source" / "train_v1.py", os.R_OK)
