"""staleness: whether a package is of the latest job, of build/data and of what make was given."""

import shutil
from pathlib import Path

import pytest
from test_package import OUTPUT, make_job

from train2deploy import cli, endpoint, manifest, package, paths, staleness
from train2deploy.datasets import channels
from train2deploy.datasets.rows import DataSet, Row
from train2deploy.errors import EXIT_USAGE, UserError
from train2deploy.package_code import Asked
from train2deploy.staleness import Wish


def data_set(name: str = "made", seed: int = 1, more: str = "") -> dict:
    """build/data, of two labels."""
    texts = [(label, f"{label}の文{number}{more}") for label in "茶話" for number in range(20)]
    rows = [Row(text, text, label) for label, text in texts]
    made = DataSet(rows, None, {"dataset": name, "rows": more})
    channels.write(made, seed, "random", paths.DATASET)
    return channels.facts(paths.DATASET)


def job(
    name: str,
    data: dict | None = None,
    weights: bytes = b"weights",
    version: str = "v1",
    **hyperparameters: object,
) -> Path:
    """A finished job, which becomes the latest."""
    directory = make_job(
        paths.JOBS / name, model={"1/saved_model.pb": b"\x08\x01graph", "1/variables/v": weights}
    )
    inputs = {"version": version, "hyperparameters": {"seed": 1, **hyperparameters}}
    manifest.write(directory / "manifest.json", inputs, {}, **({"data": data} if data else {}))
    paths.LATEST_JOB.unlink(missing_ok=True)
    paths.LATEST_JOB.symlink_to(name)
    return directory


def pack(directory: Path) -> None:
    package.package(directory, Asked(dependencies="requirements"), paths.MODEL_ARCHIVE)


def asked(**given: str) -> Wish:
    return Wish(given)


def test_the_package_of_the_latest_job_is_taken(project: Path):
    pack(job("v1-1"))
    before = paths.MODEL_ARCHIVE.stat()
    staleness.ensure_current(Wish())
    assert paths.MODEL_ARCHIVE.stat() == before


def test_an_older_package_is_packed_again_as_it_was_and_both_jobs_are_named(project, capsys):
    pack(job("v1-1"))
    job("v1-2", weights=b"newer")
    staleness.ensure_current(Wish())
    said = (
        "build/model.tar.gz holds job v1-1, which is older than the latest job, v1-2."
        " It is packed again."
    )
    assert capsys.readouterr().out.splitlines()[1] == said
    made_of = package.made_of(paths.MODEL_ARCHIVE)
    assert (made_of["job"], made_of["dependencies"]) == ("v1-2", "requirements")
    assert staleness.outdated() == ""


def test_what_is_refused_is_not_packed_again_before(project: Path):
    pack(job("v1-1"))
    job("v1-2", weights=b"newer", epochs=2)
    before = paths.MODEL_ARCHIVE.read_bytes()
    with pytest.raises(UserError, match=r"EPOCHS=3: the latest job, v1-2, is of EPOCHS=2"):
        staleness.ensure_current(asked(EPOCHS="3"))
    assert paths.MODEL_ARCHIVE.read_bytes() == before


def test_a_job_of_channels_without_rows_is_not_scored(project: Path):
    directory = job("v1-1")
    record = manifest.read(directory / "manifest.json") or {}
    record["inputs"]["channels"] = {"train": "aa", "images": "bb"}
    manifest.write_json(directory / "manifest.json", record)
    pack(directory)
    staleness.ensure_current(Wish())
    with pytest.raises(UserError, match=r"is of job v1-1, whose channels \(images, train\) are no"):
        staleness.ensure_current(Wish(), scored=True)


def test_stale_ok_takes_an_older_package_and_says_so(project, capsys):
    pack(job("v1-1"))
    job("v1-2", weights=b"newer")
    staleness.ensure_current(Wish(insist=True))
    assert "holds job v1-1, which is older" in capsys.readouterr().err
    assert package.made_of(paths.MODEL_ARCHIVE)["job"] == "v1-1"


def test_a_latest_job_that_cannot_be_packed_is_refused_with_both_jobs(project: Path):
    pack(job("v1-1"))
    job("mymodel-2", weights=b"newer", version="mymodel")
    said = r"holds job v1-1, which is older than the latest job, mymodel-2\. Run .* STALE=ok"
    with pytest.raises(UserError, match=said):
        staleness.ensure_current(Wish())


