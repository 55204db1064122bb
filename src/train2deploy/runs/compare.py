"""`make compare`: two runs side by side, and whether their difference is more than chance.

McNemar's exact test on the same test sentences: where both runs are right or both are wrong
nothing is learnt about which is better. Of the sentences that only one of them gets right, each
would fall to either side with probability 1/2 if the two were equally good.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from scipy.stats import binomtest

from train2deploy import console
from train2deploy.errors import UserError
from train2deploy.runs import registry
from train2deploy.runs.registry import SCORES
from train2deploy.texts import load

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class McNemar:
    """Counts of test sentences by who is right, and the two-sided p value."""

    both: int
    only_a: int
    only_b: int
    neither: int
    p: float


def mcnemar(truth: Sequence[str], a: Sequence[str], b: Sequence[str]) -> McNemar:
    """The exact test on the predictions of two models for the same sentences.

    >>> mcnemar("xxxxxxxx", "xxxxxxxy", "yyyyyyxx")
    McNemar(both=1, only_a=6, only_b=1, neither=0, p=0.125)
    """
    right = [(x == t, y == t) for t, x, y in zip(truth, a, b, strict=True)]
    only_a, only_b = right.count((True, False)), right.count((False, True))
    differing = only_a + only_b
    p = float(binomtest(only_a, differing).pvalue) if differing else 1.0
    return McNemar(right.count((True, True)), only_a, only_b, right.count((False, False)), p)


def compare(a: str, b: str, language: str = "en", dataset: str = "") -> McNemar:
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
    found = mcnemar(one["truth"], one["predicted"], other["predicted"])
    console.print_table(side_by_side(first.manifest, second.manifest))
    console.say(
        f"test sentences: {len(one['truth'])}; both right {found.both}, only A {found.only_a},"
        f" only B {found.only_b}, neither {found.neither}"
    )
    console.say(f"McNemar, exact, two-sided: p = {found.p:.4g}")
    console.say(meaning(found, language))
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


def meaning(found: McNemar, language: str) -> str:
    """What the test says, in a sentence or two."""
    t = load(language)
    better, worse = ("A", "B") if found.only_a > found.only_b else ("B", "A")
    more, fewer = max(found.only_a, found.only_b), min(found.only_a, found.only_b)
    if not more:
        return t("compare_same")
    if more == fewer:
        verdict = t("compare_level")
    else:
        key = "compare_better" if found.p < SIGNIFICANT else "compare_chance"
        verdict = t(key, p=f"p = {found.p:.2g}", better=better)
    return t("compare_counts", better=better, more=more, worse=worse, fewer=fewer) + verdict


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)
