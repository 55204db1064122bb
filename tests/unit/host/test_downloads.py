"""downloads.fetch against a real HTTP server."""

import hashlib
import random
import socket
from pathlib import Path

import pytest
from file_server import FileServer

from train2deploy.downloads import DownloadFailed, fetch

CONTENT = random.Random(1).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "corpus.tar.bz2"


def part_of(target: Path, content: bytes) -> Path:
    """Lays down what an earlier try left."""
    part = target.with_name(target.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(content)
    return part


def files_beside(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_a_file_is_fetched_and_nothing_else_is_left(file_server: FileServer, target: Path):
    assert fetch(file_server.serve("/c", CONTENT), target, SHA256) == target
    assert target.read_bytes() == CONTENT
    assert files_beside(target) == [target.name]


def test_a_part_is_continued_where_it_ends(file_server: FileServer, target: Path):
    part_of(target, CONTENT[:100_000])
    fetch(file_server.serve("/c", CONTENT), target, SHA256)
    assert target.read_bytes() == CONTENT
    assert file_server.requests == [("/c", "bytes=100000-")]


def test_a_server_without_ranges_sends_the_whole_again(file_server: FileServer, target: Path):
    part_of(target, CONTENT[:100_000])
    fetch(file_server.serve("/c", CONTENT, resumable=False), target, SHA256)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("sha256", [SHA256, None])
def test_a_part_that_is_already_whole_is_taken(file_server, target, sha256):
    part_of(target, CONTENT)
    fetch(file_server.serve("/c", CONTENT), target, sha256)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("sha256", [SHA256, None])
def test_a_part_longer_than_the_file_is_thrown_away(file_server, target, sha256):
    part_of(target, CONTENT + b"of another release")
    fetch(file_server.serve("/c", CONTENT), target, sha256)
    assert target.read_bytes() == CONTENT


def test_a_cut_connection_keeps_the_part_and_the_next_try_goes_on(file_server, target):
    url = file_server.serve("/c", CONTENT, cut=[120_000])
    with pytest.raises(DownloadFailed, match=r"Try again \(it resumes where it stopped\)"):
        fetch(url, target, SHA256)
    assert files_beside(target) == [target.name + ".part"]
    fetch(url, target, SHA256)
    assert target.read_bytes() == CONTENT
    (_, first), (_, second) = file_server.requests
    assert first is None
    assert second is not None
    assert 0 < int(second.removeprefix("bytes=").removesuffix("-")) <= 120_000


def test_a_part_is_continued_from_a_server_that_compresses_on_the_way(file_server, target):
    url = file_server.serve("/c", CONTENT, compressible=True, cut=[120_000])
    with pytest.raises(DownloadFailed):
        fetch(url, target, SHA256)
    fetch(url, target, SHA256)
    assert target.read_bytes() == CONTENT


def test_another_hash_leaves_nothing_behind(file_server: FileServer, target: Path):
    with pytest.raises(DownloadFailed, match=f"sha256 {SHA256} expected"):
        fetch(file_server.serve("/c", b"<html>moved</html>"), target, SHA256)
    assert files_beside(target) == []


@pytest.mark.parametrize("status", [403, 404, 503])
def test_an_http_error_names_status_address_and_where_to_lay_the_file(file_server, target, status):
    url = file_server.serve("/c", CONTENT, status=status)
    with pytest.raises(DownloadFailed) as caught:
        fetch(url, target, SHA256)
    assert f"HTTP {status}" in str(caught.value)
    assert url in str(caught.value)
    assert f"copy the file to {target}" in str(caught.value)
    assert files_beside(target) == []


def test_an_http_error_leaves_the_part_for_a_better_day(file_server: FileServer, target: Path):
    part = part_of(target, CONTENT[:5])
    with pytest.raises(DownloadFailed):
        fetch(file_server.serve("/c", CONTENT, status=503), target, SHA256)
    assert part.read_bytes() == CONTENT[:5]


def test_without_a_network_the_message_says_where_to_lay_the_file(target: Path):
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody_listens.getsockname()[1]}/c"
        with pytest.raises(DownloadFailed, match=f"copy the file to {target}"):
            fetch(url, target, SHA256)


def test_a_file_laid_by_hand_is_checked_and_nothing_is_asked_for(file_server, target):
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    assert fetch(file_server.url("/c"), target, SHA256).read_bytes() == CONTENT
    assert file_server.requests == []


def test_a_wrong_file_laid_by_hand_is_refused_and_stays(file_server: FileServer, target: Path):
    target.parent.mkdir()
    target.write_bytes(b"something else")
    with pytest.raises(DownloadFailed, match="Remove it and fetch it again"):
        fetch(file_server.serve("/c", CONTENT), target, SHA256)
    assert target.read_bytes() == b"something else"
    assert file_server.requests == []


def test_progress_is_a_line_per_tenth_in_a_log(file_server, target, capsys):
    fetch(file_server.serve("/c", CONTENT), target, SHA256)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "corpus.tar.bz2: 100 % of 300,000 bytes"
    assert 1 <= len(lines) <= 10
