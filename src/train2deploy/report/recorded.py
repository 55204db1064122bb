"""The runs that a report tells of, and the other files that it can show."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train2deploy import paths
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_value

PARTS = ("manifest", "evaluation", "history", "golden")
VERSIONS = ("v1", "v2")
UNFINISHED = ".part"


@dataclass(frozen=True)
class Run:
    """One completed run: the JSON files of build/runs/<id> (see runs.registry)."""

    folder: Path
    manifest: dict[str, Any]
    evaluation: dict[str, Any]
    history: dict[str, list[float]]
    golden: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.manifest["id"])

    @property
    def dataset(self) -> str:
        return str(self.manifest["dataset"]["name"])

    @property
    def version(self) -> str:
        return str(self.manifest["version"])

    @property
    def seed(self) -> int:
        return int(self.manifest["seed"])

    @property
    def configuration(self) -> str:
        """What all runs that differ only in their seed have in common, as one hash."""
        inputs = self.manifest["inputs"]
        given = {n: value for n, value in inputs["hyperparameters"].items() if n != "seed"}
        return sha256_value({**inputs, "hyperparameters": given})

    @property
    def answers(self) -> dict[str, float]:
        """Probability by class of the article's sentence."""
        return {entry["label"]: float(entry["prob"]) for entry in self.golden["ranking"]}


def read(folder: Path) -> list[Run]:
    """Every completed run below `folder`, by id; none where there is no such folder."""
    if not folder.is_dir():
        return []
    found = [path.parent for path in sorted(folder.glob("*/manifest.json"))]
    return [_run(one) for one in found if one.suffix != UNFINISHED]


def of_one_configuration(runs: Iterable[Run], dataset: str, version: str) -> list[Run]:
    """Runs of a data set and a version that differ in nothing but their seed, by seed.

    Where several configurations were run, the one with the most seeds; among those, the
    one that was started last.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if (run.dataset, run.version) == (dataset, version):
            groups.setdefault(run.configuration, []).append(run)
    if not groups:
        return []
    best = max(
        groups.values(),
        key=lambda group: (len(group), max(run.manifest["started"] for run in group)),
    )
    return sorted(best, key=lambda run: run.seed)


def read_json(path: Path) -> Any:
    """The JSON value of a file, or None where there is no such file.

    Raises:
        UserError: the file holds something else.
    """
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{paths.relative(path)}: expected JSON, found: {error}."
            " Remove it and run again what makes it."
        ) from error


def link(path: Path, start: Path) -> str:
    """How a page in the folder `start` names a file: always relative, always with /.

    >>> link(Path("/p/build/runs/a/manifest.json"), Path("/p/build/reports/sample"))
    '../../runs/a/manifest.json'
    """
    return Path(os.path.relpath(path, start)).as_posix()


def links(runs: Sequence[Run], name: str, start: Path) -> list[str]:
    return [link(run.folder / name, start) for run in runs]


def _run(folder: Path) -> Run:
    values = {name: read_json(folder / f"{name}.json") for name in PARTS}
    lacking = [f"{name}.json" for name, value in values.items() if not isinstance(value, dict)]
    if lacking:
        raise UserError(
            f"{paths.relative(folder)}: expected a run's {', '.join(lacking)}, found no JSON"
            " object. Remove the folder; `make reproduce` makes it again."
        )
    return Run(folder, **values)
