"""Answers of two contracts to the same request: what differs, and what explains it."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from train2deploy import answers
from train2deploy.endpoint import Answer
from train2deploy.upgrade import cases, finding
from train2deploy.upgrade.cases import Case
from train2deploy.upgrade.finding import HEAD, TODAY
from train2deploy.verify import OTHER_TOLERANCE, TOLERANCE

KINDS = {
    "digits": "the same numbers to other digits (as far as make verify allows)",
    "numbers": "numbers that differ by more",
    "layout": "the same JSON with other white space or another order of keys",
    "body": "an answer of 200 that says something else",
    "status": "one answers, the other refuses",
    "error-status": "both refuse, with different statuses",
    "errors": "both refuse with the same status and another text",
    "content-type": "another Content-Type",
    "headers": "another Vary or Allow",
    "log": "a warning or an error that only one logs",
    "start": "the endpoint starts under one of them only",
    "lint": "a finding in the package itself",
}
"""What may differ, by the names that ALLOW= takes."""
COMPARED_HEADERS = ("vary", "allow")

SECTIONS = {
    cases.TYPES: "a5-json",
    cases.BODY: "a7",
    cases.CSV: "a5",
    cases.LINES: "a5",
    cases.ATTRIBUTES: "a6",
    cases.ROUTES: "a3",
    cases.PING: "a4",
}
"""The part of docs/contract.md that says what a group of requests is there to show."""
OF_KINDS = {"digits": "a5-json", "layout": "a5", "headers": "a3", "log": "a9", "start": "a1"}
MODEL_SERVER, FRONT = "a12-model-server", "a12-routes"
TODAYS_SECTIONS = {
    cases.TYPES: MODEL_SERVER,
    cases.ATTRIBUTES: finding.ATTRIBUTES,
    cases.ROUTES: FRONT,
    cases.PING: FRONT,
}
TODAYS_KINDS = {"digits": MODEL_SERVER, "headers": FRONT}  # the same of today's container
UNEXPLAINED = {"numbers"}

LEVEL = re.compile(
    r"^(?:\d+ )?(?:[-\d]+ [\d:,]+ )?(?P<level>WARNING|ERROR|CRITICAL)(?::(?! )|\s)"  # not pip's
    r"|^\[[^\]]*\] \[\d+\] \[(?P<gunicorn>WARNING|ERROR|CRITICAL)\]"
    r"|^\S+ \S+ \[(?P<nginx>warn|error|crit|alert|emerg)\] "
    r"|^\S+ \S+ (?P<tensorflow>[WEF]) (?=\S+:\d+\])"
)
BARE = "exception handling request: "  # an error that older containers log without its level
OURS = ("failed call to cuInit", "is in use on this machine", "do not share session runs")
"""What no container says, but this endpoint or the TensorFlow in TensorFlow Serving's place."""
LEVELS = {"warn": "WARNING", "W": "WARNING", "F": "CRITICAL", "E": "ERROR", "error": "ERROR"}
VOLATILE = re.compile(r"0x[0-9a-f]+|(?<=port=)\d+|(?<=:)\d{4,5}\b")
NODE = re.compile(r"(\{\{node [^}]*?)_\d+\}\}")
"""Ports and addresses, and the numbers of a graph's nodes: they differ between two starts."""


@dataclass(frozen=True)
class Difference:
    """What one contract's answer has other than the first one's."""

    kinds: tuple[str, ...] = ()
    delta: float | None = None  # of numbers, the largest difference; None where none was compared


def compared(one: Answer, other: Answer) -> Difference:
    """How the second answer differs."""
    first, second = one.status, other.status
    if _good(first) != _good(second):
        return Difference(("status",))
    if first != second:
        return Difference(("error-status",))
    kinds: list[str] = []
    delta = None
    if _good(first):
        kind, delta = _bodies(one.body, other.body)
        kinds += [kind] if kind else []
    elif text(one.body) != text(other.body):
        kinds.append("errors")
    if one.content_type != other.content_type:
        kinds.append("content-type")
    if any(_parts(one, name) != _parts(other, name) for name in COMPARED_HEADERS):
        kinds.append("headers")
    return Difference(tuple(kinds), delta)


def sections(
    case: Case, found: Mapping[str, Difference], said: Mapping[str, Answer], has_code: bool
) -> list[str]:
    """The anchors in docs/contract.md of what explains the differences of a request.

    Args:
        said: every contract's answer; what today's container does as the final one does, is not
            explained as today's.
    """
    named = []
    for name, each in found.items():
        is_todays = name == TODAY and not (HEAD in said and _equal(said[HEAD], said[TODAY]))
        for kind in each.kinds:
            if name != TODAY or HEAD not in said:
                named.append(section(case, kind, has_code))
            if is_todays:
                named.append(section(case, kind, has_code, todays=True))
    return [one for one in dict.fromkeys(named) if one]


