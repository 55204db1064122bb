"""A model of results/published/<article>.toml, checked key by key and against itself."""

from collections.abc import Iterator, Mapping
from typing import Any

from train2deploy.report import shape
from train2deploy.report.catalogue import (
    CHOSEN_ON,
    HEADLINES,
    LOGS,
    TEST_SETS,
    Answer,
    Article,
    AverageRow,
    ClassRow,
    Log,
    Model,
    Report,
    Scores,
    Substitute,
    Texts,
)

REQUIRED = {"name", "layers", "training", "chosen_on", "test_set", "headline"}
FURTHER = {
    "version", "options", "right", "n", "at_least", "measured_on", "epoch", "last_right",
    "counted_twice", "parameters", "report", "log", "answer", "substitutes", "impossible",
    "inferred", "note", "further", "out_of_vocabulary",
}  # fmt: skip
MEASURED_ON = ("test set", "validation split")
AVERAGES = ("micro", "macro", "weighted")


def read(
    where: str,
    model_id: str,
    article: Article,
    entry: Any,
    substitutes: Mapping[str, Substitute],
    reasons: Mapping[str, Texts],
) -> Model:
    """The model of a table.

    Args:
        where: file and key, for messages.
        substitutes, reasons: what the model may name, of results/published.toml.

    Raises:
        UserError: a key is missing, unknown or not what it should be.
    """
    shape.keys(where, entry, REQUIRED, FURTHER)
    shape.text(f"{where}.layers", entry["layers"])
    shape.one_of(f"{where}.chosen_on", entry["chosen_on"], CHOSEN_ON)
    shape.one_of(f"{where}.test_set", entry["test_set"], TEST_SETS)
    measured_on = entry.get("measured_on", "test set")
    shape.one_of(f"{where}.measured_on", measured_on, MEASURED_ON)
    metric, printed = _headline(f"{where}.headline", entry["headline"])
    counts = {
        key: shape.whole(f"{where}.{key}", entry[key]) if key in entry else None
        for key in ("right", "n", "epoch", "last_right", "counted_twice")
    }
    paired = (counts["right"] is None) == (counts["n"] is None)
    shape.expect(paired, where, "right and n, or neither", sorted(entry))
    runs = ("version" in entry) != ("impossible" in entry)
    shape.expect(runs, where, "either version or impossible", sorted(entry))
    if "impossible" in entry:
        shape.one_of(f"{where}.impossible", entry["impossible"], reasons)
    for name in entry.get("substitutes", []):
        shape.one_of(f"{where}.substitutes", name, substitutes)
    for key, text in entry.get("options", {}).items():
        shape.text(f"{where}.options.{key}", text)
    for table in ("parameters", "out_of_vocabulary"):
        for key, count in entry.get(table, {}).items():
            shape.whole(f"{where}.{table}.{key}", count)
    for key, number in entry.get("further", {}).items():
        good = isinstance(number, shape.Printed)
        shape.expect(good, f"{where}.further.{key}", "a decimal number", number)
    return Model(
        id=model_id,
        article=article,
        name=shape.texts(f"{where}.name", entry["name"]),
        layers=entry["layers"],
        training=shape.texts(f"{where}.training", entry["training"]),
        metric=metric,
        printed=printed,
        right=counts["right"],
        n=counts["n"],
        at_least=bool(entry.get("at_least", False)),
        measured_on=measured_on,
        epoch=counts["epoch"],
        chosen_on=entry["chosen_on"],
        last_right=counts["last_right"],
        counted_twice=counts["counted_twice"] or 0,
        test_set=entry["test_set"],
        further=entry.get("further", {}),
        parameters=entry.get("parameters", {}),
        out_of_vocabulary=entry.get("out_of_vocabulary", {}),
        report=_report(f"{where}.report", entry["report"]) if "report" in entry else None,
        logs=tuple(_logs(where, entry.get("log", []))),
        answers=tuple(_answers(where, entry.get("answer", []))),
        version=entry.get("version"),
        options=entry.get("options", {}),
        substitutes=tuple(substitutes[name] for name in entry.get("substitutes", [])),
        impossible=reasons.get(entry.get("impossible", ""), {}),
        inferred=_texts(where, entry, "inferred"),
        note=_texts(where, entry, "note"),
    )


