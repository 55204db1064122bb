"""An English data set: short reports of three kinds, put together from phrases.

    python3 examples/english/make_data.py 60 build/english
    make dry-run DATASET=build/english VERSION=v2 Q='The soup was cold when it came.'

writes features.csv and labels.csv. It shows what happens to a language that chiVe has no vectors
for; put together as they are, the sentences are easier to tell apart than people's own.
"""

import csv
import itertools
import random
import sys
from pathlib import Path

PHRASES = {
    "delivery": (
        ["the parcel", "my order", "the box", "the courier", "your delivery", "the replacement"],
        ["arrived", "was left outside", "went to the wrong house", "never turned up", "got lost"],
        ["two days late", "without a note", "in the rain", "before the weekend", "on my street"],
    ),
    "meal": (
        ["the soup", "our dinner", "the bread", "the waiter", "my order", "the dessert"],
        ["was cold", "tasted wonderful", "took an hour", "was left on the counter", "came quickly"],
        ["before the weekend", "on the terrace", "with fresh herbs", "in the end", "as promised"],
    ),
    "phone": (
        ["the battery", "my screen", "the signal", "the camera", "the replacement", "this phone"],
        ["died", "went dark", "got lost", "froze again", "works much better"],
        ["in the tunnel", "after the update", "in the rain", "within an hour", "on my street"],
    ),
}
ENDS = ["", " again", " and nobody could say why", " so I called the shop", " which pleased us"]


def sentences(label: str) -> list[str]:
    """All sentences of a label."""
    parts = itertools.product(*PHRASES[label], ENDS)
    return [f"{what.capitalize()} {did} {how}{end}." for what, did, how, end in parts]


def main(rows: int, target: Path) -> None:
    """Writes so many rows, as many of each label."""
    generator = random.Random(1)
    each = -(-rows // len(PHRASES))
    drawn = [
        (text, label) for label in PHRASES for text in generator.sample(sentences(label), each)
    ]
    generator.shuffle(drawn)
    target.mkdir(parents=True, exist_ok=True)
    for place, column in enumerate(("feature", "label")):
        with (target / f"{column}s.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([[column], *([row[place]] for row in drawn[:rows])])


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
