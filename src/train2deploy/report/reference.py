"""`make reference`: the committed report of the sample, the files it stands on, and README's table.

results/sample/ holds the JSON files of the runs and of what else was measured, and the pages made
from them. The pages can be made again from the files alone (KEEP=1), and a test does.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from train2deploy import console, paths
from train2deploy.errors import UserError
from train2deploy.report import machine, pages, readme, recorded
from train2deploy.report.recorded import Run

DATASET = "sample"
PARTS = tuple(f"{name}.json" for name in recorded.PARTS)


def folder() -> Path:
    """results/sample."""
    return paths.RESULTS / DATASET


def reference(seeds: int, keep: bool, runs: Path | None = None) -> None:
    """Writes results/sample/ and the table in both READMEs.

    Args:
        seeds: so many runs each version must have, at least.
        keep: makes the pages from the files that are there; nothing is taken from build/.
        runs: None: build/runs.
    """
    if not keep:
        _take(seeds, runs or paths.RUNS)
    files = build()
    pages.write(files, folder())
    console.say(f"{paths.relative(folder())}: {len(files)} files, {size() / 1e6:.1f} MB in all")
    for path in readme.renew(files[pages.JSON]):
        console.say(f"{paths.relative(path)}: table renewed")


def build() -> dict[str, str]:
    """The files of the committed report, from the committed JSON files; nothing is written."""
    place = folder()
    return pages.make(DATASET, place / paths.RUNS.name, place, place)


def size() -> int:
    """Bytes of results/sample."""
    return sum(path.stat().st_size for path in folder().rglob("*") if path.is_file())


def _take(seeds: int, source: Path) -> None:
    """Copies the runs, and what else was measured from build/; what was there is replaced."""
    runs = recorded.read(source)
    chosen: list[Run] = []
    for version in recorded.VERSIONS:
        members = recorded.of_one_configuration(runs, DATASET, version)
        _check(version, members, seeds, source)
        chosen += members
    place = folder()
    shutil.rmtree(place, ignore_errors=True)
    for run in chosen:
        target = place / paths.RUNS.name / run.id
        target.mkdir(parents=True)
        for name in PARTS:
            shutil.copyfile(run.folder / name, target / name)
    for measured in machine.FILES:
        if (paths.BUILD / measured).is_file():
            (place / measured).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(paths.BUILD / measured, place / measured)
        else:
            console.say(f"without build/{measured}: its part of the report says how to make it")


def _check(version: str, members: Sequence[Run], seeds: int, source: Path) -> None:
    if len(members) < seeds:
        raise UserError(
            f"{paths.relative(source)}: expected {seeds} runs of {DATASET} {version} that"
            f" differ in their seed alone, found {len(members)}."
            f" `make reproduce DATASET={DATASET} VERSION={version} SEEDS={seeds}` makes them."
        )
    states = {str(run.manifest["environment"]["git"].get("commit")) for run in members}
    if len(states) > 1 or any(run.manifest["environment"]["git"].get("dirty") for run in members):
        console.say(
            f"warning: the runs of {version} were made with changes that were not committed, or at"
            " several commits; the report says so"
        )
