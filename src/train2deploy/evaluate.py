"""`make evaluate`: the held-out test split through the endpoint, beside two yardsticks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from train2deploy import (
    answers,
    console,
    endpoint,
    labelled,
    manifest,
    paths,
    requests,
    uncertainty,
    yardsticks,
)
from train2deploy.datasets import channels
from train2deploy.datasets.rows import Row
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file, sha256_tree
from train2deploy.staleness import Wish

SENTENCES_PER_REQUEST = 32


NOTHING = Wish()


def evaluate(running: endpoint.Endpoint, wish: Wish = NOTHING) -> dict[str, Any]:
    """Evaluates on build/data/test; prints and writes build/evaluation.json.

    Args:
        running: serves build/model.tar.gz, whose fit with build/data was checked (staleness).

    Raises:
        UserError: the test sentences say nothing of this model.
    """
    check_held_out(paths.DATASET, wish)
    result = result_of(running, paths.DATASET, paths.MODEL_ARCHIVE, wish)
    manifest.write_json(paths.EVALUATION, result)
    _print(result)
    return result


def check_held_out(data: Path, wish: Wish = NOTHING) -> None:
    """Raises UserError where every test row is a training row; says so where some are."""
    train, test = _parts(data)
    trained = {(row.text, row.label) for row in train}
    twice = sum((row.text, row.label) in trained for row in test)
    where = paths.relative(data)
    said = f"{twice} of {len(test)} rows in {where}/test are in {where}/train, too, word for word"
    if twice == len(test):
        wish.refuse(f"{said}: a score would tell nothing. Give test rows that are not trained on.")
    elif twice:
        console.say(f"{said}.")


def _parts(data: Path) -> tuple[list[Row], list[Row]]:
    """The training rows and the test rows."""
    if not (data / "test").is_dir():
        raise UserError(
            f"{paths.relative(data)}/test: expected the held-out sentences, found none."
            " Run `make data`."
        )
    return channels.read(data / "train"), channels.read(data / "test")


def result_of(
    running: endpoint.Endpoint, data: Path, archive: Path, wish: Wish = NOTHING
) -> dict[str, Any]:
    """Evaluates on `<data>/test`.

    Args:
        running: serves `archive`.
        data: a data set as `datasets.channels` writes it.

    Returns:
        Scores of the model and of the yardsticks, and for each test sentence its id, its label,
        the predicted label and the probabilities in the order of `labels`. The same model and
        data give the same result.
    """
    rankings = _rankings(running, [row.text for row in _parts(data)[1]])
    return result_of_answers(rankings, data, archive, wish)


def result_of_answers(
    rankings: Sequence[dict[str, float]], data: Path, archive: Path, wish: Wish = NOTHING
) -> dict[str, Any]:
    """The same of answers that are there already.

    Args:
        rankings: of each test sentence, probability by label, the most probable first.
        archive: what gave them.
    """
    train, test = _parts(data)
    truth = [row.label for row in test]
    predicted = [next(iter(ranking)) for ranking in rankings]
    labels = sorted({label for ranking in rankings for label in ranking})
    unknown = sorted(set(truth) - set(labels))
    # A handler that names the best few labels alone does not tell which others its model knows.
    told = len(labels) > 1 and all(len(ranking) == len(labels) for ranking in rankings)
    if unknown and (told or not set(truth) & set(labels)):
        wish.refuse(
            f"{paths.relative(archive)} knows the labels {_listed(labels)}, and"
            f" {paths.relative(data)}/test has {_listed(unknown)}: it is the model of another data"
            " set. Run `make local-train package evaluate` with the DATASET= of these rows."
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


def _listed(labels: Sequence[str], most: int = 8) -> str:
    more = f" and {len(labels) - most} more" if len(labels) > most else ""
    return ", ".join(map(console.shown, labels[:most])) + more


def _rankings(running: endpoint.Endpoint, texts: Sequence[str]) -> list[dict[str, float]]:
    """What the endpoint says of each text: probability by label, the most probable first."""
    asked = requests.askable(texts)
    rankings = []
    for start in range(0, len(asked), SENTENCES_PER_REQUEST):
        rankings += endpoint.classify(running, asked[start : start + SENTENCES_PER_REQUEST])
    return [answers.by_label(ranking) for ranking in rankings]


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


def captured(file: Path) -> dict[str, Any]:
    """`make evaluate CAPTURED=<file>`: scores what an endpoint's variants have answered.

    Args:
        file: the table of `make cloud-captured`; its rows without a label are passed over.

    Raises:
        UserError: no row has a label and an answer.
    """
    rows = labelled.answered(file)
    by_variant: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_variant.setdefault(row["variant"], []).append(row)
    found = {
        variant: scores([row["label"].strip() for row in own], [row["predicted"] for row in own])
        for variant, own in sorted(by_variant.items())
    }
    result = {"captured_sha256": sha256_file(file), "variants": found}
    manifest.write_json(paths.CAPTURED_EVALUATION, result)
    named = {f"variant {name}, {one['n']} sentences": one for name, one in found.items()}
    _print_scores(f"{len(rows)} captured sentences with a label", named)
    for name, one in found.items():
        if said := uncertainty.caveat(one["accuracy"], one["n"]):
            console.say(f"variant {name}: {said}")
        _print_classes(f"variant {name}", one)
    console.say(f"written: {paths.relative(paths.CAPTURED_EVALUATION)}")
    return result


def _print(result: dict[str, Any]) -> None:
    model = result["model"]
    named = {"the model, by its endpoint": model, **result["yardsticks"]}
    _print_scores(f"test split, {model['n']} sentences", named)
    if said := uncertainty.caveat(model["accuracy"], model["n"]):
        console.say(said)
    _print_classes("the model", model)
    console.say(f"written: {paths.relative(paths.EVALUATION)}")


def _print_scores(title: str, found: Mapping[str, dict[str, Any]]) -> None:
    keys = ("accuracy", "f1_weighted", "f1_macro")
    rows = [(name, *(f"{one[key]:.3f}" for key in keys)) for name, one in found.items()]
    columns = ("", "accuracy", "F1 weighted", "F1 macro")
    console.print_table(console.table(title, columns, rows, title_justify="left"))


def _print_classes(name: str, found: dict[str, Any]) -> None:
    rows = []
    for label, row in zip(found["labels"], found["confusion"], strict=True):
        values = found["per_class"][label]
        numbers = [f"{values[key]:.2f}" for key in ("precision", "recall", "f1")]
        counts = (str(count) for count in row)
        rows.append((console.shown(label), *numbers, str(values["support"]), *counts))
    columns = ("class", "precision", "recall", "F1", "n", *map(console.shown, found["labels"]))
    title = f"{name} by class; columns at the right: predicted as"
    console.print_table(console.table(title, columns, rows))
