"""Whether today's container reads a CSV body as another request than its predecessors did."""

import json
import re
from collections.abc import Iterator

NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
VERBATIM = '"0123456789.Ee+-'


def change(body: str) -> str:
    """What changes for a body that is sent to a model without inference.py; "" where nothing does.

    >>> change("1.0,2.0"), change("north,west")
    ('', '')
    >>> change("a,b,c")
    'line 1: 3 texts, of which older containers make two ("b,c"); today\\'s makes 3'
    """
    verbatim = body.lstrip()[:1] in VERBATIM
    for number, line in enumerate(body.split("\n"), 1):
        if text := line.strip():
            why = _verbatim(text) if verbatim else _quoted(text)
            if why:
                return f"line {number}: {why}"
    return ""


def fields(line: str) -> Iterator[tuple[str, bool]]:
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


def _verbatim(line: str) -> str:
    """Of a body that older containers paste as it is, between brackets."""
    for value, has_quotes in fields(line):
        is_number = bool(NUMBER.fullmatch(value.strip()))
        if has_quotes and is_number:
            return f'"{value}" in quotes was a text, and is a number today'
        if not has_quotes and not is_number:
            found = value.strip()
            if found in ("true", "false", "null", "NaN", "Infinity", "-Infinity"):
                return f"{found} was taken as JSON, and is a text today"
            said = "a blank field" if not found else f"{found!r}, which is no JSON number,"
            return f"{said} was refused (400), and is a text today"
    older = f"[{line}]" if "," in line else line
    newer = [_json(value, has_quotes) for value, has_quotes in fields(line)]
    try:
        same = json.loads(older) == (newer if "," in line else newer[0])
    except ValueError:
        return "its quotes were refused (400), and are read as CSV's today"
    return "" if same else "its quotes and commas are read in another way today"


def _quoted(line: str) -> str:
    """Of a body whose values older containers put into quotes, up to the first comma and quote."""
    found = list(fields(line))
    if '"' in line:
        return "quotes were part of the text, and are CSV's today"
    if "\\" in line:
        return "a backslash escaped what follows it, and is one today"
    if len(found) > 2:
        rest = ",".join(value for value, _ in found[1:])
        return (
            f'{len(found)} texts, of which older containers make two ("{rest}"); today\'s makes'
            f" {len(found)}"
        )
    if number := next((value for value, _ in found if NUMBER.fullmatch(value.strip())), ""):
        return f"{number.strip()} was a text, and is a number today"
    return ""


def _json(value: str, has_quotes: bool) -> object:
    text = value.strip()
    return json.loads(text) if NUMBER.fullmatch(text) and not has_quotes else value
