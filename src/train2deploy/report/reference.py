"""`make reference`: a committed report, the files it stands on, and README's table.

results/sample/ and results/knbc/ hold the JSON files of the runs, what else was measured, and the
pages made from them. The pages can be made again from these files alone (KEEP=1), and a test does.
There are many runs on the KNB corpus, so of these only what the pages need is kept.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from train2deploy import console, manifest, paths, stack
from train2deploy.errors import UserError
from train2deploy.report import content, machine, matrix, pages, readme, recorded
from train2deploy.runs import registry
from train2deploy.runs.registry import Run

SAMPLE = "sample"
DATASETS = (SAMPLE, matrix.DATASET)
VERSIONS = ("v1", "v2")  # what the reference of the sample must have
OF_SENTENCES = ("test_ids", "predicted", "truth", "probabilities")
DECIMALS = 4


def folder(dataset: str = SAMPLE) -> Path:
    return paths.RESULTS / dataset


@stack.under(stack.ARTICLES, stack.VARIABLE)
def reference(dataset: str, seeds: int, keep: bool, runs: Path | None = None) -> None:
    """Writes results/<dataset>/ and, of the KNB corpus, the table in both READMEs.

    Args:
        seeds: so many runs each version must have, at least (of the sample).
        keep: makes the pages from the files that are there; nothing is taken from build/.
        runs: None: build/runs.
    """
    if dataset not in DATASETS:
        raise UserError(f"DATASET={dataset}: expected one of {', '.join(DATASETS)}.")
    if not keep:
        _take(dataset, seeds, runs or paths.RUNS)
    files, place = build(dataset), folder(dataset)
    pages.write(files, place)
    megabytes = size(dataset) / 1e6
    console.say(f"{paths.relative(place)}: {len(files)} files, {megabytes:.1f} MB in all")
    if dataset == matrix.DATASET:
        for path in readme.renew(files[pages.JSON]):
            console.say(f"{paths.relative(path)}: table renewed")


def build(dataset: str = SAMPLE) -> dict[str, str]:
    """The files of the committed report, from the committed JSON files; nothing is written."""
    place = folder(dataset)
    return pages.make(dataset, place / paths.RUNS.name, place, place)


def size(dataset: str = SAMPLE) -> int:
    return sum(path.stat().st_size for path in folder(dataset).rglob("*") if path.is_file())


def _take(dataset: str, seeds: int, source: Path) -> None:
    """Copies the runs that the report tells of; what was there is replaced."""
    runs = {run.id: run for run in registry.load(folder=source)}
    if dataset == SAMPLE:
        for version in VERSIONS:
            members = recorded.matching(runs.values(), dataset, version)
            _check(version, recorded.of_one_configuration(members), seeds, source)
    told = content.build(dataset, source, paths.BUILD, source)
    chosen = [runs[one["id"]] for one in told["runs"]]
    _warn(chosen)
    place = folder(dataset)
    shutil.rmtree(place, ignore_errors=True)
    scored = {link for detail in told["versions"].values() for link in detail["sources"]}
    for run in chosen:
        target = place / paths.RUNS.name / run.id
        target.mkdir(parents=True)
        for name in registry.PARTS:
            if (run.folder / f"{name}.json").is_file():
                shutil.copyfile(run.folder / f"{name}.json", target / f"{name}.json")
        if dataset == matrix.DATASET:
            answers = recorded.link(run.folder / "evaluation.json", source) in scored
            _slim(target, answers)
    for row in (told["matrix"] or {"rows": []})["rows"]:
        if row["command"] and not row["runs"]:
            console.say(f"without runs of {row['id']}: `{row['command']}` makes them")
    if dataset == SAMPLE:
        _take_measurements(place)


def _take_measurements(place: Path) -> None:
    for measured in machine.FILES:
        if (paths.BUILD / measured).is_file():
            (place / measured).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(paths.BUILD / measured, place / measured)
        else:
            console.say(f"without build/{measured}: its part of the report says how to make it")


def _slim(target: Path, answers: bool) -> None:
    """Leaves of an evaluation the scores, and the answers where calibration needs them."""
    _write_compact(target / "manifest.json", manifest.read(target / "manifest.json") or {})
    path = target / "evaluation.json"
    evaluation = manifest.read(path) or {}
    dropped = OF_SENTENCES[:1] if answers else OF_SENTENCES
    kept: dict[str, Any] = {name: v for name, v in evaluation.items() if name not in dropped}
    if kept.get("probabilities"):
        kept["probabilities"] = [[round(p, DECIMALS) for p in row] for row in kept["probabilities"]]
    _write_compact(path, kept)
    history = manifest.read(target / "history.json") or {}
    curves = {name: [round(value, DECIMALS) for value in row] for name, row in history.items()}
    _write_compact(target / "history.json", curves)


def _write_compact(path: Path, value: dict[str, Any]) -> None:
    """A line for each key: small, and a change is still found in a diff."""
    lines = (
        f"{json.dumps(name, ensure_ascii=False)}:"
        f"{json.dumps(one, ensure_ascii=False, sort_keys=True, separators=(',', ':'))}"
        for name, one in sorted(value.items())
    )
    path.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


def _check(version: str, members: Sequence[Run], seeds: int, source: Path) -> None:
    if len(members) < seeds:
        raise UserError(
            f"{paths.relative(source)}: expected {seeds} runs of {SAMPLE} {version} that"
            f" differ in their seed alone, found {len(members)}."
            f" `make reproduce DATASET={SAMPLE} VERSION={version} SEEDS={seeds}` makes them."
        )


def _warn(runs: Sequence[Run]) -> None:
    for version in sorted({run.version for run in runs}):
        git = [run.manifest["environment"]["git"] for run in runs if run.version == version]
        if len({str(one.get("commit")) for one in git}) > 1 or any(one.get("dirty") for one in git):
            console.say(
                f"warning: the runs of {version} were made with changes that were not committed,"
                " or at several commits; the report says so"
            )
