"""What is asked and what must come back: requests made beforehand, answers known beforehand."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from train2deploy.errors import JobFailed

TOLERANCE = 1e-5
"""How far a probability may be from the session's; rounding differs with the batch's size."""

SEPARATION = 1e-4
"""How far apart the answers of two sentences are at least, so that no one passes for another."""

MOST = 128
FEWEST = 8
LONGEST = 64  # pieces of a sentence at most: the article's handler fails beyond the model's input


@dataclass(frozen=True)
class Sentences:
    """Distinct sentences, what a model reads of them and the probabilities that a session gives."""

    texts: list[str]
    inputs: dict[str, list[list[int]]]  # by key of the signature, a row for each sentence
    probabilities: list[list[float]]
    output: str  # the key of the probabilities
    labels: list[str]  # of the classes, in the model's order


def distinct(answers: Sequence[dict[str, Any]]) -> list[int]:
    """Sentences whose answers can be told apart, by their places.

    Args:
        answers: what bench.raw_session says to the same sentences, for each model;
            each must tell them apart.

    Raises:
        JobFailed: a model answers nearly the same to all of them.
    """
    chosen: list[int] = []
    tables = [answer["probabilities"] for answer in answers]
    for index in range(len(tables[0])):
        if len(chosen) == MOST:
            break
        if all(answer["pieces"][index] <= LONGEST for answer in answers) and all(
            _distance(table[index], table[other]) >= SEPARATION
            for other in chosen
            for table in tables
        ):
            chosen.append(index)
    if len(chosen) < FEWEST:
        raise JobFailed(
            f"expected a model that tells {FEWEST} of {len(tables[0])} sentences apart, found"
            f" {len(chosen)} answers that differ by {SEPARATION:g}. Train it longer."
        )
    return chosen


def pick(
    texts: Sequence[str], answer: dict[str, Any], labels: list[str], chosen: Sequence[int]
) -> Sentences:
    """Those of the sentences that were chosen, as one model reads and answers them."""

    def take(values: Sequence[Any]) -> list[Any]:
        return [values[index] for index in chosen]

    return Sentences(
        texts=take(texts),
        inputs={key: take(rows) for key, rows in answer["inputs"].items()},
        probabilities=take(answer["probabilities"]),
        output=answer["output"],
        labels=labels,
    )


def agree(found: Sequence[Sequence[float]], expected: Sequence[Sequence[float]]) -> bool:
    """Whether two sessions say the same of each sentence."""
    return len(found) == len(expected) and all(
        _distance(one, other) <= TOLERANCE for one, other in zip(found, expected, strict=True)
    )


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


class Workload:
    """Requests and the check of their answers.

    Args:
        requests: whole HTTP requests.
        expected: for each request the rows of probabilities.
        parse: an answer's rows of probabilities, in the order of `expected`.
    """

    def __init__(
        self,
        requests: list[bytes],
        expected: list[list[list[float]]],
        parse: Callable[[Any], list[list[float]]],
    ) -> None:
        self.requests = requests
        self._expected = expected
        self._parse = parse
        self._known: list[set[bytes]] = [set() for _ in requests]

    def is_right(self, turn: int, body: bytes) -> bool:
        """Whether `body` answers request number `turn`, and no other one.

        The bytes of right answers are remembered: most answers come again, and
        parsing each would cost the machine that is measured.
        """
        if body in self._known[turn]:
            return True
        try:
            rows = self._parse(json.loads(body))
            right = len(rows) == len(self._expected[turn]) and all(
                len(row) == len(expected) and _distance(row, expected) <= TOLERANCE
                for row, expected in zip(rows, self._expected[turn], strict=True)
            )
        except (ValueError, KeyError, TypeError, IndexError):
            return False
        if right:
            self._known[turn].add(body)
        return right


def invocations(sentences: Sentences, per_request: int = 1) -> Workload:
    """POST /invocations with so many sentences a request."""
    count = len(sentences.texts)
    requests, expected = [], []
    for start in range(count):
        picked = [(start + step) % count for step in range(per_request)]
        texts = [sentences.texts[index] for index in picked]
        query = {"q": texts if per_request > 1 else texts[0]}
        requests.append(_post("/invocations", json.dumps(query, ensure_ascii=False)))
        expected.append([sentences.probabilities[index] for index in picked])

    def parse(answer: Any) -> list[list[float]]:
        rankings = answer if per_request > 1 else [answer]
        return [_by_label(ranking, sentences.labels) for ranking in rankings]

    return Workload(requests, expected, parse)


def predict(sentences: Sentences, model_name: str) -> Workload:
    """The model server's REST predict, one row a request, as the handler sends it."""

    def parse(answer: Any) -> list[list[float]]:
        outputs = answer["outputs"]
        rows: list[list[float]] = (
            outputs if isinstance(outputs, list) else outputs[sentences.output]
        )
        return rows

    def body(inputs: dict[str, list[list[int]]]) -> dict[str, Any]:
        return {"inputs": inputs if len(inputs) > 1 else next(iter(inputs.values()))}

    return rows_of(sentences, f"/v1/models/{model_name}:predict", body, parse)


def rows_of(
    sentences: Sentences,
    path: str,
    body: Callable[[dict[str, list[list[int]]]], Any],
    rows: Callable[[Any], list[list[float]]],
    per_request: int = 1,
) -> Workload:
    """The model's own input, as another server wants it.

    Args:
        body: what is sent as JSON for rows by the signature's keys.
        rows: the probabilities in an answer.
    """
    count = len(sentences.texts)
    requests, expected = [], []
    for start in range(count):
        picked = [(start + step) % count for step in range(per_request)]
        inputs = {key: [all_[at] for at in picked] for key, all_ in sentences.inputs.items()}
        requests.append(_post(path, json.dumps(body(inputs), separators=(",", ":"))))
        expected.append([sentences.probabilities[index] for index in picked])
    return Workload(requests, expected, rows)


def _by_label(ranking: list[dict[str, Any]], labels: list[str]) -> list[float]:
    """A ranking's probabilities in the order of `labels`; it must be ranked."""
    values = [float(entry["prob"]) for entry in ranking]
    if values != sorted(values, reverse=True):
        raise ValueError("not ranked")
    by_label = {entry["label"]: value for entry, value in zip(ranking, values, strict=True)}
    return [by_label[label] for label in labels]


def _post(path: str, body: str) -> bytes:
    content = body.encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content
