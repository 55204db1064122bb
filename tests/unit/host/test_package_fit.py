"""package: whether it is that of the latest job, and of the data set that it is scored on."""

import shutil
from pathlib import Path

import pytest
from test_package import OUTPUT, make_job

from train2deploy import cli, endpoint, evaluate, manifest, package, paths
from train2deploy.datasets import channels
from train2deploy.datasets.rows import DataSet, Row
from train2deploy.errors import EXIT_USAGE, UserError
from train2deploy.package_code import Asked


def data_set(name: str = "made", seed: int = 1, more: str = "") -> dict:
    """build/data, of two labels."""
    texts = [(label, f"{label}の文{number}{more}") for label in "茶話" for number in range(20)]
    rows = [Row(text, text, label) for label, text in texts]
    made = DataSet(rows, None, {"dataset": name, "rows": more})
    channels.write(made, seed, "random", paths.DATASET)
    return channels.facts(paths.DATASET)


def job(name: str, data: dict | None = None, weights: bytes = b"weights") -> Path:
    """A finished job, which becomes the latest."""
    directory = make_job(
        paths.JOBS / name, model={"1/saved_model.pb": b"\x08\x01graph", "1/variables/v": weights}
    )
    manifest.write(directory / "manifest.json", {}, {}, **({"data": data} if data else {}))
    paths.LATEST_JOB.unlink(missing_ok=True)
    paths.LATEST_JOB.symlink_to(name)
    return directory


def pack(directory: Path) -> None:
    package.package(directory, Asked(dependencies="requirements"), paths.MODEL_ARCHIVE)


def test_the_package_of_the_latest_job_is_taken(project: Path):
    pack(job("v1-1"))
    assert package.outdated() == ""
    package.check_latest()


def test_an_older_package_is_named_with_both_jobs_and_the_way_to_renew_it(project: Path):
    pack(job("v1-1"))
    job("v1-2", weights=b"newer")
    said = (
        "build/model.tar.gz holds job v1-1, which is older than the latest job, v1-2."
        " `make package` packs the latest."
    )
    assert package.outdated() == said
    with pytest.raises(UserError) as caught:
        package.check_latest()
    assert str(caught.value) == said
    pack(paths.LATEST_JOB)
    assert package.outdated() == ""


def test_a_later_job_that_left_the_same_bytes_makes_no_package_old(project: Path):
    pack(job("v1-1"))
    job("cloud-v1-1")
    assert package.outdated() == ""


def test_other_labels_make_a_package_old_too(project: Path):
    pack(job("v1-1"))
    directory = job("v1-2")
    make_job(directory, {"1/saved_model.pb": b"\x08\x01graph", "1/variables/v": b"weights"},
             {**OUTPUT, "labels.json": b'["x"]'})  # fmt: skip
    assert "holds job v1-1" in package.outdated()


@pytest.mark.parametrize("whose", ["no manifest", "other bytes", "no job"])
def test_what_cannot_be_known_is_not_refused(project: Path, whose: str):
    """Somebody's own model.tar.gz, one that was replaced by hand, and jobs that were removed."""
    pack(job("v1-1"))
    job("v1-2", weights=b"newer")
    if whose == "no manifest":
        (paths.BUILD / "model.tar.gz.manifest.json").unlink()
    if whose == "other bytes":
        paths.MODEL_ARCHIVE.write_bytes(b"own")
    if whose == "no job":
        shutil.rmtree(paths.JOBS)
    assert package.outdated() == ""


@pytest.mark.parametrize(
    "command", [["verify"], ["evaluate"], ["rehearse", "x"], ["bench"], ["soak"]]
)
def test_an_older_package_is_refused_before_anything_is_started(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
):
    data = data_set()
    pack(job("v1-1", data))
    job("v1-2", data, weights=b"newer")
    assert cli.main(command) == EXIT_USAGE
    assert "holds job v1-1, which is older than the latest job, v1-2" in capsys.readouterr().err


def test_serving_an_older_package_says_so_and_serves(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    pack(job("v1-1"))
    job("v1-2", weights=b"newer")
    monkeypatch.setattr(endpoint, "unpacked_model", lambda: project)
    monkeypatch.setattr(
        endpoint, "start_detached", lambda model, port, *_: endpoint.Endpoint(port, 1, None)
    )
    assert cli.main(["serve", "--detach", "--port", "0"]) == 0
    out, err = capsys.readouterr()
    assert "endpoint at http://127.0.0.1:" in out
    assert "endpoint at http://127.0.0.1:0" not in out
    assert err.startswith("train2deploy: build/model.tar.gz holds job v1-1, which is older")


# --- the data that it is scored on ---------------------------------------------------------


def test_a_package_is_scored_on_the_data_set_that_it_was_trained_on(
    project: Path, capsys: pytest.CaptureFixture[str]
):
    pack(job("v1-1", data_set()))
    evaluate.check_fit()
    evaluate.check_fit("made")
    assert "does not tell" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "other", [{"name": "other", "more": "。"}, {"seed": 2}, {"more": "!"}],
    ids=["another data set", "another seed", "changed rows"],
)  # fmt: skip
def test_other_training_rows_are_refused_with_both_named(project: Path, other: dict):
    trained = data_set()
    pack(job("v1-1", trained))
    there = data_set(**other)
    with pytest.raises(UserError) as caught:
        evaluate.check_fit()
    said = str(caught.value)
    assert said.startswith(f"build/model.tar.gz was trained on {channels.named(trained)}, but")
    assert f"build/data holds {channels.named(there)}:" in said
    assert "make local-train package" in said
    assert "\n" not in said


def test_other_test_sentences_for_the_same_training_rows_are_scored(project: Path):
    pack(job("v1-1", data_set()))
    features = paths.DATASET / "test" / "features.csv"
    features.write_text(features.read_text(encoding="utf-8").replace("文", "句"), encoding="utf-8")
    evaluate.check_fit()


def test_what_a_package_does_not_tell_is_said(project: Path, capsys: pytest.CaptureFixture[str]):
    data_set()
    pack(job("v1-1"))
    evaluate.check_fit()
    assert "does not tell what it was trained on" in capsys.readouterr().out


def test_a_data_set_that_was_asked_for_and_is_not_there_is_refused(project: Path):
    pack(job("v1-1", data_set()))
    with pytest.raises(UserError, match=r"DATASET=knbc: build/data holds made \(SEED=1"):
        evaluate.check_fit("knbc")
    evaluate.check_fit("path/to/made")
