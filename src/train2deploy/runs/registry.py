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
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from train2deploy import answers, manifest, partial, paths, stack, versions
from train2deploy.datasets import directory
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_value

MANIFEST = "manifest.json"
PARTS = ("manifest", "evaluation", "history", "golden")
SCORES = ("accuracy", "f1_weighted", "f1_macro")
"""Of metrics: the model's own, and each yardstick's."""
HOW_TO_MAKE = "Make some with `make reproduce`."


@dataclass(frozen=True)
class Run:
    """One completed run: its folder and what its files say."""

    folder: Path
    manifest: dict[str, Any]

    @cached_property
    def evaluation(self) -> dict[str, Any]:
        return _read(self.folder / "evaluation.json")

    @cached_property
    def history(self) -> dict[str, list[float]]:
        return _read(self.folder / "history.json")

    @cached_property
    def golden(self) -> dict[str, Any] | None:
        """None of a run that was not asked: of a published model, or of a user's own data."""
        path = self.folder / "golden.json"
        asked = not versions.is_published(self.version) and self.dataset in directory.RESERVED
        return _read(path) if asked or path.exists() else None

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
    def is_todays(self) -> bool:
        """Whether it was made on today's stack."""
        return bool(self.manifest["inputs"].get("stack") == stack.TODAYS)

    @property
    def model(self) -> str:
        """Its version, which is called the same on both stacks."""
        return self.version.removesuffix(f"-{stack.TODAYS}") if self.is_todays else self.version

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
    def protocol(self) -> str:
        """What was asked for but the two seeds, on either stack, as one hash."""
        given = self.manifest["inputs"]["hyperparameters"]
        chosen, data = (
            {name: value for name, value in found.items() if name != "seed"}
            for found in (given, self.data)
        )
        return sha256_value([self.model, data, chosen, self.vectors])

    @property
    def configuration(self) -> str:
        """All that went in but the two seeds and what follows from them, as one hash."""
        inputs = self.manifest["inputs"]
        made_of = [inputs.get("sources"), inputs.get("locks")]
        return sha256_value([self.version, self.protocol, *made_of])

    @property
    def answers(self) -> dict[str, float]:
        """Probability by class of the article's sentence."""
        return answers.by_label(self.golden["ranking"] if self.golden else [])


def save(run_id: str, files: dict[str, Any], archive: Path | None) -> Path:
    """Makes build/runs/<id>: JSON values by file name, and the packed model where there is one."""
    target = paths.RUNS / run_id
    with partial.directory(target) as fresh:
        for name, value in files.items():
            manifest.write_json(fresh / name, value)
        if archive:
            os.link(archive, fresh / archive.name)
    return target


def is_recorded(run_id: str) -> bool:
    return (paths.RUNS / run_id / MANIFEST).is_file()


def load(dataset: str = "", version: str = "", folder: Path | None = None) -> list[Run]:
    """All completed runs, sorted by id; of one data set or version where given.

    Args:
        folder: None: build/runs.
    """
    wanted = version and stack.environment(version)
    paths_ = sorted((folder or paths.RUNS).glob(f"*/{MANIFEST}"))
    found = [Run(one.parent, _read(one)) for one in paths_ if not partial.is_one(one.parent)]
    return [run for run in found if dataset in ("", run.dataset) and wanted in ("", run.version)]


def get(run_id: str) -> Run:
    return Run(paths.RUNS / run_id, _read(paths.RUNS / run_id / MANIFEST))


def _read(path: Path) -> dict[str, Any]:
    value = manifest.read(path)
    if value is None:
        raise UserError(
            f"{paths.relative(path)}: expected a run's JSON object, found none."
            f" Remove {paths.relative(path.parent)} and run `make reproduce` again."
        )
    return value


def find(reference: str, variable: str, dataset: str = "") -> Run:
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
        candidates = [run for run in known if version == run.version]
        candidates = [run for run in candidates if dataset in ("", run.dataset)]
        if not candidates:
            raise UserError(
                f"{variable}={reference}: expected best:<version> of a version that has runs,"
                f" found runs of {_listed({run.version for run in known})}. {HOW_TO_MAKE}"
            )
        return max(candidates, key=_validation)
    matching = [run for run in known if run.id.startswith(reference)]
    exact = [run for run in matching if run.id == reference]
    if not (exact or len(matching) == 1):
        problem = "names several runs" if matching else "names no run"
        raise UserError(
            f"{variable}={reference} {problem}: expected an id, the beginning of one id, or"
            f" best:<version>. There are {_listed(run.id for run in matching or known)}."
        )
    return (exact or matching)[0]


def _validation(run: Run) -> float:
    return float(run.manifest["metrics"]["validation"]["accuracy"] or 0)


def _listed(names: Any, most: int = 12) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - most} more (`make runs`)" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + more
