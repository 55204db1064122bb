"""What an endpoint answers to a sentence: its labels with their probabilities."""

import json
from typing import Any

Ranking = list[dict[str, Any]]
"""`{"label": …, "prob": …}` for each label, the most probable first."""


def read_rankings(body: bytes, count: int) -> list[Ranking] | None:
    """The rankings in an answer to `count` sentences; None where it is something else.

    The content type says nothing: a handler may return the client's Accept, `*/*`, as one. A
    single sentence may be answered by its ranking alone, and JSON within a JSON string is read.

    >>> read_rankings(b'[{"label": "a", "prob": 1.0}]', 1)
    [[{'label': 'a', 'prob': 1.0}]]
    """
    try:
        value = json.loads(body.decode("utf-8-sig"))
        value = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None
    if count == 1 and _is_ranking(value):
        return [value]
    is_whole = isinstance(value, list) and len(value) == count and all(map(_is_ranking, value))
    return value if is_whole else None


def _is_ranking(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_entry, value))


def _is_entry(value: object) -> bool:
    if not (isinstance(value, dict) and {"label", "prob"} <= value.keys()):
        return False
    try:
        float(str(value["prob"]))
    except ValueError:
        return False
    return True
