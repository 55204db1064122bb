"""Whether the labels of a directory can be learnt, and whether two of them are meant to be one.

Two labels that a reader cannot tell apart (white space at an end, another kind of space, invisible
characters, composed and decomposed letters) are a mistake. Two that differ in letter case or width
only may be meant so: US and us. These get a note.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from train2deploy.datasets.rows import InvalidDataSet

INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200e\u200f\u2060\ufeff"))


@dataclass(frozen=True)
class Label:
    """A label where it stands."""

    text: str
    path: Path
    row: int

    @property
    def where(self) -> str:
        return f"{self.path}, row {self.row}, column 'label'"


def check(train: list[Label], test: list[Label]) -> tuple[str, ...]:
    """Notes on labels that are probably meant to be one.

    Raises:
        InvalidDataSet: two labels look the same, there is only one, one has a single row, or one
            of the test rows is unknown to the training rows.
    """
    _check_looks([*train, *test])
    _check_counts(train)
    known = {label.text for label in train}
    unknown = next((label for label in test if label.text not in known), None)
    if unknown:
        raise InvalidDataSet(
            f"{unknown.where}: expected a label that train/ has too, found {unknown.text!r}."
            " Add training rows of it or remove the row."
        )
    return tuple(
        f"{rare.where}: {rare.text!r} and {usual.text!r} ({usual.path.name}, row {usual.row})"
        " are two labels. Write them alike if they are meant to be one."
        for usual, rare in _pairs([*train, *test], _folded)
    )


def _check_looks(labels: list[Label]) -> None:
    for usual, rare in _pairs(labels, _look):
        there = f"{usual.path}, row {usual.row}"
        raise InvalidDataSet(
            f"{rare.where}: {_visible(rare.text)} differs from {_visible(usual.text)} ({there})"
            f" only by {_difference(rare.text, usual.text)}. Write both alike."
        )


def _check_counts(train: list[Label]) -> None:
    counts = Counter(label.text for label in train)
    if len(counts) < 2:
        raise InvalidDataSet(
            f"{train[0].path}, column 'label': expected at least 2 different labels, found"
            f" {sorted(counts)}. Add rows of another label."
        )
    for label in train:
        if counts[label.text] < 2:
            raise InvalidDataSet(
                f"{label.where}: expected at least 2 rows of each label,"
                f" found 1 of {label.text!r}. Add rows or remove the label."
            )


def _pairs(labels: list[Label], key: Callable[[str], str]) -> list[tuple[Label, Label]]:
    """Of labels with one key the most frequent, and with it each other one, as first found."""
    counts = Counter(label.text for label in labels)
    first = {label.text: label for label in reversed(labels)}
    groups: dict[str, list[str]] = defaultdict(list)
    for text in counts:
        groups[key(text)].append(text)
    pairs = []
    for group in groups.values():
        usual, *others = sorted(group, key=lambda text: (-counts[text], text != _look(text)))
        pairs += [(first[usual], first[text]) for text in others]
    return pairs


def _look(text: str) -> str:
    """What a reader sees of a label.

    >>> _look("京都\\u3000"), _look("New\\xa0 York")
    ('京都', 'New York')
    """
    return " ".join(unicodedata.normalize("NFC", text).translate(INVISIBLE).split())


def _folded(text: str) -> str:
    """The same without letter case and width.

    >>> _folded("ＮＥＷＳ"), _folded("ﾆｭｰｽ")
    ('news', 'ニュース')
    """
    return _look(unicodedata.normalize("NFKC", text)).casefold()


def _difference(a: str, b: str) -> str:
    if a.strip() == b.strip():
        return "white space at its ends"
    if unicodedata.normalize("NFC", a) == unicodedata.normalize("NFC", b):
        return "how its characters are composed"
    if a.translate(INVISIBLE).strip() == b.translate(INVISIBLE).strip():
        return "invisible characters"
    return "white space or invisible characters"


def _visible(text: str) -> str:
    """A literal that shows invisible and combining characters, too.

    >>> _visible("京都\\u3000"), _visible("か\\u3099")
    ("'京都\\\\u3000'", "'か\\\\u3099'")
    """
    return "".join(
        f"\\u{ord(one):04x}" if unicodedata.combining(one) else one for one in repr(text)
    )