def _texts(where: str, entry: Mapping[str, Any], key: str) -> Texts:
    return shape.texts(f"{where}.{key}", entry[key]) if key in entry else {}


def _headline(where: str, entry: Any) -> tuple[str | None, shape.Printed | None]:
    shape.keys(where, entry, {"metric"}, {"value"})
    shape.one_of(f"{where}.metric", entry["metric"], HEADLINES)
    if entry["metric"] == "none":
        return None, None
    return entry["metric"], shape.share(f"{where}.value", entry.get("value"))


def _scores(where: str, entry: Mapping[str, Any]) -> Scores:
    return Scores(
        **{key: shape.share(f"{where}.{key}", entry[key]) for key in ("precision", "recall", "f1")}
    )


def _report(where: str, entry: Any) -> Report:
    shape.keys(where, entry, {"classes", "averages"})
    scores = {"precision", "recall", "f1"}
    classes, averages = [], []
    for number, row in enumerate(entry["classes"], start=1):
        place = f"{where}.classes, row {number}"
        shape.keys(place, row, {"class", "support", *scores}, {"printed"})
        label = shape.text(f"{place}.class", row["class"])
        printed = shape.text(f"{place}.printed", row.get("printed", label))
        support = shape.whole(f"{place}.support", row["support"])
        classes.append(ClassRow(label, printed, _scores(place, row), support))
    for number, row in enumerate(entry["averages"], start=1):
        place = f"{where}.averages, row {number}"
        shape.keys(place, row, {"average", *scores}, {"printed"})
        shape.one_of(f"{place}.average", row["average"], AVERAGES)
        printed = row.get("printed", f"{row['average']} avg")
        averages.append(AverageRow(row["average"], printed, _scores(place, row)))
    return Report(tuple(classes), tuple(averages))


def _logs(where: str, entries: Any) -> Iterator[Log]:
    for number, entry in enumerate(entries, start=1):
        place = f"{where}.log, number {number}"
        shape.keys(place, entry, {"metric", "values"}, {"n", "patience", "epochs"})
        shape.one_of(f"{place}.metric", entry["metric"], LOGS)
        values = [shape.share(f"{place}.values", value) for value in entry["values"]]
        epochs = entry.get("epochs", list(range(1, len(values) + 1)))
        shape.expect(len(epochs) == len(values), place, f"{len(values)} epochs", epochs)
        for key in ("n", "patience"):
            if key in entry:
                shape.whole(f"{place}.{key}", entry[key])
        by_epoch = dict(zip(epochs, values, strict=True))
        yield Log(entry["metric"], entry.get("n"), entry.get("patience"), by_epoch)


def _answers(where: str, entries: Any) -> Iterator[Answer]:
    for number, entry in enumerate(entries, start=1):
        place = f"{where}.answer, number {number}"
        shape.keys(
            place, entry, {"label"}, {"sentence", "row", "probabilities", "weights", "normalized"}
        )
        named = ("sentence" in entry) != ("row" in entry)
        shape.expect(named, place, "either sentence or row", sorted(entry))
        for key in {"sentence", "row", "label"} & set(entry):
            shape.text(f"{place}.{key}", entry[key])
        probabilities = entry.get("probabilities", {})
        for label, value in probabilities.items():
            shape.share(f"{place}.probabilities.{label}", value)
        yield Answer(
            entry.get("sentence"),
            entry.get("row"),
            entry["label"],
            probabilities,
            tuple(entry.get("weights", ())),
            tuple(entry.get("normalized", ())),
        )
