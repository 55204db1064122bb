"""The runs that a report tells of, and the other files that it can show."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train2deploy import paths, versions
from train2deploy.datasets import directory
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_value

PARTS = ("manifest", "evaluation", "history", "golden")
VERSIONS = tuple(versions.OURS)
"""Our own; the others are the published models."""
PUBLISHED_SPLIT = "published"
UNFINISHED = ".part"


@dataclass(frozen=True)
class Run:
    """One completed run: the JSON files of build/runs/<id> (see runs.registry).

    Attributes:
        golden: None of a published model, which is scored and not served, and of a user's data.
    """

    folder: Path
    manifest: dict[str, Any]
    evaluation: dict[str, Any]
    history: dict[str, list[float]]
    golden: dict[str, Any] | None

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
    def data(self) -> dict[str, Any]:
        """The data set and how it was split: what `make data` was given."""
        found: dict[str, Any] = self.manifest["dataset"]["inputs"]
        return found

    @property
    def split(self) -> str:
        return str(self.data.get("split", "random"))

    @property
    def split_seed(self) -> int:
        return int(self.data.get("seed", 1))

    @property
    def titles(self) -> bool:
        """Whether the sentences that name the class are in."""
        return bool(self.data.get("titles", True))

    @property
    def vectors(self) -> str | None:
        """Their kind; None of an earlier run, which did not record it."""
        found: str | None = self.manifest["inputs"].get("vectors")
        return found

    @property
    def accuracy(self) -> float:
        return float(self.evaluation["model"]["accuracy"])

    @property
    def configuration(self) -> str:
        """All that went in but the two seeds and what follows from them, as one hash."""
        inputs = self.manifest["inputs"]
        given = {n: value for n, value in inputs["hyperparameters"].items() if n != "seed"}
        data = {name: value for name, value in self.data.items() if name != "seed"}
        return sha256_value(
            {
                "version": self.version,
                "data": data,
                "hyperparameters": given,
                "vectors": self.vectors,
                "sources": inputs.get("sources"),
                "locks": inputs.get("locks"),
            }
        )

    @property
    def answers(self) -> dict[str, float]:
        """Probability by class of the article's sentence."""
        ranking = self.golden["ranking"] if self.golden else []
        return {entry["label"]: float(entry["prob"]) for entry in ranking}


def read(folder: Path) -> list[Run]:
    """Every completed run below `folder`, by id; none where there is no such folder."""
    if not folder.is_dir():
        return []
    found = [path.parent for path in sorted(folder.glob("*/manifest.json"))]
    return [_run(one) for one in found if one.suffix != UNFINISHED]


def matching(
    runs: Iterable[Run],
    dataset: str,
    version: str,
    split: str | None = None,
    titles: bool | None = None,
    vectors: str | None = None,
) -> list[Run]:
    """The runs of a data set and a version; None: whatever it is."""
    return [
        run
        for run in runs
        if (run.dataset, run.version) == (dataset, version)
        and split in (None, run.split)
        and titles in (None, run.titles)
        and (vectors is None or run.vectors in (None, vectors))
    ]


def of_one_configuration(runs: Iterable[Run]) -> list[Run]:
    """Those that differ in nothing but their seeds: of training, or of training and split.

    A group is trained on one split, or each of its runs on the split of its own seed. Where there
    are several, the one on the splits, sentences and vectors of the published protocol; among
    those, the one with the most runs, and then the one that was started last.
    """
    groups: dict[tuple[str, int | None], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.configuration, run.split_seed), []).append(run)
        if run.seed == run.split_seed:
            groups.setdefault((run.configuration, None), []).append(run)
    if not groups:
        return []
    best = max(groups.values(), key=_preference)
    return sorted(best, key=lambda run: run.seed)


def _preference(group: list[Run]) -> tuple[bool, bool, int, str]:
    first = group[0]
    usual = first.titles and first.vectors in (None, versions.vectors_of(first.version))
    started = max(str(run.manifest["started"]) for run in group)
    return first.split == PUBLISHED_SPLIT, usual, len(group), started


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
    made = values["manifest"] if isinstance(values["manifest"], dict) else {}
    is_ours = made.get("dataset", {}).get("name") in directory.RESERVED
    asked = made.get("version") in VERSIONS and is_ours
    lacking = [
        f"{name}.json"
        for name, value in values.items()
        if not isinstance(value, dict) and (value is not None or asked or name != "golden")
    ]
    if lacking:
        raise UserError(
            f"{paths.relative(folder)}: expected a run's {', '.join(lacking)}, found no JSON"
            " object. Remove the folder; `make reproduce` makes it again."
        )
    return Run(folder, **values)
