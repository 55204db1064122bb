"""A statement of an article, and whether it holds."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train2deploy.report.catalogue import Published
from train2deploy.texts import LANGUAGES
from train2deploy.toml import tomllib

STATEMENTS = Path(__file__).with_name("statements.toml")


@dataclass(frozen=True)
class Line:
    """One tick."""

    statement: str  # its key in statements.toml
    # None where it cannot be checked; statements.toml says why
    holds: bool | None
    found: str = ""  # what came out here
    model: str | None = None  # id of the published model that it is about, where it is about one


def compared(statement: str, stated: Any, found: Any, model: str | None = None) -> Line:
    """Holds where what was found is what the article states."""
    return Line(statement, stated == found, _text(found), model)


def digest(text: str) -> str:
    """What stands here for a text that is printed in an article and not ours to print."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def described(line: Line, published: Published) -> dict[str, Any]:
    """The line for the report's JSON: with its article, and in words.

    Raises:
        KeyError: statements.toml has not the statement.
    """
    entry = statements()[line.statement]
    model = published.model(line.model) if line.model else None
    article = model.article.id if model else entry["article"]
    return {
        "id": f"{line.statement}/{line.model}" if line.model else line.statement,
        "section": entry["section"],
        "article": article,
        "statement": {
            language: (f"{model.name[language]}: " if model else "") + entry[language]
            for language in LANGUAGES
        },
        "holds": line.holds,
        "found": line.found,
        "reason": dict(entry.get("reason", {})) if line.holds is None else {},
    }


def statements() -> Mapping[str, Mapping[str, Any]]:
    """Section, article and words of each statement, by key."""
    found: Mapping[str, Mapping[str, Any]] = tomllib.loads(STATEMENTS.read_text(encoding="utf-8"))
    return found


def _text(found: Any) -> str:
    if isinstance(found, list | tuple):
        return ", ".join(map(_text, found))
    if isinstance(found, dict):
        return ", ".join(f"{key} {_text(value)}" for key, value in found.items())
    return f"{found:,}" if type(found) is int else str(found)
