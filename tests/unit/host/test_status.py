"""status: what is here as a tree, what is stale, and the next command of each."""

from pathlib import Path

import pytest
from test_staleness import data_set, job, pack

from train2deploy import cli, endpoint, manifest, paths, status
from train2deploy.datasets import channels, directory
from train2deploy.endpoint import Endpoint
from train2deploy.hashing import sha256_file, sha256_tree


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert cli.main(["status"]) == 0
    return capsys.readouterr().out


def nodes(tree: list[status.Node]) -> dict[str, status.Node]:
    return {
        name: node
        for top in tree
        for name, node in {top.name: top, **nodes(list(top.children))}.items()
    }


def measure(path: Path, **further: object) -> None:
    manifest.write_json(path, {"model_sha256": sha256_file(paths.MODEL_ARCHIVE), **further})


def test_an_empty_project_says_what_comes_first(project, capsys):
    assert shown(capsys) == """\
data: none yet
│  next: make data DATASET=…
├─ vectors: none yet
│     next: make vectors
└─ latest job: none yet
   │  next: make local-train
   └─ package: none yet
         next: make package
cloud: none yet
   next: make cloud-plan
"""
    assert not list(project.rglob("*")), "it only looks"


def test_what_was_made_of_each_other_is_not_stale(project, capsys, monkeypatch):
    data = data_set()
    manifest.write(paths.VECTORS / "manifest.json", {"vectors": "chive"}, {}, learnt_from=data)
    pack(job("v1-1", data))
    digest = sha256_file(paths.MODEL_ARCHIVE)
    measure(paths.EVALUATION, model={"accuracy": 0.75, "n": 4},
            test_sha256=sha256_tree(paths.DATASET / "test"))  # fmt: skip
    measure(paths.VERIFICATION)
    paths.CLOUD_WORK.mkdir()
    measure(paths.CLOUD_ENDPOINT, endpoint="mine", account="the emulator", at="today")
    monkeypatch.setattr(endpoint, "current", lambda: Endpoint(8080, 7, digest))
    said = shown(capsys)
    assert "STALE" not in said
    rows = f"made (SEED=1, SPLIT=random, training rows {data['train_sha256'][:8]}…)"
    assert said.splitlines()[0] == f"data: {rows}, 36 train and 4 test rows"
    assert f"├─ vectors: chive, learnt from {rows}" in said
    assert f"└─ latest job: v1-1, VERSION=v1 SEED=1, trained on {rows}" in said
    assert f"sha256 {digest[:8]}…, of job v1-1" in said
    assert "accuracy 0.750 on 4 test rows" in said
    assert "next: make cloud-status CLOUD=emulator" in said


def test_what_is_stale_is_marked_with_what_makes_it_again(project, monkeypatch):
    data = data_set()
    manifest.write(paths.VECTORS / "manifest.json", {"vectors": "chive"}, {}, learnt_from=data)
    pack(job("v1-1", data))
    for path in (paths.EVALUATION, paths.VERIFICATION):
        measure(path)
    paths.CLOUD_WORK.mkdir()
    measure(paths.CLOUD_ENDPOINT, endpoint="mine", account="AWS, us-east-1", at="today")
    monkeypatch.setattr(
        endpoint, "current", lambda: Endpoint(8080, 7, sha256_file(paths.MODEL_ARCHIVE))
    )
    measured = nodes(status.tree())
    assert not any(node.stale for node in measured.values())

    job("v1-2", data, weights=b"newer")
    found = nodes(status.tree())
    assert {name for name, node in found.items() if node.stale} == {"package"}
    assert found["package"].command == "make package"
    assert found["latest job"].text.endswith("; 1 earlier")

    served = sha256_file(paths.MODEL_ARCHIVE)
    pack(paths.LATEST_JOB)
    monkeypatch.setattr(endpoint, "current", lambda: Endpoint(8080, 7, served))
    found = nodes(status.tree())
    assert {name: node.command for name, node in found.items() if node.stale} == {
        "endpoint": "make local-stop local-serve DETACH=1",
        "evaluation": "make evaluate",
        "verification": "make verify",
        "cloud": "make cloud-deploy",
    }

    data_set(seed=2)
    found = nodes(status.tree())
    assert found["latest job"].command == "make local-train DATASET=made SEED=2"
    assert found["vectors"].command == "make vectors DATASET=made SEED=2"


def test_files_of_the_user_that_changed_are_named(project: Path):
    mine = project / "mine"
    mine.mkdir()
    texts = [f"{label}の文{number}" for number in range(10) for label in "茶話"]
    for name, column in (("feature", texts), ("label", [text[0] for text in texts])):
        (mine / f"{name}s.csv").write_text("\n".join([name, *column]), encoding="utf-8")
    channels.write(directory.load(mine), 1, "random", paths.DATASET)
    assert nodes(status.tree())["data"].stale == ""
    (mine / "labels.csv").write_text("label\n")
    found = nodes(status.tree())["data"]
    assert (found.stale, found.command) == (
        "mine/labels.csv has changed since", "make data DATASET=mine")  # fmt: skip
