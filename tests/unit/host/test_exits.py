"""exits, disk: what ends a command from outside (a closed pipe, a full disk) is no traceback."""

import errno
import io
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from train2deploy import archives, disk, exits, paths
from train2deploy.errors import EXIT_BROKEN_PIPE, EXIT_ENVIRONMENT, EXIT_USAGE, UserError

FULL = Path("/dev/full")


def run(
    root: Path, *arguments: str, stdout: int, limit: int | None = None
) -> "subprocess.CompletedProcess[str]":
    """A module of the tool as a process.

    Args:
        limit: bytes that a file may have.
    """

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    environment = {"PYTHONPATH": str(paths.SRC), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        env={**os.environ, **environment, "TRAIN2DEPLOY_ROOT": str(root)},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        preexec_fn=limited,
    )


PRINTING = [
    ["train2deploy", "stop"],
    ["train2deploy", "data", "sample"],
    ["train2deploy", "runs", "--json"],
    ["train2deploy.bare", "doctor"],
    ["train2deploy.bare", "variables"],
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with the shipped data and models alone."""
    (tmp_path / "src").symlink_to(paths.SRC)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sample").symlink_to(paths.SAMPLE)
    return tmp_path


@pytest.mark.parametrize("command", PRINTING, ids=" ".join)
def test_a_reader_that_has_gone_ends_a_command_as_sigpipe_ends_other_programs(root, command):
    reader, writer = os.pipe()
    os.close(reader)
    done = run(root, *command, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (EXIT_BROKEN_PIPE, "")


def test_a_table_that_nobody_reads_ends_in_the_same_way():
    reader, writer = os.pipe()
    os.close(reader)
    code = (
        "import sys; from rich.table import Table; from train2deploy import console, exits\n"
        "sys.exit(exits.run(lambda: console.print_table(Table('a'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(paths.SRC)},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (EXIT_BROKEN_PIPE, "")


def test_a_broken_pipe_that_is_not_our_output_is_not_hidden():
    def command() -> None:
        raise BrokenPipeError(errno.EPIPE, "of a socket")

    with pytest.raises(BrokenPipeError):
        exits.run(command)


def test_an_error_that_nobody_can_read_keeps_its_status(root: Path):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "train2deploy", "data", "nothing"],
        env={**os.environ, "PYTHONPATH": str(paths.SRC), "TRAIN2DEPLOY_ROOT": str(root)},
        stdout=subprocess.PIPE,
        stderr=writer,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stdout) == (EXIT_USAGE, "")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("command", PRINTING, ids=" ".join)
def test_output_to_a_full_disk_is_one_line(root: Path, command: list[str]):
    with FULL.open("w") as full:
        done = run(root, *command, stdout=full.fileno())
    assert done.returncode == EXIT_ENVIRONMENT
    (line,) = done.stderr.splitlines()
    assert "/dev/full could not be written: No space left on device (" in line


def test_a_file_that_cannot_grow_is_named_in_one_line(root: Path):
    done = run(root, "train2deploy", "data", "sample", stdout=subprocess.DEVNULL, limit=4096)
    assert done.returncode == EXIT_ENVIRONMENT
    (line,) = done.stderr.splitlines()
    assert re.match(
        r"train2deploy: build/data\.part-\w+/train/features\.csv could not be written:", line
    )
    assert "File too large" in line
    assert "MB free" in line
    assert "`make clean` removes build/" in line


# --- where the error comes from ------------------------------------------------------------


class FullFile(io.FileIO):
    """A file on a full disk."""

    def write(self, data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def copied(path: Path) -> None:
    with FullFile(path, "w") as target, path.open("rb") as source:
        shutil.copyfileobj(io.BytesIO(b"x" + source.read()), target)


def opened(path: Path) -> None:
    raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), str(path))


def tree(path: Path) -> None:
    raise shutil.Error([("here", str(path), f"[Errno 28] {os.strerror(errno.ENOSPC)}: '{path}'")])


@pytest.mark.parametrize("write", [copied, opened, tree])
def test_the_file_and_what_is_free_are_named(tmp_path, write, capsys):
    path = tmp_path / "part" / "file"
    path.parent.mkdir()
    assert exits.run(lambda: write(path)) == EXIT_ENVIRONMENT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"train2deploy: {path} could not be written: ")
    free = shutil.disk_usage(tmp_path).free / 1e6
    assert float(line.split("(")[1].split(" MB free")[0].replace(",", "")) == pytest.approx(
        free, rel=0.1
    )


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOENT, errno.EIO])
def test_another_error_of_the_system_is_not_taken_for_it(number: int):
    assert disk.explained(OSError(number, os.strerror(number), "file")) is None
    assert disk.explained(shutil.Error([("a", "b", os.strerror(number))])) is None


def test_an_archive_that_finds_no_room_is_not_called_broken(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"x")
    archives.pack([("file", tmp_path / "file")], tmp_path / "a.tar.gz")

    def full(*_: object, **__: object) -> None:
        opened(tmp_path / "out" / "file")

    monkeypatch.setattr("tarfile.TarFile.extractall", full)
    with pytest.raises(disk.DiskFull, match="could not be written: Disk quota exceeded"):
        archives.unpack(tmp_path / "a.tar.gz", tmp_path / "out")


def test_a_library_error_is_one_line_where_a_command_says_so(capsys: pytest.CaptureFixture[str]):
    def command() -> None:
        raise socket.gaierror("no such host")

    status = exits.run(command, failures=(socket.gaierror,), explained=lambda _: "no network")
    assert status == 1
    assert capsys.readouterr().err == "train2deploy: no network\n"
    assert exits.run(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        exits.run(lambda: 1 // 0)
    assert issubclass(disk.DiskFull, UserError)
