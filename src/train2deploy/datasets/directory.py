"""The user's own data: a directory with features.csv and labels.csv.

Either the two files themselves, or train/ and test/ with the two files each.
Columns: `feature` in features.csv, `label` in labels.csv, row for row.
"""

import csv
from collections import Counter
from pathlib import Path

from train2deploy.datasets.rows import DataSet, Row
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file


class InvalidDataSet(UserError):
    """The directory does not hold what was expected; the message names file, row and column."""


def load(directory: Path) -> DataSet:
    """Reads and validates a directory.

    Raises:
        InvalidDataSet: a missing file or column, unequal lengths, an empty text or
            label, text that is not UTF-8, a single label, a label with fewer than
            two rows.
    """
    if not directory.is_dir():
        raise InvalidDataSet(
            f"DATASET={directory}: expected sample, knbc or a directory, found "
            f"{'a file' if directory.exists() else 'nothing there'}."
        )
    if (directory / "train").is_dir() or (directory / "test").is_dir():
        train = _read_split(directory / "train", "train")
        test = _read_split(directory / "test", "test")
        _check_test_labels(directory, train, test)
        rows, test_ids = train + test, frozenset(row.id for row in test)
        parts = ["train", "test"]
    else:
        rows, test_ids, parts = _read_split(directory, "row"), None, ["."]
    _check_labels(directory, rows if test_ids is None else train)
    hashes = {
        f"{part}/{name}".removeprefix("./"): sha256_file(directory / part / name)
        for part in parts
        for name in ("features.csv", "labels.csv")
    }
    return DataSet(rows, test_ids, {"dataset": directory.name, "files": hashes})


def _read_split(directory: Path, prefix: str) -> list[Row]:
    features = _read_column(directory / "features.csv", "feature")
    labels = _read_column(directory / "labels.csv", "label")
    if len(features) != len(labels):
        raise InvalidDataSet(
            f"{directory}: expected as many rows in features.csv as in labels.csv, found "
            f"{len(features)} and {len(labels)}. Row i of one belongs to row i of the other."
        )
    return [
        Row(f"{prefix}-{number:06d}", text, label)
        for number, (text, label) in enumerate(zip(features, labels, strict=True), start=1)
    ]


def _read_column(path: Path, column: str) -> list[str]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InvalidDataSet(
            f"{path}: expected a CSV file with the column {column!r}, found none"
            f" ({error.strerror}). A data set is features.csv and labels.csv, or train/ and"
            " test/ with those two."
        ) from error
    except UnicodeDecodeError as error:
        line, byte = error.object[: error.start].count(b"\n") + 1, error.object[error.start]
        raise InvalidDataSet(
            f"{path}, line {line}: expected UTF-8, found the byte 0x{byte:02x} at offset"
            f" {error.start}. Convert the file, for instance: iconv -f CP932 -t UTF-8."
        ) from error
    reader = csv.DictReader(text.splitlines(keepends=True), strict=True)
    try:
        found = reader.fieldnames or []
        if column not in found:
            raise InvalidDataSet(
                f"{path}: expected a column {column!r} in the first line, found {list(found)}."
            )
        values = [row[column] for row in reader]
    except csv.Error as error:
        raise InvalidDataSet(
            f"{path}, line {reader.line_num}: expected CSV, found {error}."
        ) from error
    for number, value in enumerate(values, start=1):
        if value is None or not value.strip():
            raise InvalidDataSet(
                f"{path}, row {number}, column {column!r}: expected text, found nothing."
                " Fill the cell or remove the row from both files."
            )
    return values


def _check_labels(directory: Path, rows: list[Row]) -> None:
    counts = Counter(row.label for row in rows)
    if len(counts) < 2:
        raise InvalidDataSet(
            f"{directory}, labels.csv, column 'label': expected at least 2 different labels, found"
            f" {sorted(counts)}."
        )
    for label, count in sorted(counts.items()):
        if count < 2:
            raise InvalidDataSet(
                f"{directory}, labels.csv, column 'label': expected at least 2 rows of each label,"
                f" found {count} of {label!r}. Add rows or remove the label."
            )


def _check_test_labels(directory: Path, train: list[Row], test: list[Row]) -> None:
    unknown = sorted({row.label for row in test} - {row.label for row in train})
    if unknown:
        raise InvalidDataSet(
            f"{directory}/test/labels.csv, column 'label': expected labels that train/ has too,"
            f" found {unknown}."
        )
