"""The part of a report that runs give: scores, curves, confusion, calibration, one ranking."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from train2deploy.report import recorded, repeat
from train2deploy.report.catalogue import Published
from train2deploy.report.spread import DECIMALS, calibration, spread
from train2deploy.runs.registry import Run

SCORES = ("accuracy", "f1_weighted", "f1_macro")
CURVES = ("acc", "val_acc", "loss", "val_loss")


def table(versions: Mapping[str, Sequence[Run]], start: Path) -> list[dict[str, Any]]:
    """A row for each version and each yardstick: spread over seeds, and each run's number."""
    rows = [
        _row(version, runs, lambda run: run.evaluation["model"], start, is_model=True)
        for version, runs in versions.items()
    ]
    together = [run for runs in versions.values() for run in runs]
    names = {name for run in together for name in run.evaluation["yardsticks"]}
    for name in sorted(names):
        holders = [run for run in together if name in run.evaluation["yardsticks"]]
        row = _row(name, holders, _yardstick(name), start, is_model=False)
        rows.append(row)
    return rows


def _yardstick(name: str) -> Callable[[Run], Mapping[str, Any]]:
    def scored(run: Run) -> Mapping[str, Any]:
        found: Mapping[str, Any] = run.evaluation["yardsticks"][name]
        return found

    return scored


def _row(
    name: str,
    runs: Sequence[Run],
    scored: Callable[[Run], Mapping[str, Any]],
    start: Path,
    is_model: bool,
) -> dict[str, Any]:
    values = {metric: [float(scored(run)[metric]) for run in runs] for metric in SCORES}
    return {
        "name": name,
        "is_model": is_model,
        **{metric: spread(numbers) for metric, numbers in values.items()},
        "each": [round(number, DECIMALS) for number in values["accuracy"]],
        "seeds": [run.seed for run in runs],
        "sources": recorded.links(runs, "evaluation.json", start),
    }


def detail(runs: Sequence[Run], start: Path) -> dict[str, Any]:
    """Curves, scores by class, confusion and calibration of the runs of one version."""
    labels = runs[0].evaluation["model"]["labels"]
    return {
        "labels": labels,
        "learning": [_learning(run, start) for run in runs],
        "per_class": [in_class(runs, label) for label in labels],
        "confusion": _confusion(runs, labels),
        "calibration": _calibration(runs),
        "command": repeat.command(runs),
        "hyperparameters": {
            name: value
            for name, value in sorted(runs[0].manifest["hyperparameters"].items())
            if name != "seed"
        },
        "sources": recorded.links(runs, "evaluation.json", start),
    }


def _learning(run: Run, start: Path) -> dict[str, Any]:
    history = run.history
    return {
        "seed": run.seed,
        "epochs": history.get("epoch", []),
        **{name: [round(v, 4) for v in history[name]] for name in CURVES if name in history},
        "best_epoch": run.manifest["metrics"]["validation"]["epoch"],
        "source": recorded.link(run.folder / "history.json", start),
    }


def in_class(runs: Sequence[Run], label: str) -> dict[str, Any]:
    """Precision, recall and F1 of a class over runs."""
    found = [
        run.evaluation["model"]["per_class"][label]
        for run in runs
        if label in run.evaluation["model"]["per_class"]
    ]
    return {
        "label": label,
        "n": found[0]["support"],
        **{
            name: spread([float(one[name]) for one in found])
            for name in ("precision", "recall", "f1")
        },
    }


def _confusion(runs: Sequence[Run], labels: Sequence[str]) -> list[list[int]]:
    """Counts over all runs; rows are true classes, columns predicted ones."""
    total = [[0] * len(labels) for _ in labels]
    for run in runs:
        scored = run.evaluation["model"]
        place = [labels.index(label) if label in labels else None for label in scored["labels"]]
        for i, row in zip(place, scored["confusion"], strict=True):
            for j, count in zip(place, row, strict=True):
                if i is not None and j is not None:
                    total[i][j] += count
    return total


def _calibration(runs: Sequence[Run]) -> dict[str, Any] | None:
    """Over all test sentences of all runs; and the error of each run."""
    each = [_predictions(run) for run in runs]
    pairs = [pair for one in each if one for pair in one]
    if not pairs:
        return None
    bins, error = calibration(*map(list, zip(*pairs, strict=True)))
    errors = [calibration([c for c, _ in one], [r for _, r in one])[1] for one in each if one]
    return {"bins": bins, "ece_pooled": error, "ece": spread(errors)}


def _predictions(run: Run) -> list[tuple[float, bool]]:
    """Probability of the predicted class and whether it is the true one, a sentence each."""
    evaluation = run.evaluation
    return [
        (max(row), predicted == true)
        for row, predicted, true in zip(
            evaluation.get("probabilities") or [],
            evaluation["predicted"],
            evaluation["truth"],
            strict=bool(evaluation.get("probabilities")),
        )
    ]


def golden(
    versions: Mapping[str, Sequence[Run]], published: Published, start: Path
) -> dict[str, Any]:
    """The ranking of the article's sentence: the article's, and the mean of ours."""
    ours = {}
    for version, runs in versions.items():
        answers = [run.answers for run in runs]
        labels = sorted({label for answer in answers for label in answer})
        ours[version] = {
            "probabilities": {
                label: spread([answer.get(label, 0.0) for answer in answers]) for label in labels
            },
            "first": [max(answer, key=lambda label: answer[label]) for answer in answers],
            "sources": recorded.links(runs, "golden.json", start),
        }
    asked = next(iter(versions.values()))[0].golden
    sentence = asked["sentence"] if asked else ""
    article = {
        label: float(value)
        for model in published.models
        for answer in model.answers
        if answer.sentence == sentence
        for label, value in answer.probabilities.items()
    }
    return {"sentence": sentence, "article": article, "ours": ours}
