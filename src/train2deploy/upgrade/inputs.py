"""Bodies that a model is asked with: what its signature takes, and what it does not quite take."""

import json
from collections.abc import Iterator
from typing import Any

from train2deploy.signature import BOOL, FLOATS, INTEGERS, STRING, Signature

Named = Iterator[tuple[str, bytes]]
Texts = Iterator[tuple[str, str]]
FLOAT32 = 1


def rows(values: dict[str, Any]) -> list[Any]:
    """Columns as rows, as `instances` takes them: bare values where there is one input.

    >>> rows({"x": [1, 2]}), rows({"a": [1, 2], "b": [3, 4]}), rows({"a": 1})
    ([1, 2], [{'a': 1, 'b': 3}, {'a': 2, 'b': 4}], [])
    """
    columns = list(values.values())
    if not all(isinstance(column, list) for column in columns):
        return []
    if len({len(column) for column in columns}) != 1:
        return []
    if len(columns) == 1:
        return list(columns[0])
    return [dict(zip(values, row, strict=True)) for row in zip(*columns, strict=True)]


def edges(found: Signature, values: dict[str, Any]) -> Named:
    """Requests in TensorFlow Serving's JSON, by what is odd about them."""
    given = rows(values)
    name = found.name
    key, tensor = next(iter(found.inputs.items()))
    whole = dumped({"signature_name": name, "inputs": values})
    if given:
        yield "rows", dumped({"signature_name": name, "instances": given})
        yield "one row", dumped({"signature_name": name, "instances": given[:1]})
        yield "rows as a bare list", dumped(given)
        yield "a row alone", dumped(given[0])
    yield "no rows", dumped({"signature_name": name, "instances": []})
    yield "rows that are no list", dumped({"signature_name": name, "instances": 1})

    def with_input(value: Any) -> bytes:
        return dumped({"signature_name": name, "inputs": {**values, key: value}})

    def with_leaf(value: Any) -> bytes:
        return with_input(_replaced(values[key], value))

    yield "empty columns", with_input([])
    yield "null for an input", with_input(None)
    yield "null for a value", with_leaf(None)
    yield "an object for a value", with_leaf({"x": 1})
    yield "a list deeper than the input", with_input([[[[[values[key]]]]]])
    yield "another type", with_leaf(1 if tensor.dtype in (STRING, BOOL) else "text")
    rest = {other: value for other, value in values.items() if other != key}
    yield "an input missing", dumped({"signature_name": name, "inputs": rest})
    yield "an unknown input", dumped({"signature_name": name, "inputs": {**values, "nosuch": [1]}})
    yield "an unknown signature", dumped({"signature_name": "nosuch", "inputs": values})
    if _is_table(values[key]):
        yield "rows of different lengths", with_input([values[key][0], values[key][0][:-1]])
    for said, value in _leaves(tensor.dtype):
        yield said, with_leaf(value)
    yield "text after the document", whole + b" x"
    yield "cut short", whole[:-1]
    yield "a byte order mark before it", b"\xef\xbb\xbf" + whole
    yield "an ideographic space before it", "\u3000".encode() + whole
    yield "not UTF-8", whole[:-1] + b', "\xff": 1}'
    yield "a name twice", whole[:-1] + b', "inputs": []}'
    yield "empty", b""
    yield "not JSON", b"instances"
    yield "an unknown key", dumped({"junk": "data"})


def _leaves(dtype: int) -> Iterator[tuple[str, Any]]:
    if dtype in FLOATS:
        yield "NaN", float("nan")
        yield "Infinity", float("inf")
        yield "a number with many digits", 0.12345678901234567
        yield "1/3 and its digits", 1 / 3
        yield "a million", 1e6
        if dtype == FLOAT32:
            yield "a whole number beyond 2**24", 2**24 + 1
            yield "a number beyond float32", 1e39
    elif dtype in INTEGERS:
        yield "a fraction for a whole number", 1.5
        yield "a whole number beyond the type", 2**64
        yield "a negative number", -1
        yield "a whole number with a point", 1.0
        yield "true for a number", True
    elif dtype == STRING:
        yield "Base64", {"b64": "44GC"}
        yield "broken Base64", {"b64": "4"}
        yield "brackets in a text", "]["
        yield "beyond ASCII", "抹茶\u3000😀"
    else:
        yield "a number for true", 1.0


def csv_bodies(given: list[Any]) -> Texts:
    """CSV that fits the rows, and what contracts read in different ways."""
    lines = [fields for row in given[:2] if (fields := _fields(row))] or [["1.0", "2.0"]]
    first = lines[0]
    text = "\n".join(map(",".join, lines))
    yield "numbers", text
    yield "CRLF, blank lines, blanks around lines", " " + text.replace("\n", " \r\n\r\n") + "\r\n"
    yield "a header row", ",".join(f"x{place}" for place in range(len(first))) + "\n" + text
    yield "numbers in quotes", ",".join(f'"{field}"' for field in first)
    yield "the first number in quotes", ",".join([f'"{first[0]}"', *first[1:]])
    yield "a blank field", ",".join([first[0], "", *first[2:]])
    yield "a comma at the end", ",".join(first) + ","
    yield "blanks around fields", " , ".join(first)
    yield "a plus sign", "+" + ",".join(first)
    yield "numbers that JSON does not have", "+1,.5,1.,01,NaN"
    yield "three words", "a,b,c"
    yield "two words", "east,west"
    yield "a word", "word"
    yield "a comma in quotes", '1.0,hello,"world,earth"'
    yield "doubled quotes", '"say ""hi"""'
    yield "a word with a quote", 'say "hi"'
    yield "a backslash", "a\\b"
    yield "an ideographic space", "\u3000" + text
    yield "empty", ""
    yield "blank lines alone", "\n \n"


def _fields(row: Any) -> list[str]:
    cells = row if isinstance(row, list) else [row]
    if any(isinstance(cell, (list, dict)) for cell in cells):
        return []
    return [cell if isinstance(cell, str) else json.dumps(cell) for cell in cells]


def line_bodies(given: list[Any]) -> Texts:
    """JSON lines that fit the rows, and what contracts read in different ways."""
    lines = [json.dumps(row, ensure_ascii=False) for row in given] or ["[1.0]", "[2.0]"]
    yield "a row on each line", "\n".join(lines)
    yield "one line", lines[0]
    yield "blank lines, CRLF", "\r\n\r\n".join(lines) + "\r\n"
    yield "rows without a line break", "".join(lines)
    requests = "\n".join('{"inputs": ' + line + "}" for line in lines)
    yield "a request on each line (today: the first alone)", requests
    yield "brackets in a text", json.dumps({"instances": ["]["]})
    yield "braces in a text", json.dumps({"instances": ["}{"]})


def dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], list) and bool(value[0])


def _replaced(value: Any, leaf: Any) -> Any:
    """A nested list with another first value.

    >>> _replaced([[1, 2], [3, 4]], 0)
    [[0, 2], [3, 4]]
    """
    if isinstance(value, list) and value:
        return [_replaced(value[0], leaf), *value[1:]]
    return leaf
