"""invoke: what is asked, of which endpoint, and what is printed."""

import json
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest
from fake_endpoint import answering, answering_anything, rankings_of

from train2deploy import cli, endpoint, invoke, manifest, paths, requests
from train2deploy.endpoint import Endpoint

RANKING = [{"label": "a", "prob": 1.0}]


@pytest.fixture
def build(project: Path) -> Path:
    paths.BUILD.mkdir()
    return paths.BUILD


@pytest.fixture
def detached(build: Path, like_a_supervisor: "subprocess.Popen[bytes]") -> Endpoint:
    """What make local-serve DETACH=1 leaves behind."""
    running = Endpoint(23456, like_a_supervisor.pid, "of the archive that it serves")
    manifest.write_json(paths.ENDPOINT_STATE, asdict(running))
    return running


def test_without_a_port_the_detached_endpoint_is_asked(detached: Endpoint):
    assert endpoint.asked_port(0) == 23456
    assert endpoint.asked_port(8081) == 8081


def test_without_a_port_and_an_endpoint_it_is_the_default(build: Path):
    assert endpoint.asked_port(0) == 8080


def test_an_endpoint_of_an_earlier_package_is_named_when_it_is_asked(detached, monkeypatch, capsys):
    monkeypatch.setattr(endpoint, "invocations", lambda *_: json.dumps(RANKING).encode())
    paths.MODEL_ARCHIVE.write_bytes(b"packed since")
    invoke.invoke(requests.sentences("x"), 23456, True)
    out, err = capsys.readouterr()
    assert "serves an earlier package than build/model.tar.gz" in err
    assert json.loads(out) == RANKING
    invoke.invoke(requests.sentences("x"), 8080, True)
    assert "earlier" not in capsys.readouterr().err


@pytest.mark.parametrize("sentence", ["価格は$5です", '"\\`$(x)`% #', " a ", "-圏外"])
def test_as_json_the_request_as_sent_is_shown_beside_the_raw_answer(build, sentence, capsys):
    sent = []

    def answer(query):
        sent.append(query)
        return rankings_of(["a"])

    with answering(answer) as running:
        invoke.invoke(requests.sentences(sentence), running.port, True)
    out, err = capsys.readouterr()
    assert sent == [sentence]
    assert json.loads(err) == {"q": sentence}
    assert json.loads(out) == [RANKING], "as it came"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--", ""], "Q: expected a sentence, found nothing"),
        (["--", " \n"], "Q: expected a sentence, found nothing"),
        (["--", "\udcff"], "Q: expected UTF-8"),
        (["--request", "gone.json", "x"], "REQUEST=gone.json: expected a file: No such file"),
        (["--request", ".", "--type", "text/csv", "x"], "REQUEST=.: expected a file: Is a"),
        (["--request", "a.bin", "x"], "REQUEST=a.bin: expected its content type, too"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_it_is(build, arguments, message, capsys):
    assert cli.main(["invoke", "--port", "1", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"train2deploy: {message}")


@pytest.mark.parametrize(
    "name, content, given, sent",
    [
        ("a.json", '{"instances": [1]}', [], "application/json"),
        ("a.JSONL", "1\n2", [], "application/jsonlines"),
        ("a.csv", "1,2\n", [], "text/csv"),
        ("a.csv", "1,2\n", ["--type", "text/csv; header=absent"], "text/csv; header=absent"),
        ("a.txt", "1 2", ["--accept", "text/csv"], "text/plain"),
        ("", "1,2", ["--type", "text/csv"], "text/csv"),
    ],
)
def test_a_file_is_sent_as_it_is_with_its_content_type(build, name, content, given, sent):
    """With a type and no file, the sentence is the body."""
    if name:
        (build / name).write_text(content, encoding="utf-8")
        given = [*given, "--request", str(build / name)]
    with answering_anything((200, b"1")) as (running, asked):
        assert cli.main(["invoke", "--port", str(running.port), *given, "--", content]) == 0
    (headers, body), = asked
    assert (headers["Content-Type"], body.decode()) == (sent, content)
    assert headers["Accept"] == ("text/csv" if "--accept" in given else None)


ANSWERS = {
    "short": (b'{"predictions": [[1.5, 2.0]]}', ['{"predictions": [[1.5, 2.0]]}']),
    "long": (
        json.dumps({"outputs": {"a": [[0.125] * 12] * 2}, "b": None}).encode(),
        ["{", '  "outputs": {', '    "a": [', *2 * ["      [" + ", ".join(["0.125"] * 12) + "]"]],
    ),
    "lines": (b'{"a": 1}\n{"a": 2}\n', ['[{"a": 1}, {"a": 2}]']),
    "numbers": (b"6.0\n4.0\n", ["6.0", "4.0"]),
    "csv": (b"1,2\r\n3,4\n", ["1,2", "3,4"]),
    "text": ("3.0 5.0 \x1b[31m".encode(), ["3.0 5.0 ␛[31m"]),
    "string": (b'"\\u202e"', ['"\\u202e"']),
    "bytes": (b"\x93NUMPY\xff", ["7 bytes that are not text"]),
    "nothing": (b"", [""]),
    "deep": (b"[" * 100_000, ["[[["]),
    "not a ranking": (b'[{"label": "a"}]', ['[{"label": "a"}]']),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_any_answer_is_shown(build: Path, what: str, capsys: pytest.CaptureFixture[str]):
    body, expected = ANSWERS[what]
    with answering_anything((200, body)) as (running, _):
        invoke.invoke(requests.sentences("x"), running.port, False)
    lines = capsys.readouterr().out.split("\n")
    for line, start in zip(lines, expected, strict=False):
        assert line.removesuffix(",").startswith(start), lines


@pytest.mark.parametrize("name", ["prob", "probability", "score"])
def test_each_ranking_is_drawn_under_its_sentence(build, name, capsys):
    (build / "a.json").write_text('{"q": ["first", "second"]}', encoding="utf-8")
    answer = [[{"label": "x", name: 0.5}], [{"label": 7, name: "0.25"}]]
    with answering_anything((200, json.dumps(answer).encode())) as (running, _):
        words = ["--port", str(running.port), "--request", str(build / "a.json"), "--", "q"]
        assert cli.main(["invoke", *words]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines] == [
        ["first"], ["x", "0.500000"], ["second"], ["7", "0.250000"]]  # fmt: skip
