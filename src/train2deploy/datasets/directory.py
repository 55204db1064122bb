"""The user's own data: a directory with features.csv and labels.csv.

Either the two files themselves, or train/ and test/ with the two files each.
Columns: `feature` in features.csv, `label` in labels.csv, row for row.
"""

import os
from pathlib import Path

from train2deploy.datasets import labels
from train2deploy.datasets.labels import Label
from train2deploy.datasets.rows import DataSet, InvalidDataSet, Row
from train2deploy.datasets.table import read_column
from train2deploy.hashing import sha256_file

LABELS = "labels.csv"
FILES = ("features.csv", LABELS)
RESERVED = ("sample", "knbc")
"""Names of other data sets: runs of a folder must not be taken for theirs."""


def load(directory: Path) -> DataSet:
    """Reads and validates a directory.

    Raises:
        InvalidDataSet: a missing file or column, unequal lengths, an empty text or
            label, text that is not UTF-8, a single label, a label with fewer than
            two rows, two labels that look the same.
    """
    if not directory.is_dir():
        raise InvalidDataSet(
            f"DATASET={directory}: expected sample, knbc or a directory, found "
            f"{'a file' if directory.exists() else 'nothing there'}."
        )
    if (directory / "train").is_dir() or (directory / "test").is_dir():
        parts = [directory / "train", directory / "test"]
        train, test = _read_split(parts[0], "train"), _read_split(parts[1], "test")
        notes = labels.check(_labels(parts[0], train), _labels(parts[1], test))
        rows, test_ids = train + test, frozenset(row.id for row in test)
    else:
        parts = [directory]
        rows, test_ids = _read_split(directory, "row"), None
        notes = labels.check(_labels(directory, rows), [])
    files = [part / name for part in parts for name in FILES]
    hashes = {path.relative_to(directory).as_posix(): sha256_file(path) for path in files}
    return DataSet(
        rows, test_ids, {"dataset": name_of(directory), "files": hashes}, notes, directory
    )


def name_of(directory: Path) -> str:
    """The folder's own name, however it was given: a link by its name, not by its target's.

    >>> name_of(Path("some/mine/")), name_of(Path("some/mine/.")), name_of(Path("/"))
    ('mine', 'mine', 'root')
    """
    # The parent of a link is not what stands before it in the text.
    whole = directory.resolve() if directory.name == ".." else Path(os.path.abspath(directory))
    name = whole.name or "root"
    return f"{name}-folder" if name in RESERVED else name


def _read_split(directory: Path, prefix: str) -> list[Row]:
    features = read_column(directory / "features.csv", "feature")
    names = read_column(directory / LABELS, "label")
    if len(features) != len(names):
        first = min(len(features), len(names)) + 1
        longer = "features.csv" if len(features) > len(names) else LABELS
        raise InvalidDataSet(
            f"{directory}: expected as many rows in features.csv as in labels.csv, found"
            f" {len(features)} and {len(names)}. Row i of one belongs to row i of the other:"
            f" {longer} has no partner for row {first} on, or another row before it has none."
        )
    return [
        Row(f"{prefix}-{number:06d}", text, label)
        for number, (text, label) in enumerate(zip(features, names, strict=True), start=1)
    ]


def _labels(directory: Path, rows: list[Row]) -> list[Label]:
    return [
        Label(row.label, directory / LABELS, number) for number, row in enumerate(rows, start=1)
    ]
