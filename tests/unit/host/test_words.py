"""datasets.words: sentences cut into words, from TOKENS= to the two channels."""

import re
from pathlib import Path

import pytest
from corpus import REAL, needs_the_corpus

from train2deploy import manifest, paths, versions
from train2deploy.datasets import channels, knbc, words
from train2deploy.datasets.rows import DataSet, Row
from train2deploy.datasets.words import Tokenizer
from train2deploy.errors import UserError
from train2deploy.vectors import channel, ginza

BY_SPACES = Tokenizer("made", ("numpy", "pip"), "", "as written", lambda: str.split)
"""numpy stands for the tokenizer's package, pip for its dictionary's."""

needs_the_packages = pytest.mark.skipif(
    not words.PLACE.is_dir(), reason="janome and Sudachi are not here: make .stamps/words"
)


def lay_data(tokenizer: Tokenizer | None, target: Path | None = None) -> str:
    rows = [Row(str(number), f"電波 が {number}", "ab"[number % 2]) for number in range(10)]
    dataset = DataSet(rows, frozenset({"0"}), {"dataset": "made"})
    return channels.write(dataset, 1, "random", target or paths.DATASET, tokenizer)


def test_words_stand_in_the_channels_with_a_unit_separator_between_them(project: Path):
    lay_data(BY_SPACES)
    for part, numbers in (("train", range(1, 10)), ("test", [0])):
        lines = (paths.DATASET / part / "features.csv").read_text(encoding="utf-8").splitlines()
        assert sorted(lines[1:]) == sorted(f'"電波\x1fが\x1f{number}"' for number in numbers)


def test_who_reads_the_channels_for_their_sentences_gets_them_whole(project: Path):
    lay_data(BY_SPACES)
    assert [row.text for row in channels.read(paths.DATASET / "test")] == ["電波が0"]
    lay_data(None)
    assert [row.text for row in channels.read(paths.DATASET / "test")] == ["電波 が 0"]


def test_a_separator_in_a_sentence_that_is_not_cut_is_the_sentences_own(project: Path):
    rows = [Row(str(number), "a\x1fb", "ab"[number % 2]) for number in range(4)]
    dataset = DataSet(rows, frozenset({"0"}), {"dataset": "made"})
    channels.write(dataset, 1, "random", paths.DATASET)
    assert [row.text for row in channels.read(paths.DATASET / "test")] == ["a\x1fb"]


def test_a_separator_in_a_sentence_is_no_word_of_its_own(project: Path):
    assert BY_SPACES.cutter()("電波\x1fが 悪い") == "電波\x1fが\x1f悪い"


def test_the_manifest_says_what_cut_the_sentences(project: Path):
    lay_data(BY_SPACES)
    inputs = (manifest.read(paths.DATASET / "manifest.json") or {})["inputs"]
    assert inputs["tokens"] == "made"
    assert re.fullmatch(r"numpy [\d.]+", inputs["tokenizer"])
    assert re.fullmatch(r"pip [\d.]+", inputs["dictionary"])
    assert inputs["words"] == "as written"
    facts = channels.facts(paths.DATASET)
    assert facts["tokens"] == "made"
    assert "TOKENS=made" in channels.named(facts)


def test_a_tokenizer_without_a_package_for_its_words_says_which_they_are():
    facts = Tokenizer("made", ("numpy",), "words of mine", "as written", lambda: str.split).facts()
    assert facts["dictionary"] == "words of mine"


def test_data_is_made_again_for_another_tokenizer_and_for_none(project: Path):
    for tokenizer in (BY_SPACES, None, BY_SPACES):
        assert "up to date" not in lay_data(tokenizer)
        assert "up to date" in lay_data(tokenizer)


def test_an_unknown_tokenizer_is_refused_with_those_that_there_are():
    assert words.find("") is None
    with pytest.raises(UserError, match=r"^TOKENS=mecab: expected one of janome, sudachi\.$"):
        words.find("mecab")


def test_a_tokenizer_that_is_not_installed_is_refused_with_the_command_that_installs_it():
    absent = Tokenizer("made", ("no-such-package",), "", "as written", lambda: str.split)
    with pytest.raises(UserError) as refused:
        absent.cutter()
    assert str(refused.value) == (
        "TOKENS=made: the package no-such-package is not installed. Run `make .stamps/words`."
    )


@pytest.mark.parametrize(
    ("version", "tokens", "message"),
    [
        ("v1", "janome", "TOKENS=janome: v1 cuts sentences by itself. Leave TOKENS out"),
        ("mymodel", "sudachi", "TOKENS=sudachi: mymodel cuts sentences by itself."),
        ("comp-vectorizer-words", "", "it reads words, .* Run `make data TOKENS=janome`"),
    ],
)
def test_a_version_is_not_trained_on_what_it_does_not_read(version: str, tokens: str, message: str):
    with pytest.raises(UserError, match=message):
        versions.check_reads(version, tokens)


