"""What SageMaker's own model of its API allows a value to be, in SageMaker's words.

What is missing, lengths and numbers that are too small or too great, patterns, and lists of what
may be given; types are checked before (shapes.py).
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

ABSENT = "Member must not be null"
SHOWN = 200  # characters of a value in a message


def violations(shape: Any, value: Any, place: str = "") -> Iterator[str]:
    """One sentence for each value that is not allowed, with its place: trainingJobName."""
    kind = shape.type_name
    if kind == "structure":
        for name in [*value, *(each for each in shape.required_members if each not in value)]:
            inner = name[:1].lower() + name[1:]
            inner = f"{place}.{inner}" if place else inner
            if name not in value:
                yield f"Value null at '{inner}' failed to satisfy constraint: {ABSENT}"
            elif name in shape.members:
                yield from violations(shape.members[name], value[name], inner)
        return
    reason = _reason(shape, value)
    if reason:
        shown = str(value)
        shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
        yield f"Value '{shown}' at '{place}' failed to satisfy constraint: {reason}"
    if kind == "list":
        for number, member in enumerate(value, 1):
            yield from violations(shape.member, member, f"{place}.{number}.member")
    if kind == "map":
        for key, member in value.items():
            yield from violations(shape.key, key, f"{place} (key: {key[:SHOWN]})")
            yield from violations(shape.value, member, f"{place}.{key[:SHOWN]}.member")


def _reason(shape: Any, value: Any) -> str:
    """Why a value is not allowed, "" where it is."""
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name in ("integer", "long", "float", "double"):
        if most is not None and value > most:
            return f"Member must have value less than or equal to {most}"
        if least is not None and value < least:
            return f"Member must have value greater than or equal to {least}"
        return ""
    if shape.type_name not in ("string", "list", "map"):
        return ""
    if most is not None and len(value) > most:
        return f"Member must have length less than or equal to {most}"
    if least is not None and len(value) < least:
        return f"Member must have length greater than or equal to {least}"
    if shape.type_name != "string":
        return ""
    if shape.enum and value not in shape.enum:
        return f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        return f"Member must satisfy regular expression pattern: {pattern}"
    return ""


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of Java's, where Python has the same; else one that everything satisfies."""
    for java, ours in ((r"\p{L}", r"\w"), (r"\p{N}", ""), (r"\p{Z}", r"\s")):
        pattern = pattern.replace(java, ours)
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:
        return re.compile(".*", re.DOTALL)
