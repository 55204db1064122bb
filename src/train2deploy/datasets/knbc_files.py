"""Where the KNB corpus is, and its files, from an archive or a folder.

Accepted are the two official archives (EUC-JP and UTF-8), the zip file of the NLTK project, any
other tar or zip archive of the corpus, and an unpacked folder. `knbc` checks what is in them.
"""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from train2deploy import console, downloads, paths
from train2deploy.errors import UserError

SOURCES = {
    "KNBC_v1.0_090925_utf8.tar.bz2": (
        "http://nlp.ist.i.kyoto-u.ac.jp/kuntt/KNBC_v1.0_090925_utf8.tar.bz2"
    ),
    "knbc.zip": (
        "https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/packages/corpora/knbc.zip"
    ),
}
"""What is fetched, tried in this order: the official archive, then NLTK's copy."""
ACCEPTED = (
    *SOURCES,
    "KNBC_v1.0_090925.tar.bz2",
    "KNBC_v1.0_090925_utf8",
    "KNBC_v1.0_090925",
    "knbc",
)
"""Names that are recognised in data/raw."""
LARGEST_FILE = 16 << 20  # bytes; the largest of the corpus has a quarter of a megabyte

BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError,
    RuntimeError,  # an encrypted zip file
)  # fmt: skip


class CorpusError(UserError):
    """What was found is not the corpus."""


def find(folder: Path | None = None) -> Path | None:
    """The corpus in a folder, data/raw unless given, in the first form of ACCEPTED there."""
    folder = folder or paths.RAW
    return next((folder / name for name in ACCEPTED if (folder / name).exists()), None)


def fetch() -> Path:
    """Downloads the corpus into data/raw and says from where.

    Raises:
        DownloadFailed: no source answered.
    """
    failures = []
    for name, url in SOURCES.items():
        try:
            archive = downloads.fetch(url, paths.RAW / name, sha256=None)
        except downloads.DownloadFailed as error:
            failures.append(str(error).split(". ")[0])
            continue
        console.say(f"KNBC: fetched from {url}")
        return archive
    raise downloads.DownloadFailed(
        f"The KNB corpus is not in {paths.relative(paths.RAW)} and could not be downloaded:"
        f" {'; '.join(failures)}. Online: run the command again, a download resumes. Offline: copy"
        f" {' or '.join(SOURCES)} to {paths.relative(paths.RAW)}, or give its place, KNBC=<path>."
    )


def read(place: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    """The bytes of the named files of corpus2. Nothing is written to disk.

    Args:
        place: a tar or zip archive, or a folder.

    Raises:
        CorpusError: nothing there, not an archive, or a file is missing.
    """
    if not place.exists():
        raise CorpusError(
            f"KNBC={place}: no such file or folder. Give an archive of the KNB corpus, or the"
            " folder that it unpacks to."
        )
    found: dict[str, bytes] = {}
    try:
        for path, size, content in _files(place):
            if path.name in names and path.parent.name == "corpus2":
                if size > LARGEST_FILE:
                    raise CorpusError(
                        f"{paths.relative(place)}: {path} has {size:,} bytes, far more than any"
                        " file of the corpus. Take an unchanged copy of it."
                    )
                found[path.name] = content()
    except BROKEN as error:
        why = (str(error).splitlines() or [type(error).__name__])[0].rstrip(": ")
        ours = (
            "Remove it and fetch the corpus again, or name"
            if paths.RAW in place.parents
            else "Give"
        )
        raise CorpusError(
            f"{paths.relative(place)}: neither a readable archive nor a folder ({why})."
            f" {ours} another copy, KNBC=<path>."
        ) from error
    missing = [name for name in names if name not in found]
    if missing:
        raise CorpusError(
            f"{paths.relative(place)}: corpus2/{missing[0]} is not in it (of corpus2 it has"
            f" {', '.join(sorted(found)) or 'nothing'}). KNBC=<path> is an archive of the KNB"
            " corpus, or the folder that it unpacks to."
        )
    return found


def _files(place: Path) -> Iterator[tuple[PurePosixPath, int, Callable[[], bytes]]]:
    """Every regular file: its path, its size, and a function that reads it."""
    if place.is_dir():
        for path in sorted(place.resolve().rglob("*.tsv")):
            yield PurePosixPath(path), path.stat().st_size, path.read_bytes
    elif zipfile.is_zipfile(place):
        with zipfile.ZipFile(place) as archive:
            for entry in archive.infolist():
                yield PurePosixPath(entry.filename), entry.file_size, partial(archive.read, entry)
    else:
        with tarfile.open(place) as tar:
            for member in tar:
                if member.isfile():
                    yield PurePosixPath(member.name), member.size, partial(_extract, tar, member)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member)
    assert stream is not None, "a regular file can be opened"
    return stream.read()
