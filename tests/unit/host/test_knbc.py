"""datasets.knbc on small archives in the layout of the official one."""

import hashlib
import io
import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from file_server import FileServer

from train2deploy import downloads, paths
from train2deploy.datasets import channels, knbc
from train2deploy.datasets.knbc import CorpusError, Release

TOPICS = {"Gourmet": "グルメ", "Keitai": "携帯電話", "Kyoto": "京都", "Sports": "スポーツ"}

SENTENCES = [
    "［{label}］その話。",
    "電波が悪い。",
    "今日は〜、とても疲れた。",
    "",
    "http://www.example.com/a?b=c",
    '"引用"は"そのまま"',
    "［括弧］で始まる普通の文。",
]


def corpus(articles: int = 3, sentences: list[str] = SENTENCES) -> dict[str, str]:
    """Text of the four files: an id, a sentence and columns of annotations."""
    texts = {}
    for offset, (topic, label) in enumerate(TOPICS.items()):
        lines = [
            f"KN{article + 100 * offset:03d}_{topic}_{article}-1-{number}-01"
            f"\t{sentence.format(label=label)}\t[著者]\t批評+\t\n"
            for article in range(1, articles + 1)
            for number, sentence in enumerate(sentences, start=1)
        ]
        texts[f"KNBC_v1.0_090925/corpus2/{topic}.tsv"] = "".join(lines)
    texts["KNBC_v1.0_090925/corpus1/KN001_Keitai_1/KN001_Keitai_1-1-1-01"] = "# 解析\n"
    texts["KNBC_v1.0_090925/README"] = "説明\n"
    return texts


def archive_of(path: Path, texts: dict[str, str], encoding: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:bz2") as tar:
        for name, text in texts.items():
            data = text.encode(encoding)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def euc(path: Path, texts: dict[str, str] | None = None) -> Path:
    return archive_of(path, texts or corpus(), "euc_jp")


def release_of(path: Path, sentences: int | None = None, articles: int | None = None) -> Release:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Release(path.name, "http://127.0.0.1:9/never-asked", digest, sentences, articles)


def refusal(path: Path, release: Release | None = None) -> str:
    with pytest.raises(CorpusError) as caught:
        knbc.load(release=release or release_of(path))
    return str(caught.value)


@pytest.fixture
def archive(project: Path) -> Path:
    return euc(paths.RAW / "made.tar.bz2")


def test_rows_hold_id_sentence_label_and_article(archive: Path):
    rows = knbc.load(release=release_of(archive, 84, 12)).rows
    assert len(rows) == 84
    first, second = rows[0], rows[1]
    assert (first.id, first.text) == ("KN001_Gourmet_1-1-1-01", "［グルメ］その話。")
    assert (second.text, second.label, second.group) == (
        "電波が悪い。",
        "グルメ",
        "KN001_Gourmet_1",
    )
    assert Counter(row.label for row in rows) == dict.fromkeys(TOPICS.values(), 21)
    assert len({row.group for row in rows}) == 12


def test_quotes_are_characters_like_others(archive: Path):
    assert '"引用"は"そのまま"' in {row.text for row in knbc.load(release=release_of(archive)).rows}


def test_euc_jp_and_utf_8_give_the_same_rows(archive: Path):
    utf8 = archive_of(paths.RAW / "utf8.tar.bz2", corpus(), "utf-8")
    rows = [knbc.load(release=release_of(path)).rows for path in (archive, utf8)]
    assert rows[0] == rows[1]


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
}


@pytest.mark.parametrize("table", TABLES)
def test_every_character_is_the_same_whatever_table_wrote_the_utf_8(project: Path, table: str):
    characters = jis_x_0208()
    assert len(characters) == 2 * 6879
    names = [f"KNBC/corpus2/{topic}.tsv" for topic in TOPICS]
    converted = f"KN001_Keitai_1-1-1-01\t{TABLES[table](characters)}\t\n"
    original = f"KN001_Keitai_1-1-1-01\t{characters.decode('euc_jp')}\t\n"
    utf8 = archive_of(paths.RAW / "utf8", dict.fromkeys(names, converted), "utf-8")
    euc_jp = euc(paths.RAW / "euc", dict.fromkeys(names, original))
    assert knbc.load(release=release_of(utf8)).rows == knbc.load(release=release_of(euc_jp)).rows


