"""Each line of the check-list that is looked up in the runs fails where it is not so."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from train2deploy import manifest, paths
from train2deploy.report import checklist, reference

REPOSITORY = paths.ROOT
COPIED = ("requirements", "data/sample", "results")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the checks look at, as a copy that may be broken; its reference has five seeds."""
    for name in COPIED:
        source, target = REPOSITORY / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy(source, target)
    for name in ("ROOT", "REQUIREMENTS", "DATA", "SAMPLE", "RESULTS"):
        where = tmp_path / getattr(paths, name).relative_to(REPOSITORY)
        monkeypatch.setattr(paths, name, where)
    monkeypatch.setattr(checklist.sample, "SENTENCES", paths.SAMPLE / "sentences.csv")
    monkeypatch.setattr(checklist.sample, "TEST_IDS", paths.SAMPLE / "test_ids.txt")
    give_five_seeds(tmp_path / "results" / "sample" / "runs")
    return tmp_path


def give_five_seeds(runs: Path) -> None:
    """Adds copies of the first run of each version under further seeds."""
    for version in ("v1", "v2"):
        first = sorted(runs.glob(f"*-{version}-s*"))[0]
        for seed in range(len(list(runs.glob(f"*-{version}-s*"))) + 1, 6):
            target = runs / f"sample-{version}-s{seed}-00000000"
            shutil.copytree(first, target)
            change(target / "manifest.json", lambda m, seed=seed: m.update(seed=seed))
            change(
                target / "manifest.json",
                lambda m, seed=seed: m["hyperparameters"].update(seed=seed),
            )


def change(path: Path, edit: Callable[[Any], object]) -> None:
    value = json.loads(path.read_text(encoding="utf-8"))
    edit(value)
    manifest.write_json(path, value)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def look_up(asked: str) -> checklist.Finding:
    (item,) = [one for items in checklist.LISTS.values() for one in items if one.asked == asked]
    return item.find()


def a_run(clone: Path) -> Path:
    return sorted((clone / "results" / "sample" / "runs").iterdir())[1]


BREAKAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "other data than that of the runs": (
        "Data identified by sha256",
        lambda root: edit(root / "data" / "sample" / "sentences.csv", "。", "！"),
    ),
    "other held-out sentences than those of the runs": (
        "Evaluation on held-out data, by a command of its own",
        lambda root: edit(root / "data" / "sample" / "test_ids.txt", "\n", "\nx\n"),
    ),
    "a run scored on other sentences": (
        "Evaluation on held-out data, by a command of its own",
        lambda root: change(a_run(root) / "evaluation.json", lambda e: e["test_ids"].pop()),
    ),
    "a run without REPRO": (
        "Seeds recorded and deciding",
        lambda root: change(a_run(root) / "manifest.json", lambda m: m.update(repro=False)),
    ),
    "a seed that is not the one that was used": (
        "Seeds recorded and deciding",
        lambda root: change(a_run(root) / "manifest.json", lambda m: m.update(seed=99)),
    ),
    "four seeds": (
        "Several runs, with their spread",
        lambda root: shutil.rmtree(a_run(root)),
    ),
    "a run that names another epoch as the best": (
        "Weights chosen without the test sentences",
        lambda root: (
            change(
                a_run(root) / "history.json", lambda h: h.update(val_acc=[0.5] * len(h["val_acc"]))
            )
            or change(
                a_run(root) / "manifest.json",
                lambda m: m["metrics"]["validation"].update(
                    epoch=m["metrics"]["validation"]["epochs"]
                ),
            )
        ),
    ),
    "a run without hyperparameters": (
        "Every hyperparameter recorded",
        lambda root: change(a_run(root) / "manifest.json", lambda m: m.update(hyperparameters={})),
    ),
    "a run without a yardstick": (
        "Compared with simple models on the same split",
        lambda root: change(a_run(root) / "evaluation.json", lambda e: e.update(yardsticks={})),
    ),
    "another model scored than packed": (
        "A manifest for each run: what went in, what came out",
        lambda root: change(
            a_run(root) / "evaluation.json", lambda e: e.update(model_sha256="0" * 64)
        ),
    ),
    "an output without its sha256": (
        "A manifest for each run: what went in, what came out",
        lambda root: change(
            a_run(root) / "manifest.json", lambda m: m["outputs"].update({"labels.json": ""})
        ),
    ),
    "a run without its processor": (
        "Hardware and durations",
        lambda root: change(
            a_run(root) / "manifest.json", lambda m: m["environment"].update(cpu="")
        ),
    ),
    "a run without a duration": (
        "Hardware and durations",
        lambda root: change(
            a_run(root) / "manifest.json", lambda m: m["durations"].update(epoch_s=None)
        ),
    ),
    "runs of other locks": (
        "Software versions, as locked at this commit",
        lambda root: edit(root / "requirements" / "train.lock", "\n", "\n# newer\n"),
    ),
    "a run without its cost": (
        "Cost",
        lambda root: change(a_run(root) / "manifest.json", lambda m: m.update(cost={})),
    ),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_check_fails_where_its_thing_is_not_so(clone: Path, breakage: str):
    asked, damage = BREAKAGES[breakage]
    holds, found = look_up(asked)
    assert holds, found
    damage(clone)
    holds, told = look_up(asked)
    assert not holds
    assert told != found


def test_a_version_that_chooses_no_epoch_has_chosen_none_on_the_test_sentences(clone: Path):
    nothing = {"monitor": None, "epoch": None, "accuracy": None}
    change(a_run(clone) / "manifest.json", lambda m: m["metrics"]["validation"].update(nothing))
    assert look_up("Weights chosen without the test sentences")[0]


def test_what_is_not_shown_here_is_on_the_list_with_its_reason(clone: Path):
    lacking = (
        "Every published model trained again, on the published corpus",
        "Spread over several splits, too",
        "Measured on AWS itself",
        "Trained models to download",
    )
    shutil.rmtree(reference.folder("knbc"), ignore_errors=True)
    assert [look_up(asked)[0] for asked in lacking] == [False] * 4
    parity = reference.folder() / "cloud" / "parity.json"
    found = json.loads(parity.read_text(encoding="utf-8"))
    parity.write_text(json.dumps({**found, "runtimes": ["host", "aws"]}), encoding="utf-8")
    assert look_up("Measured on AWS itself")[0]
    (paths.RESULTS / "model.tar.gz").touch()
    assert look_up("Trained models to download")[0]


def test_without_a_reference_nothing_that_needs_runs_holds(clone: Path):
    for dataset in reference.DATASETS:
        shutil.rmtree(reference.folder(dataset), ignore_errors=True)
    for asked in ("Seeds recorded and deciding", "Several runs, with their spread", "Cost"):
        assert not look_up(asked)[0]


def test_what_does_not_hold_is_printed(clone: Path, capsys: pytest.CaptureFixture[str]):
    shutil.rmtree(a_run(clone))
    checklist.write()
    printed = capsys.readouterr().out
    assert "| **no** | Several runs, with their spread | not so: v1: 4 of 5 |" in printed
    held = 25 - printed.count("| **no** |")
    assert f"results/CHECKLIST.md: {held} of 25 hold" in printed
    assert (clone / "results" / "CHECKLIST.md").read_text(encoding="utf-8").count("| yes |") == held


def test_each_test_that_the_list_names_is_there():
    named = re.findall(r"`(tests/\S+)`", checklist.render())
    assert len(named) > 5
    assert [name for name in named if not (REPOSITORY / name).is_file()] == []
