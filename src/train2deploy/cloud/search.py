"""tune.toml: what is searched, and the results of a search, here or on SageMaker.

A table such as [v2] holds what is different for that VERSION.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from train2deploy import console, manifest, paths, plots, versions
from train2deploy.errors import JobFailed, UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OBJECTIVES = {"valid:acc": "Maximize", "valid:mse": "Minimize", "valid:mae": "Minimize"}
STRATEGIES = ("Bayesian", "Random")


@dataclass(frozen=True)
class Range:
    """One hyperparameter's range; whole numbers where both ends are whole."""

    name: str
    low: float
    high: float
    log: bool

    @property
    def is_whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)


@dataclass(frozen=True)
class Search:
    """What tune.toml says."""

    objective: str
    strategy: str
    jobs: int
    parallel: int
    seed: int
    ranges: tuple[Range, ...]

    @property
    def direction(self) -> str:
        """Maximize or Minimize."""
        return OBJECTIVES[self.objective]


@dataclass(frozen=True)
class Trial:
    """One job of a search; no value where it failed."""

    name: str
    parameters: dict[str, str]
    value: float | None


def load(version: str = "v1", file: Path = paths.SEARCH_SETTINGS) -> Search:
    """Reads and checks a file.

    Args:
        version: whose table's keys replace the others.

    Raises:
        UserError: with the key, what was expected and what was found.
    """
    where = paths.relative(file)
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{where}: expected TOML: {error}") from error
    tables = {name: values.pop(name, {}) for name in versions.SCRIPTS}
    versions.check(version)
    if not all(isinstance(table, dict) for table in tables.values()):
        raise UserError(f"{where}: expected tables [{'], ['.join(tables)}].")
    values |= tables[version]
    known = {"objective": "valid:acc", "strategy": "Bayesian", "jobs": 20, "parallel": 1, "seed": 1}
    for key, value in values.items():
        if key not in known and key != "ranges":
            raise UserError(f"{where}: {key}: no such key. Expected {', '.join(known)}, ranges.")
        if key in known and type(value) is not type(known[key]):
            raise UserError(
                f"{where}: {key}: found {value!r}, expected something as {known[key]!r}."
            )
    chosen: dict[str, Any] = known | {k: v for k, v in values.items() if k != "ranges"}
    for key, choices in (("objective", tuple(OBJECTIVES)), ("strategy", STRATEGIES)):
        if chosen[key] not in choices:
            raise UserError(
                f"{where}: {key}: expected {' or '.join(choices)}, found {chosen[key]!r}."
            )
    for key in ("jobs", "parallel"):
        if chosen[key] < 1:
            raise UserError(f"{where}: {key}: expected 1 or more, found {chosen[key]}.")
    ranges = values.get("ranges", {})
    if not ranges:
        raise UserError(f"{where}: expected at least one [ranges.<hyperparameter>], found none.")
    searchable = hyperparameters(version)
    for name in ranges:
        if name not in searchable:
            raise UserError(
                f"{where}: ranges.{name}: no such hyperparameter of {version}. Expected"
                f" {', '.join(searchable)}. Tables [{version}.ranges.<hyperparameter>] replace"
                f" the other ranges where VERSION={version}."
            )
    return Search(
        **chosen,
        ranges=tuple(
            _range(f"{where}: ranges.{name}", name, given, searchable[name])
            for name, given in ranges.items()
        ),
    )


def hyperparameters(version: str) -> dict[str, bool]:
    """What the version's script lets be searched, and whether it is a whole number.

    >>> hyperparameters("v1")["hidden"], hyperparameters("v1")["dropout"]
    (True, False)
    """
    known = versions.declared(version)
    return {name: each.is_whole for name, each in known.items() if each.is_number}


def _range(here: str, name: str, given: Any, is_whole: bool) -> Range:
    if not isinstance(given, dict) or not set(given) <= {"min", "max", "scale"}:
        raise UserError(f"{here}: expected min, max and maybe scale, found {given!r}.")
    low: Any
    high: Any
    low, high, scale = given.get("min"), given.get("max"), given.get("scale", "linear")
    if type(low) not in (int, float) or type(high) not in (int, float) or not low < high:
        raise UserError(f"{here}: expected numbers min < max, found {low!r} and {high!r}.")
    if is_whole and not (isinstance(low, int) and isinstance(high, int)):
        raise UserError(f"{here}: expected whole numbers, found {low!r} and {high!r}.")
    if not is_whole:
        low, high = float(low), float(high)
    if scale not in ("linear", "log") or (scale == "log" and low <= 0):
        raise UserError(f'{here}: scale: expected "linear", or "log" with min > 0.')
    return Range(name, low, high, scale == "log")


def report(search: Search, trials: list[Trial], directory: Path) -> Trial:
    """Table, plot and results.json of a search that is over; the best trial.

    Raises:
        JobFailed: no trial has a value.
    """
    scored = [trial for trial in trials if trial.value is not None]
    if not scored:
        raise JobFailed("every job of the search failed; the last one's log says why.")
    better_last = search.direction == "Minimize"
    ranked = sorted(scored, key=lambda trial: trial.value or 0.0, reverse=not better_last)
    table = Table(title=f"{search.objective}, {len(scored)} of {len(trials)} jobs", box=None)
    names = [each.name for each in search.ranges]
    for heading in ("job", *names, search.objective):
        table.add_column(heading, justify="left" if heading == "job" else "right")
    for trial in ranked[:10]:
        table.add_row(
            trial.name, *(_short(trial.parameters[name]) for name in names), f"{trial.value:.4f}"
        )
    console.print_table(table)
    directory.mkdir(parents=True, exist_ok=True)
    manifest.write_json(
        directory / "results.json",
        {
            "objective": search.objective,
            "direction": search.direction,
            "best": ranked[0].parameters,
            "trials": [trial.__dict__ for trial in trials],
        },
    )
    jobs = f"{len(scored)} job{'' if len(scored) == 1 else 's'}"
    plots.search(
        f"{search.strategy} search, {jobs}: best {search.objective} = {ranked[0].value:.4f}",
        _objective(search.objective),
        [trial.value or 0.0 for trial in scored],
        {
            one.name: [float(trial.parameters[one.name]) for trial in scored]
            for one in search.ranges
        },
        [one.name for one in search.ranges if one.log],
        min if better_last else max,
        directory / "search",
    )
    console.say(f"{paths.relative(directory)}: results.json, search.png, search.svg")
    console.say(f"best: {_as_variables(ranked[0].parameters)}")
    return ranked[0]


def _as_variables(parameters: dict[str, str]) -> str:
    """As they are given to make.

    >>> _as_variables({"hidden": "64", "ngram-dropout": "0.5"})
    'HIDDEN=64 NGRAM_DROPOUT=0.5'
    """
    known = versions.every()
    return " ".join(f"{known[name].variable}={value}" for name, value in parameters.items())


def _short(value: str) -> str:
    """
    >>> _short("0.12345678"), _short("64")
    ('0.1235', '64')
    """
    number = json.loads(value)
    return value if isinstance(number, int) else f"{number:.4g}"


def _objective(name: str) -> str:
    """What an objective measures.

    >>> _objective("valid:acc")
    'validation accuracy'
    """
    known = {"acc": "accuracy", "mse": "mean squared error", "mae": "mean absolute error"}
    return f"validation {known[name.removeprefix('valid:')]}"
