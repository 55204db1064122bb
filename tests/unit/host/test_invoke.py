"""invoke: what is asked, of which endpoint, and what is printed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from fake_endpoint import answering, rankings_of

from train2deploy import endpoint, invoke, manifest, paths
from train2deploy.endpoint import Endpoint
from train2deploy.errors import UserError

RANKING = [{"label": "a", "prob": 1.0}]


@pytest.fixture
def build(project: Path) -> Path:
    paths.BUILD.mkdir()
    return paths.BUILD


@pytest.fixture
def detached(build: Path) -> Iterator[Endpoint]:
    """A process that looks like a supervisor."""
    code = "import sys, time; print(flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "hosting"], start_new_session=True, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    running = Endpoint(23456, process.pid, "of the archive that it serves")
    manifest.write_json(paths.ENDPOINT_STATE, asdict(running))
    yield running
    process.kill()
    process.wait(60)


def test_without_a_port_the_detached_endpoint_is_asked(detached: Endpoint):
    assert endpoint.asked_port(0) == 23456
    assert endpoint.asked_port(8081) == 8081


def test_without_a_port_and_an_endpoint_it_is_the_default(build: Path):
    assert endpoint.asked_port(0) == 8080


def test_an_endpoint_of_an_earlier_package_is_named_when_it_is_asked(
    detached: Endpoint, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(endpoint, "rank", lambda *_: RANKING)
    paths.MODEL_ARCHIVE.write_bytes(b"packed since")
    invoke.invoke("x", 23456, True)
    out, err = capsys.readouterr()
    assert "serves an earlier package than build/model.tar.gz" in err
    assert json.loads(out) == RANKING
    invoke.invoke("x", 8080, True)
    assert "earlier" not in capsys.readouterr().err


@pytest.mark.parametrize("sentence", ["価格は$5です", '"\\`$(x)`% #', " a ", "-圏外"])
def test_as_json_the_request_as_sent_is_shown_beside_the_raw_answer(
    build: Path, sentence: str, capsys: pytest.CaptureFixture[str]
):
    sent = []

    def answer(query):
        sent.append(query)
        return rankings_of(["a"])

    with answering(answer) as running:
        invoke.invoke(sentence, running.port, True)
    out, err = capsys.readouterr()
    assert sent == [sentence]
    assert json.loads(err) == {"q": sentence}
    assert json.loads(out) == RANKING


@pytest.mark.parametrize(
    "sentence, message", [("", "found nothing"), (" \n", "found nothing"), ("\udcff", "UTF-8")]
)
def test_what_is_not_a_sentence_is_refused_before_it_is_sent(sentence: str, message: str):
    with pytest.raises(UserError, match=f"^Q: expected .*{message}"):
        invoke.invoke(sentence, 1, True)
