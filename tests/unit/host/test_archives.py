"""archives: the same bytes whatever the machine, and nothing outside the directory."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train2deploy.archives import UnsafeArchive, pack, unpack
from train2deploy.errors import UserError

NAMES = st.lists(
    st.text("abcあ京0-_", min_size=1, max_size=8), min_size=1, max_size=3, unique=True
).map("/".join)


def is_no_folder_of_another(names: list[str]) -> bool:
    return not any(other.startswith(name + "/") for name in names for other in names)


TREES = st.dictionaries(NAMES, st.binary(max_size=2000), min_size=1, max_size=6).filter(
    lambda tree: is_no_folder_of_another(list(tree))
)


def lay(directory: Path, tree: dict[str, bytes]) -> list[tuple[str, Path]]:
    entries = []
    for number, (name, content) in enumerate(tree.items()):
        path = directory / str(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        entries.append((name, path))
    return entries


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


@given(tree=TREES)
def test_what_was_packed_is_unpacked(tmp_path_factory: pytest.TempPathFactory, tree):
    scratch = tmp_path_factory.mktemp("tree")
    pack(lay(scratch / "files", tree), scratch / "a.tar.gz")
    assert sorted(unpack(scratch / "a.tar.gz", scratch / "out")) == sorted(tree)
    assert contents(scratch / "out") == tree


TREE = {"1/saved_model.pb": b"graph", "1/variables/variables.index": b"i", "code/inference.py": b""}


def test_the_bytes_do_not_depend_on_order_time_mode_or_umask(tmp_path: Path):
    entries = lay(tmp_path, TREE)
    pack(entries, tmp_path / "first.tar.gz")
    for _, path in entries:
        os.utime(path, (1, 1))
        path.chmod(0o600)
    before = os.umask(0o077)
    try:
        pack(reversed(entries), tmp_path / "elsewhere" / "second.tar.gz")
    finally:
        os.umask(before)
    first = (tmp_path / "first.tar.gz").read_bytes()
    assert (tmp_path / "elsewhere" / "second.tar.gz").read_bytes() == first


def test_an_entry_holds_nothing_of_this_machine(tmp_path: Path):
    pack(lay(tmp_path, TREE), tmp_path / "a.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes()[4:8] == bytes(4), "time in the gzip header"
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == [
        "1",
        "1/saved_model.pb",
        "1/variables",
        "1/variables/variables.index",
        "code",
        "code/inference.py",
    ]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0, 0, "", "")}
    assert {m.mode for m in members if m.isfile()} == {0o644}


def test_other_contents_give_other_bytes(tmp_path: Path):
    pack(lay(tmp_path / "a", {"x": b"1"}), tmp_path / "a.tar.gz")
    pack(lay(tmp_path / "b", {"x": b"2"}), tmp_path / "b.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() != (tmp_path / "b.tar.gz").read_bytes()


def test_a_failed_packing_keeps_the_earlier_archive_and_leaves_no_half(tmp_path: Path):
    archive = tmp_path / "model.tar.gz"
    archive.write_bytes(b"the earlier one")
    with pytest.raises(FileNotFoundError):
        pack([("a", tmp_path / "not there")], archive)
    assert contents(tmp_path) == {"model.tar.gz": b"the earlier one"}


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.size = 5 if kind == tarfile.REGTYPE else 0
    return info


def archive_of(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info in members:
            tar.addfile(info, io.BytesIO(b"12345") if info.size else None)
    return path


SYM, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE
UNSAFE = {
    "absolute path": [member("/tmp/x")],
    "a way out": [member("../x")],
    "a way out by a folder": [member("a/../../x")],
    "an absolute symbolic link": [member("x", SYM, "/etc/passwd")],
    "a symbolic link out": [member("a/x", SYM, "../../x")],
    "a symbolic link to the folder above": [member("x", SYM, "..")],
    "a hard link out": [member("x", HARD, "../x")],
    "an absolute hard link": [member("x", HARD, "/etc/passwd")],
    "a character device": [member("x", tarfile.CHRTYPE)],
    "a block device": [member("x", tarfile.BLKTYPE)],
    "a pipe": [member("x", tarfile.FIFOTYPE)],
    "a link out through another link": [member("here", SYM, "."), member("x", SYM, "here/..")],
    "a link out through a deep link": [
        member("a/b/c", tarfile.DIRTYPE),
        member("deep", SYM, "a/b/c"),
        member("a/b/c/up", SYM, "../../.."),
        member("x", SYM, "deep/up/.."),
    ],
    "a file through a link": [member("here", SYM, "."), member("here/x")],
    "a file through a link that is folder, too": [
        member("d", tarfile.DIRTYPE),
        member("d", SYM, "."),
        member("d/x"),
    ],
}


@pytest.mark.parametrize("kind", UNSAFE)
@pytest.mark.parametrize("place", ["first", "last"])
def test_an_unsafe_entry_is_refused_and_nothing_is_written(tmp_path: Path, kind: str, place: str):
    harmless, unsafe = [member("harmless")], UNSAFE[kind]
    members = unsafe + harmless if place == "first" else harmless + unsafe
    archive = archive_of(tmp_path / "a.tar.gz", *members)
    with pytest.raises(UnsafeArchive, match="refused, nothing was unpacked"):
        unpack(archive, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


def test_links_within_the_directory_are_unpacked(tmp_path: Path):
    archive = archive_of(
        tmp_path / "a.tar.gz",
        member("a/x"),
        member("a/same", HARD, "a/x"),
        member("b/soft", SYM, "../a/x"),
    )
    unpack(archive, tmp_path / "out")
    assert contents(tmp_path / "out") == {"a/x": b"12345", "a/same": b"12345", "b/soft": b"12345"}


def test_set_user_bits_are_dropped(tmp_path: Path):
    info = member("x")
    info.mode = 0o4777
    unpack(archive_of(tmp_path / "a.tar.gz", info), tmp_path / "out")
    assert (tmp_path / "out" / "x").stat().st_mode & 0o7022 == 0


def whole_archive(tmp_path: Path) -> bytes:
    entries = lay(tmp_path / "files", {"a": os.urandom(50_000), "b": os.urandom(50_000)})
    pack(entries, tmp_path / "whole.tar.gz")
    return (tmp_path / "whole.tar.gz").read_bytes()


def flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


BROKEN = {
    "empty": lambda whole: b"",
    "no archive": lambda whole: b"<html>not found</html>" * 100,
    "cut in the middle": lambda whole: whole[: len(whole) // 2],
    "cut before its checksum": lambda whole: whole[:-6],
    "a changed byte": lambda whole: flip(whole, len(whole) // 2),
    "another checksum": lambda whole: flip(whole, len(whole) - 8),
    "gzip of something else": lambda whole: gzip.compress(b"text" * 1000),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_archive_is_refused_and_nothing_is_written(tmp_path: Path, kind: str):
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(BROKEN[kind](whole_archive(tmp_path)))
    with pytest.raises(UserError, match="expected a tar archive"):
        unpack(broken, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_archive_that_is_not_there_is_a_users_error(tmp_path: Path):
    with pytest.raises(UserError, match="No such file"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out")


@given(data=st.binary(max_size=3000))
def test_whatever_bytes_come_either_files_or_a_users_error(tmp_path_factory, data):
    scratch = tmp_path_factory.mktemp("bytes")
    (scratch / "a.tar").write_bytes(data)
    try:
        unpack(scratch / "a.tar", scratch / "out")
    except UserError:
        assert not (scratch / "out").exists()
