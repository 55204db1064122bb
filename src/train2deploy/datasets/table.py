"""One column of a CSV file, and a message for each way in which such a file is wrong."""

import csv
import io
from pathlib import Path

from train2deploy.datasets import encodings
from train2deploy.datasets.rows import InvalidDataSet

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
"""What stands between cells instead of commas: Excel's in many countries, and of other exports."""


def read_column(path: Path, column: str) -> list[str]:
    """The cells of a column, one for each row below the header.

    Raises:
        InvalidDataSet: there is no such file, column or text; it is not UTF-8; it is not CSV.
    """
    try:
        text = encodings.read_text(path)
    except OSError as error:
        raise InvalidDataSet(
            f"{path}: expected a CSV file with the column {column!r}, found none"
            f" ({error.strerror}). A data set is features.csv and labels.csv, or train/ and"
            " test/ with those two."
        ) from error
    if not text.strip():
        raise InvalidDataSet(
            f"{path}: the file is empty. Its first line is the header, {column}, and each"
            " line after it a row."
        )
    rows = _parse(path, text, column)
    header = rows.pop(0)
    place = _place(path, header, column)
    if not rows:
        raise InvalidDataSet(f"{path}: expected rows below the header, found none. Add some.")
    for number, row in enumerate(rows, start=1):
        _check(f"{path}, row {number}", row, header, place)
    return [row[place] for row in rows]


def _parse(path: Path, text: str, column: str) -> list[list[str]]:
    # Blank lines count, or a text and its label would drift apart, but for those at the end.
    lines = csv.reader(io.StringIO(text.rstrip("\r\n"), newline=""), strict=True)
    rows: list[list[str]] = []
    last = 0
    try:
        for row in lines:
            rows.append(row)
            last = lines.line_num
    except csv.Error as error:
        if not rows:
            # Quoted cells with semicolons between them are no CSV at all.
            _place(path, next(csv.reader([text.partition("\n")[0].rstrip("\r")])), column)
        where = f"{path}, {f'row {len(rows)}' if rows else 'header'} (line {last + 1})"
        said = str(error)
        if "unexpected end of data" in said:
            said = "a cell that opens with a double quote which is never closed"
        elif "expected after" in said:
            said = "text after the closing double quote of a cell"
        elif "NUL" in said:  # Python 3.10; later ones leave it to _check
            raise InvalidDataSet(f"{where}: expected text, found a NUL character.") from error
        raise InvalidDataSet(
            f"{where}: expected CSV, found {said}. Put the whole cell into double quotes, and"
            ' write each double quote within it twice ("").'
        ) from error
    return rows


def _place(path: Path, header: list[str], column: str) -> int:
    """Which cell of a row is the column's."""
    if header.count(column) == 1:
        return header.index(column)
    where = f"{path}: expected a column {column!r} in the first line"
    if column in header:
        raise InvalidDataSet(
            f"{where}, found {header.count(column)} of that name. Rename or remove all but one."
        )
    found = ", ".join(f"{name[:40]!r}" for name in header[:8]) or "a blank line"
    for separator, words in SEPARATORS.items():
        cells = [cell for cell in header if separator in cell]
        if column in [name.strip(' "') for cell in cells for name in cell.split(separator)]:
            raise InvalidDataSet(
                f"{where}, found {found}: the cells are separated by {words}."
                " Save the file with commas between the cells."
            )
    if header and header[0].startswith("sep="):
        raise InvalidDataSet(f"{where}, found {found}, which is for Excel only. Remove this line.")
    alike = [name for name in header if name.strip().lower() in (column, f"{column}s")]
    if len(alike) == 1:
        raise InvalidDataSet(f"{where}, found {found}. Rename {alike[0]!r} to {column!r}.")
    raise InvalidDataSet(
        f"{where}, found {found}. Rename the column, or put a line {column!r} above the first row"
        " if there is no header."
    )


def _check(where: str, row: list[str], header: list[str], place: int) -> None:
    value = row[place] if place < len(row) else ""
    if "\0" in "".join(row):
        raise InvalidDataSet(
            f"{where}, column {header[place]!r}: expected text, found a NUL character. Remove it."
        )
    if not value.strip():
        raise InvalidDataSet(
            f"{where}, column {header[place]!r}: expected text, found nothing."
            " Fill the cell or remove the row from both files."
        )
    if len(row) > len(header):
        cells = "1 cell" if len(header) == 1 else f"{len(header)} cells"
        raise InvalidDataSet(
            f"{where}: expected {cells} as in the first line, found {len(row)}."
            " Put a text with a comma into double quotes."
        )