def test_characters_beyond_jis_x_0208_are_read(project: Path):
    texts = corpus(sentences=["①『㌔』"])
    archive = archive_of(paths.RAW / "made", texts, "euc_jis_2004")
    assert {row.text for row in knbc.load(release=release_of(archive)).rows} == {"①『㌔』"}


def texts_of(archive: Path, **options: bool) -> list[str]:
    return [row.text for row in knbc.load(release=release_of(archive), **options).rows]


def test_titles_may_be_dropped_and_only_the_first_of_an_article_is_one(archive: Path):
    with_titles, without = texts_of(archive), texts_of(archive, titles=False)
    titles = {f"［{label}］その話。" for label in TOPICS.values()}
    assert len(with_titles) - len(without) == 12
    assert titles.isdisjoint(without)
    assert without.count("［括弧］で始まる普通の文。") == 12


def test_clean_drops_empty_sentences_and_those_that_are_only_an_address(archive: Path):
    everything, clean = texts_of(archive), texts_of(archive, clean=True)
    assert len(everything) - len(clean) == 24
    assert set(everything) - set(clean) == {"", "http://www.example.com/a?b=c"}


def test_the_source_names_the_archive_and_the_options(archive: Path):
    source = knbc.load(titles=False, clean=True, release=release_of(archive)).source
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert source == {
        "dataset": "knbc",
        "archive_sha256": digest,
        "titles": False,
        "clean": True,
    }


def test_the_article_split_keeps_articles_apart(project: Path, tmp_path: Path):
    archive = euc(paths.RAW / "made.tar.bz2", corpus(articles=20))
    dataset = knbc.load(release=release_of(archive))
    unique = [replace(row, text=row.id) for row in dataset.rows]
    channels.write(replace(dataset, rows=unique), 1, True, tmp_path / "data")
    articles = [
        {row.text.split("-")[0] for row in channels.read(tmp_path / "data" / part)}
        for part in ("train", "test")
    ]
    assert articles[0].isdisjoint(articles[1])
    assert len(articles[0] | articles[1]) == 80
    assert len(articles[1]) == 8


def test_4186_sentences_give_3767_and_419(project: Path, tmp_path: Path):
    per_topic = [898, 1452, 1366, 470]
    texts = {}
    for (topic, _), count in zip(TOPICS.items(), per_topic, strict=True):
        lines = (f"KN{n % 62:03d}_{topic}_{n % 62}-1-{n}-01\t文{n}\t\n" for n in range(count))
        texts[f"KNBC/corpus2/{topic}.tsv"] = "".join(lines)
    archive = euc(paths.RAW / "made.tar.bz2", texts)
    dataset = knbc.load(release=release_of(archive, 4186, 248))
    line = channels.write(dataset, 1, False, tmp_path / "data")
    assert line.endswith("train 3,767, test 419 sentences")


# --- what is refused -----------------------------------------------------------------------


def test_another_sha256_is_refused_before_a_byte_is_read(archive: Path):
    release = replace(release_of(archive), sha256="0" * 64)
    with pytest.raises(downloads.DownloadFailed, match=f"sha256 {'0' * 64} expected"):
        knbc.load(release=release)
    assert archive.exists(), "a file laid by hand is not ours to remove"


def test_a_download_with_another_sha256_leaves_nothing(project: Path, file_server: FileServer):
    url = file_server.serve("/k", b"a page of excuses")
    release = Release("made.tar.bz2", url, "0" * 64, None, None)
    with pytest.raises(downloads.DownloadFailed):
        knbc.load(release=release)
    assert list(paths.RAW.iterdir()) == []