def test_own_code_and_a_model_of_elsewhere_that_changed_are_packed_again(project, capsys):
    code = project / "mine" / "inference.py"
    code.parent.mkdir()
    code.write_text("def handler(data, context):\n    return b'1', 'text/plain'\n")
    elsewhere = (job("v1-1") / "model").rename(project / "elsewhere")
    package.package(elsewhere, Asked(code.parent), paths.MODEL_ARCHIVE)
    job("v1-2", weights=b"newer")
    staleness.ensure_current(Wish())
    assert "again" not in capsys.readouterr().out, "it is not of a job"
    for changed in (code, elsewhere / "1" / "variables" / "v"):
        changed.write_text(changed.read_text() + "#")
        staleness.ensure_current(Wish())
        assert "which has changed since. It is packed again." in capsys.readouterr().out
        staleness.ensure_current(Wish())
        assert "again" not in capsys.readouterr().out


def test_our_code_that_changed_is_packed_again(project, monkeypatch, capsys):
    code = shutil.copytree(paths.PREDICT_CODE, project / "code")
    monkeypatch.setattr(paths, "PREDICT_CODE", code)
    pack(job("v1-1"))
    assert staleness.outdated() == ""
    (code / "inference.py").write_text((code / "inference.py").read_text() + "#")
    staleness.ensure_current(Wish())
    assert "was packed with code as it was before. It is packed again." in capsys.readouterr().out
    assert staleness.outdated() == ""


def test_a_later_job_that_left_the_same_bytes_makes_no_package_old(project: Path):
    pack(job("v1-1"))
    job("cloud-v1-1")
    assert staleness.outdated() == ""


def test_other_labels_make_a_package_old_too(project: Path):
    pack(job("v1-1"))
    directory = job("v1-2")
    make_job(directory, {"1/saved_model.pb": b"\x08\x01graph", "1/variables/v": b"weights"},
             {**OUTPUT, "labels.json": b'["x"]'})  # fmt: skip
    assert "holds job v1-1" in staleness.outdated()


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
    staleness.ensure_current(asked(VERSION="v2"))
    assert staleness.outdated() == ""


# --- what stands on make's command line ----------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"VERSION": "v1", "SEED": "1", "EPOCHS": "3", "DROPOUT": ".10"},
        {"DATASET": "made"},
        {"DATASET": "path/to/made", "SPLIT": "random", "SPLIT_SEED": "1"},
        {"VERSION": "", "SEED": ""},
        {"RANK": "3"},
    ],
)
def test_what_was_given_and_is_so_is_taken(project: Path, given: dict[str, str]):
    pack(job("v1-1", data_set(), epochs=3, dropout=0.1))
    staleness.ensure_current(asked(**given))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"VERSION": "v2"}, "VERSION=v1"),
        ({"SEED": "2"}, "SEED=1"),
        ({"EPOCHS": "4", "SEED": "1"}, "EPOCHS=3"),
        ({"DATASET": "knbc"}, "DATASET=made"),
        ({"SPLIT_SEED": "2"}, "SPLIT_SEED=1"),
    ],
)
@pytest.mark.parametrize("command", ["verify", "evaluate", "bench", "soak", "serve", "package"])
def test_a_package_of_other_settings_than_given_is_refused_before_anything_is_started(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    given: dict[str, str],
    found: str,
):
    pack(job("v1-1", data_set(), epochs=3))
    options = [word for name, value in given.items() for word in ("--given", f"{name}={value}")]
    assert cli.main([*options, command]) == EXIT_USAGE
    wanted = next(f"{name}={value}" for name, value in given.items())
    what = "the latest job, v1-1," if command == "package" else "build/model.tar.gz"
    assert capsys.readouterr().err == (
        f"train2deploy: {wanted}: {what} is of {found}. Run `make local-train package"
        f" {'' if 'DATASET' in given else 'DATASET=made '}{wanted}` first."
        " STALE=ok continues all the same.\n"
    )


def test_other_channels_than_given_are_refused(project: Path):
    directory = job("v1-1")
    for name in ("one", "two"):
        (project / name).mkdir()
        (project / name / "a.png").touch()
    record = manifest.read(directory / "manifest.json") or {}
    found = {**record, "given_channels": f"images={project / 'one'}"}
    manifest.write_json(directory / "manifest.json", found)
    pack(directory)
    staleness.ensure_current(asked(CHANNELS=f"images={project}/two/../one"))
    with pytest.raises(UserError, match=r"CHANNELS=images=\S+two: build/model.tar.gz is of CHANN"):
        staleness.ensure_current(asked(CHANNELS=f"images={project / 'two'}"))


