"""datasets.knbc: every form of the corpus gives the same checked rows, or is refused by name."""

import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from corpus import (
    REAL,
    RELEASE,
    SENTENCES,
    TOPICS,
    files,
    folder_of,
    needs_the_corpus,
    tar_of,
    zip_of,
)
from file_server import FileServer

from train2deploy import downloads, paths
from train2deploy.datasets import channels, knbc, knbc_files
from train2deploy.datasets.knbc import Content, CorpusError


def load(place: Path, **options: bool) -> list[knbc.Row]:
    """The rows, whatever they are: the content is taken to be right."""
    return knbc.load(place=place, content=Content.of(knbc.read(place)), **options).rows


def refusal(place: Path, content: Content | None = None) -> str:
    with pytest.raises(CorpusError) as caught:
        knbc.load(place=place, content=content)
    return str(caught.value)


@pytest.fixture
def archive(project: Path) -> Path:
    return tar_of(paths.RAW / "made.tar.bz2", files())


# --- rows ----------------------------------------------------------------------------------


def test_rows_hold_id_sentence_label_and_article(archive: Path):
    rows = load(archive)
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
    assert '"引用"は"そのまま"' in {row.text for row in load(archive)}


def test_titles_may_be_dropped_and_only_the_first_of_an_article_is_one(archive: Path):
    with_titles = [row.text for row in load(archive)]
    without = [row.text for row in load(archive, titles=False)]
    titles = {f"［{label}］その話。" for label in TOPICS.values()}
    assert len(with_titles) - len(without) == 12
    assert titles.isdisjoint(without)
    assert without.count("［括弧］で始まる普通の文。") == 12


def test_clean_drops_empty_sentences_and_those_that_are_only_an_address(archive: Path):
    everything = [row.text for row in load(archive)]
    clean = [row.text for row in load(archive, clean=True)]
    assert len(everything) - len(clean) == 24
    assert set(everything) - set(clean) == {"", "http://www.example.com/a?b=c"}


def test_the_source_names_the_content_and_the_options(archive: Path):
    content = Content.of(knbc.read(archive))
    source = knbc.load(titles=False, clean=True, place=archive, content=content).source
    assert source == {
        "dataset": "knbc",
        "content_sha256": content.sha256,
        "titles": False,
        "clean": True,
    }


def test_the_article_split_keeps_articles_apart(project: Path, tmp_path: Path):
    rows = load(tar_of(paths.RAW / "made.tar.bz2", files(articles=20)))
    dataset = knbc.DataSet([replace(row, text=row.id) for row in rows], None, {"dataset": "knbc"})
    channels.write(dataset, 1, "article", tmp_path / "data")
    articles = [
        {row.text.split("-")[0] for row in channels.read(tmp_path / "data" / part)}
        for part in ("train", "test")
    ]
    assert articles[0].isdisjoint(articles[1])
    assert len(articles[0] | articles[1]) == 80
    assert len(articles[1]) == 8


# --- the published corpus ------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> dict[str, str]:
    """The text of the real corpus2, by path."""
    with tarfile.open(REAL) as tar:
        streams = {m.name: tar.extractfile(m) for m in tar if m.name.endswith(".tsv")}
        return {name: stream.read().decode() for name, stream in streams.items() if stream}


def as_euc_jp(text: str) -> bytes:
    """As the EUC-JP release writes it: two characters have another code in its table."""
    return text.replace("—", "―").replace("¥", "￥").encode("euc_jp")


@needs_the_corpus
def test_the_recorded_content_is_that_of_the_published_corpus():
    dataset = knbc.load(place=REAL)
    assert dataset.source["content_sha256"].startswith("72a44c958e3c189b")
    counts = Counter(row.label for row in dataset.rows)
    assert counts == {"京都": 1498, "携帯電話": 1278, "グルメ": 888, "スポーツ": 522}
    assert len({row.group for row in dataset.rows}) == 249
    assert len(knbc.load(titles=False, place=REAL).rows) == 4186 - 249
    assert len(knbc.load(clean=True, place=REAL).rows) == 4186


