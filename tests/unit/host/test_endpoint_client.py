"""endpoint: what the host tool asks it and remembers of it (its inside is tested elsewhere)."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from fake_endpoint import answering, rankings_of

from train2deploy import archives, endpoint, invoke, manifest, paths, requests
from train2deploy.endpoint import Endpoint, EndpointError
from train2deploy.errors import MissingRequirement, UserError
from train2deploy.runtimes.host import HOST


def test_sentences_go_in_one_request_and_rankings_come_back():
    asked = []

    def answer(sentences: list[str]):
        asked.append(sentences)
        return rankings_of(["a", "b"])

    with answering(answer) as running:
        rankings = endpoint.classify(running, ["電波が悪い", "抹茶"])
    assert asked == [["電波が悪い", "抹茶"]]
    assert [ranking[0]["label"] for ranking in rankings] == ["a", "b"]


NO_RANKINGS = [
    b"<html>It works!</html>",
    b"\xff\xfe",
    b'{"predictions": [1.0]}',
    b"[[1.0, 2.0]]",
    b"[[]]",
    b'[[{"label": "a", "prob": "much"}]]',
    b'[[{"label": "a", "prob": null}]]',
    b'{"label": "a", "prob": 1.0}',
    b'"["',
    b"[" * 100_000,
    b"[]",
]


@pytest.mark.parametrize(
    "status, body, message",
    [
        (500, b'{"error": "expected a sentence"}', "answered 500: expected a sentence"),
        (502, b"<html>Bad Gateway</html>", "answered 502: <html>Bad Gateway</html>"),
        (415, b"[1]", "answered 415: [1]"),
        (404, b"\xff", "answered 404: \ufffd"),
        *((200, body, "is not a JSON ranking") for body in NO_RANKINGS),
        (0, b"220 mail.example.org ESMTP\r\n", "no answer"),
        (0, b"", "no answer"),
        (0, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "no answer"),
    ],
)
def test_an_answer_that_is_none_is_told_in_one_line(status: int, body: bytes, message: str):
    with answering(lambda _: (status, body)) as running, pytest.raises(EndpointError) as caught:
        endpoint.classify(running, ["x"])
    assert message in str(caught.value)
    assert running.url in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content_type", ["*/*", "text/html", "application/jsonlines", ""])
@pytest.mark.parametrize(
    "body",
    [
        b'[{"label": "a", "prob": 0.75}, {"label": "b", "prob": "0.25"}]',
        b'[[{"label": "a", "prob": 0.75}, {"label": "b", "prob": "0.25"}]]\n',
        b'\xef\xbb\xbf[{"label": "a", "prob": 0.75}, {"label": "b", "prob": "0.25"}]',
        json.dumps('[{"label": "a", "prob": 0.75}, {"label": "b", "prob": "0.25"}]').encode(),
    ],
)
def test_invoke_shows_a_ranking_of_any_content_type(capsys, content_type, body):
    """A handler such as the article's returns `body, context.accept_header`, which may be */*."""
    asked = []

    def answer(query: object):
        asked.append(query)
        return 200, body

    with answering(answer, content_type) as running:
        invoke.invoke(requests.sentences("電波が悪い"), running.port, as_json=False)
    assert asked == ["電波が悪い"]
    title, first, second = capsys.readouterr().out.splitlines()
    assert (title.strip(), first.split()[:2]) == ("電波が悪い", ["a", "0.750000"])
    assert second.split()[:2] == ["b", "0.250000"]


def test_where_nothing_listens_it_says_how_to_start_one():
    with pytest.raises(EndpointError, match=r"no answer.*make local-serve DETACH=1"):
        endpoint.classify(Endpoint(endpoint.free_port(), 0, None), ["x"])


def test_a_port_in_use_is_refused_with_a_free_one():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"PORT={port}: Address already in use.*PORT=\d+"):
            endpoint.check_port(port)
    endpoint.check_port(port)


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_a_number_that_is_no_port_is_refused(port: int):
    with pytest.raises(UserError, match="expected 0 to 65535"):
        endpoint.check_port(port)


