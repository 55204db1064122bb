"""Labelled sentences that no data set holds: the table of `make cloud-captured`, or one like it.

A CSV file (commas, semicolons or tabs) with the columns `sentence` and `label`; rows without a
label are passed over. The table of captured requests says with each sentence what was answered.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from train2deploy import paths
from train2deploy.datasets import channels, encodings
from train2deploy.datasets.rows import Row
from train2deploy.errors import UserError

COLUMNS = ("id", "time", "variant", "sentence", "predicted", "probability", "label")
SEPARATORS = ",;\t"


def sentences(source: Path | None) -> list[Row]:
    """The labelled sentences of a file or of a folder.

    Args:
        source: a table; a folder with features.csv and labels.csv, or whose `test` has them;
            None: build/data/test.

    Raises:
        UserError: there are none.
    """
    if source is None or source.is_dir():
        folder = source or paths.DATASET
        found = [each for each in (folder, folder / "test") if (each / "features.csv").exists()]
        if not found:
            raise UserError(
                f"{paths.relative(folder)}: expected features.csv and labels.csv, there or in"
                " test/, found none. Run `make data`, or give INPUT=<file or folder>."
            )
        return channels.read(found[0])
    return [
        Row(str(number), row["sentence"], row["label"].strip())
        for number, row in enumerate(answered(source, "INPUT", ("sentence", "label")))
    ]


def answered(
    file: Path, variable: str = "CAPTURED", columns: Iterable[str] = COLUMNS
) -> list[dict[str, str]]:
    """The rows of a table that have a label.

    Raises:
        UserError: there are none, or a column is missing.
    """
    rows = [row for row in read(file, variable, columns) if row["label"].strip()]
    if not rows:
        raise UserError(
            f"{variable}={file}: expected labels in the column `label`, found none. Fill in some."
        )
    return rows


def read(
    file: Path, variable: str = "CAPTURED", columns: Iterable[str] = COLUMNS
) -> list[dict[str, str]]:
    """All rows of a table."""
    try:
        text = encodings.read_text(file, variable)
    except OSError as error:
        raise UserError(f"{variable}={file}: expected a CSV file: {error.strerror}.") from error
    header = text.partition("\n")[0]
    separator = max(SEPARATORS, key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    missing = [name for name in columns if name not in (reader.fieldnames or [])]
    if missing:
        raise UserError(
            f"{variable}={file}: expected the columns {', '.join(columns)} in the first line,"
            f" found no {', '.join(missing)}."
        )
    try:
        rows = list(reader)
    except csv.Error as error:
        raise UserError(
            f"{variable}={file}, line {reader.line_num}: expected CSV: {error}."
        ) from error
    for row in rows:
        if None in row or None in row.values():
            raise UserError(
                f"{variable}={file}: expected {len(reader.fieldnames or [])} cells in each row,"
                f" found others in the one of {row.get('sentence')!r}."
            )
    return rows


def write(file: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Writes a table; with the mark of UTF-8, without which spreadsheets read something else."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8-sig", newline="") as csv_file:
        writer = csv.DictWriter(csv_file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