@needs_the_corpus
def test_the_four_published_forms_of_the_corpus_have_one_content(tmp_path, real):
    euc_jp = {name: as_euc_jp(text) for name, text in real.items()}
    utf8 = {name: text.encode() for name, text in real.items()}
    places = [
        tar_of(tmp_path / f"{RELEASE}.tar.bz2", euc_jp),
        tar_of(tmp_path / f"{RELEASE}_utf8.tar.bz2", utf8),
        zip_of(tmp_path / "knbc.zip", euc_jp),
        folder_of(tmp_path / "unpacked", utf8),
    ]
    rows = [knbc.load(place=place).rows for place in places]
    assert all(each == rows[0] for each in rows)
    assert len(rows[0]) == 4186


@needs_the_corpus
@pytest.mark.parametrize("write", [str.encode, as_euc_jp], ids=["UTF-8", "EUC-JP"])
def test_a_changed_character_is_refused_with_its_file_and_row(tmp_path, real, write):
    changed = {}
    for name, text in real.items():
        lines = text.split("\n")
        if name.endswith("Keitai.tsv"):
            row = lines[999].split("\t")
            row[1] = row[1].replace(row[1][3], "変", 1)
            lines[999] = "\t".join(row)
        changed[name] = write("\n".join(lines))
    place = tar_of(tmp_path / "changed.tar.bz2", changed)
    assert "corpus2/Keitai.tsv, row 1000: not the row of the published corpus: " in refusal(place)


@needs_the_corpus
def test_4186_sentences_give_3767_and_419_with_the_supports_of_the_articles(project, tmp_path):
    line = channels.write(knbc.load(place=REAL), 1, "random", tmp_path / "data")
    assert line.endswith("train 3,767, test 419 sentences")
    test = Counter(row.label for row in channels.read(tmp_path / "data" / "test"))
    assert sum(test.values()) == 419


# --- what is refused -----------------------------------------------------------------------

GOOD = SENTENCES[:2]


@pytest.mark.parametrize(
    "sentences, told",
    [
        (["［{label}］その話。", "電波が良い。"], "Gourmet.tsv, row 2: not the row"),
        (GOOD[:1], "Gourmet.tsv, row 2: not the row of the published corpus: KN002_Gourmet"),
        ([*GOOD, "もうひとつ。"], "Gourmet.tsv, row 3: not the row"),
    ],
    ids=["changed", "left out", "added"],
)
def test_other_rows_are_refused(tmp_path: Path, sentences: list[str], told: str):
    expected = Content.of(knbc.read(folder_of(tmp_path / "a", files(sentences=GOOD))))
    other = folder_of(tmp_path / "b", files(sentences=sentences))
    assert told in refusal(other, expected)


def test_a_file_that_ends_early_is_refused(tmp_path: Path):
    expected = Content.of(knbc.read(folder_of(tmp_path / "a", files())))
    cut = files()
    name = f"{RELEASE}/corpus2/Sports.tsv"
    cut[name] = b"".join(cut[name].splitlines(keepends=True)[:-1])
    other = folder_of(tmp_path / "b", cut)
    assert "corpus2/Sports.tsv: ends after row 20 of 21" in refusal(other, expected)


def test_rows_whose_order_differs_are_refused(tmp_path: Path):
    expected = Content.of(knbc.read(folder_of(tmp_path / "a", files())))
    turned = {
        name: b"".join(reversed(data.splitlines(keepends=True))) for name, data in files().items()
    }
    other = folder_of(tmp_path / "b", turned)
    assert "corpus2/Gourmet.tsv, row 1: not the row" in refusal(other, expected)


def test_a_missing_file_is_named(tmp_path: Path):
    some = files()
    del some[f"{RELEASE}/corpus2/Kyoto.tsv"]
    text = refusal(tar_of(tmp_path / "made.tar.bz2", some))
    assert "corpus2/Kyoto.tsv is not in it" in text
    assert "Gourmet.tsv, Keitai.tsv, Sports.tsv" in text


def test_a_line_without_a_tab_is_named(tmp_path: Path):
    some = files()
    some[f"{RELEASE}/corpus2/Keitai.tsv"] += b"KN001_Keitai_1-1-9-01 no tab\n"
    text = refusal(tar_of(tmp_path / "made.tar.bz2", some))
    assert "corpus2/Keitai.tsv, line 22: " in text
    assert "has no tab" in text


