"""What an endpoint answers: rankings of labels, any other JSON, or text; read, compared, shown."""

import json
from typing import Any

Ranking = list[dict[str, Any]]  # `{"label": …, "prob": …}` for each label, the most probable first

PROBABILITY = ("prob", "probability", "score")  # what handlers call it
WIDTH = 100
DIFFERENT = float("inf")


def parse(body: bytes) -> Any:
    """The JSON value of an answer; of JSON lines, the list of theirs.

    The content type says nothing: a handler may return the client's Accept, `*/*`, as one. JSON
    within a JSON string is read.

    Raises:
        ValueError: it is something else.
    """
    text = body.decode("utf-8-sig")
    try:
        value = json.loads(text)
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError) as error:
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) < 2 or isinstance(error, RecursionError):
            raise ValueError("not JSON") from error
        values = [json.loads(line) for line in lines]
        if not all(isinstance(value, (dict, list)) for value in values):
            raise ValueError("numbers below each other are text") from error
        return values


def read_rankings(body: bytes, count: int = 0) -> list[Ranking] | None:
    """The rankings in an answer to `count` sentences; None where it is something else.

    Args:
        count: 0 takes any number. A single sentence may be answered by its ranking alone.

    >>> read_rankings(b'[{"label": "a", "score": 1.0}]')
    [[{'label': 'a', 'prob': 1.0}]]
    """
    try:
        value = parse(body)
    except (ValueError, RecursionError):
        return None
    single = _ranking(value)
    if single and count < 2:
        return [single]
    rankings = [_ranking(each) for each in value] if isinstance(value, list) else []
    if not all(rankings) or len(rankings) != (count or len(rankings) or 1):
        return None
    return [ranking for ranking in rankings if ranking]


def _ranking(value: object) -> Ranking | None:
    if not isinstance(value, list):
        return None
    entries = [_entry(each) for each in value]
    return [entry for entry in entries if entry] if entries and all(entries) else None


def _entry(value: object) -> dict[str, Any] | None:
    if not isinstance(value, dict) or not isinstance(value.get("label"), (str, int)):
        return None
    name = next((name for name in PROBABILITY if name in value), None)
    if name is None or isinstance(value[name], (bool, list, dict)):
        return None
    try:
        float(str(value[name]))
    except ValueError:
        return None
    return {"label": value["label"], "prob": value[name]}


def by_label(ranking: Ranking) -> dict[str, float]:
    """Probability by label, in the order of the ranking."""
    return {str(entry["label"]): float(str(entry["prob"])) for entry in ranking}


def difference(one: Any, other: Any) -> float:
    """The largest difference of two JSON values' numbers, relative to those above 1.

    Infinite where anything but a number differs.

    >>> difference({"a": [0.25, 2000.0]}, {"a": [0.5, 2000.0]})
    0.25
    >>> difference(["a"], ["b"])
    inf
    """
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return max((difference(one[key], other[key]) for key in one), default=0.0)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return max((difference(a, b) for a, b in zip(one, other, strict=True)), default=0.0)
    if _is_number(one) and _is_number(other):
        if one == other or (one != one and other != other):
            return 0.0
        found = abs(one - other) / max(1.0, abs(other))
        return float(found) if found == found else DIFFERENT
    return 0.0 if type(one) is type(other) and one == other else DIFFERENT


def compared(one: bytes, other: bytes) -> float:
    """The same of two answers; what is not JSON must be equal."""
    try:
        return difference(parse(one), parse(other))
    except (ValueError, RecursionError):
        return 0.0 if one == other else DIFFERENT


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def pretty(value: Any, indent: int = 0) -> str:
    """JSON as a person reads it: what fits into a line stands in one.

    >>> pretty({"outputs": [[1, 2], [3, 4]]})
    '{"outputs": [[1, 2], [3, 4]]}'
    """
    whole = json.dumps(value, ensure_ascii=False)
    if len(whole) + indent <= WIDTH or not isinstance(value, (dict, list)):
        return whole
    inner = indent + 2
    if isinstance(value, dict):
        items = [
            f"{json.dumps(key, ensure_ascii=False)}: {pretty(one, inner)}"
            for key, one in value.items()
        ]
    else:
        items = [pretty(one, inner) for one in value]
    first, last = "{}" if isinstance(value, dict) else "[]"
    between = ",\n" + " " * inner
    return f"{first}\n{' ' * inner}{between.join(items)}\n{' ' * indent}{last}"
