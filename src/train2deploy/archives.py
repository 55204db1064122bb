"""tar.gz archives: packed the same way every time, unpacked without trust."""

import gzip
import lzma
import posixpath
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from train2deploy import disk
from train2deploy.errors import UserError


class UnsafeArchive(UserError):
    """An archive holds an entry that would be written outside its directory, or no file at all."""


def pack(entries: Iterable[tuple[str, Path]], archive: Path) -> None:
    """Writes a .tar.gz whose bytes depend on the entries' names and contents alone.

    Args:
        entries: (name in the archive, file to take) pairs. Order does not matter;
            folders above a name are added.
        archive: the file to write; it is replaced whole or not at all.
    """
    files = dict(entries)
    folders = {str(parent) for name in files for parent in PurePosixPath(name).parents} - {"."}
    partial = archive.with_name(archive.name + ".part")
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            partial.open("wb") as raw,
            gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0) as zipped,
            tarfile.open(fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT) as tar,
        ):
            for name in sorted(folders | files.keys()):
                _add(tar, name, files.get(name))
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    partial.replace(archive)


def _add(tar: tarfile.TarFile, name: str, file: Path | None) -> None:
    info = tarfile.TarInfo(name)
    if file is None:
        info.type = tarfile.DIRTYPE
        info.mode = 0o755
        tar.addfile(info)
        return
    info.size = file.stat().st_size
    info.mode = 0o644
    with file.open("rb") as source:
        tar.addfile(info, source)


def unpack(archive: Path, directory: Path) -> list[str]:
    """Unpacks a .tar.gz (or .tar, .tar.bz2) below `directory`.

    Returns:
        The names of the regular files.

    Raises:
        UnsafeArchive: an absolute path, a way out by `..`, a link that leaves the
            directory, a path through a link, a device or a pipe. Nothing of the archive
            is written then.
        UserError: it is no archive, or it is broken.
    """
    try:
        with tarfile.open(archive) as tar:
            members = tar.getmembers()
            _read_to_the_end(tar)
            links = {posixpath.normpath(member.name) for member in members if member.issym()}
            for member in members:
                _check(archive, member, links, directory)
            directory.mkdir(parents=True, exist_ok=True)
            tar.extractall(directory, members, filter="data")
    except tarfile.FilterError as error:
        raise UnsafeArchive(_refusal(archive, str(error))) from error
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, OSError) and (full := disk.explained(error)):
            raise full from error
        raise UserError(
            f"{archive}: expected a tar archive, found something else or a broken one"
            f" ({said(error)})."
            " Make or download it again."
        ) from error
    return [member.name for member in members if member.isfile()]


def said(error: Exception) -> str:
    """In one line, without what tarfile tried for each kind of compression."""
    return str(error).partition("\n")[0].rstrip(":")


def _read_to_the_end(tar: tarfile.TarFile) -> None:
    """tarfile stops at the last entry, so it never sees the checksum that follows."""
    while tar.fileobj is not None and tar.fileobj.read(1 << 20):
        pass


def _check(archive: Path, member: tarfile.TarInfo, links: set[str], directory: Path) -> None:
    if member.name.startswith("/"):
        raise UnsafeArchive(_refusal(archive, f"{member.name!r} is an absolute path"))
    # Links that are not there yet are taken by their names; a path through one may lead elsewhere.
    for path in _paths(member):
        if any(posixpath.normpath(folder) in links for folder in PurePosixPath(path).parents):
            raise UnsafeArchive(_refusal(archive, f"{path!r} leads through a link"))
    try:
        tarfile.data_filter(member, str(directory))
    except tarfile.FilterError as error:
        raise UnsafeArchive(_refusal(archive, str(error))) from error


def _paths(member: tarfile.TarInfo) -> list[str]:
    if member.issym():
        return [member.name, posixpath.join(posixpath.dirname(member.name), member.linkname)]
    return [member.name, member.linkname] if member.islnk() else [member.name]


def _refusal(archive: Path, reason: str) -> str:
    return f"{archive}: refused, nothing was unpacked: {reason}. Do not use this archive."
