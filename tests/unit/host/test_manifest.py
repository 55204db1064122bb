"""manifest: what an artifact was made from, and whether it need be made again."""

import json
import subprocess
from pathlib import Path

import pytest

from train2deploy import __version__, manifest, paths

INPUTS = {"seed": 1, "text": "電波"}


def test_a_manifest_holds_inputs_outputs_versions_and_facts(tmp_path: Path):
    path = tmp_path / "deep" / "manifest.json"
    manifest.write(path, INPUTS, {"a": "b"}, seconds=1.5)
    record = manifest.read(path)
    assert record is not None
    assert record["inputs"] == INPUTS
    assert record["outputs"] == {"a": "b"}
    assert record["seconds"] == 1.5
    assert record["train2deploy"] == __version__
    assert "電波" in path.read_text(encoding="utf-8")


def test_a_manifest_is_current_for_its_own_inputs_alone(tmp_path: Path):
    path = tmp_path / "manifest.json"
    manifest.write(path, INPUTS, {})
    assert manifest.is_current(path, dict(reversed(INPUTS.items())))
    assert not manifest.is_current(path, {**INPUTS, "seed": 2})
    assert not manifest.is_current(path, {**INPUTS, "more": None})


def test_a_manifest_is_not_current_when_an_output_is_gone(tmp_path: Path):
    path, output = tmp_path / "manifest.json", tmp_path / "output"
    output.touch()
    manifest.write(path, INPUTS, {})
    assert manifest.is_current(path, INPUTS, [output])
    output.unlink()
    assert not manifest.is_current(path, INPUTS, [output])


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"', "null", '{"inputs": {}}', "\udcff"])
def test_what_is_no_manifest_is_not_current(tmp_path: Path, content: str):
    path = tmp_path / "manifest.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert not manifest.is_current(path, INPUTS)


def test_where_there_is_none_nothing_is_read(tmp_path: Path):
    assert manifest.read(tmp_path / "manifest.json") is None
    assert not manifest.is_current(tmp_path / "manifest.json", {})


def test_a_value_that_is_no_json_leaves_the_old_file_whole(tmp_path: Path):
    path = tmp_path / "a.json"
    manifest.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        manifest.write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_the_commit_is_named_and_whether_the_tree_was_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path)

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "--quiet", "--message", "first")
    commit = git("rev-parse", "HEAD")
    assert manifest.git_state() == {"commit": commit, "dirty": False}
    (tmp_path / "a").write_text("2")
    assert manifest.git_state() == {"commit": commit, "dirty": True}


def test_outside_a_checkout_no_commit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert manifest.git_state() == {}


def test_without_git_no_commit_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    assert manifest.git_state() == {}
