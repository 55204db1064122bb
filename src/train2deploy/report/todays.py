"""What today's stack made of the same data, splits and seeds, beside the runs of 2019's stack."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from train2deploy import stack
from train2deploy.report import machine, recorded, repeat, verdicts
from train2deploy.report.spread import spread
from train2deploy.runs.registry import Run

Beside = tuple[Sequence[Run], Sequence[Run]]
"""Runs of today's stack and those of 2019's that they stand beside."""


def build(todays: Sequence[Run], articles: Sequence[Run], start: Path) -> dict[str, Any] | None:
    """A row for each version that was trained on today's stack; None where none was.

    A run of today's is held against where one more run of 2019's would fall, as a published figure
    is, with the dispersion over all rows.

    Args:
        todays, articles: the runs of one data set on each stack.
        start: the folder of the page, for the links.
    """
    groups = [
        recorded.of_one_configuration(run for run in todays if run.version == version)
        for version in recorded.packed(todays)
    ]
    if not groups:
        return None
    pairs = [(group, _same(group, articles)) for group in groups]
    dispersion = verdicts.pooled((_accuracies(of), _sentences(of)) for _, of in pairs if of)
    shown = [run for group in groups for run in group]
    return {
        "rows": [_row(pair, dispersion, start) for pair in pairs],
        "environment": machine.environment(shown, start),
    }


def _same(todays: Sequence[Run], articles: Sequence[Run]) -> list[Run]:
    """The runs of 2019's stack that were asked for the same, on the same split or on one each."""
    first, splits = todays[0], {run.split_seed for run in todays}
    return recorded.of_one_configuration(
        run
        for run in articles
        if run.protocol == first.protocol
        and (run.seed == run.split_seed if len(splits) > 1 else run.split_seed in splits)
    )


def _row(pair: Beside, dispersion: verdicts.Dispersion, start: Path) -> dict[str, Any]:
    todays, articles = pair
    command = repeat.command(todays)
    return {
        "name": todays[0].model,
        "todays": _scores(todays, start),
        "articles": _scores(articles, start) if articles else None,
        **(_held_against(pair, dispersion) if articles else {}),
        "command": command,
        "needs": None if articles else command.removesuffix(stack.TODAYS) + stack.ARTICLES,
        "runs": [run.id for run in (*articles, *todays)],
    }


def _scores(runs: Sequence[Run], start: Path) -> dict[str, Any]:
    return {
        "accuracy": spread(_accuracies(runs)),
        "seeds": [run.seed for run in runs],
        "sources": recorded.links(runs, "evaluation.json", start),
    }


def _held_against(pair: Beside, dispersion: verdicts.Dispersion) -> dict[str, Any]:
    """The prediction interval, which runs are in it, and the difference run by run, in points.

    Two runs are a pair where they have one seed and were scored on the same sentences.
    """
    todays, articles = pair
    mean = fmean(_accuracies(articles))
    low, high = dispersion.interval(mean, _sentences(articles), len(articles))
    other = {_draw(run): run.accuracy for run in articles}
    points = [100 * (run.accuracy - other[_draw(run)]) for run in todays if _draw(run) in other]
    return {
        "low": round(low, 6),
        "high": round(high, 6),
        "within": [low <= accuracy <= high for accuracy in _accuracies(todays)],
        "mean_within": low <= fmean(_accuracies(todays)) <= high,
        "points": spread(points) if points else None,
    }


def _draw(run: Run) -> tuple[int, str]:
    return run.seed, run.evaluation["test_sha256"]


def _accuracies(runs: Sequence[Run]) -> list[float]:
    return [run.accuracy for run in runs]


def _sentences(runs: Sequence[Run]) -> int:
    return min(int(run.evaluation["model"]["n"]) for run in runs)
