"""Word vectors out of the packages named ja-ginza, which are downloaded and never installed.

Version 5.3.0 carries chiVe (300 dimensions, Apache-2.0, Works Applications), version 3.1.0
word2vec vectors of the Japanese Wikipedia (100 dimensions, MIT, Megagon Labs): the nearest to the
article's that can be had. Both hold them as a spaCy vocabulary, words that each point to a vector;
of chiVe 480,425 words share 20,000 vectors. The model code in the packages is not needed.
"""

import io
import json
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgpack
import numpy as np

from train2deploy import manifest, paths
from train2deploy.hashing import sha256_file
from train2deploy.vectors import wheels

FILES = ("words.txt", "rows.npy", "vectors.npy", "frequent.txt", "rarer.txt")
LINE_ENDS = {"\n", "\r"}


@dataclass(frozen=True)
class Package:
    """A release of ja-ginza, and the vectors that it carries."""

    kind: str  # what VECTORS= calls them
    name: str  # for a user
    archive: str  # the file that is downloaded: a wheel or a source archive
    vocabulary: str  # the folder of the spaCy vocabulary in it
    size: int  # of the download, in MB
    # letters and digits of its words are full-width ones. Pieces have none, and are looked up
    # in lower case, so the words are folded likewise (NFKC, lower case).
    full_width: bool

    @property
    def lock(self) -> Path:
        """Its version and sha256."""
        return paths.REQUIREMENTS / f"{self.kind}.lock"


CHIVE = Package(
    "chive",
    "The chiVe vectors (package ja-ginza 5.3.0)",
    "ja_ginza-5.3.0-py3-none-any.whl",
    "ja_ginza/ja_ginza-5.3.0/vocab/",
    59,
    full_width=False,
)
WIKIPEDIA = Package(
    "wikipedia",
    "The Wikipedia vectors (package ja-ginza 3.1.0)",
    "ja_ginza-3.1.0.tar.gz",
    "ja_ginza-3.1.0/ja_ginza/ja_ginza-3.1.0/vocab/",
    55,
    full_width=True,
)
PACKAGES = {package.kind: package for package in (CHIVE, WIKIPEDIA)}

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


def words(package: Package, target: Path | None = None, as_written: bool = False) -> Path:
    """Makes `target` hold FILES, once.

    Args:
        target: None: build/words/<kind>, or build/words/<kind>-as-written.
        as_written: words are not folded.

    Returns:
        `target`: line i of words.txt has the vector `vectors[rows[i]]`; frequent.txt
        has the words that own a vector, and rarer.txt those that share one, the most
        frequent first.
    """
    folded = package.full_width and not as_written
    target = target or paths.WORDS / (package.kind + ("-as-written" if as_written else ""))
    archive = wheels.fetch(package)
    inputs = {"archive_sha256": sha256_file(archive), "layout": 4}
    if manifest.is_current(target / "manifest.json", inputs, [target / name for name in FILES]):
        return target
    read = _reader(archive)
    vectors = np.load(io.BytesIO(read(package.vocabulary + "vectors")), allow_pickle=False)
    row_of_key = msgpack.unpackb(read(package.vocabulary + "key2row"), strict_map_key=False)
    strings = json.loads(read(package.vocabulary + "strings.json"))
    rows: dict[str, int] = {}
    keys: dict[int, str] = {}
    for text in strings:
        key = spacy_hash(text)
        if key in row_of_key and text and not LINE_ENDS & set(text):
            word = unicodedata.normalize("NFKC", text).lower() if folded else text
            # Where two become one, the more frequent has the lower row.
            rows[word] = min(row_of_key[key], rows.get(word, row_of_key[key]))
            keys[key] = word
    # The table's first entries are the words that own a vector, the most frequent first; chiVe's
    # others were mapped to the nearest of those, and come in the same order.
    in_order = list(dict.fromkeys(keys[key] for key in row_of_key if key in keys))
    owning = len({keys[key] for key in list(row_of_key)[: len(vectors)] if key in keys})
    target.mkdir(parents=True, exist_ok=True)
    (target / "words.txt").write_text("\n".join(rows), encoding="utf-8")
    for name, part in (("frequent.txt", in_order[:owning]), ("rarer.txt", in_order[owning:])):
        text = "".join(f"{word}\n" for word in part)
        (target / name).write_text(text, encoding="utf-8")
    np.save(target / "rows.npy", np.fromiter(rows.values(), dtype=np.int32), allow_pickle=False)
    np.save(target / "vectors.npy", vectors, allow_pickle=False)
    outputs = {"words": len(rows), "vectors": list(vectors.shape)}
    manifest.write(target / "manifest.json", inputs, outputs)
    return target


def _reader(archive: Path) -> Callable[[str], bytes]:
    """A function that gives the bytes of one file in the archive."""
    if archive.suffix == ".whl":
        return zipfile.ZipFile(archive).read

    def read(name: str) -> bytes:
        with tarfile.open(archive) as tar:
            stream = tar.extractfile(name)
            assert stream is not None, "sha256 is known, so the file is there"
            return stream.read()

    return read
