"""`make evaluate`: the held-out test split through the endpoint, beside two yardsticks."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from train2deploy import console, endpoint, manifest, package, paths, yardsticks
from train2deploy.datasets import channels
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file, sha256_tree

SENTENCES_PER_REQUEST = 32


def evaluate(running: endpoint.Endpoint) -> dict[str, Any]:
    """Evaluates on build/data/test; prints and writes build/evaluation.json.

    Args:
        running: serves build/model.tar.gz.
    """
    result = result_of(running, paths.DATASET, paths.MODEL_ARCHIVE)
    manifest.write_json(paths.EVALUATION, result)
    _print(result)
    return result


def check_fit(dataset: str = "") -> None:
    """Raises UserError where build/model.tar.gz was not trained on the other part of build/data.

    Args:
        dataset: DATASET=, where it was given: the one that build/data must hold.
    """
    if not (paths.DATASET / "train").is_dir() or not paths.MODEL_ARCHIVE.exists():
        return  # whoever needs them says so
    there = channels.facts(paths.DATASET)
    if dataset and there.get("dataset") not in (dataset, Path(dataset).resolve().name):
        raise UserError(
            f"DATASET={dataset}: {paths.relative(paths.DATASET)} holds {channels.named(there)}."
            f" Run `make local-train package DATASET={dataset}` first."
        )
    package.check_latest()
    package.check_trained_on(paths.DATASET)


def result_of(running: endpoint.Endpoint, data: Path, archive: Path) -> dict[str, Any]:
    """Evaluates on `<data>/test`.

    Args:
        running: serves `archive`.
        data: a data set as `datasets.channels` writes it.

    Returns:
        Scores of the model and of the yardsticks, and for each test sentence its id, its label,
        the predicted label and the probabilities in the order of `labels`. The same model and
        data give the same result.
    """
    if not (data / "test").is_dir():
        raise UserError(
            f"{paths.relative(data)}/test: expected the held-out sentences, found none."
            " Run `make data`."
        )
    rankings = _rankings(running, [row.text for row in channels.read(data / "test")])
    return result_of_answers(rankings, data, archive)


def result_of_answers(
    rankings: Sequence[dict[str, float]], data: Path, archive: Path
) -> dict[str, Any]:
    """The same of answers that are there already.

    Args:
        rankings: of each test sentence, probability by label, the most probable first.
        archive: what gave them.
    """
    train, test = (channels.read(data / part) for part in ("train", "test"))
    truth = [row.label for row in test]
    predicted = [next(iter(ranking)) for ranking in rankings]
    labels = sorted({label for ranking in rankings for label in ranking})
    if not set(labels) & set(truth):
        raise UserError(
            f"{paths.relative(archive)} knows the labels {', '.join(labels)}, and"
            f" {paths.relative(data)}/test has {', '.join(sorted(set(truth)))}: it is the model of"
            " another data set."
        )
    others = yardsticks.predictions(
        [row.text for row in train], [row.label for row in train], [row.text for row in test]
    )
    return {
        "model_sha256": sha256_file(archive),
        "data": (manifest.read(data / "manifest.json") or {}).get("inputs", {}),
        "test_sha256": sha256_tree(data / "test"),
        "model": scores(truth, predicted),
        "yardsticks": {name: scores(truth, labels) for name, labels in others.items()},
        "predicted": predicted,
        "truth": truth,
        "labels": labels,
        "probabilities": [[ranking.get(name, 0.0) for name in labels] for ranking in rankings],
        "test_ids": (manifest.read(data / "split.json") or {}).get("test", []),
    }


def _rankings(running: endpoint.Endpoint, texts: Sequence[str]) -> list[dict[str, float]]:
    """What the endpoint says of each text: probability by label, the most probable first."""
    # The endpoint refuses an empty sentence, as it should; the corpus has a few.
    asked = [text if text.strip() else "。" for text in texts]
    rankings = []
    for start in range(0, len(asked), SENTENCES_PER_REQUEST):
        rankings += endpoint.classify(running, asked[start : start + SENTENCES_PER_REQUEST])
    return [
        {str(entry["label"]): float(str(entry["prob"])) for entry in ranking}
        for ranking in rankings
    ]


def scores(truth: Sequence[str], predicted: Sequence[str]) -> dict[str, Any]:
    """Accuracy, F1 (weighted and macro), per-class scores and the confusion matrix.

    Rows of the matrix are true labels, columns predicted ones, both in `labels` order.
    """
    labels = sorted(set(truth) | set(predicted))
    pairs = Counter(zip(truth, predicted, strict=True))
    arguments = {"labels": labels, "zero_division": 0}
    precision, recall, f1, support = precision_recall_fscore_support(truth, predicted, **arguments)
    averages = {
        f"f1_{kind}": float(
            precision_recall_fscore_support(truth, predicted, average=kind, **arguments)[2]
        )
        for kind in ("weighted", "macro")
    }
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        **averages,
        "n": len(truth),
        "labels": labels,
        "per_class": {
            label: {
                "precision": float(precision[index]),
                "recall": float(recall[index]),
                "f1": float(f1[index]),
                "support": int(support[index]),
            }
            for index, label in enumerate(labels)
        },
        "confusion": [[pairs[true, label] for label in labels] for true in labels],
    }


def _print(result: dict[str, Any]) -> None:
    model = result["model"]
    table = Table(title=f"test split, {model['n']} sentences", title_justify="left")
    for column in ("", "accuracy", "F1 weighted", "F1 macro"):
        table.add_column(column, justify="left" if not column else "right")
    for name, values in {"the model, by its endpoint": model, **result["yardsticks"]}.items():
        table.add_row(
            name, *(f"{values[key]:.3f}" for key in ("accuracy", "f1_weighted", "f1_macro"))
        )
    console.print_table(table)

    detail = Table(title="the model by class; columns at the right: predicted as")
    for column in ("class", "precision", "recall", "F1", "n", *map(console.shown, model["labels"])):
        detail.add_column(column, justify="left" if column == "class" else "right")
    for label, row in zip(model["labels"], model["confusion"], strict=True):
        values = model["per_class"][label]
        numbers = [f"{values[key]:.2f}" for key in ("precision", "recall", "f1")]
        detail.add_row(
            console.shown(label), *numbers, str(values["support"]), *(str(count) for count in row)
        )
    console.print_table(detail)
    console.say(f"written: {paths.relative(paths.EVALUATION)}")
