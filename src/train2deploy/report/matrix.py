"""The published models beside ours, a row each: what was printed, what came out here, the verdict.

A row is filled by the runs of its version on splits like the author's (SPLIT=published).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from train2deploy import paths, versions
from train2deploy.report import recorded, repeat, scores, verdicts
from train2deploy.report.catalogue import Answer, Model, Published
from train2deploy.report.recorded import PUBLISHED_SPLIT
from train2deploy.report.spread import spread
from train2deploy.runs.registry import Run

DATASET = "knbc"
RUNS = 5  # what the command of a row without runs asks for
CURVES = ("val_acc", "test_acc")

OF_A_MODEL = ("id", "layers", "metric", "right", "n", "at_least", "measured_on", "last_right",
              "counted_twice")  # fmt: skip
TEXTS_OF_A_MODEL = ("name", "training", "parameters", "impossible", "inferred", "note")
OF_AN_ARTICLE = ("id", "title", "path", "url", "date", "first_published")


def build(published: Published, runs: Sequence[Run], start: Path) -> dict[str, Any]:
    """Every row, in the order of publication.

    Args:
        runs: of any data set and version.
        start: the folder of the page, for the links.
    """
    members = {model.id: of(model, runs) for model in published.models}
    accuracies = {model.id: _by_his_rule(model, members[model.id]) for model in published.models}
    answers = {model.id: [_answers(run) for run in members[model.id]] for model in published.models}
    judged = verdicts.judge_all(published.models, accuracies, answers)
    rows = [
        {
            **_published(model, published),
            "file": recorded.link(_file(model), start),
            "verdict": judged[model.id].as_json(),
            **_ours(model, members[model.id], accuracies[model.id], start),
        }
        for model in published.models
    ]
    return {
        "rule": dict(published.rule),
        "rule_of_answers": dict(published.rule_of_answers),
        "rows": rows,
    }


def of(model: Model, runs: Sequence[Run]) -> list[Run]:
    """The runs that fill a model's row."""
    if not model.version:
        return []
    vectors = model.options.get("VECTORS", versions.vectors_of(model.version))
    found = recorded.matching(runs, DATASET, model.version, PUBLISHED_SPLIT, True, vectors)
    return recorded.of_one_configuration(found)


def command(model: Model, runs: Sequence[Run]) -> str:
    """What repeats the row."""
    if runs:
        return repeat.command(runs)
    words = [f"DATASET={DATASET}", f"VERSION={model.version}", f"SPLIT={PUBLISHED_SPLIT}"]
    words += [f"SPLITS={RUNS}", *repeat.vectors(model.version or "", model.options.get("VECTORS"))]
    return " ".join(["make reproduce", *words])


def _by_his_rule(model: Model, runs: Sequence[Run]) -> list[float]:
    found = [verdicts.ours(model, run.manifest["metrics"], run.history) for run in runs]
    return [accuracy for accuracy in found if accuracy is not None]


def _published(model: Model, published: Published) -> dict[str, Any]:
    article = model.article
    return {
        **{name: getattr(model, name) for name in OF_A_MODEL},
        **{name: dict(getattr(model, name)) for name in TEXTS_OF_A_MODEL},
        "article": {
            **{name: getattr(article, name) for name in OF_AN_ARTICLE},
            "note": dict(article.note),
        },
        "printed": None if model.printed is None else str(model.printed),
        "accuracy": None if model.accuracy is None else round(model.accuracy, 6),
        "chosen_on": dict(published.chosen_on[model.chosen_on]),
        "test_set": dict(published.test_sets[model.test_set].text)
        if model.test_set in published.test_sets
        else {},
        "substitutes": [
            {"id": one.id, "kind": one.kind, "text": dict(one.text)} for one in model.substitutes
        ],
        "log": _log(model),
    }


def _file(model: Model) -> Path:
    """Where its figures are written down."""
    return paths.PUBLISHED.with_suffix("") / f"{model.article.id}.toml"


def _log(model: Model) -> dict[str, list[float]] | None:
    """The accuracies that the article's log prints, by epoch."""
    log = model.log("val_acc")
    if log is None:
        return None
    return {"epochs": list(log.by_epoch), "val_acc": [float(v) for v in log.by_epoch.values()]}


def _ours(
    model: Model, runs: Sequence[Run], by_his_rule: Sequence[float], start: Path
) -> dict[str, Any]:
    return {
        "version": model.version,
        "command": command(model, runs) if model.version else None,
        "ours": spread([run.accuracy for run in runs]) if runs else None,
        "by_his_rule": spread(by_his_rule) if by_his_rule else None,
        "our_parameters": runs[0].manifest["metrics"].get("parameters") if runs else None,
        "classes": _classes(model, runs),
        "answers": [_answer(one, runs) for one in model.answers if one.sentence],
        "curves": [_curve(run, start) for run in runs if "test_acc" in run.history],
        "runs": [run.id for run in runs],
        "seeds": [run.seed for run in runs],
        "sources": recorded.links(runs, "manifest.json", start),
    }


def _classes(model: Model, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The rows of the printed report, each with the mean of ours."""
    if model.report is None:
        return []
    return [
        {
            "label": row.label,
            "support": row.support,
            "printed": {name: str(getattr(row, name)) for name in ("precision", "recall", "f1")},
            "ours": scores.in_class(runs, row.label) if runs else None,
        }
        for row in model.report.classes
    ]


def _answers(run: Run) -> verdicts.Answers:
    return verdicts.our_answers(run.manifest["metrics"], run.golden or {})


def _answer(answer: Answer, runs: Sequence[Run]) -> dict[str, Any]:
    """What was printed of a sentence, and ours where our runs were asked the same one."""
    sentence = answer.sentence or ""
    asked = [found[sentence] for run in runs if sentence in (found := _answers(run))]
    return {
        "sentence": sentence,
        "probabilities": [
            {
                "label": label,
                "printed": str(value),
                "ours": spread([one[label] for one in asked])
                if asked and all(label in one for one in asked)
                else None,
            }
            for label, value in answer.probabilities.items()
        ],
    }


def _curve(run: Run, start: Path) -> dict[str, Any]:
    history = run.history
    return {
        "seed": run.seed,
        "epochs": history["epoch"],
        **{name: [round(v, 4) for v in history[name]] for name in CURVES if name in history},
        "source": recorded.link(run.folder / "history.json", start),
    }
