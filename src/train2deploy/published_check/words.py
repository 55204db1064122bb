"""What the articles state of words: how long a sentence is in them, and which they are."""

from collections.abc import Callable, Iterator, Sequence

from train2deploy.datasets import words
from train2deploy.datasets.rows import Row
from train2deploy.errors import UserError
from train2deploy.published_check.lines import Line, compared, digest

LONGEST = ("KN033_Keitai_1-1-19-01", 128)
FIRST_WORDS = ("70f05e4ec7021d70", "0b6253eaf83bac37", "80e14bf12fd75ae2")
"""The first ten words of the third to the fifth sentence, as printed: hashes of them."""
ANSWERED = ("みんな で サッカー を し た", "夕食 は 焼肉 だ", "DOCOMO の 最新 機種 だ")
"""The sentences that an article has answered, in the words that it prints."""
CUT = ("longest-words", "cut-words", "cut-answered")
NEEDS_NEOLOGD = "cut-words-neologd"


def lines(rows: Sequence[Row]) -> Iterator[Line]:
    """None of them can be checked where the tokenizers are not installed."""
    try:
        janome, sudachi = (tokenizer.cutter() for tokenizer in words.TOKENIZERS.values())
    except UserError:
        yield from (Line(statement, None) for statement in CUT)
    else:
        yield from _lines(rows, janome, sudachi)
    yield Line(NEEDS_NEOLOGD, None)


def _lines(
    rows: Sequence[Row], janome: Callable[[str], str], sudachi: Callable[[str], str]
) -> Iterator[Line]:
    cut = [janome(row.text).split(words.BETWEEN) for row in rows]
    longest, holder = max((len(found), row.id) for found, row in zip(cut, rows, strict=True))
    yield Line("longest-words", (holder, longest) == LONGEST, str(longest))
    first = (digest(" ".join(found[:10])) for found in cut[2:])
    held = [found == one for found, one in zip(first, FIRST_WORDS, strict=False)]
    yield Line("cut-words", held == [True] * 3, f"{sum(held)} / 3")
    found = [sudachi(said.replace(" ", "")).replace(words.BETWEEN, " ") for said in ANSWERED]
    yield compared("cut-answered", list(ANSWERED), found)
