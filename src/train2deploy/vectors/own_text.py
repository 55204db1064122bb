"""Text that ready-made vectors do not fit, such as English: found out, and learnt from instead."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from pathlib import Path

from train2deploy import versions
from train2deploy.datasets import channels, directory
from train2deploy.vectors import ginza

LAYOUT = 1  # raised where `enlarge` comes to write other lines for the same text
LINES = 2000
"""A shorter text is read several times: word2vec reads five times and leaves out what is rare."""
FITTING = 0.5  # the share of tokens with a vector from which on ready-made vectors are taken
WORD = re.compile(r"[^\W\d_]+")
RUN_OF_JAPANESE = re.compile("([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff々〆]+)")
"""What has no spaces between words, and is cut by the words that are known."""
LONGEST = 20


def choose(version: str, data: Path) -> tuple[str, str]:
    """What VECTORS is where it is not given.

    Args:
        data: a data set as `datasets.channels` writes it.

    Returns:
        The kind, and a line for the user ("" where there is nothing to say): the version's kind,
        or `corpus` where fewer than half of the tokens in train/ have a vector of that kind.
    """
    kind = versions.vectors_of(version)
    name = str(channels.facts(data).get("dataset", ""))
    is_own = name and name not in directory.RESERVED
    if not is_own or channels.cut_by(data):
        return kind, ""
    package = ginza.PACKAGES.get(kind, ginza.CHIVE)
    words = (ginza.words(package) / "words.txt").read_text(encoding="utf-8").split("\n")
    known, total = count((row.text for row in channels.read(data / "train")), set(words))
    if known >= FITTING * total:
        return kind, ""
    found = f"{known:,} of {total:,} tokens of {name}'s training rows have a {package.kind} vector"
    if kind not in ginza.PACKAGES:
        return kind, f"{found}: {version} reads Japanese. VERSION=v2 learns from any language."
    return "corpus", (
        f"{found}, so tokenizer and vectors are learnt from these rows themselves (VECTORS=corpus)."
        f" VECTORS={kind} takes the others all the same."
    )


def count(texts: Iterable[str], words: Set[str]) -> tuple[int, int]:
    """How many tokens have a vector, and how many there are.

    >>> count(["The phone: 圏外の電波", "圏外"], {"phone", "電波", "の", "圏", "外", "圏外"})
    (5, 6)
    """
    found = [token in words for text in texts for token in tokens(text, words)]
    return sum(found), len(found)


def tokens(text: str, words: Set[str]) -> Iterator[str]:
    """Words between spaces and punctuation; of Japanese, the longest known from the left."""
    for word in WORD.findall(text.lower()):
        for part in filter(None, RUN_OF_JAPANESE.split(word)):
            if not RUN_OF_JAPANESE.match(part):
                yield part
                continue
            start = 0
            while start < len(part):
                ends = range(min(len(part), start + LONGEST), start + 1, -1)
                end = next((end for end in ends if part[start:end] in words), start + 1)
                yield part[start:end]
                start = end


def enlarge(path: Path) -> None:
    """Makes a file of sentences, a line each, large enough to learn words and vectors from.

    SentencePiece takes a whole word for a piece only where it is part of two different ones. So
    each word that is not rare stands at the end of the text, alone and with a comma.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    times = -(-LINES // max(len(lines), 1))
    counts = Counter(word for line in lines for word in WORD.findall(line))
    pairs = [f"{word} {word}," for word, number in counts.items() if times * number > 1]
    path.write_text("\n".join([*lines * times, *pairs]) + "\n", encoding="utf-8")
