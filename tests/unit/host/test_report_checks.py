"""Each check of the check-list fails where what it checks for is not so."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from train2deploy import archives, downloads, manifest, paths
from train2deploy.report import checklist, checks, readme, reference

REPOSITORY = paths.ROOT
COPIED = ("requirements", "docker", "data/README.md", "data/sample", "Makefile", "LICENSE",
          "CITATION.cff", "README.md", "README.ja.md", "results")  # fmt: skip


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
    monkeypatch.setattr(checks.sample, "SENTENCES", paths.SAMPLE / "sentences.csv")
    monkeypatch.setattr(checks.sample, "TEST_IDS", paths.SAMPLE / "test_ids.txt")
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


def a_run(clone: Path) -> Path:
    return sorted((clone / "results" / "sample" / "runs").iterdir())[1]


BREAKAGES: dict[str, tuple[checks.Check, Callable[[Path], object]]] = {
    "a package without a hash": (
        checks.pins,
        lambda root: (root / "requirements" / "host.lock").write_text("new==1.0 \\\n    # via x\n"),
    ),
    "a package without a version": (
        checks.pins,
        lambda root: edit(root / "requirements" / "train.lock", "tensorflow==", "tensorflow>="),
    ),
    "requirements without a lock": (
        checks.pins,
        lambda root: (root / "requirements" / "new.in").write_text("x\n", encoding="utf-8"),
    ),
    "an image by its tag": (
        checks.images,
        lambda root: edit(root / "docker" / "train" / "Dockerfile", "@sha256:", "@sha1:"),
    ),
    "other data than that of the runs": (
        checks.data_hashes,
        lambda root: edit(root / "data" / "sample" / "sentences.csv", "。", "！"),
    ),
    "other held-out sentences than those of the runs": (
        checks.held_out,
        lambda root: edit(root / "data" / "sample" / "test_ids.txt", "\n", "\nx\n"),
    ),
    "a run scored on other sentences": (
        checks.held_out,
        lambda root: change(a_run(root) / "evaluation.json", lambda e: e["test_ids"].pop()),
    ),
    "no command that evaluates": (
        checks.held_out,
        lambda root: edit(root / "Makefile", "\nevaluate:", "\nscore:"),
    ),
    "no command that reproduces": (
        checks.commands,
        lambda root: edit(root / "Makefile", "\nreproduce:", "\nagain:"),
    ),
    "a run without REPRO": (
        checks.seeds,
        lambda root: change(a_run(root) / "manifest.json", lambda m: m.update(repro=False)),
    ),
    "a seed that is not the one that was used": (
        checks.seeds,
        lambda root: change(a_run(root) / "manifest.json", lambda m: m.update(seed=99)),
    ),
    "four seeds": (checks.several, lambda root: shutil.rmtree(a_run(root))),
    "a run that names another epoch as the best": (
        checks.chosen_by_validation,
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
        checks.hyperparameters,
        lambda root: change(a_run(root) / "manifest.json", lambda m: m.update(hyperparameters={})),
    ),
    "a run without a yardstick": (
        checks.yardsticks,
        lambda root: change(a_run(root) / "evaluation.json", lambda e: e.update(yardsticks={})),
    ),
    "another model scored than packed": (
        checks.manifests,
        lambda root: change(
            a_run(root) / "evaluation.json", lambda e: e.update(model_sha256="0" * 64)
        ),
    ),
    "an output without its sha256": (
        checks.manifests,
        lambda root: change(
            a_run(root) / "manifest.json", lambda m: m["outputs"].update({"labels.json": ""})
        ),
    ),
    "no licence": (checks.licence, lambda root: (root / "LICENSE").write_text("none\n")),
    "data without a licence": (
        checks.licence,
        lambda root: edit(root / "data" / "README.md", "| CC0 1.0 |", "| |"),
    ),
    "a citation without the article": (
        checks.citation,
        lambda root: edit(root / "CITATION.cff", "\nreferences:", "\nothers:"),
    ),
    "a run without its processor": (
        checks.hardware,
        lambda root: change(
            a_run(root) / "manifest.json", lambda m: m["environment"].update(cpu="")
        ),
    ),
    "a run without a duration": (
        checks.hardware,
        lambda root: change(
            a_run(root) / "manifest.json", lambda m: m["durations"].update(epoch_s=None)
        ),
    ),
    "runs of other locks": (
        checks.versions,
        lambda root: edit(root / "requirements" / "train.lock", "\n", "\n# newer\n"),
    ),
    "a run without its cost": (
        checks.cost,
        lambda root: change(a_run(root) / "manifest.json", lambda m: m.update(cost={})),
    ),
    "a README with an older table": (
        checks.results_table,
        lambda root: edit(root / "README.md", f"{readme.END}", f"| old |\n{readme.END}"),
    ),
    "a description with another count": (
        checks.sample_counts,
        lambda root: (root / "data" / "README.md").write_text("some sentences\n"),
    ),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_check_fails_where_its_thing_is_not_so(clone: Path, breakage: str):
    check, damage = BREAKAGES[breakage]
    holds, found = check()
    assert holds, found
    damage(clone)
    holds, told = check()
    assert not holds
    assert told != found


def test_a_sentence_on_both_sides_is_found(clone: Path):
    path = paths.SAMPLE / "test_ids.txt"
    held_out = path.read_text(encoding="utf-8").split()[0]
    text = (paths.SAMPLE / "sentences.csv").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith(f"{held_out},"))
    assert checks.disjoint()[0]
    copy = row.replace(held_out, "copy", 1)
    (paths.SAMPLE / "sentences.csv").write_text(f"{text}{copy}\n", encoding="utf-8")
    assert not checks.disjoint()[0]


def test_a_version_that_chooses_no_epoch_has_chosen_none_on_the_test_sentences(clone: Path):
    nothing = {"monitor": None, "epoch": None, "accuracy": None}
    change(a_run(clone) / "manifest.json", lambda m: m["metrics"]["validation"].update(nothing))
    assert checks.chosen_by_validation()[0]


def test_archives_that_differ_are_found(monkeypatch: pytest.MonkeyPatch):
    assert checks.byte_identical()[0]
    real = archives.pack

    def with_the_folder_in_it(entries: Any, archive: Path) -> None:
        real(entries, archive)
        archive.write_bytes(archive.read_bytes() + str(archive).encode())

    monkeypatch.setattr(archives, "pack", with_the_folder_in_it)
    assert not checks.byte_identical()[0]


def test_downloads_that_are_not_checked_are_found(monkeypatch: pytest.MonkeyPatch):
    assert checks.offline()[0]
    monkeypatch.setattr(downloads, "fetch", lambda url, target, sha256: target)
    assert not checks.offline()[0]


def test_what_is_not_shown_here_is_on_the_list_with_its_reason(clone: Path):
    lacking = (
        checks.on_the_published_corpus,
        checks.several_splits,
        checks.on_aws,
        checks.trained_weights,
    )
    shutil.rmtree(reference.folder("knbc"), ignore_errors=True)
    assert [check()[0] for check in lacking] == [False] * 4
    parity = reference.folder() / "cloud" / "parity.json"
    found = json.loads(parity.read_text(encoding="utf-8"))
    parity.write_text(json.dumps({**found, "runtimes": ["host", "aws"]}), encoding="utf-8")
    assert checks.on_aws()[0]
    (paths.RESULTS / "model.tar.gz").touch()
    assert checks.trained_weights()[0]


def test_without_a_reference_nothing_that_needs_runs_holds(clone: Path):
    for dataset in reference.DATASETS:
        shutil.rmtree(reference.folder(dataset), ignore_errors=True)
    for check in (checks.seeds, checks.several, checks.hardware, checks.results_table):
        assert not check()[0]


def test_what_does_not_hold_is_printed(clone: Path, capsys: pytest.CaptureFixture[str]):
    (clone / "LICENSE").write_text("none\n", encoding="utf-8")
    checklist.write()
    printed = capsys.readouterr().out
    assert "| **no** | Licence of code and data | not so: LICENSE |" in printed
    held = 25 - printed.count("| **no** |")
    assert f"results/CHECKLIST.md: {held} of 25 hold" in printed
    assert (clone / "results" / "CHECKLIST.md").read_text(encoding="utf-8").count("| yes |") == held
