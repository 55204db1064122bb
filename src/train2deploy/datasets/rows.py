"""What a data set is: labelled sentences with ids."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from train2deploy.errors import UserError


class InvalidDataSet(UserError):
    """Files do not hold what was expected; the message names file, row and column."""


@dataclass(frozen=True)
class Row:
    """One labelled sentence."""

    id: str  # unique in its data set; splits are stored as ids
    text: str
    label: str
    group: str | None = None  # the article that the sentence is from, where that is known


@dataclass(frozen=True)
class DataSet:
    """Rows, and which of them are held out, where the data set itself says so."""

    rows: list[Row]
    test_ids: frozenset[str] | None  # the held-out rows, or None: `split` draws them
    # facts for the manifest (name, hashes, options)
    source: dict[str, Any] = field(default_factory=dict)
    # what is probably a mistake, but need not be: a line each for the user
    notes: tuple[str, ...] = ()
    place: Path | None = None  # the user's directory, where it is one
