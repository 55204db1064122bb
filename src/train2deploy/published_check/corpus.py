"""What the articles state of the corpus. Of its sentences only hashes stand here."""

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence

from train2deploy.datasets import knbc
from train2deploy.datasets.rows import Row
from train2deploy.published_check.lines import Line, compared, digest
from train2deploy.report.catalogue import Published

HEADS = {
    "Gourmet": ("aabec144a00b80f8", "c3a33c98987ec7e1", "26051dc2f280267a", "88a940fe11e0cc4d",
                "6a2ac3d61bd54018"),
    "Keitai": ("9882f1e229bba379", "3e149872317e6112", "32c38ccf7249d59b", "a0d76d14becdc533",
               "a9652f7e2525131b"),
    "Kyoto": ("e38b7aedcb587b6c", "fd5f26c952f7e39c", "3af91273e34c3310", "c707b456fe8f39c8",
              "df3b5e66a1ed00ae"),
    "Sports": ("1aaf0466a8b53b21", "e0e6c3f178281c62", "c909b668b57833ba", "94d03577f6a26829",
               "3c3623cda64b0586"),
}  # fmt: skip
"""The first five sentences of each file as printed: what is longer than 50 characters was cut."""
TAIL = ("fb48a007e61218ca", "1cfa114e79250211", "085bcf038b0366c0", "53f684598ab4bfbc",
        "e4c3f38337f552a9")  # fmt: skip
"""Rows 4181 to 4185."""
TRAINING = (
    ("8d62a5f150a962a6", "京都"), ("6b72dca9d75eafdc", "京都"), ("18206f8098b1fb48", "携帯電話"),
    ("61fec953b6236cce", "携帯電話"), ("91337a81cc12da94", "携帯電話"),
    ("886cada89d82698e", "携帯電話"),
)  # fmt: skip
"""Rows 0 to 5 of the training file of test set A."""
TEST_ROW_83 = "KN238_Gourmet_2-1-11-01"
TEST_ROW_83_DIGEST = "5bb36e85bc7ec819"
SHOWN, DOTS = 50, 3
"""pandas prints so many characters of a cell, the last three of a longer one as dots."""
STARTS_WITH_HTTP = re.compile(r"^http.*$")


def lines(rows: Sequence[Row], published: Published) -> Iterator[Line]:
    """Section 1.

    Args:
        rows: of the corpus, in the order of knbc.TOPICS.
    """
    counts = dict.fromkeys(knbc.TOPICS.values(), 0)
    for row in rows:
        counts[row.label] += 1
    yield compared("sentences", 4186, len(rows))
    stated = {"グルメ": 888, "携帯電話": 1278, "京都": 1498, "スポーツ": 522}
    yield compared("classes", stated, counts)
    yield _heads(rows)
    yield _rows("head-and-tail", rows, [*HEADS["Gourmet"], *TAIL], [*range(5), *range(4181, 4186)])
    longest = max(len(row.text) for row in rows)
    holders = [row.id for row in rows if len(row.text) == longest]
    yield Line("longest", (longest, holders) == (228, ["KN033_Keitai_1-1-19-01"]), str(longest))
    yield _training_rows(rows)
    of_83 = [row for row in rows if _folded(row.text) == TEST_ROW_83_DIGEST]
    held = [(row.id, row.label) for row in of_83] == [(TEST_ROW_83, "グルメ")]
    yield Line("test-row", held, ", ".join(row.id for row in of_83))
    yield from _splits(len(rows))
    dropped = sum(not row.text.strip() or bool(STARTS_WITH_HTTP.match(row.text)) for row in rows)
    yield Line("filter", dropped == 0, str(dropped))
    yield from _out_of_vocabulary(rows, published)


def _folded(text: str) -> str:
    """The digest of a sentence, its ambiguous characters folded."""
    return digest(text.translate(knbc.SAME_CHARACTER))


def _printed(text: str) -> str:
    return text if len(text) < SHOWN else text[: SHOWN - DOTS - 1]


def _heads(rows: Sequence[Row]) -> Line:
    held = 0
    for topic, digests in HEADS.items():
        head = [row for row in rows if row.label == knbc.TOPICS[topic]][: len(digests)]
        held += sum(
            _folded(_printed(row.text)) == one for row, one in zip(head, digests, strict=False)
        )
    return Line("heads", held == 20, f"{held} / 20")


def _rows(statement: str, rows: Sequence[Row], digests: list[str], places: list[int]) -> Line:
    there = [rows[place].text if place < len(rows) else "" for place in places]
    held = sum(_folded(text) == one for text, one in zip(there, digests, strict=True))
    return Line(statement, held == len(places), f"{held} / {len(places)}")


def _training_rows(rows: Sequence[Row]) -> Line:
    known = {(_folded(row.text), row.label) for row in rows}
    held = sum(row in known for row in TRAINING)
    return Line("training-rows", held == len(TRAINING), f"{held} / {len(TRAINING)}")


def _splits(n: int) -> Iterator[Line]:
    """scikit-learn rounds the test sentences up, Keras the training sentences down."""
    for statement, stated, share in (
        ("split-10", (3767, 419), 0.1),
        ("split-20", (3348, 838), 0.2),
    ):
        test = math.ceil(n * share)
        yield compared(statement, stated, (n - test, test))
    train = int((n - math.ceil(n * 0.1)) * (1 - 0.1))
    yield compared("split-keras", (3390, 377), (train, n - math.ceil(n * 0.1) - train))


def _out_of_vocabulary(rows: Sequence[Row], published: Published) -> Iterator[Line]:
    """As often as the article lists it, each stands in the corpus (in compatibility form)."""
    texts = [unicodedata.normalize("NFKC", row.text) for row in rows]
    for model in published.models:
        if not model.out_of_vocabulary:
            continue
        total = sum(model.out_of_vocabulary.values())
        stated = {"comp-corpus-wikipedia": 45, "comp-corpus-bccwj": 3}[model.id]
        yield compared("unknown-total", stated, total, model.id)
        # A piece that begins a word is one of a tokenizer that is gone.
        whole = {t: n for t, n in model.out_of_vocabulary.items() if not t.startswith("▁")}
        found = {t: sum(text.count(t) for text in texts) for t in whole}
        held = sum(found[t] == n for t, n in whole.items())
        yield Line("unknown-tokens", found == whole, f"{held} / {len(whole)}", model.id)
        if len(whole) < len(model.out_of_vocabulary):
            yield Line("unknown-pieces", None, model=model.id)
