"""Which runs a report tells of, and the other files that it can show."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from train2deploy import paths, versions
from train2deploy.errors import UserError
from train2deploy.runs.registry import Run

PUBLISHED_SPLIT = "published"


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


def by_stack(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """The runs that a report is of, and those of today's stack that stand beside them.

    Where there are none of 2019's stack, it is of today's.
    """
    articles = [run for run in runs if not run.is_todays]
    todays = [run for run in runs if run.is_todays]
    return (articles, todays) if articles else (todays, [])


def packed(runs: Iterable[Run]) -> list[str]:
    """The versions that these runs are of, without the published models."""
    return sorted({run.version for run in runs if not versions.is_published(run.version)})


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
    usual = first.titles and first.vectors in (None, versions.usual_vectors(first.model))
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
