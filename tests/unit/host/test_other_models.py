"""verify, parity and bench of a package whose code is not ours."""

import contextlib
import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_endpoint import serving
from test_golden import DEFAULT, saved_model
from test_package_own import HANDLER, write

from train2deploy import (
    cli,
    contract_parity,
    endpoint,
    manifest,
    package,
    parity,
    paths,
    runtimes,
    verify,
)
from train2deploy.bench import other
from train2deploy.errors import JobFailed, UserError
from train2deploy.package_code import NOTHING_ASKED
from train2deploy.requests import Request

REQUEST = Request(b"1,2", "text/csv")


def packed(project: Path, monkeypatch: pytest.MonkeyPatch, tree: dict[str, bytes]) -> None:
    """build/model.tar.gz of these files."""
    package.package(write(project / "model", tree), NOTHING_ASKED, paths.MODEL_ARCHIVE)
    model_dir = endpoint.unpacked_model(paths.MODEL_ARCHIVE)
    monkeypatch.setattr(endpoint, "unpacked_model", lambda *archive: model_dir)


PLAIN = {"1/saved_model.pb": saved_model(**DEFAULT)}


@pytest.fixture
def plain(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed(project, monkeypatch, PLAIN)


@pytest.fixture
def scripted(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed(project, monkeypatch, {**PLAIN, "code/inference.py": HANDLER})


def session(monkeypatch: pytest.MonkeyPatch, **answer: object) -> list[dict]:
    """A bare session that says this; what it is asked."""
    asked = []

    def ask(runtime: object, module: str, arguments: object, question: dict) -> dict:
        asked.append(question)
        return {"tensorflow": "1.13.1", "signature": {"inputs": {"a": "a:0"}}, **answer}

    monkeypatch.setattr(runtimes, "ask", ask)
    return asked


def server(predicted: object, body: bytes = b"6.0", scripted: bool = False):
    """An endpoint whose model predicts this."""

    def answer(path: str, headers: object, sent: bytes) -> tuple[int, bytes]:
        if path == "/invocations" and b"signature_name" not in sent:
            return 200, body
        assert path == ("/tfs/v1/models/model:predict" if scripted else "/invocations")
        assert json.loads(sent)["signature_name"] == "serving_default"
        return 200, json.dumps({"outputs": predicted}).encode()

    return serving(answer)


def test_the_model_server_is_compared_with_a_session(plain, monkeypatch, capsys):
    asked = session(monkeypatch, request=0, outputs=[0.25, 3e6])
    with server([0.2500001, 3e6 + 1]) as running:
        verify.verify(running)
    assert [len(each["b"][0]) for each in asked[0]["requests"]] == [64]
    out = capsys.readouterr().out
    assert "signature model inputs a: a:0" in out
    assert "generated request to model: max |Δ| = 3.3e-07, tolerance 1e-05: ok" in out
    assert out.endswith(": ok\n")
    record = manifest.read(paths.VERIFICATION)
    assert record is not None and record["max_abs_difference"] == pytest.approx(1 / 3e6)


@pytest.mark.parametrize("served", [[0.25, 0.5], [0.25], {"y": [0.25]}, "0.25"])
def test_a_model_server_that_says_something_else_fails(plain, monkeypatch, served):
    session(monkeypatch, request=0, outputs=[0.25, 0.75])
    with (
        server(served) as running,
        pytest.raises(JobFailed, match="answers differ from the model's"),
    ):
        verify.verify(running)


def test_a_model_that_takes_nothing_generated_wants_a_request(plain, monkeypatch):
    session(monkeypatch, refused="Could not parse example input")
    with server([]) as running, pytest.raises(UserError, match=r"\(Could not .*REQUEST=") as caught:
        verify.verify(running)
    assert "\n" not in str(caught.value)


def test_a_request_in_the_model_servers_json_is_what_both_are_asked(plain, monkeypatch, capsys):
    asked = session(monkeypatch, request=0, outputs=[1.0])
    with server([1.0]) as running:
        verify.verify(running, request=Request(b'{"inputs": {"a": [1], "b": [[2]]}}'))
    assert asked[0]["requests"] == [{"a": [1], "b": [[2]]}]
    out = capsys.readouterr().out
    assert "given request to model" in out and "REQUEST (application/json): answered, 3 b" in out


def test_own_code_is_asked_what_the_user_gives(scripted, monkeypatch, capsys):
    session(monkeypatch, request=0, outputs=[1.0])
    with server([1.0], scripted=True) as running:
        verify.verify(running)
        assert "its inference.py is not ours" in capsys.readouterr().out
        verify.verify(running, request=REQUEST)
    assert "REQUEST (text/csv): answered, 3 bytes" in capsys.readouterr().out


@pytest.mark.parametrize(
    "ours, theirs, worst", [(b"[0.5]", b"[0.5]", "0"), (b"[0.5]", b"[0.75]", "0.25"),
                            (b"a,b", b"a,c", "inf")],
)  # fmt: skip
def test_two_endpoints_are_compared_by_one_answer(scripted, capsys, ours, theirs, worst):
    result = paths.BUILD / "compared" / "parity.json"
    sides = ("host", lambda request: ours), ("cloud", lambda request: theirs)
    if worst == "0":
        parity.compare(*sides, REQUEST, result)
        assert "host against cloud: the same request: max |Δ| = 0" in capsys.readouterr().out
    else:
        with pytest.raises(JobFailed, match=rf"max \|Δ\| = {worst}, tolerance"):
            parity.compare(*sides, REQUEST, result)
    with pytest.raises(UserError, match=r"inference\.py is not ours"):
        parity.compare(*sides, None, result)


def test_the_first_answer_is_the_right_one_to_the_bench():
    work = other.Same(REQUEST, b"[0.5]")
    (request,) = work.requests
    assert request.startswith(b"POST /invocations HTTP/1.1\r\n") and request.endswith(b"\r\n1,2")
    assert b"\r\nContent-Type: text/csv\r\nContent-Length: 3\r\n" in request
    assert work.is_right(0, b"[0.5]") and work.is_right(0, b"[0.5000001]")
    assert not work.is_right(0, b"[0.6]")


@pytest.mark.parametrize("command", [["soak"], ["bench", "--peers"], ["bench", "--tune"]])
def test_what_asks_sentences_says_so(scripted, capsys, command):
    assert cli.main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "asks sentences, which the code of build/model.tar.gz does not read" in line


@pytest.mark.parametrize("shift, said", [(5e-7, "ok"), (2e-6, "tolerance 1e-06. Written: build/")])
def test_a_savedmodel_is_compared_under_two_contracts(plain, monkeypatch, capsys, shift, said):
    rows = [SimpleNamespace(text=text) for text in ("電波", " ", "圏外")]
    monkeypatch.setattr(contract_parity.channels, "read", lambda folder: rows)
    asked: list[tuple[str, list[float]]] = []

    def encode(runtime: object, module: str, arguments: object, texts: list[str]) -> dict:
        assert (module, os.environ["HOSTING_CONTRACT"]) == ("hosting.encoded", "2019")
        return {"x": [[float(len(text))] for text in texts]}

    @contextlib.contextmanager
    def served(model_dir: Path, digest: None):
        assert [each.name for each in (model_dir / "model").iterdir()] == ["1"]
        yield os.environ["HOSTING_CONTRACT"]

    def answered(contract: str, request: Request) -> bytes:
        given = json.loads(request.body)["inputs"]["x"]
        asked.append((contract, given))
        row = [0.5 + shift * (contract == "today")]
        return json.dumps({"outputs": [row] * len(given)}).encode()

    monkeypatch.setattr(contract_parity, "ask", encode)
    monkeypatch.setattr(contract_parity, "ROWS", 3)
    monkeypatch.setattr(endpoint, "temporary", served)
    monkeypatch.setattr(endpoint, "invocations", answered)
    if said == "ok":
        contract_parity.parity("2019", "today")
        text = capsys.readouterr().out
    else:
        with pytest.raises(JobFailed) as raised:
            contract_parity.parity("2019", "today")
        text = str(raised.value)
    assert "2019 against today: the same SavedModel, 4 sentences: max |Δp| = " in text
    assert said in text
    assert [(name, len(given)) for name, given in asked] == [
        ("2019", 3), ("2019", 1), ("today", 3), ("today", 1)]  # fmt: skip
    assert "HOSTING_CONTRACT" not in os.environ
    facts = json.loads(paths.CONTRACT_PARITY.read_text())
    assert facts["max_abs_difference"] == pytest.approx(shift)
