"""Whether today's container reads a CSV body as another request than its predecessors did.

docs/contract.md#a5
"""

import json
import re
from collections.abc import Iterator

NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
VERBATIM = re.compile(r'[\t\n\x0b\x0c\r ]*["0-9.Ee+\-]')
"""How a body begins that older containers paste as it is."""
ASCII = "\t\n\x0b\x0c\r "
LINE_END = re.compile(r"\r?\n")
JSON_WORDS = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
OTHERWISE = "its quotes, commas and blanks are read in another way today"


def change(body: str) -> str:
    """What changes for a body that is sent to a model without inference.py; "" where nothing does.

    >>> change("1.0,2.0"), change("north,west")
    ('', '')
    >>> change("a,b,c")
    'line 1: 3 texts, of which older containers make two ("b,c"); today\\'s makes 3'
    """
    verbatim = bool(VERBATIM.match(body))
    lines = LINE_END.split(body)
    older = [_older(line.strip(ASCII), verbatim) for line in lines]
    todays = [_todays(line.strip()) for line in lines]
    if _read(older) == _read(todays):
        return ""
    for number, (line, one, other) in enumerate(zip(lines, older, todays, strict=True), 1):
        if _read([one]) != _read([other]):
            return f"line {number}: {(_of_verbatim if verbatim else _of_quoted)(line.strip())}"
    return OTHERWISE


def _older(line: str, verbatim: bool) -> str:
    """What a line becomes in 2019 and in the final container."""
    if not line:
        return ""
    value = line
    if not verbatim:
        value = '"' + line.replace('"', '\\"', 1).replace(",", '","', 1) + '"'
    return f"[{value}]" if "," in line else value


def _todays(line: str) -> str:
    if not line:
        return ""
    found = [
        value.strip()
        if NUMBER.fullmatch(value.strip())
        else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for value, _ in _fields(line)
    ]
    return found[0] if len(found) == 1 else f"[{','.join(found)}]"


def _read(lines: list[str]) -> str | None:
    """The rows that the model server reads; None where it refuses them."""
    try:
        return repr(json.loads(f"[{','.join(filter(None, lines))}]"))
    except ValueError:
        return None


def _fields(line: str) -> Iterator[tuple[str, bool]]:
    """The fields of a line as today's container cuts it, and whether there are quotes in them."""
    value, inside, has_quotes, at = "", False, False, 0
    while at < len(line):
        one = line[at]
        if one == '"':
            has_quotes = True
            if inside and line[at + 1 : at + 2] == '"':
                value, at = value + '"', at + 1
            else:
                inside = not inside
        elif one == "," and not inside:
            yield value, has_quotes
            value, has_quotes = "", False
        else:
            value += one
        at += 1
    yield value, has_quotes


def _of_verbatim(line: str) -> str:
    """Why, of a body that older containers paste as it is."""
    for value, has_quotes in _fields(line):
        found = value.strip()
        is_number = bool(NUMBER.fullmatch(found))
        if has_quotes and is_number:
            return f'"{found}" in quotes was a text, and is a number today'
        if not has_quotes and found in JSON_WORDS:
            return f"{found} was taken as JSON, and is a text today"
        if not has_quotes and not is_number:
            said = f"{found!r}, which is not a JSON number," if found else "a blank field"
            return f"{said} was refused (400), and is a text today"
    return OTHERWISE


def _of_quoted(line: str) -> str:
    """Why, of a body whose values older containers put into quotes."""
    found = [value.strip() for value, _ in _fields(line)]
    if '"' in line:
        return "quotes were part of the text, and are CSV's today"
    if "\\" in line:
        return "a backslash escaped what follows it, and is one today"
    if len(found) > 2:
        rest, many = ",".join(found[1:]), len(found)
        return f'{many} texts, of which older containers make two ("{rest}"); today\'s makes {many}'
    if number := next(filter(NUMBER.fullmatch, found), ""):
        return f"{number} was a text, and is a number today"
    return OTHERWISE
