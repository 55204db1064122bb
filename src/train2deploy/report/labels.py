"""A user's labels as a report shows them, whatever they hold."""

import re
from collections.abc import Iterable
from typing import Any

from train2deploy import console

MARKUP = re.compile(r"([\\`*_\[\]<>|~&])")


def plain(text: str) -> str:
    """Plain text as Markdown, for a line or a cell of a table.

    >>> print(plain("a|b *c*"))
    a\\|b \\*c\\*
    """
    return MARKUP.sub(r"\\\1", text)


def readable(content: dict[str, Any]) -> dict[str, Any]:
    """A report's content with its labels on one line, short and still different from each other.

    report.json keeps them as they are.
    """
    details = content["versions"].values()
    golden = content["golden"] or {"article": {}, "ours": {}}
    known = [label for detail in details for label in detail["labels"]]
    known += [label for one in golden["ours"].values() for label in one["probabilities"]]
    name = names([*golden["article"], *known])
    for detail in details:
        detail["labels"] = [name[label] for label in detail["labels"]]
        for row in detail["per_class"]:
            row["label"] = name[row["label"]]
    golden["article"] = {name[label]: value for label, value in golden["article"].items()}
    for one in golden["ours"].values():
        one["probabilities"] = {name[label]: v for label, v in one["probabilities"].items()}
        one["first"] = [name[label] for label in one["first"]]
    return content


def names(labels: Iterable[str]) -> dict[str, str]:
    """How each label is shown; two that look the same get numbers.

    >>> names(["a\\n", "a␊"])
    {'a\\n': 'a␊', 'a␊': 'a␊ (2)'}
    """
    made: dict[str, str] = {}
    for label in labels:
        if label not in made:
            base, number = console.shown(label), 1
            made_of = base
            while made_of in made.values():
                number += 1
                made_of = f"{base} ({number})"
            made[label] = made_of
    return made
