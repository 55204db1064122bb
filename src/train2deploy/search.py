"""What is searched, and the results of a search, here or on SageMaker.

A model's script says what suits it (declaration, `search`); tune.toml replaces any of it, for all
models or, in a table such as [v2], for one.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from train2deploy import console, hyperparameters, log_metrics, manifest, paths, plots, versions
from train2deploy.errors import JobFailed, UserError
from train2deploy.toml import tomllib

DIRECTIONS = ("Maximize", "Minimize")
LOWER_IS_BETTER = re.compile(r"loss|mse|mae|error", re.IGNORECASE)
"""In an objective's name; `direction` says it where the name does not."""
STRATEGIES = ("Bayesian", "Random")
KEYS: dict[str, Any] = {
    "objective": "valid:acc",
    "direction": "",
    "strategy": "Bayesian",
    "jobs": 20,
    "parallel": 2,
    "seed": 1,
}
"""And what they are where nothing is said."""


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
    """A search of a version's hyperparameters."""

    version: str
    objective: str
    direction: str
    strategy: str
    jobs: int
    parallel: int
    seed: int
    ranges: tuple[Range, ...]


@dataclass(frozen=True)
class Trial:
    """One job of a search; no value where it failed."""

    name: str
    parameters: dict[str, str]
    value: float | None


def load(version: str = "v1", file: Path = paths.SEARCH_SETTINGS) -> Search:
    """What a version's script and tune.toml say, checked.

    Raises:
        UserError: with the key, what was expected and what was found.
    """
    found = versions.declared(version)
    name = versions.find(version).name
    places = [(paths.relative(versions.find(version).script), found.further.get("search", {}))]
    written = _written(file)
    tables = {key: value for key, value in written.items() if key not in (*KEYS, "ranges")}
    for key, table in tables.items():
        if not isinstance(table, dict):
            raise UserError(
                f"{paths.relative(file)}: {key}: no such key. Expected {', '.join(KEYS)}, ranges."
            )
        if key != name and key not in {one.name for one in versions.known()}:
            raise UserError(f"{paths.relative(file)}: [{key}]: there is no model of this name.")
    general = {key: value for key, value in written.items() if key not in tables}
    where = paths.relative(file)
    places += [(where, general), (f"{where}: [{name}]", tables.get(name, {}))]
    values: dict[str, Any] = dict(KEYS)
    for place, table in places:
        for key, value in table.items():
            _check(place, key, value)
            values[key] = value
            if key == "ranges":
                where = place
    objectives = [one["Name"] for one in log_metrics.of(version)]
    if values["objective"] not in objectives:
        raise UserError(
            f"{places[0][0]}: objective: expected {' or '.join(objectives)},"
            f" found {values['objective']!r}."
        )
    if not values["direction"]:
        lower = LOWER_IS_BETTER.search(values["objective"])
        values["direction"] = "Minimize" if lower else "Maximize"
    ranges = values.pop("ranges", {})
    if not ranges:
        raise UserError(
            f"{name}: expected ranges to search, found none. Give DECLARES in {places[0][0]} a"
            f" 'search', or {paths.relative(file)} a [{name}.ranges.<hyperparameter>]."
        )
    return Search(
        version,
        **values,
        ranges=tuple(
            _range(f"{where}: ranges.{each}", each, given, _kind(where, version, each, given))
            for each, given in ranges.items()
        ),
    )


def _written(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        written: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{paths.relative(file)}: expected TOML: {error}") from error
    return written


def _check(where: str, key: str, value: Any) -> None:
    if key not in (*KEYS, "ranges"):
        raise UserError(f"{where}: {key}: no such key. Expected {', '.join(KEYS)}, ranges.")
    if key == "ranges":
        if not isinstance(value, dict):
            raise UserError(f"{where}: ranges: expected a table, found {value!r}.")
        return
    if type(value) is not type(KEYS[key]):
        raise UserError(f"{where}: {key}: found {value!r}, expected something as {KEYS[key]!r}.")
    for name, choices in (("direction", DIRECTIONS), ("strategy", STRATEGIES)):
        if key == name and value not in choices:
            raise UserError(f"{where}: {key}: expected {' or '.join(choices)}, found {value!r}.")
    if key in ("jobs", "parallel") and value < 1:
        raise UserError(f"{where}: {key}: expected 1 or more, found {value}.")


def hyperparameters_of(version: str) -> dict[str, bool]:
    """What the version's script lets be searched, and whether it is a whole number.

    >>> hyperparameters_of("v1")["hidden"], hyperparameters_of("v1")["dropout"]
    (True, False)
    """
    known = versions.declared(version).hyperparameters
    return {name: each.kind.is_whole for name, each in known.items() if each.kind.is_number}


def _kind(where: str, version: str, name: str, given: Any) -> bool:
    """Whether a hyperparameter is a whole number; of an undeclared one the range tells."""
    searchable = hyperparameters_of(version)
    if name in searchable:
        return searchable[name]
    if versions.declared(version).is_whole:
        raise UserError(
            f"{where}: ranges.{name}: no such hyperparameter of {version}. Expected"
            f" {', '.join(searchable)}."
        )
    ends = given.values() if isinstance(given, dict) else ()
    return not any(isinstance(end, float) for end in ends)


def _range(here: str, name: str, given: Any, is_whole: bool) -> Range:
    if not isinstance(given, dict) or not set(given) <= {"min", "max", "scale"}:
        raise UserError(f"{here}: expected min, max and, if needed, scale, found {given!r}.")
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
    best = hyperparameters.as_variables(search.version, ranked[0].parameters)
    console.say(f"best: {' '.join(best)}")
    return ranked[0]


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
    short = name.removeprefix("valid:")
    return f"validation {known[short]}" if short in known and short != name else name