def section(case: Case, kind: str, has_code: bool, todays: bool = False) -> str:
    """What explains a kind of difference, as far as one section does; "" where none does."""
    if kind in UNEXPLAINED:
        return ""
    if todays:
        of_mode = finding.HANDLER if has_code else finding.PLAIN
        return TODAYS_KINDS.get(kind) or TODAYS_SECTIONS.get(case.group, of_mode)
    whole = SECTIONS.get(case.group) or ("a7" if has_code else "a5")
    if case.group == cases.TYPES and kind in ("content-type", "body"):
        return "a3" if case.path.startswith("/tfs") else "a5"
    if case.group == cases.ROUTES and kind == "body":
        return "a2"
    return OF_KINDS.get(kind, whole)


def _equal(one: Answer, other: Answer) -> bool:
    return not compared(one, other).kinds


def largest(found: Iterable[Difference]) -> float | None:
    """The largest difference between numbers; None where none were compared."""
    return max((each.delta for each in found if each.delta is not None), default=None)


def warnings(log: str) -> list[str]:
    """The warnings and errors of an endpoint's log, each once, without what differs at each start:
    which process said it, when, and the numbers in it.

    >>> warnings("ERROR:a.b:port 12 is taken\\nINFO:a:well")
    ['ERROR port N is taken']
    """
    found = []
    for line in log.splitlines():
        line = f"ERROR {line}" if line.startswith(BARE) else line
        match = LEVEL.match(line)
        if match and not any(each in line for each in OURS):
            level = next(filter(None, match.groups()))
            said = re.sub(r"^[\w.]+:", "", line[match.end() :].strip())
            said = re.sub(r"^(\d+#\d+: )?(\*\d+ )?(\S+:\d+\] )?", "", said)
            said = re.sub(r"0x[0-9a-f]+|\d+", "N", said)
            found.append(f"{LEVELS.get(level, level.upper())} {said}")
    return list(dict.fromkeys(found))


def differing_lines(logs: Mapping[str, str]) -> list[dict[str, str]]:
    """Warnings and errors that the first log has and another has not, or the reverse."""
    first, *others = logs
    of_first = warnings(logs[first])
    found = []
    for name in others:
        theirs = warnings(logs[name])
        pairs = ((first, name, of_first, theirs), (name, first, theirs, of_first))
        for only, without, lines, known in pairs:
            rest = [line for line in lines if line not in known]
            found += [{"only": only, "not": without, "line": line} for line in rest]
    return found


def _good(status: int) -> bool:
    return 200 <= status < 400


def _parts(answer: Answer, name: str) -> set[str]:
    return {part.strip().lower() for part in answer.headers.get(name, "").split(",")} - {""}


def text(body: bytes) -> str:
    """A body as text, without what differs between two starts."""
    return NODE.sub(r"\1}}", VOLATILE.sub("N", body.decode("utf-8", "replace")))


def _bodies(one: bytes, other: bytes) -> tuple[str, float | None]:
    """The kind of difference between two good answers, "" for none; and that of their numbers."""
    first, second = _value(one), _value(other)
    found = answers.difference(first, second)
    if math.isinf(found):
        return "body", None
    delta = found if _has_numbers(first) else None
    if one == other:
        return "", delta
    if found > (TOLERANCE if answers.read_rankings(one) else OTHER_TOLERANCE):
        return "numbers", delta
    return ("layout" if _exact(one) == _exact(other) else "digits"), delta


def _value(body: bytes) -> Any:
    """What is compared: of rankings, probabilities by label; of text, its words and numbers."""
    rankings = answers.read_rankings(body)
    if rankings:
        return [answers.by_label(ranking) for ranking in rankings]
    try:
        return answers.parse(body)
    except (ValueError, RecursionError):
        return [_word(word) for word in re.split(r"[\s,;]+", body.decode("utf-8", "replace"))]


def _word(word: str) -> float | str:
    try:
        return float(word)
    except ValueError:
        return word


def _exact(body: bytes) -> Any:
    """An answer's JSON with its numbers as they are written; what is not JSON, word by word."""
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return text.split()


def _has_numbers(value: Any) -> bool:
    if isinstance(value, (dict, list)):
        inner = value.values() if isinstance(value, dict) else value
        return any(map(_has_numbers, inner))
    return isinstance(value, (int, float)) and not isinstance(value, bool)