def test_the_callers_sagemaker_variables_reach_the_endpoint_and_its_python_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SAGEMAKER_TFS_ENABLE_BATCHING", "true")
    monkeypatch.setenv("PYTHONHOME", "/elsewhere")
    monkeypatch.setenv("MAKEFLAGS", "-j")
    environment = HOST.endpoint(tmp_path, 8081, dev=False).environment
    assert environment["SAGEMAKER_TFS_ENABLE_BATCHING"] == "true"
    assert environment["SAGEMAKER_BIND_TO_PORT"] == "8081"
    assert environment["DEV"] == "0"
    assert environment["PYTHONPATH"] == str(paths.SRC)
    assert {"PYTHONHOME", "MAKEFLAGS"}.isdisjoint(environment)


def test_without_the_serving_environment_it_says_what_to_run(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "SERVE_PYTHON", tmp_path / "python")
    with pytest.raises(MissingRequirement, match="Run `make setup`"):
        HOST.endpoint(tmp_path, 8080, dev=True)


def archive_of(tmp_path: Path, *names: str) -> Path:
    (tmp_path / "file").write_bytes(b"x")
    archives.pack([(name, tmp_path / "file") for name in names], paths.MODEL_ARCHIVE)
    return paths.MODEL_ARCHIVE


def test_an_archive_is_unpacked_once_into_a_folder_named_model(project: Path, tmp_path: Path):
    archive = archive_of(tmp_path, "1/saved_model.pb", "code/inference.py")
    model = endpoint.unpacked_model(archive)
    assert model.name == "model"
    assert (model / "1" / "saved_model.pb").read_bytes() == b"x"
    (model / "mark").touch()
    assert endpoint.unpacked_model(archive) == model
    assert (model / "mark").exists()


def test_another_archive_gets_a_folder_of_its_own(project: Path, tmp_path: Path):
    first = endpoint.unpacked_model(archive_of(tmp_path, "1/saved_model.pb"))
    second = endpoint.unpacked_model(archive_of(tmp_path, "2/saved_model.pb"))
    assert first != second


def test_an_archive_that_could_not_be_served_is_not_unpacked(project: Path, tmp_path: Path):
    archive = archive_of(tmp_path, "export/saved_model.pb")
    with pytest.raises(UserError, match="a SavedModel is served only from a folder with a numeric"):
        endpoint.unpacked_model(archive)
    assert not paths.SERVED_MODELS.exists()


def test_a_half_unpacked_archive_is_unpacked_again(project: Path, tmp_path: Path):
    archive = archive_of(tmp_path, "1/saved_model.pb")
    model = endpoint.unpacked_model(archive)
    half = model.with_name("model.part-00000000")
    model.rename(half)
    (half / "1" / "saved_model.pb").write_bytes(b"half")
    assert (endpoint.unpacked_model(archive) / "1" / "saved_model.pb").read_bytes() == b"x"
    assert not half.exists()


def state(pid: int) -> None:
    manifest.write_json(paths.ENDPOINT_STATE, asdict(Endpoint(8080, pid, None)))


def test_a_free_port_is_none_that_linux_gives_to_outgoing_connections():
    assert all(1024 <= endpoint.free_port() < 32768 for _ in range(50))


@pytest.fixture
def build(project: Path) -> Path:
    paths.BUILD.mkdir()
    return paths.BUILD


def test_without_a_detached_endpoint_there_is_none(build: Path):
    assert endpoint.current() is None
    assert endpoint.stop() is False


def test_an_endpoint_that_died_is_forgotten(build: Path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    state(process.pid)
    assert endpoint.current() is None
    assert not paths.ENDPOINT_STATE.exists()


def test_another_process_with_its_number_is_left_alone(build: Path):
    state(os.getpid())
    assert endpoint.current() is None
    assert endpoint.stop() is False


@pytest.mark.parametrize("content", ["{}", "[]", "{", '{"port": 1, "pid": 2, "colour": 3}'])
def test_a_state_that_cannot_be_read_is_no_endpoint(build: Path, content: str):
    paths.ENDPOINT_STATE.write_text(content)
    assert endpoint.current() is None


def test_a_running_endpoint_is_found_and_stopped(build, like_a_supervisor):
    process = like_a_supervisor
    state(process.pid)
    assert endpoint.current() == Endpoint(8080, process.pid, None)
    assert endpoint.stop() is True
    process.wait(60)
    assert not Path(f"/proc/{process.pid}").exists()
    assert not paths.ENDPOINT_STATE.exists()
