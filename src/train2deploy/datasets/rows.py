"""What a data set is: labelled sentences with ids."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from train2deploy.errors import UserError


class InvalidDataSet(UserError):
    """Files do not hold what was expected; the message names file, row and column."""


@dataclass(frozen=True)
class Row:
    """One labelled sentence.

    Attributes:
        id: unique in its data set; splits are stored as ids.
        group: the article that the sentence is from, where that is known.
    """

    id: str
    text: str
    label: str
    group: str | None = None


@dataclass(frozen=True)
class DataSet:
    """Rows, and which of them are held out, where the data set itself says so.

    Attributes:
        test_ids: the held-out rows, or None: `split` draws them.
        source: facts for the manifest (name, hashes, options).
        notes: what is probably a mistake, but need not be: a line each for the user.
        place: the user's directory, where it is one.
    """

    rows: list[Row]
    test_ids: frozenset[str] | None
    source: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    place: Path | None = None
