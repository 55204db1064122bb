"""The user's own data: a directory with features.csv and labels.csv.

Either the two files themselves, or train/ and test/ with the two files each.
Columns: `feature` in features.csv, `label` in labels.csv, row for row.
"""

import csv
import io
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
        _check_labels(directory / "train" / "labels.csv", train)
        rows, test_ids = train + test, frozenset(row.id for row in test)
        parts = ["train", "test"]
    else:
        rows, test_ids, parts = _read_split(directory, "row"), None, ["."]
        _check_labels(directory / "labels.csv", rows)
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
    # Blank lines count, or a text and its label would drift apart, but for those at the end.
    lines = csv.reader(io.StringIO(text.rstrip("\r\n"), newline=""), strict=True)
    try:
        header, *rows = list(lines) or [[]]
    except csv.Error as error:
        raise InvalidDataSet(
            f"{path}, line {lines.line_num}: expected CSV, found {error}."
        ) from error
    if column not in header:
        raise InvalidDataSet(
            f"{path}: expected a column {column!r} in the first line, found {header}."
        )
    place = header.index(column)
    for number, row in enumerate(rows, start=1):
        _check_row(f"{path}, row {number}", row, header, place)
    return [row[place] for row in rows]


def _check_row(where: str, row: list[str], header: list[str], place: int) -> None:
    value = row[place] if place < len(row) else ""
    if not value.strip():
        raise InvalidDataSet(
            f"{where}, column {header[place]!r}: expected text, found nothing."
            " Fill the cell or remove the row from both files."
        )
    if "\0" in value:
        raise InvalidDataSet(
            f"{where}, column {header[place]!r}: expected text, found a NUL character."
        )
    if len(row) > len(header):
        cells = "1 cell" if len(header) == 1 else f"{len(header)} cells"
        raise InvalidDataSet(
            f"{where}: expected {cells} as in the first line, found {len(row)}."
            " Put a text with a comma into double quotes."
        )


def _check_labels(path: Path, rows: list[Row]) -> None:
    counts = Counter(row.label for row in rows)
    if len(counts) < 2:
        raise InvalidDataSet(
            f"{path}, column 'label': expected at least 2 different labels, found {sorted(counts)}."
        )
    for number, row in enumerate(rows, start=1):
        if counts[row.label] < 2:
            raise InvalidDataSet(
                f"{path}, row {number}, column 'label': expected at least 2 rows of each label,"
                f" found 1 of {row.label!r}. Add rows or remove the label."
            )


def _check_test_labels(directory: Path, train: list[Row], test: list[Row]) -> None:
    unknown = sorted({row.label for row in test} - {row.label for row in train})
    if unknown:
        raise InvalidDataSet(
            f"{directory}/test/labels.csv, column 'label': expected labels that train/ has too,"
            f" found {unknown}."
        )
