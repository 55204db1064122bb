"""vectors.channel and vectors.wikija: when build/vectors is made, from what, and what is said."""

import hashlib
import json
from pathlib import Path

import pytest
from file_server import FileServer

from train2deploy import downloads, manifest, paths
from train2deploy.datasets import channels
from train2deploy.datasets.rows import DataSet, Row
from train2deploy.errors import JobFailed, UserError
from train2deploy.hashing import sha256_file
from train2deploy.vectors import channel, encoder, ginza, tokenizer, wheels, wikija

BUILDER = """
import json, logging, os, shutil, sys
arguments = dict(zip(sys.argv[2::2], sys.argv[3::2]))
output = arguments['--output']
shutil.copyfile(arguments['--text'], os.path.join(output, 'vectors.model'))
with open(os.path.join(output, 'tokenizer.model'), 'w') as target:
    json.dump({'argv': sys.argv[1:], 'hash seed': os.environ['PYTHONHASHSEED']}, target)
print('INFO:build_vectors:pieces: 7')
print('something else')
"""


@pytest.fixture
def builder(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for src/train/build_vectors.py: keeps the text and the arguments it was given."""
    path = tmp_path / "build_vectors.py"
    path.write_text(BUILDER)
    monkeypatch.setattr(channel, "BUILDER", path)
    return path


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("電波が悪い\n\n  抹茶\tパフェ  \n", encoding="utf-8")
    return path


def built(name: str = "vectors.model") -> str:
    return (paths.VECTORS / name).read_text(encoding="utf-8")


def test_a_corpus_is_given_a_sentence_a_line_without_blank_ones(builder: Path, corpus: Path):
    line = channel.build("corpus", corpus, 2000, seed=3)
    assert line == "build/vectors: corpus, tokenizer.model, vectors.model"
    assert built() == "電波が悪い\n抹茶 パフェ\n"
    seen = json.loads(built("tokenizer.model"))
    assert seen["argv"][0] == "corpus"
    assert seen["argv"][-4:] == ["--seed", "3", "--vocabulary-size", "2000"]
    assert seen["hash seed"] == "0"


def test_the_builders_facts_are_shown_and_nothing_else(builder, corpus, capsys):
    channel.build("corpus", corpus, 2000, 1)
    assert capsys.readouterr().out == "pieces: 7\n"


def lay_data(seed: int = 1) -> None:
    rows = [Row(str(n), f"訓練 {n}" if n else "試験", "ab"[n % 2]) for n in range(10)]
    rows[1] = Row("1", "改行\nのある\r\n文", "b")
    dataset = DataSet(rows, frozenset({"0"}), {"dataset": "made"})
    channels.write(dataset, seed, "random", paths.DATASET)


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "words"
    folder.mkdir()
    for name in ginza.FILES:
        (folder / name).write_text("電波")
    monkeypatch.setattr(ginza, "words", lambda package: folder)
    return folder


def test_chive_learns_pieces_from_the_training_sentences_and_never_from_the_test(builder, words):
    lay_data()
    channel.build("chive", None, 2000, 1)
    lines = built().splitlines()
    assert len(lines) == 9
    assert "試験" not in lines
    assert "改行 のある 文" in lines
    assert f"--words {words}" in " ".join(json.loads(built("tokenizer.model"))["argv"])


def test_the_manifest_names_text_words_and_results(builder: Path, words: Path):
    lay_data()
    channel.build("chive", None, 2000, 1)
    record = manifest.read(paths.VECTORS / "manifest.json")
    assert record is not None
    assert record["inputs"]["vectors"] == "chive"
    assert record["inputs"]["vocabulary_size"] == 2000
    assert record["outputs"] == {
        name: sha256_file(paths.VECTORS / name) for name in ("tokenizer.model", "vectors.model")
    }


@pytest.mark.parametrize(
    "kind, way",
    [("chive", "words"), ("wikipedia", "words"), *((kind, kind) for kind in channel.DERIVED)],
)
def test_ready_made_words_go_to_the_builder(builder: Path, words: Path, kind: str, way: str):
    lay_data()
    assert channel.build(kind, None, 2000, 1).startswith(f"build/vectors: {kind}, ")
    arguments = json.loads(built("tokenizer.model"))["argv"]
    assert (arguments[0], arguments[-1]) == (way, str(words))


def test_without_a_size_there_are_as_many_pieces_as_the_kind_needs(
    builder: Path, words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lay_data()
    package = tmp_path / "encoder.whl"
    package.write_bytes(b"package")
    monkeypatch.setattr(wheels, "fetch", lambda wanted: package)
    monkeypatch.setattr(encoder, "write", lambda target: None)
    for kind, size in (("chive", 12000), ("encoder", 64000)):
        channel.build(kind, None, None, 1)
        arguments = json.loads(built("tokenizer.model"))["argv"]
        assert arguments[arguments.index("--vocabulary-size") + 1] == str(size)
    channel.build("encoder", None, 2000, 1)
    assert "2000" in json.loads(built("tokenizer.model"))["argv"], "a given size counts"


def test_the_pieces_beside_an_encoder_are_learnt_from_rarer_words_too(
    builder: Path, words: Path, monkeypatch: pytest.MonkeyPatch
):
    lay_data()
    channel.build("chive", None, 2000, 1)
    sentences = built().splitlines()
    (words / "rarer.txt").write_text("".join(f"語{n}\n" for n in range(5)), encoding="utf-8")
    monkeypatch.setattr(channel, "RARER_WORDS", 3)
    monkeypatch.setattr(wheels, "fetch", lambda wanted: words / "rows.npy")
    monkeypatch.setattr(encoder, "write", lambda target: None)
    channel.build("encoder", None, 2000, 1)
    assert built().splitlines() == [*sentences, "語0", "語1", "語2"]


def test_characters_need_no_tokenizer(builder: Path, words: Path):
    lay_data()
    with pytest.raises(UserError, match="VECTORS=characters cuts into characters"):
        channel.build("characters", None, 2000, 1, tokenizer_name="author")


def test_a_given_tokenizer_is_used_and_another_one_makes_the_vectors_again(
    builder: Path, corpus: Path, tmp_path: Path
):
    model = tmp_path / "mine.model"
    model.write_text("pieces")
    channel.build("corpus", corpus, 2000, 1, tokenizer_name=str(model))
    assert json.loads(built("tokenizer.model"))["argv"][-2:] == ["--tokenizer", str(model)]
    told = channel.build("corpus", corpus, 9000, 1, tokenizer_name=str(model))
    assert "up to date" in told, "its vocabulary has the size that it has"
    model.write_text("other pieces")
    assert "up to date" not in channel.build("corpus", corpus, 2000, 1, tokenizer_name=str(model))


def test_the_authors_tokenizer_is_taken_from_where_the_corpus_is(project, tmp_path, monkeypatch):
    laid = tmp_path / tokenizer.NAME
    laid.write_bytes(b"pieces")
    monkeypatch.setattr(tokenizer, "SHA256", sha256_of(b"pieces"))
    assert tokenizer.find("author", tmp_path) == laid, "KNBC=<folder>"
    assert tokenizer.find("author", tmp_path / "KNBC_v1.0.tar.bz2") == laid, "KNBC=<archive>"


def test_the_authors_tokenizer_is_fetched_and_checked(project, file_server, monkeypatch):
    monkeypatch.setattr(tokenizer, "URL", file_server.serve("/t", b"pieces"))
    monkeypatch.setattr(tokenizer, "SHA256", sha256_of(b"pieces"))
    assert tokenizer.find("author") == paths.RAW / tokenizer.NAME
    monkeypatch.setattr(tokenizer, "SHA256", "0" * 64)
    with pytest.raises(downloads.DownloadFailed, match=r"sha256 0{64} expected"):
        tokenizer.find("author")


def test_a_tokenizer_that_is_not_there_is_named(project: Path):
    assert tokenizer.find("") is None
    with pytest.raises(UserError, match=r"TOKENIZER=nowhere\.model: no such file"):
        tokenizer.find("nowhere.model")
    with pytest.raises(UserError, match="VECTORS=wikija brings its own tokenizer"):
        channel.build("wikija", None, 2000, 1, tokenizer_name="author")


def state() -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in paths.VECTORS.iterdir()}


def test_a_second_time_nothing_is_made(builder: Path, corpus: Path):
    channel.build("corpus", corpus, 2000, 1)
    before = state()
    assert channel.build("corpus", corpus, 2000, 1) == "build/vectors is up to date (corpus)"
    assert state() == before


def test_other_text_size_seed_or_builder_is_made_again(builder: Path, corpus: Path):
    def make(size: int = 2000, seed: int = 1) -> bool:
        return "up to date" not in channel.build("corpus", corpus, size, seed)

    assert make()
    assert make(size=3000)
    assert make(size=3000, seed=2)
    corpus.write_text("別の文\n", encoding="utf-8")
    assert make(size=3000, seed=2)
    builder.write_text(BUILDER + "\n")
    assert make(size=3000, seed=2)
    assert not make(size=3000, seed=2)


@pytest.mark.parametrize("lost", ["tokenizer.model", "vectors.model"])
def test_a_lost_file_is_made_again(builder: Path, corpus: Path, lost: str):
    channel.build("corpus", corpus, 2000, 1)
    (paths.VECTORS / lost).unlink()
    channel.build("corpus", corpus, 2000, 1)
    assert (paths.VECTORS / lost).exists()


def test_the_words_manifest_is_no_part_of_what_the_vectors_were_made_from(builder, words):
    """It names a commit and a Python, which differ where the words are the same."""
    lay_data()
    channel.build("chive", None, 2000, 1)
    (words / "manifest.json").write_text('{"git": {"commit": "another"}}')
    assert "up to date" in channel.build("chive", None, 2000, 1)
    (words / "words.txt").write_text("別")
    assert "up to date" not in channel.build("chive", None, 2000, 1)


def test_a_builder_that_fails_leaves_the_earlier_vectors(builder: Path, corpus: Path):
    channel.build("corpus", corpus, 2000, 1)
    before = state()
    builder.write_text("import sys; sys.exit('too few sentences')")
    with pytest.raises(JobFailed, match="building the vectors failed: too few sentences"):
        channel.build("corpus", corpus, 2000, 1)
    assert state() == before


@pytest.mark.parametrize(
    "kind, corpus_name, message",
    [
        ("glove", None, f"VECTORS=glove: expected one of {', '.join(channel.KINDS)}."),
        ("corpus", "nothing", "nothing: expected a UTF-8 text file, found none."),
        ("chive", "nothing", "nothing: expected a UTF-8 text file, found none."),
        ("corpus", ".", ": expected a UTF-8 text file, found none."),
    ],
)
def test_wrong_choices_are_told(project, tmp_path, kind, corpus_name, message):
    corpus = tmp_path / corpus_name if corpus_name else None
    with pytest.raises(UserError) as caught:
        channel.build(kind, corpus, 2000, 1)
    assert str(caught.value).endswith(message)


def test_a_corpus_in_another_encoding_is_told(builder: Path, corpus: Path):
    corpus.write_bytes("電波が悪い\n".encode("cp932"))
    with pytest.raises(UserError, match=r"CORPUS=.*: expected UTF-8, .* it seems to be CP932"):
        channel.build("corpus", corpus, 2000, 1)
    assert not paths.VECTORS.exists()


@pytest.mark.parametrize("kind", ["chive", "corpus"])
def test_without_data_it_says_what_to_run(builder: Path, words: Path, kind: str):
    with pytest.raises(UserError, match=r"build/data/train: expected .* Run `make data`"):
        channel.build(kind, None, 2000, 1)


# --- wikija ---------------------------------------------------------------------------------


@pytest.fixture
def dropbox(project: Path, file_server: FileServer, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    """The four files, on a server of this machine."""
    files = {
        name: file_server.serve(f"/{number}", f"content of {name}".encode())
        for number, name in enumerate(wikija.FILES)
    }
    monkeypatch.setattr(wikija, "FILES", files)
    monkeypatch.setattr(wikija, "RECORD", paths.RAW / "wikija.sha256.json")
    return file_server


def test_the_articles_vectors_are_fetched_under_names_that_gensim_finds(dropbox: FileServer):
    assert channel.build("wikija", None, 1, 1) == "build/vectors: wikija, 4 files"
    assert {path.name for path in paths.VECTORS.iterdir()} == {
        "manifest.json",
        "tokenizer.model",
        "vectors.model",
        "vectors.model.wv.vectors.npy",
        "vectors.model.trainables.syn1neg.npy",
    }
    expected = "content of wikija-sentencepieced_word2vec_300.model.wv.vectors.npy"
    assert built("vectors.model.wv.vectors.npy") == expected


def test_their_hashes_are_recorded_and_nothing_is_fetched_twice(dropbox: FileServer):
    wikija.fetch(paths.VECTORS)
    recorded = json.loads(wikija.RECORD.read_text())
    assert recorded == {name: sha256_file(paths.RAW / "wikija" / name) for name in wikija.FILES}
    dropbox.requests.clear()
    assert wikija.fetch(paths.VECTORS) == "build/vectors is up to date (wikija)"
    assert dropbox.requests == []


def test_a_file_that_is_another_than_the_recorded_one_is_refused(dropbox: FileServer):
    wikija.fetch(paths.VECTORS)
    before = wikija.RECORD.read_text()
    (paths.RAW / "wikija" / "tokenizer.model").write_bytes(b"another")
    with pytest.raises(downloads.DownloadFailed, match=r"tokenizer.model is not the file"):
        wikija.fetch(paths.VECTORS)
    assert wikija.RECORD.read_text() == before


def test_a_recorded_hash_holds_for_a_later_download(dropbox: FileServer):
    wikija.fetch(paths.VECTORS)
    (paths.RAW / "wikija" / "tokenizer.model").unlink()
    dropbox.files["/0"].content = b"another"
    with pytest.raises(downloads.DownloadFailed, match="sha256"):
        wikija.fetch(paths.VECTORS)
    assert not (paths.RAW / "wikija" / "tokenizer.model").exists()


def test_a_dead_link_is_told_with_the_file_to_lay(dropbox: FileServer):
    dropbox.files["/2"].status = 404
    with pytest.raises(downloads.DownloadFailed, match=r"HTTP 404.*copy the file to data/raw"):
        wikija.fetch(paths.VECTORS)
    assert not paths.VECTORS.exists()
    assert not wikija.RECORD.exists()


@pytest.mark.parametrize("lost", ["vectors.model", "tokenizer.model"])
def test_a_lost_file_of_the_channel_is_laid_again(dropbox: FileServer, lost: str):
    wikija.fetch(paths.VECTORS)
    (paths.VECTORS / lost).unlink()
    wikija.fetch(paths.VECTORS)
    assert (paths.VECTORS / lost).exists()
