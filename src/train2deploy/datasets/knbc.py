"""KNBC: the blog corpus of Kyoto University and NTT that the article classifies.

Its part `corpus2` has a file for each of four topics: tab-separated, no header, column 1 an id
such as KN001_Keitai_1-1-1-01, column 2 the sentence. `knbc_files` finds and opens the corpus in
whatever form the user has it; the rows are checked here, so every form gives the same ones.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from train2deploy import paths
from train2deploy.datasets import knbc_files
from train2deploy.datasets.knbc_files import CorpusError
from train2deploy.datasets.rows import DataSet, Row

TOPICS = {"Gourmet": "グルメ", "Keitai": "携帯電話", "Kyoto": "京都", "Sports": "スポーツ"}

TITLE = re.compile(r"^［[^］]+］")
"""The first sentence of every article begins with its class in brackets: a leak."""
ONLY_A_URL = re.compile(r"^\s*https?://\S+\s*$")

SAME_CHARACTER = str.maketrans("～∥－￠￡￢￥―", "〜‖−¢£¬¥—")
"""Programs that convert EUC-JP disagree on these; each pair is one character of JIS X 0208."""


@dataclass(frozen=True)
class Content:
    """What the rows must be, without the rows themselves."""

    sha256: str  # of all rows, in the order of TOPICS
    # for each topic the first four hexadecimal digits of each row's sha256, end to end. They
    # tell which row differs.
    rows: Mapping[str, str]

    @classmethod
    def of(cls, rows: list[Row]) -> "Content":
        digests = {topic: _digests(rows, label) for topic, label in TOPICS.items()}
        whole = "".join(digest for topic in TOPICS for digest in digests[topic])
        return cls(
            hashlib.sha256(whole.encode()).hexdigest(),
            {topic: "".join(digest[:4] for digest in digests[topic]) for topic in TOPICS},
        )

    @classmethod
    def recorded(cls) -> "Content":
        """The corpus of version 1.0 (2009-09-25): 4,186 sentences of 249 articles."""
        text = Path(__file__).with_name("knbc_content.json").read_text(encoding="utf-8")
        return cls(**json.loads(text))


def load(
    titles: bool = True,
    clean: bool = False,
    place: Path | None = None,
    content: Content | None = None,
) -> DataSet:
    """Finds or fetches the corpus, checks it and reads it.

    Args:
        titles: keep the title sentences, which name the class.
        clean: drop empty sentences and sentences that are only a URL.
        place: an archive, a folder that holds one, or an unpacked one (KNBC=); None: what is in
            data/raw, else a download.
        content: what the rows must be; None: what is recorded of version 1.0.

    Raises:
        CorpusError: not the corpus, or a row of it was changed; the message names it.
        DownloadFailed: it is not here and could not be fetched.
    """
    content = content or Content.recorded()
    found = (place and knbc_files.find(place)) or place or knbc_files.find() or knbc_files.fetch()
    rows = read(found)
    _check(found, rows, content)
    first_of_article: set[str | None] = set()
    kept = []
    for row in rows:
        is_title = row.group not in first_of_article and bool(TITLE.match(row.text))
        first_of_article.add(row.group)
        if is_title and not titles:
            continue
        if clean and (not row.text.strip() or ONLY_A_URL.match(row.text)):
            continue
        kept.append(row)
    source = {"dataset": "knbc", "content_sha256": content.sha256, "titles": titles, "clean": clean}
    return DataSet(kept, None, source)


def read(place: Path) -> list[Row]:
    """The rows of corpus2, topic by topic, each topic in the order of its file.

    Args:
        place: an archive or a folder that holds the corpus.
    """
    texts = knbc_files.read(place, tuple(f"{topic}.tsv" for topic in TOPICS))
    return [
        row
        for topic, label in TOPICS.items()
        for row in _read_topic(place, f"{topic}.tsv", texts[f"{topic}.tsv"], label)
    ]


def _read_topic(place: Path, name: str, data: bytes, label: str) -> Iterator[Row]:
    lines = csv.reader(
        io.StringIO(_decode(place, name, data), newline=""), delimiter="\t", quoting=csv.QUOTE_NONE
    )
    for cells in lines:
        if not cells:
            continue
        if len(cells) < 2:
            raise CorpusError(
                f"{paths.relative(place)}, corpus2/{name}, line {lines.line_num}: {cells[0]!r} has"
                f" no tab. A line is an id, a tab and a sentence."
            )
        yield Row(cells[0], cells[1], label, group=cells[0].split("-", 1)[0])


def _decode(place: Path, name: str, data: bytes) -> str:
    for encoding in ("utf-8-sig", "euc_jp", "euc_jis_2004"):
        try:
            return data.decode(encoding).translate(SAME_CHARACTER)
        except UnicodeDecodeError:
            continue
    raise CorpusError(
        f"{paths.relative(place)}, corpus2/{name}: neither EUC-JP nor UTF-8 text, the two encodings"
        " that the corpus is published in."
    )


def _digests(rows: list[Row], label: str) -> list[str]:
    return [
        hashlib.sha256("\t".join((row.id, row.label, row.text)).encode()).hexdigest()
        for row in rows
        if row.label == label
    ]


def _check(place: Path, rows: list[Row], expected: Content) -> None:
    found = Content.of(rows)
    if found.sha256 == expected.sha256:
        return
    where, advice = paths.relative(place), "Take an unchanged copy of KNBC v1.0 (2009-09-25)."
    for topic, label in TOPICS.items():
        wanted, present = expected.rows[topic], found.rows[topic]
        members = [row for row in rows if row.label == label]
        for number, row in enumerate(members):
            digits = slice(4 * number, 4 * number + 4)
            if wanted[digits] != present[digits]:
                raise CorpusError(
                    f"{where}, corpus2/{topic}.tsv, row {number + 1}: not the row of the published"
                    f" corpus: {row.id} {row.text!r}. {advice}"
                )
        if len(wanted) != len(present):
            raise CorpusError(
                f"{where}, corpus2/{topic}.tsv: ends after row {len(members):,} of"
                f" {len(wanted) // 4:,}. {advice}"
            )
    raise CorpusError(f"{where}: not the published corpus (sha256 of its rows differs). {advice}")
