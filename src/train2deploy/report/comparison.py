"""Published beside reproduced, number by number, and whether that counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train2deploy.report import recorded
from train2deploy.report.published import Value
from train2deploy.report.recorded import Run
from train2deploy.report.spread import Spread, spread

REPRODUCED = "reproduced"
WITHIN = "within_tolerance"
NOT_REPRODUCED = "not_reproduced"
UNPUBLISHED = "no_published_value"
NOT_RUN = "not_run"
OTHER_MODEL = "other_model"
VERDICTS = (REPRODUCED, WITHIN, NOT_REPRODUCED, UNPUBLISHED, NOT_RUN, OTHER_MODEL)

OURS = ("accuracy", "f1_weighted", "f1_macro")
"""What is scored here whether or not anybody published it."""


@dataclass(frozen=True)
class Row:
    """One published value (or none) and what came out here.

    Attributes:
        published: None where nobody published this number.
        version, metric: of ours.
        found: over the runs; None where none could be compared.
        sources: the JSON file of each run that the number came from.
    """

    published: Value | None
    version: str
    metric: str
    found: Spread | None
    verdict: str
    sources: list[str]

    def as_json(self) -> dict[str, Any]:
        value = self.published
        return {
            "id": value.id if value else f"{self.version}/{self.metric}",
            "figure": value.figure.id if value else None,
            "relation": value.figure.compare["relation"] if value else None,
            "class": value.label if value else None,
            "epoch": value.epoch if value else None,
            "variant": value.variant if value else None,
            "published": value.value if value else None,
            "digits": value.digits if value else None,
            "published_n": value.n if value else None,
            "tolerance": value.tolerance if value else None,
            "version": self.version,
            "metric": self.metric,
            "reproduced": self.found.as_json() if self.found else None,
            "verdict": self.verdict,
            "sources": self.sources,
        }


def rows(values: Sequence[Value], runs: Sequence[Run], start: Path) -> list[Row]:
    """A row for each published value, in order.

    Args:
        runs: of any data set; each value is compared with those that it names.
        start: the folder of the page, for the links.
    """
    found = []
    runs = comparable(runs)
    for value in values:
        compare = value.figure.compare
        chosen = recorded.of_one_configuration(runs, compare["dataset"], compare["version"])
        measured = [(run, number) for run in chosen if (number := _number(run, value)) is not None]
        over = spread([number for _, number in measured]) if measured else None
        files = [recorded.link(run.folder / _file(value.metric), start) for run, _ in measured]
        verdict = judge(value, over)
        found.append(Row(value, compare["version"], value.metric, over, verdict, files))
    return found


def comparable(runs: Sequence[Run]) -> list[Run]:
    """Runs on the data as the author used it: all sentences, split at random."""
    return [
        run
        for run in runs
        for data in [run.manifest["dataset"]["inputs"]]
        if data.get("titles", True) and data.get("split", "random") == "random"
    ]


def unpublished(runs: Sequence[Run], start: Path) -> list[Row]:
    """Rows for what these runs of one version scored and nobody published."""
    files = recorded.links(runs, "evaluation.json", start)
    return [
        Row(
            None,
            runs[0].version,
            metric,
            spread([run.evaluation["model"][metric] for run in runs]),
            UNPUBLISHED,
            files,
        )
        for metric in OURS
        if runs
    ]


def judge(value: Value, found: Spread | None) -> str:
    """The verdict.

    Reproduced: the published value, as it was rounded, lies in the range of the runs. Within
    tolerance: their mean is no farther from it than the tolerance. A figure of another model
    gets no verdict.
    """
    if found is None:
        return NOT_RUN
    if value.figure.compare["relation"] == "other":
        return OTHER_MODEL
    # A rounding error of the machine must not decide.
    epsilon = 1e-9
    if found.min - value.rounding - epsilon <= value.value <= found.max + value.rounding + epsilon:
        return REPRODUCED
    if abs(found.mean - value.value) <= value.tolerance + epsilon:
        return WITHIN
    return NOT_REPRODUCED


def _file(metric: str) -> str:
    known = {
        "val_acc": "history.json",
        "probability": "golden.json",
        "epoch_seconds": "manifest.json",
    }
    return known.get(metric, "evaluation.json")


def _number(run: Run, value: Value) -> float | None:
    """What the run says of the value's metric; None where it does not."""
    scores = run.evaluation["model"]
    if value.metric in ("accuracy", "f1_weighted"):
        return float(scores[value.metric])
    if value.metric == "val_acc":
        by_epoch = dict(zip(run.history["epoch"], run.history.get("val_acc", []), strict=False))
        return by_epoch.get(value.epoch or 0)
    if value.metric == "epoch_seconds":
        seconds = run.manifest["durations"].get("epoch_s")
        return None if seconds is None else float(seconds)
    if value.metric == "probability":
        return run.answers.get(value.label or "")
    in_class = scores["per_class"].get(value.label)
    return None if in_class is None else float(in_class[value.metric])
