"""build/runs: the completed runs, and how they are named.

A run's directory holds

    manifest.json     what went in and came out, by sha256; scores, durations, environment
    evaluation.json   scores and every answer on the test sentences, as of `evaluate.result_of`
    history.json      learning curves: {"epoch": [1, 2, …], "acc": […], "val_acc": […], …}
    golden.json       {"sentence": …, "ranking": [{"label": …, "prob": …}, …]}
    model.tar.gz      the packed model, ready to be served and deployed

The first two and the last name each other by sha256. A run of a published model has neither of the
last two: it is scored by its job, not by an endpoint. No file holds an absolute path or the name
of a machine, so the directory can be copied and linked to.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from train2deploy import manifest, paths
from train2deploy.errors import UserError

Record = dict[str, Any]
"""A manifest.json."""

MANIFEST = "manifest.json"
SCORES = ("accuracy", "f1_weighted", "f1_macro")
"""Of metrics: the model's own, and each yardstick's."""
HOW_TO_MAKE = "Make some with `make reproduce`."


def save(run_id: str, files: dict[str, Any], archive: Path | None) -> Path:
    """Makes build/runs/<id>: JSON values by file name, and the packed model where there is one."""
    target = paths.RUNS / run_id
    fresh = paths.RUNS / f"{run_id}.part"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, value in files.items():
        manifest.write_json(fresh / name, value)
    if archive:
        os.link(archive, fresh / archive.name)
    shutil.rmtree(target, ignore_errors=True)
    fresh.replace(target)
    return target


def is_recorded(run_id: str) -> bool:
    """Whether the run is completed."""
    return (paths.RUNS / run_id / MANIFEST).is_file()


def load(dataset: str = "", version: str = "") -> list[Record]:
    """The manifests of all completed runs, sorted by id; of one data set or version where given."""
    found = []
    for path in sorted(paths.RUNS.glob(f"*/{MANIFEST}")):
        if path.parent.suffix == ".part":
            continue
        record = manifest.read(path)
        if record is None:
            raise UserError(
                f"{paths.relative(path)}: expected a run's manifest, found no JSON object."
                f" Remove {paths.relative(path.parent)} and run `make reproduce` again."
            )
        found.append(record)
    return [
        record
        for record in found
        if dataset in ("", record["dataset"]["name"]) and version in ("", record["version"])
    ]


def read(run_id: str, name: str) -> dict[str, Any]:
    """A JSON file of a run."""
    value = manifest.read(paths.RUNS / run_id / name)
    if value is None:
        raise UserError(
            f"{paths.relative(paths.RUNS / run_id / name)}: expected a JSON object, found none."
            f" Remove {paths.relative(paths.RUNS / run_id)} and run `make reproduce` again."
        )
    return value


def find(reference: str, variable: str, dataset: str = "") -> Record:
    """The run that a user names.

    Args:
        reference: an id, its beginning, or best:<version>, the run of this version with the
            highest validation accuracy (the test sentences choose nothing).
        variable: what the reference was given as, for messages.
        dataset: best: is looked for in this one.
    """
    known = load()
    if not known:
        raise UserError(f"{variable}={reference}: there are no runs. {HOW_TO_MAKE}")
    if reference.startswith("best:"):
        version = reference.removeprefix("best:")
        candidates = [run for run in known if version == run["version"]]
        candidates = [run for run in candidates if dataset in ("", run["dataset"]["name"])]
        if not candidates:
            raise UserError(
                f"{variable}={reference}: expected best:<version> of a version that has runs,"
                f" found runs of {_listed({run['version'] for run in known})}. {HOW_TO_MAKE}"
            )
        return max(candidates, key=lambda run: run["metrics"]["validation"]["accuracy"] or 0)
    matching = [run for run in known if str(run["id"]).startswith(reference)]
    exact = [run for run in matching if run["id"] == reference]
    if not (exact or len(matching) == 1):
        problem = "names several runs" if matching else "names no run"
        raise UserError(
            f"{variable}={reference} {problem}: expected an id, the beginning of one id, or"
            f" best:<version>. There are {_listed(run['id'] for run in matching or known)}."
        )
    return (exact or matching)[0]


def _listed(names: Any, most: int = 12) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - most} more (`make runs`)" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + more
