"""Runs the check: prints a line a statement, and writes build/published-check.json."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from train2deploy import console, manifest, paths
from train2deploy.datasets import knbc
from train2deploy.datasets.rows import Row
from train2deploy.errors import JobFailed
from train2deploy.published_check import arithmetic, corpus, parameters, pieces, vectors, words
from train2deploy.published_check.lines import Line, described
from train2deploy.report import published
from train2deploy.report.catalogue import Published
from train2deploy.runtimes import TrainingRuntime
from train2deploy.texts import load
from train2deploy.vectors import tokenizer

FILE = "published-check.json"
SIGNS = {True: "✓", False: "✗", None: "–"}
SECTIONS = ("corpus", "tokens", "parameters", "arithmetic")


def check(place: Path | None, tokenizer_name: str, runtime: TrainingRuntime, language: str) -> None:
    """Recomputes what the articles state.

    Args:
        place: where the corpus is (KNBC=); None: what is in data/raw, else a download.
        tokenizer_name: see `tokenizer.find`; "" is the author's.
        runtime: where SentencePiece is.
        language: of what is printed; the file has both.

    Raises:
        JobFailed: a statement does not hold.
    """
    known = published.read()
    rows = knbc.load(place=place).rows
    model = tokenizer.find(tokenizer_name or tokenizer.AUTHOR, place)
    assert model, "a name was given"
    found = summary(list(lines(rows, model, runtime, known)), known)
    manifest.write_json(paths.BUILD / FILE, found)
    for line in printed(found, language):
        console.say(line)
    if found["fails"]:
        raise JobFailed(
            f"{found['fails']} of the published statements do not hold (✗);"
            f" {paths.relative(paths.BUILD / FILE)} has them."
        )


def lines(
    rows: Sequence[Row], model: Path, runtime: TrainingRuntime, known: Published
) -> Iterator[Line]:
    """All sections, in the order of SECTIONS."""
    yield from corpus.lines(rows, known)
    yield from pieces.lines(rows, model, runtime, known)
    yield from words.lines(rows)
    yield from vectors.lines()
    yield from parameters.lines(known)
    yield from arithmetic.lines(known)


def summary(found: Sequence[Line], known: Published) -> dict[str, Any]:
    """What the file holds: the lines, and how many there are of each kind."""
    signs = [line.holds for line in found]
    return {
        "lines": [described(line, known) for line in found],
        "holds": signs.count(True),
        "fails": signs.count(False),
        "unchecked": signs.count(None),
    }


def printed(found: dict[str, Any], language: str) -> Iterator[str]:
    """The table as lines of text."""
    t = load(language)
    for section in SECTIONS:
        yield t(f"check_{section}")
        for line in found["lines"]:
            if line["section"] != section:
                continue
            rest = line["reason"].get(language) or line["found"]
            yield f"  {SIGNS[line['holds']]} {line['statement'][language]}" + (
                f": {rest}" if rest else ""
            )
    counts = {name: found[name] for name in ("holds", "fails", "unchecked")}
    yield t("check_summary", **counts)