def test_versions_that_read_words_have_the_articles_tokenizer_and_take_the_other_one_too():
    assert versions.tokens_of("comp-vectorizer-words") == "janome"
    assert versions.tokens_of("attention-visualize-with-spacy") == "sudachi"
    assert versions.tokens_of("v2") == versions.tokens_of("mymodel") == ""
    reading = [one.name for one in versions.known() if versions.tokens_of(one.name)]
    assert len(reading) == 2
    for version in reading:
        assert versions.tokenizer_of(version, "wikipedia") == "", "no pieces, no tokenizer of them"
        for name in words.TOKENIZERS:
            versions.check_reads(version, name)


BUILDER = """
import os, sys
arguments = dict(zip(sys.argv[2::2], sys.argv[3::2]))
with open(os.path.join(arguments['--output'], 'vectors.model'), 'w') as target:
    target.write(' '.join(sys.argv[1:]))
"""


@pytest.fixture
def builder(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for build_vectors.py; words as they are written lie in the directory that it gives."""
    script, table = tmp_path / "build_vectors.py", tmp_path / "table"
    script.write_text(BUILDER)
    table.mkdir()
    for name in ginza.FILES:
        (table / name).write_text("電波")

    def words_of(package: ginza.Package, as_written: bool) -> Path:
        assert (package.kind, as_written) == ("wikipedia", True)
        return table

    monkeypatch.setattr(channel, "BUILDER", script)
    monkeypatch.setattr(ginza, "words", words_of)
    return table


def test_sentences_in_words_have_a_vector_a_word_and_no_tokenizer(builder: Path):
    lay_data(BY_SPACES)
    assert channel.build("wikipedia", None, 12000, 1) == "build/vectors: wikipedia, vectors.model"
    said = (paths.VECTORS / "vectors.model").read_text()
    assert said.startswith("table --output ")
    assert said.endswith(f" --words {builder}")
    lay_data(BY_SPACES)
    assert channel.build("wikipedia", None, 12000, 1).endswith("up to date (wikipedia, words)")


@pytest.mark.parametrize(
    ("kind", "tokenizer", "message"),
    [
        ("chive", "", "VECTORS=chive: words .*TOKENS=made.* Use VECTORS=wikipedia"),
        ("wikipedia", "author", "TOKENIZER=author: .*cut into words already .TOKENS=made."),
    ],
)
def test_what_is_for_pieces_is_refused_for_words(builder, kind, tokenizer, message):
    lay_data(BY_SPACES)
    with pytest.raises(UserError, match=message):
        channel.build(kind, None, 12000, 1, tokenizer_name=tokenizer)


# --- the real tokenizers ------------------------------------------------------------------


@needs_the_packages
@pytest.mark.parametrize(
    ("name", "sentence", "expected"),
    [
        ("janome", "デパートみたいな山積みではなく、", "デパート みたい だ 山積み で は ない 、"),
        # As the article prints them.
        ("sudachi", "みんなでサッカーをした", "みんな で サッカー を し た"),
        ("sudachi", "DOCOMOの最新機種だ", "DOCOMO の 最新 機種 だ"),
        # Split mode C: the longest words.
        ("sudachi", "選挙管理委員会", "選挙管理委員会"),
        # A reading in brackets stays.
        ("sudachi", "脂（あぶら）だ", "脂 （ あぶら ） だ"),
    ],
)
def test_a_sentence_is_cut_as_the_article_cut_it(name: str, sentence: str, expected: str):
    found = words.find(name)
    assert found is not None
    assert found.cutter()(sentence).split(words.BETWEEN) == expected.split(" ")


@needs_the_packages
def test_a_space_is_a_word_only_where_no_word_precedes_it():
    found = words.find("sudachi")
    assert found is not None
    cut = found.cutter()
    assert cut("電波 が") == cut("電波が")
    assert cut("\u3000電波が") == f"\u3000\x1f{cut('電波が')}"


@needs_the_packages
@needs_the_corpus
def test_the_longest_sentence_has_the_128_words_that_the_article_counted():
    found = words.find("janome")
    assert found is not None
    cut = found.cutter()
    rows = {row.id: row.text for row in knbc.load(place=REAL).rows}
    counted = {name: len(cut(text).split(words.BETWEEN)) for name, text in rows.items()}
    assert max(counted.values()) == counted["KN033_Keitai_1-1-19-01"] == 128