def test_stale_takes_nothing_but_ok(project: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        cli.main(["--stale", "yes", "verify"])
    assert capsys.readouterr().err == "train2deploy: STALE=yes: expected ok, or nothing.\n"


def test_serving_an_older_package_serves_the_latest_job(project, monkeypatch, capsys):
    pack(job("v1-1", seed=1))
    job("v1-2", weights=b"newer", seed=2)
    monkeypatch.setattr(endpoint, "unpacked_model", lambda: project)
    monkeypatch.setattr(
        endpoint, "start_detached", lambda model, port, *_: endpoint.Endpoint(port, 1, None)
    )
    assert cli.main(["--given", "SEED=2", "serve", "--detach", "--port", "0"]) == 0
    out = capsys.readouterr().out
    assert "endpoint at http://127.0.0.1:" in out
    assert "endpoint at http://127.0.0.1:0" not in out
    assert "It is packed again." in out
    assert package.made_of(paths.MODEL_ARCHIVE)["job"] == "v1-2"


# --- the data that it is scored on ---------------------------------------------------------


def test_a_package_is_scored_on_the_data_set_that_it_was_trained_on(project, capsys):
    pack(job("v1-1", data_set()))
    staleness.ensure_current(Wish(), scored=True)
    assert "does not tell" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("other", "served_too"),
    [({"name": "other", "more": "。"}, False), ({"seed": 2}, True), ({"more": "!"}, False)],
    ids=["another data set", "another split", "changed rows"],
)
def test_other_training_rows_are_refused_with_both_named(project, other, served_too):
    trained = data_set()
    pack(job("v1-1", trained))
    there = data_set(**other)
    with pytest.raises(UserError) as caught:
        staleness.ensure_current(Wish(), scored=True)
    said = str(caught.value)
    assert said.startswith(f"build/model.tar.gz was trained on {channels.named(trained)}, but")
    assert f"build/data holds {channels.named(there)}" in said
    assert f"`make local-train package DATASET={there['dataset']}" in said
    assert "`make data DATASET=made`" in said
    assert said.endswith("STALE=ok continues all the same.")
    assert "\n" not in said
    staleness.ensure_current(Wish(insist=True), scored=True)
    if served_too:
        staleness.ensure_current(Wish())
    else:
        with pytest.raises(UserError, match="was trained on made"):
            staleness.ensure_current(Wish())


def test_training_on_other_data_and_scoring_it_scores_the_new_model(project: Path):
    pack(job("v1-1", data_set()))
    job("v1-2", data_set("other", more="。"), weights=b"newer")
    staleness.ensure_current(Wish({"DATASET": "other"}), scored=True)
    assert package.made_of(paths.MODEL_ARCHIVE)["job"] == "v1-2"
    with pytest.raises(UserError, match=r"DATASET=made: build/model.tar.gz is of DATASET=other"):
        staleness.ensure_current(Wish({"DATASET": "made"}), scored=True)


def test_other_test_sentences_for_the_same_training_rows_are_scored(project: Path):
    pack(job("v1-1", data_set()))
    features = paths.DATASET / "test" / "features.csv"
    features.write_text(features.read_text(encoding="utf-8").replace("文", "句"), encoding="utf-8")
    staleness.ensure_current(Wish(), scored=True)


def test_what_a_package_does_not_tell_is_said(project: Path, capsys: pytest.CaptureFixture[str]):
    data_set()
    pack(job("v1-1"))
    staleness.ensure_current(Wish(), scored=True)
    assert "does not tell what it was trained on" in capsys.readouterr().out
    with pytest.raises(UserError, match="DATASET=knbc: build/data is of DATASET=made"):
        staleness.ensure_current(asked(DATASET="knbc"), scored=True)


def test_vectors_of_another_data_set_are_named_before_they_are_trained_on(project: Path):
    learnt = data_set("other", more="。")
    manifest.write(paths.VECTORS / "manifest.json", {}, {}, learnt_from=learnt)
    staleness.check_inputs(Wish())
    data_set()
    with pytest.raises(UserError, match=r"build/vectors was learnt from other .* holds made "):
        staleness.check_inputs(Wish())
    with pytest.raises(UserError, match="DATASET=knbc: build/data is of DATASET=made"):
        staleness.check_inputs(asked(DATASET="knbc"))
