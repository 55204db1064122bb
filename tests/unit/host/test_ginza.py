"""vectors.ginza: spaCy's hash, and the words of a wheel and of a source archive."""

import hashlib
import io
import json
import os
from pathlib import Path

import msgpack
import numpy as np
import pytest
from corpus import tar_of, zip_of
from hypothesis import given
from hypothesis import strategies as st

from train2deploy import paths
from train2deploy.errors import UserError
from train2deploy.vectors import ginza
from train2deploy.vectors.ginza import CHIVE, WIKIPEDIA, Package, spacy_hash

# From spaCy's documentation and from its own `hash_string`.
KNOWN = {
    "の": 2917952641780334418,
    "coffee": 3197928453018144401,
    "apple": 8566208034543834098,
    "dog": 7562983679033046312,
    "cat": 5439657043933447811,
}


@pytest.mark.parametrize("text", KNOWN)
def test_the_hash_is_spacys(text: str):
    assert spacy_hash(text) == KNOWN[text]


def murmur(data: bytes) -> int:
    """MurmurHash64A as its author wrote it, byte by byte in the tail."""
    multiplier, mask = 0xC6A4A7935BD1E995, (1 << 64) - 1
    value = 1 ^ (len(data) * multiplier & mask)
    while len(data) >= 8:
        block = int.from_bytes(data[:8], "little") * multiplier & mask
        block = (block ^ block >> 47) * multiplier & mask
        value, data = (value ^ block) * multiplier & mask, data[8:]
    for place in reversed(range(len(data))):
        value ^= data[place] << 8 * place
    value = value * multiplier & mask if data else value
    value = (value ^ value >> 47) * multiplier & mask
    return value ^ value >> 47


@given(text=st.text(st.characters(exclude_categories=("Cs",))))
def test_the_hash_is_murmur_hash_64a_for_any_text(text: str):
    assert spacy_hash(text) == murmur(text.encode())


WORDS = ["の", "電波", "携帯電話", "パフェ", "ゐ", "a b"]
VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3)


def lay(package: Package, words: list[str], vectors: np.ndarray) -> Path:
    """The package's archive laid by hand: word i has vector i, and then the first ones again."""
    table = {spacy_hash(word): number % len(vectors) for number, word in enumerate(words)}
    table[spacy_hash("two\nlines")] = 0
    table[spacy_hash("return\rhere")] = 1
    strings = ["", "no vector", "two\nlines", "return\rhere", *reversed(words)]
    buffer = io.BytesIO()
    np.save(buffer, vectors)
    files = {
        package.vocabulary + "vectors": buffer.getvalue(),
        package.vocabulary + "key2row": msgpack.packb(table),
        package.vocabulary + "strings.json": json.dumps(strings).encode(),
    }
    made = zip_of if package.archive.endswith(".whl") else tar_of
    return made(paths.RAW / package.archive, files)


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "REQUIREMENTS", tmp_path / "requirements")
    paths.REQUIREMENTS.mkdir()
    return paths.REQUIREMENTS


def lock(package: Package, archive: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    package.lock.write_text(f"ja-ginza==0 --hash=sha256:{digest}\n")


@pytest.fixture
def wheel(project: Path) -> Path:
    """6 words share 4 vectors; more strings, without vectors."""
    path = lay(CHIVE, WORDS, VECTORS)
    lock(CHIVE, path)
    return path


def words_of(target: Path) -> dict[str, list[float]]:
    """As the training side reads them: universal newlines."""
    with (target / "words.txt").open(encoding="utf-8") as source:
        words = source.read().split("\n")
    rows = np.load(target / "rows.npy", allow_pickle=False)
    vectors = np.load(target / "vectors.npy", allow_pickle=False)
    assert len(words) == len(rows)
    return {word: vectors[row].tolist() for word, row in zip(words, rows, strict=True)}


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_each_word_gets_the_vector_that_its_hash_points_to(wheel: Path, tmp_path: Path):
    target = ginza.words(CHIVE, tmp_path / "words")
    expected = {word: VECTORS[number % 4].tolist() for number, word in enumerate(WORDS)}
    assert words_of(target) == expected


def test_the_words_that_own_a_vector_come_in_the_tables_order(wheel: Path, tmp_path: Path):
    target = ginza.words(CHIVE, tmp_path / "words")
    assert lines(target / "frequent.txt") == WORDS[:4]


def test_the_words_that_share_a_vector_come_after_those(wheel: Path, tmp_path: Path):
    target = ginza.words(CHIVE, tmp_path / "words")
    assert lines(target / "rarer.txt") == WORDS[4:]


def state(target: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in target.iterdir()}


def test_a_second_time_nothing_is_written(wheel: Path, tmp_path: Path):
    target = ginza.words(CHIVE, tmp_path / "words")
    before = state(target)
    assert ginza.words(CHIVE, tmp_path / "words") == target
    assert state(target) == before


@pytest.mark.parametrize("lost", ginza.FILES)
def test_a_lost_file_is_written_again(wheel: Path, tmp_path: Path, lost: str):
    target = ginza.words(CHIVE, tmp_path / "words")
    (target / lost).unlink()
    ginza.words(CHIVE, target)
    assert (target / lost).exists()


def test_a_wheel_with_another_hash_is_refused_and_stays(wheel: Path, tmp_path: Path):
    with wheel.open("ab") as target:
        target.write(b"!")
    with pytest.raises(UserError, match=r"its sha256 is not the one in requirements/chive\.lock"):
        ginza.words(CHIVE, tmp_path / "words")
    assert wheel.exists()
    assert not (tmp_path / "words").exists()


def test_without_a_network_the_message_says_what_to_lay_where(project, tmp_path, monkeypatch):
    """A registry that is not there."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(UserError) as caught:
        ginza.words(CHIVE, tmp_path / "words")
    told = str(caught.value)
    assert told.startswith("The chiVe vectors (package ja-ginza 5.3.0) could not be downloaded")
    assert f"copy the file to data/raw/{CHIVE.archive}" in told
    assert "VECTORS=corpus CORPUS=" in told
    assert "\n" not in told


def test_words_as_they_are_written_keep_width_and_case(project: Path, tmp_path: Path):
    lock(WIKIPEDIA, lay(WIKIPEDIA, ["の", "ＣＤ", "ｃｄ"], np.eye(3, dtype="f4")))
    target = ginza.words(WIKIPEDIA, as_written=True)
    assert target == paths.WORDS / "wikipedia-as-written"
    rows = dict(zip((target / "words.txt").read_text().split("\n"), np.load(target / "rows.npy")))
    assert rows == {"の": 0, "ＣＤ": 1, "ｃｄ": 2}


def test_full_width_words_are_folded_as_pieces_are_and_the_more_frequent_wins(project, tmp_path):
    lock(WIKIPEDIA, lay(WIKIPEDIA, ["の", "ＣＤ", "１０", "cd", "ギンザ"], np.eye(5, dtype="f4")))
    target = ginza.words(WIKIPEDIA, tmp_path / "words")
    found = {word: vector.index(1.0) for word, vector in words_of(target).items()}
    assert found == {"の": 0, "cd": 1, "10": 2, "ギンザ": 4}
    frequent = (target / "frequent.txt").read_text(encoding="utf-8").splitlines()
    assert frequent == ["の", "cd", "10", "ギンザ"]
