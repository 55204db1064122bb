"""datasets.knbc_files: the corpus has the same content in every form that a user may have."""

from collections.abc import Callable
from pathlib import Path

import pytest
from corpus import RELEASE, TOPICS, files, folder_of, tar_of, zip_of

from train2deploy import paths
from train2deploy.datasets import knbc, knbc_files
from train2deploy.datasets.knbc import Content

FORMS: dict[str, Callable[[Path], Path]] = {
    "official, EUC-JP": lambda raw: tar_of(raw / f"{RELEASE}.tar.bz2", files()),
    "official, UTF-8": lambda raw: tar_of(
        raw / f"{RELEASE}_utf8.tar.bz2", files(encoding="utf-8", release=f"{RELEASE}_utf8")
    ),
    "NLTK's zip": lambda raw: zip_of(raw / "knbc.zip", files(release="knbc")),
    "unpacked": lambda raw: folder_of(raw, files()) / RELEASE,
    "unpacked zip": lambda raw: folder_of(raw, files(release="knbc")) / "knbc",
    "gzip, any name": lambda raw: tar_of(raw / "mine.tgz", files(), "w:gz"),
    "without a folder": lambda raw: tar_of(
        raw / "bare.tar", {k.removeprefix(f"{RELEASE}/"): v for k, v in files().items()}, "w"
    ),
    "its corpus2 alone": lambda raw: folder_of(raw, files()) / RELEASE / "corpus2",
    "beside a Mac's shadows": lambda raw: zip_of(
        raw / "mac.zip", files() | {f"__MACOSX/{k}".replace("2/", "2/._"): b"\0" for k in files()}
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_content(project: Path, tmp_path: Path, form: str):
    expected = knbc.read(tar_of(tmp_path / "expected.tar.bz2", files()))
    rows = knbc.load(place=FORMS[form](tmp_path / "here"), content=Content.of(expected)).rows
    assert rows == expected


@pytest.mark.parametrize("form", ["official, EUC-JP", "official, UTF-8", "NLTK's zip", "unpacked"])
def test_what_lies_in_data_raw_is_found_by_its_name(project: Path, form: str):
    place = FORMS[form](paths.RAW)
    assert knbc_files.find() == place


def test_a_folder_that_holds_an_archive_is_as_good_as_the_archive(project: Path, tmp_path: Path):
    archive = FORMS["official, UTF-8"](tmp_path / "here")
    content = Content.of(knbc.read(archive))
    assert knbc.load(place=archive.parent, content=content).rows == knbc.read(archive)


def jis_x_0208() -> bytes:
    """Every character of it, in EUC-JP."""

    def exists(pair: bytes) -> bool:
        try:
            pair.decode("euc_jp")
        except UnicodeDecodeError:
            return False
        return True

    pairs = [bytes([high, low]) for high in range(0xA1, 0xF5) for low in range(0xA1, 0xFF)]
    return b"".join(filter(exists, pairs))


# Programs that convert EUC-JP disagree on a few characters.
TABLES = {
    "Python's": lambda data: data.decode("euc_jp"),
    "JIS X 0213's": lambda data: data.decode("euc_jis_2004"),
    "Microsoft's": lambda data: data.decode("euc_jp").encode("shift_jis").decode("cp932"),
    "with a yen sign": lambda data: data.decode("euc_jp").replace("￥", "¥"),
    "with a byte order mark": lambda data: data.decode("euc_jp"),
}


@pytest.mark.parametrize("table", TABLES)
def test_every_character_is_the_same_whatever_table_wrote_the_utf_8(tmp_path: Path, table: str):
    characters = jis_x_0208()
    assert len(characters) == 2 * 6879
    names = [f"KNBC/corpus2/{topic}.tsv" for topic in TOPICS]
    start = "\ufeff" if table == "with a byte order mark" else ""
    converted = f"{start}KN001_Keitai_1-1-1-01\t{TABLES[table](characters)}\t\n".encode()
    original = b"KN001_Keitai_1-1-1-01\t" + characters + b"\t\n"
    utf8 = folder_of(tmp_path / "utf8", dict.fromkeys(names, converted))
    euc_jp = folder_of(tmp_path / "euc", dict.fromkeys(names, original))
    assert knbc.read(utf8) == knbc.read(euc_jp)


def test_characters_beyond_jis_x_0208_are_read(tmp_path: Path):
    place = folder_of(tmp_path, files(sentences=["①『㌔』"], encoding="euc_jis_2004"))
    assert {row.text for row in knbc.read(place)} == {"①『㌔』"}
