"""`make compare`: two runs side by side, and whether their difference is more than chance."""

from typing import Any

from rich.table import Table

from train2deploy import console
from train2deploy.errors import UserError
from train2deploy.runs import mcnemar, registry
from train2deploy.runs.registry import SCORES


def compare(a: str, b: str, language: str = "en", dataset: str = "") -> mcnemar.McNemar:
    """Prints the comparison of two runs.

    Args:
        a, b: how a user names runs (registry.find); `dataset` is for best:.

    Raises:
        UserError: a run is not there, or the two were scored on different sentences.
    """
    if not (a and b):
        known = ", ".join(run.id for run in registry.load())
        raise UserError(
            "expected two runs, A=<run> B=<run>: an id, the beginning of one, or best:<version>."
            + (f" There are {known}." if known else f" There are none. {registry.HOW_TO_MAKE}")
        )
    first, second = registry.find(a, "A", dataset), registry.find(b, "B", dataset)
    if first.id == second.id:
        raise UserError(
            f"A={a} and B={b} are the same run, {first.id}, so there is nothing to compare."
            " `make runs` lists the others."
        )
    one, other = first.evaluation, second.evaluation
    if one["test_sha256"] != other["test_sha256"]:
        raise UserError(
            f"{first.id} and {second.id} were scored on different test sentences (sha256"
            f" {one['test_sha256']} and {other['test_sha256']}), so they cannot be compared"
            " sentence by sentence. Compare runs of the same data set and split."
        )
    found = mcnemar.mcnemar(one["truth"], one["predicted"], other["predicted"])
    console.print_table(side_by_side(first.manifest, second.manifest))
    mcnemar.say(found, language)
    return found


def side_by_side(a: dict[str, Any], b: dict[str, Any]) -> Table:
    """Scores, durations, and the hyperparameters and inputs that differ."""
    rows: list[tuple[str, ...]] = []
    for score in SCORES:
        x, y = a["metrics"][score], b["metrics"][score]
        rows.append((score, f"{x:.3f}", f"{y:.3f}", f"{y - x:+.3f}"))
    x, y = (run["metrics"]["validation"]["accuracy"] for run in (a, b))
    rows.append(("validation accuracy", _text(x), _text(y), ""))
    for name in a["durations"]:
        rows.append((name, _text(a["durations"][name]), _text(b["durations"][name]), ""))
    for name, (x, y) in differences(a["hyperparameters"], b["hyperparameters"]).items():
        rows.append((name, _text(x), _text(y), ""))
    for part in ("channels", "sources", "locks"):
        for name, (x, y) in differences(a["inputs"][part], b["inputs"][part]).items():
            rows.append((f"{part}: {name}", str(x)[:8], str(y)[:8], ""))
    title = f"A  {a['id']}\nB  {b['id']}"
    return console.table(title, ("", "A", "B", "B - A"), rows, title_justify="left")


def differences(a: dict[str, Any], b: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What two dictionaries do not share; None stands for a key that one of them lacks.

    >>> differences({"seed": 1, "hidden": 32}, {"seed": 2, "hidden": 32})
    {'seed': (1, 2)}
    """
    names = sorted(a.keys() | b.keys())
    return {name: (a.get(name), b.get(name)) for name in names if a.get(name) != b.get(name)}


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)
