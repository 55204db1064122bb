"""What is sent to /invocations: a sentence, or a file (REQUEST=) of any content type (TYPE=)."""

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass

from train2deploy.errors import UserError

JSON = "application/json"
TYPES = {".json": JSON, ".jsonl": "application/jsonlines", ".csv": "text/csv", ".txt": "text/plain"}
"""By the ending of a file's name."""


@dataclass(frozen=True)
class Request:
    """A request."""

    body: bytes
    content_type: str = JSON
    accept: str = ""  # "" sends no Accept
    titles: tuple[str, ...] = ()  # of the answers' rankings, one each


def given(arguments: argparse.Namespace) -> Request | None:
    """The file of REQUEST=, None where none is given."""
    file, kind = arguments.request, arguments.type
    if file is None:
        return None
    kind = kind or TYPES.get(file.suffix.lower(), "")
    if not kind:
        raise UserError(
            f"REQUEST={file}: expected its content type, too: TYPE=text/csv or another."
        )
    try:
        body = file.read_bytes()
    except OSError as error:
        raise UserError(f"REQUEST={file}: expected a file: {error.strerror}.") from error
    return Request(body, kind, arguments.accept, _sentences(body) or (file.name,))


def asked(arguments: argparse.Namespace) -> Request:
    """The file of REQUEST=, else Q=: a sentence, or with TYPE= the body itself."""
    request, text = given(arguments), arguments.sentence
    if request:
        return request
    if not text.strip():
        raise UserError("Q: expected a sentence, found nothing. For instance Q='電波が悪い'.")
    try:
        body = text.encode()
    except UnicodeEncodeError as error:
        raise UserError("Q: expected UTF-8, found other bytes.") from error
    if arguments.type:
        return Request(body, arguments.type, arguments.accept, (text,))
    return sentences(text, arguments.accept)


def sentences(query: str | list[str], accept: str = "") -> Request:
    """One sentence, or several, as the article's client sends one."""
    body = json.dumps({"q": query}, ensure_ascii=False).encode()
    return Request(body, JSON, accept, (query,) if isinstance(query, str) else tuple(query))


def askable(texts: Iterable[str]) -> list[str]:
    """Texts as our handler takes them: it refuses an empty sentence, and corpora have a few.

    >>> askable(["抹茶", " "])
    ['抹茶', '。']
    """
    return [text if text.strip() else "。" for text in texts]


def _sentences(body: bytes) -> tuple[str, ...]:
    try:
        query = json.loads(body)["q"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()
    query = query if isinstance(query, list) else [query]
    return tuple(query) if all(isinstance(text, str) for text in query) else ()
