"""build/data: the channels `train` and `test`, shuffled, and the split as ids."""

import csv
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from train2deploy import manifest, partial, paths
from train2deploy.datasets import split
from train2deploy.datasets.rows import DataSet, Row
from train2deploy.datasets.words import Tokenizer, whole
from train2deploy.hashing import sha256_file, sha256_tree

FORMAT = 1
"""Raised whenever the same data set, seed and options come to give other files: build/data written
by older code is then written again. A test pins what the present number stands for."""
FILES = (
    *(f"{part}/{name}.csv" for part in ("train", "test") for name in ("features", "labels")),
    "split.json",
)


def write(
    dataset: DataSet,
    seed: int,
    split_way: str,
    target: Path = paths.DATASET,
    tokenizer: Tokenizer | None = None,
) -> str:
    """Writes `<target>/{train,test}/{features,labels}.csv`, split.json and manifest.json.

    Rows are shuffled with the seed before anything else, since training takes its
    validation sentences from the end of the channel. Nothing is written when the
    same data set, seed and options are there already, split in the same way.

    Args:
        split_way: what SPLIT= may be.

    Returns:
        One line for the user.
    """
    way = {"seed": seed, "split": split_way, "format": FORMAT}
    inputs = {**dataset.source, **way, **(tokenizer.facts() if tokenizer else {})}
    record, whole = target / "manifest.json", [target / name for name in FILES]
    place = {"place": paths.relative(dataset.place.absolute())} if dataset.place else {}
    if manifest.is_current(record, inputs, whole):
        return f"{paths.relative(target)} is up to date ({dataset.source['dataset']}, seed {seed})"

    rows = list(dataset.rows)
    random.Random(seed).shuffle(rows)
    test_ids = split.draw(dataset, rows, seed, split_way)
    parts = {
        "train": [row for row in rows if row.id not in test_ids],
        "test": [row for row in rows if row.id in test_ids],
    }

    written = tokenizer.cutter() if tokenizer else str
    ids = {name: [row.id for row in members] for name, members in parts.items()}
    counts = {name: dict(Counter(row.label for row in members)) for name, members in parts.items()}
    with partial.directory(target) as fresh:
        for name, members in parts.items():
            folder = fresh / name
            folder.mkdir()
            _write_column(folder / "features.csv", "feature", (written(r.text) for r in members))
            _write_column(folder / "labels.csv", "label", (row.label for row in members))
        manifest.write_json(fresh / "split.json", ids)
        outputs = {name: sha256_tree(fresh / name) for name in parts}
        manifest.write(fresh / "manifest.json", inputs, outputs, counts=counts, **place)
    sizes = ", ".join(f"{name} {len(members):,}" for name, members in parts.items())
    return f"{paths.relative(target)}: {dataset.source['dataset']}, seed {seed}: {sizes} sentences"


def facts(target: Path) -> dict[str, Any]:
    """What a model that is trained on `<target>/train` keeps of it, to be known again."""
    inputs = _inputs(target)
    keys = ("dataset", "seed", "split", "tokens")
    known: dict[str, Any] = {key: inputs[key] for key in keys if key in inputs}
    place = (manifest.read(target / "manifest.json") or {}).get("place")
    known |= {"place": place} if place else {}
    return {**known, "train_sha256": sha256_tree(target / "train")}


def changed(target: Path) -> str:
    """Which file of the user's has changed since it was written to `target`; "" of none.

    What is no longer there has not changed.
    """
    record = manifest.read(target / "manifest.json") or {}
    for name, digest in record.get("inputs", {}).get("files", {}).items():
        path = paths.ROOT / str(record.get("place", "")) / name
        if "place" in record and path.is_file() and sha256_file(path) != digest:
            return f"{paths.relative(path)} has changed since"
    return ""


def named(data: Mapping[str, Any]) -> str:
    """`facts` for a user.

    >>> named({"dataset": "sample", "seed": 1, "split": "random", "train_sha256": "0a1b2c3d4e"})
    'sample (SEED=1, SPLIT=random, training rows 0a1b2c3d…)'
    """
    options = [f"{key.upper()}={data[key]}" for key in ("seed", "split", "tokens") if key in data]
    rows = f"training rows {data['train_sha256'][:8]}…"
    return f"{data.get('dataset', 'a data set')} ({', '.join([*options, rows])})"


def read(directory: Path) -> list[Row]:
    """The rows of one written split (ids are row numbers), whole where they were cut into words."""
    text_of = whole if cut_by(directory.parent) else str
    columns = []
    for name, column in (("features.csv", "feature"), ("labels.csv", "label")):
        with (directory / name).open(encoding="utf-8", newline="") as csv_file:
            columns.append([row[column] for row in csv.DictReader(csv_file)])
    pairs = zip(*columns, strict=True)
    return [Row(str(number), text_of(text), label) for number, (text, label) in enumerate(pairs)]


def cut_by(target: Path) -> str:
    """What cut the sentences of a written data set into words (see words.py); "" of whole ones."""
    return str(_inputs(target).get("tokens", ""))


def _inputs(target: Path) -> dict[str, Any]:
    inputs: dict[str, Any] = (manifest.read(target / "manifest.json") or {}).get("inputs", {})
    return inputs


def _write_column(path: Path, column: str, values: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as csv_file:
        # Without quotes a carriage return in a text would end its row (Python before 3.13).
        writer = csv.writer(csv_file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow([column])
        writer.writerows([value] for value in values)
