"""KNBC: the blog corpus of Kyoto University and NTT that the article classifies.

The official archive holds `corpus2/{Gourmet,Keitai,Kyoto,Sports}.tsv`: tab-separated,
no header, column 1 an id such as KN001_Keitai_1-1-1-01, column 2 the sentence. It
comes in EUC-JP and in UTF-8; both give the same rows.
"""

import csv
import io
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

from train2deploy import downloads, paths
from train2deploy.datasets.rows import DataSet, Row
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file

TOPICS = {"Gourmet": "グルメ", "Keitai": "携帯電話", "Kyoto": "京都", "Sports": "スポーツ"}

TITLE = re.compile(r"^［[^］]+］")
"""The first sentence of every article begins with its class in brackets: a leak."""
ONLY_A_URL = re.compile(r"^\s*https?://\S+\s*$")

# The two archives were converted with different tables; these pairs are one character.
SAME_CHARACTER = str.maketrans("～∥－￠￡￢―", "〜‖−¢£¬—")


@dataclass(frozen=True)
class Release:
    """An archive that is accepted: by its sha256, or, where none is published, by its counts."""

    name: str
    url: str
    sha256: str | None
    sentences: int | None
    articles: int | None


OFFICIAL = (
    Release(
        "KNBC_v1.0_090925.tar.bz2",
        "http://nlp.ist.i.kyoto-u.ac.jp/kuntt/KNBC_v1.0_090925.tar.bz2",
        "eae5f629335f0a8f5651653429c3a491d9d9c221b2bbfa3b3289028c9a146747",
        4186,
        249,
    ),
    Release(
        "KNBC_v1.0_090925_utf8.tar.bz2",
        "http://nlp.ist.i.kyoto-u.ac.jp/kuntt/KNBC_v1.0_090925_utf8.tar.bz2",
        None,
        4186,
        249,
    ),
)


class CorpusError(UserError):
    """The archive is not the corpus."""


def load(titles: bool = True, clean: bool = False, release: Release | None = None) -> DataSet:
    """Fetches (or takes from data/raw), verifies and reads the corpus.

    Args:
        titles: keep the title sentences, which name the class.
        clean: drop empty sentences and sentences that are only a URL.
        release: None takes the official EUC-JP archive, or the UTF-8 one where
            only that was laid into data/raw.
    """
    release = release or next(
        (known for known in OFFICIAL if (paths.RAW / known.name).exists()), OFFICIAL[0]
    )
    archive = downloads.fetch(release.url, paths.RAW / release.name, release.sha256)
    rows = read_archive(archive)
    _check_counts(archive, rows, release)
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
    source = {
        "dataset": "knbc",
        "archive_sha256": sha256_file(archive),
        "titles": titles,
        "clean": clean,
    }
    return DataSet(kept, None, source)


def read_archive(archive: Path) -> list[Row]:
    """The rows of the four files of corpus2/, in the archive's own order of topics and lines.

    Nothing is written to disk. Raises CorpusError where a file or a column is missing.
    """
    rows: list[Row] = []
    try:
        with tarfile.open(archive) as tar:
            members = {
                Path(member.name).name: member
                for member in tar.getmembers()
                if member.isfile() and "/corpus2/" in f"/{member.name}"
            }
            for topic, label in TOPICS.items():
                if f"{topic}.tsv" not in members:
                    raise CorpusError(
                        f"{paths.relative(archive)}: expected corpus2/{topic}.tsv in it, found"
                        f" {sorted(members)}. Fetch the official archive."
                    )
                member = tar.extractfile(members[f"{topic}.tsv"])
                assert member is not None, "a listed regular file can be opened"
                rows += _read_topic(archive, f"{topic}.tsv", _decode(member.read()), label)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise CorpusError(
            f"{paths.relative(archive)}: expected a tar archive, found a broken one ({error})."
        ) from error
    return rows


def _read_topic(archive: Path, name: str, text: str, label: str) -> list[Row]:
    rows = []
    table = csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    for number, cells in enumerate(table, start=1):
        if not cells:
            continue
        if len(cells) < 2:
            raise CorpusError(
                f"{paths.relative(archive)}, corpus2/{name}, line {number}: expected an id, a tab"
                f" and a sentence, found {cells[0]!r}."
            )
        rows.append(Row(cells[0], cells[1], label, group=cells[0].split("-", 1)[0]))
    return rows


def _decode(data: bytes) -> str:
    for encoding in ("utf-8", "euc_jp", "euc_jis_2004"):
        try:
            return data.decode(encoding).translate(SAME_CHARACTER)
        except UnicodeDecodeError:
            continue
    raise CorpusError("corpus2: expected text in EUC-JP or UTF-8, found neither.")


def _check_counts(archive: Path, rows: list[Row], release: Release) -> None:
    articles = len({row.group for row in rows})
    found, expected = (len(rows), articles), (release.sentences, release.articles)
    if release.sentences is not None and found != expected:
        raise CorpusError(
            f"{paths.relative(archive)}: expected {expected[0]:,} sentences in {expected[1]}"
            f" articles, found {found[0]:,} in {found[1]}. Fetch the official archive."
        )
