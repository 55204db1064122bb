"""The check-list: what is looked up in the committed files, and the tests that it names."""

import json
import re
import shutil
from pathlib import Path

import pytest

from train2deploy import manifest, paths
from train2deploy.report import checklist, reference

REPOSITORY = paths.ROOT


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of results/ that may be broken."""
    shutil.copytree(paths.RESULTS, tmp_path / "results")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


def look_up(asked: str) -> checklist.Finding:
    (item,) = [one for items in checklist.LISTS.values() for one in items if one.asked == asked]
    return item.find()


def test_what_is_not_shown_here_is_on_the_list_with_its_reason(results: Path):
    lacking = (
        "Every published model trained again, on the published corpus",
        "Spread over several splits, too",
        "Measured on AWS itself",
        "Trained models to download",
    )
    shutil.rmtree(reference.folder("knbc"))
    assert [look_up(asked)[0] for asked in lacking] == [False] * 4
    parity = reference.folder() / "cloud" / "parity.json"
    found = json.loads(parity.read_text(encoding="utf-8"))
    manifest.write_json(parity, {**found, "runtimes": ["host", "aws"]})
    assert look_up("Measured on AWS itself")[0]
    (results / "model.tar.gz").touch()
    assert look_up("Trained models to download")[0]


def test_runs_of_other_locks_are_named(results: Path, monkeypatch: pytest.MonkeyPatch):
    asked = "Software versions, as locked at this commit"
    assert look_up(asked)[0]
    monkeypatch.setattr(paths, "REQUIREMENTS", results)
    for name in ("train.lock", "serve.lock"):
        (results / name).write_text("another==1")
    assert look_up(asked)[1].startswith("not so: sample-v1-s1-")
    shutil.rmtree(reference.folder())
    assert look_up(asked) == (False, "not so: there are no runs")


def test_what_does_not_hold_is_printed(results: Path, capsys: pytest.CaptureFixture[str]):
    shutil.rmtree(reference.folder("knbc"))
    checklist.write()
    printed = capsys.readouterr().out
    assert "| **no** | Spread over several splits, too | one split (SPLIT_SEED=1)" in printed
    held = 25 - printed.count("| **no** |")
    assert f"results/CHECKLIST.md: {held} of 25 hold" in printed
    assert (results / "CHECKLIST.md").read_text(encoding="utf-8").count("| yes |") == held


def test_each_test_that_the_list_names_is_there():
    named = re.findall(r"`(tests/\S+)`", checklist.render())
    assert len(named) > 5
    assert [name for name in named if not (REPOSITORY / name).is_file()] == []