def test_another_encoding_is_refused(tmp_path: Path):
    place = folder_of(tmp_path, files(sentences=["文字ソ"], encoding="cp932"))
    assert "corpus2/Gourmet.tsv: neither EUC-JP nor UTF-8 text" in refusal(place)


def test_a_folder_in_a_files_place_is_refused(tmp_path: Path):
    path = tmp_path / "made.tar.bz2"
    with tarfile.open(path, "w:bz2") as tar:
        for topic in TOPICS:
            info = tarfile.TarInfo(f"KNBC/corpus2/{topic}.tsv")
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
    assert "corpus2/Gourmet.tsv is not in it" in refusal(path)


def test_a_file_far_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(knbc_files, "LARGEST_FILE", 10)
    assert "far more than any file of the corpus" in refusal(zip_of(tmp_path / "k.zip", files()))


BROKEN = {
    "empty": lambda whole: b"",
    "a page": lambda whole: b"<html>moved</html>" * 50,
    "cut": lambda whole: whole[: len(whole) // 2],
    "changed": lambda whole: whole[:300] + bytes([whole[300] ^ 0xFF]) + whole[301:],
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("made", [tar_of, zip_of])
def test_a_broken_archive_is_refused(project, kind, made):
    path = made(paths.RAW / "made", files(articles=40))
    path.write_bytes(BROKEN[kind](path.read_bytes()))
    text = refusal(path)
    assert text.startswith("data/raw/made: neither a readable archive nor a folder (")
    assert "Remove it and fetch the corpus again, or name another copy, KNBC=<path>." in text
    assert "\n" not in text


def test_a_file_of_the_user_that_is_no_archive_is_not_to_be_removed(project: Path, tmp_path: Path):
    path = tmp_path / "notes.txt"
    path.write_text("not a corpus\n")
    text = refusal(path)
    assert text.endswith(". Give another copy, KNBC=<path>.") and "\n" not in text


def test_a_place_without_anything_is_refused(tmp_path: Path):
    nothing = tmp_path / "nothing"
    text = refusal(nothing)
    assert text.startswith(f"KNBC={nothing}: no such file or folder. Give an archive")
    assert "of corpus2 it has nothing" in refusal(tmp_path)


# --- fetching ------------------------------------------------------------------------------


def sources(monkeypatch: pytest.MonkeyPatch, official: str, nltk: str) -> None:
    first, second = knbc_files.SOURCES
    monkeypatch.setattr(knbc_files, "SOURCES", {first: official, second: nltk})


UNREACHABLE = "http://127.0.0.1:9/never-there"


def test_the_official_archive_is_fetched_first(project, file_server, monkeypatch, tmp_path, capsys):
    archive = tar_of(tmp_path / "made.tar.bz2", files())
    url = file_server.serve("/k", archive.read_bytes())
    sources(monkeypatch, url, UNREACHABLE)
    assert len(knbc.load(content=Content.of(knbc.read(archive))).rows) == 84
    assert [path.name for path in paths.RAW.iterdir()] == [f"{RELEASE}_utf8.tar.bz2"]
    assert f"KNBC: fetched from {url}" in capsys.readouterr().out


def test_the_copy_of_nltk_is_fetched_where_the_official_place_does_not_answer(
    project: Path,
    file_server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    archive = zip_of(tmp_path / "knbc.zip", files(release="knbc"))
    url = file_server.serve("/knbc.zip", archive.read_bytes())
    sources(monkeypatch, UNREACHABLE, url)
    assert len(knbc.load(content=Content.of(knbc.read(archive))).rows) == 84
    assert [path.name for path in paths.RAW.iterdir()] == ["knbc.zip"]
    assert f"KNBC: fetched from {url}" in capsys.readouterr().out


def test_without_a_network_the_message_says_what_to_copy_where(project, monkeypatch):
    sources(monkeypatch, UNREACHABLE, UNREACHABLE)
    with pytest.raises(downloads.DownloadFailed) as caught:
        knbc.load()
    told = str(caught.value)
    assert "copy KNBC_v1.0_090925_utf8.tar.bz2 or knbc.zip to data/raw" in told
    assert "KNBC=<path>" in told