def test_a_downloaded_archive_is_read(project: Path, file_server: FileServer, tmp_path: Path):
    archive = euc(tmp_path / "made.tar.bz2")
    release = replace(
        release_of(archive, 84, 12), url=file_server.serve("/k", archive.read_bytes())
    )
    assert len(knbc.load(release=release).rows) == 84
    assert [path.name for path in paths.RAW.iterdir()] == ["made.tar.bz2"]


def test_without_a_network_the_message_says_what_to_lay_where(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    official = replace(knbc.OFFICIAL[0], url="http://127.0.0.1:9/")
    monkeypatch.setattr(knbc, "OFFICIAL", (official, knbc.OFFICIAL[1]))
    with pytest.raises(downloads.DownloadFailed) as caught:
        knbc.load()
    assert "lay the file at data/raw/KNBC_v1.0_090925.tar.bz2" in str(caught.value)


def test_the_official_hash_is_the_recorded_one():
    euc_release, utf8_release = knbc.OFFICIAL
    assert euc_release.sha256 == "eae5f629335f0a8f5651653429c3a491d9d9c221b2bbfa3b3289028c9a146747"
    assert {euc_release.sentences, utf8_release.sentences} == {4186}
    assert {euc_release.articles, utf8_release.articles} == {249}


def test_the_utf_8_archive_is_taken_where_it_alone_was_laid(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    first, second = knbc.OFFICIAL
    monkeypatch.setattr(knbc, "OFFICIAL", (first, replace(second, sentences=84, articles=12)))
    archive_of(paths.RAW / second.name, corpus(), "utf-8")
    assert len(knbc.load().rows) == 84


@pytest.mark.parametrize("sentences, articles", [(83, 12), (84, 11)])
def test_other_counts_are_refused(archive: Path, sentences: int, articles: int):
    text = refusal(archive, release_of(archive, sentences, articles))
    assert f"expected {sentences} sentences in {articles} articles, found 84 in 12" in text
    assert text.startswith("data/raw/made.tar.bz2: ")


def test_a_missing_file_is_named(project: Path):
    texts = corpus()
    del texts["KNBC_v1.0_090925/corpus2/Kyoto.tsv"]
    text = refusal(euc(paths.RAW / "made.tar.bz2", texts))
    assert "expected corpus2/Kyoto.tsv in it" in text
    assert "['Gourmet.tsv', 'Keitai.tsv', 'Sports.tsv']" in text


def test_a_line_without_a_tab_is_named(project: Path):
    texts = corpus()
    texts["KNBC_v1.0_090925/corpus2/Keitai.tsv"] += "KN001_Keitai_1-1-9-01 no tab\n"
    text = refusal(euc(paths.RAW / "made.tar.bz2", texts))
    assert "corpus2/Keitai.tsv, line 22: expected an id, a tab and a sentence" in text


def test_another_encoding_is_refused(project: Path):
    path = archive_of(paths.RAW / "made.tar.bz2", corpus(sentences=["文字ソ"]), "cp932")
    assert "expected text in EUC-JP or UTF-8, found neither" in refusal(path)


def test_a_folder_in_a_files_place_is_refused(project: Path):
    path = euc(paths.RAW / "made.tar.bz2", {})
    with tarfile.open(path, "w:bz2") as tar:
        for topic in TOPICS:
            info = tarfile.TarInfo(f"KNBC/corpus2/{topic}.tsv")
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
    assert "expected corpus2/Gourmet.tsv in it" in refusal(path)


BROKEN = {
    "empty": lambda whole: b"",
    "a page": lambda whole: b"<html>moved</html>" * 50,
    "cut": lambda whole: whole[: len(whole) // 2],
    "changed": lambda whole: whole[:300] + bytes([whole[300] ^ 0xFF]) + whole[301:],
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_archive_is_refused(project: Path, kind: str):
    path = euc(paths.RAW / "made.tar.bz2", corpus(articles=40))
    path.write_bytes(BROKEN[kind](path.read_bytes()))
    text = refusal(path)
    assert text.startswith("data/raw/made.tar.bz2: expected a tar archive, found a broken one")
