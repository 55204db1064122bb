"""`make runs`: the completed runs as a table or as JSON, filtered and sorted."""

import json
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from train2deploy import console
from train2deploy.errors import UserError
from train2deploy.runs.registry import HOW_TO_MAKE, SCORES, Run

COLUMNS = ("id", *SCORES, "validation", "training_s", "started")
SYMBOLS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
CONDITION = re.compile(r"^\s*([\w-]+)\s*(>=|<=|!=|==?|>|<)\s*(.+?)\s*$")
EXAMPLE = "WHERE='accuracy>0.8, version=v1'"


@dataclass(frozen=True)
class Condition:
    """`field symbol value` of WHERE=."""

    field: str
    symbol: str
    value: str


def fields(run: Run) -> dict[str, Any]:
    """All of a run that can be sorted and filtered by: hyperparameters, too, by their name."""
    record = run.manifest
    metrics = record["metrics"]
    return {
        **record["hyperparameters"],
        "id": run.id,
        "dataset": record["dataset"]["name"],
        "version": record["version"],
        "seed": record["seed"],
        **{score: metrics[score] for score in SCORES},
        "validation": metrics["validation"]["accuracy"],
        "best_epoch": metrics["validation"]["epoch"],
        **record["durations"],
        "runtime": record["environment"]["runtime"],
        "commit": record["environment"]["git"].get("commit", ""),
        "started": record["started"],
    }


def select(records: Sequence[Run], where: str, sort: str) -> list[Run]:
    """The runs that meet all conditions, in order.

    Args:
        where: conditions with commas between them, such as `accuracy>0.8, seed<=3`; "": all runs.
        sort: a field; scores the best first, everything else from low to high; `-` before it
            turns that round. "": by id.
    """
    chosen = list(records)
    for condition in parse(where):
        chosen = [run for run in chosen if _holds(condition, fields(run), records)]
    if not sort:
        return chosen
    name, reverse = sort.removeprefix("-"), sort.startswith("-")
    known = {key for run in records for key in fields(run)}
    if records and name not in known:
        raise UserError(f"SORT={sort}: expected one of {', '.join(sorted(known))}.")
    present = [run for run in chosen if fields(run).get(name) is not None]
    absent = [run for run in chosen if fields(run).get(name) is None]
    best_first = name in (*SCORES, "validation")
    try:
        ordered = sorted(present, key=lambda run: fields(run)[name], reverse=best_first != reverse)
    except TypeError:  # a hyperparameter that is a number in one version and a text in another
        ordered = sorted(present, key=lambda run: str(fields(run)[name]), reverse=reverse)
    return ordered + absent


def parse(where: str) -> list[Condition]:
    """The conditions of WHERE=.

    >>> parse("accuracy>0.8, version=v1")[0]
    Condition(field='accuracy', symbol='>', value='0.8')
    """
    conditions = []
    for part in filter(str.strip, where.split(",")):
        found = CONDITION.match(part)
        if not found:
            raise UserError(
                f"WHERE={where}: expected conditions such as {EXAMPLE}, found {part.strip()!r}."
            )
        name, symbol, value = found.groups()
        conditions.append(Condition(name, symbol.replace("==", "="), value))
    return conditions


def _holds(condition: Condition, run: dict[str, Any], records: Sequence[Run]) -> bool:
    known = {key for record in records for key in fields(record)}
    where = f"WHERE={condition.field}{condition.symbol}{condition.value}"
    if condition.field not in known:
        raise UserError(f"{where}: expected one of {', '.join(sorted(known))}.")
    found = run.get(condition.field)
    if found is None:
        return False
    if isinstance(found, bool):
        return SYMBOLS[condition.symbol](str(found).lower(), condition.value.lower())
    if isinstance(found, int | float):
        try:
            wanted = float(condition.value)
        except ValueError as error:
            raise UserError(
                f"{where}: {condition.field} is a number; expected one, found {condition.value!r}."
            ) from error
        return SYMBOLS[condition.symbol](float(found), wanted)
    return SYMBOLS[condition.symbol](str(found), condition.value)


def show(records: Sequence[Run]) -> None:
    count = "1 run" if len(records) == 1 else f"{len(records)} runs"
    shown = Table(title=count, title_justify="left", box=SIMPLE_HEAD, padding=0)
    for column in COLUMNS:
        shown.add_column(
            column, justify="left" if column in ("id", "started") else "right", no_wrap=True
        )
    for record in records:
        values = fields(record)
        started = str(values["started"])[:16].replace("T", " ")
        shown.add_row(*(_text({**values, "started": started}[column]) for column in COLUMNS))
    console.print_table(shown)


def list_runs(
    records: Sequence[Run], where: str = "", sort: str = "", as_json: bool = False
) -> None:
    """Prints the runs that are wanted; as JSON: their manifests."""
    chosen = select(records, where, sort)
    if as_json:
        console.say(
            json.dumps(
                [run.manifest for run in chosen], ensure_ascii=False, indent=2, sort_keys=True
            )
        )
    elif not records:
        console.say(f"no runs yet. {HOW_TO_MAKE}")
    else:
        show(chosen)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.1f}" if value >= 1.5 else f"{value:.3f}"
    return str(value)
