"""The requests that upgrade-check makes: by a model's signature, and by a user's file."""

import base64
import contextlib
import json
import os

import fake_endpoint
import pytest

from train2deploy import paths, signature
from train2deploy.endpoint import EndpointError
from train2deploy.errors import MissingRequirement, UserError
from train2deploy.requests import Request
from train2deploy.runtimes.host import HOST
from train2deploy.signature import Signature, Tensor
from train2deploy.upgrade import cases, given, inputs, run, serve
from train2deploy.upgrade.cases import YOURS, Case

FLOAT, INT64 = 1, 9
AREAS = Signature("serving_default", {"sides": Tensor(FLOAT, (-1, 2))})


@pytest.fixture
def model_dir(tmp_path, monkeypatch):
    """A directory of one model, whose signature is what `found` says."""
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"")
    monkeypatch.setattr(signature, "read", lambda version: AREAS)
    return tmp_path


def made(model_dir, own=(), answers=lambda case: True):
    return cases.of_package(model_dir, list(own), answers)


def bodies(found, values):
    return dict(inputs.edges(found, values))


def test_a_model_without_code_is_asked_everything_at_invocations(model_dir):
    found = made(model_dir)
    groups = {case.group for case in found}
    assert groups == {"answers", "types", "CSV", "JSON lines", "content type", "Accept",
                      "attributes", "routes", "ping"}  # fmt: skip
    assert {case.path for case in found if case.group == cases.TYPES} == {"/invocations"}


def test_a_model_behind_a_script_is_asked_at_the_model_server(model_dir):
    (model_dir / "code").mkdir()
    (model_dir / "code" / "inference.py").write_text("def handler(d, c): pass")
    found = made(model_dir, [Case(YOURS, "mine", Request(b"1 2", "text/plain"))])
    of_types = [case.path for case in found if case.group == cases.TYPES]
    assert set(of_types) == {"/tfs/v1/models/model:predict"}
    seeded = next(case for case in found if case.group == cases.ACCEPT)
    assert (seeded.request.body, seeded.request.content_type) == (b"1 2", "text/plain")
    charset = [case.request.content_type for case in found if case.group == cases.CONTENT_TYPE]
    assert {"text/plain; charset=utf-8", "TEXT/PLAIN", ""} <= set(charset)


def test_of_several_models_each_is_asked_by_its_name(model_dir):
    for name in ("one", "two"):
        (model_dir / name / "3").mkdir(parents=True)
        (model_dir / name / "3" / "saved_model.pb").write_bytes(b"")
    (model_dir / "1" / "saved_model.pb").unlink()
    found = made(model_dir)
    first = [case for case in found if case.group == cases.ANSWERS]
    assert [(case.path, case.attributes) for case in first] == [
        ("/invocations", "tfs-model-name=one"), ("/invocations", "tfs-model-name=two")]
    (charset,) = [case for case in found if case.name.endswith("charset=utf-8")]
    assert charset.attributes == "tfs-model-name=one"


def test_no_request_is_made_twice(model_dir):
    found = made(model_dir)
    sent = [(c.request.body, c.request.content_type, c.request.accept, c.method, c.path,
             c.attributes) for c in found]  # fmt: skip
    assert len(sent) == len(set(sent))


def test_of_several_sizes_that_which_the_model_answers_is_taken(model_dir, monkeypatch):
    texts = Signature("serving_default", {"x": Tensor(FLOAT, (-1, -1))})
    monkeypatch.setattr(signature, "read", lambda version: texts)

    def rows_of(case):
        return json.loads(case.request.body)["inputs"]["x"]

    def answers(case):
        return case.group == cases.ANSWERS and len(rows_of(case)[0]) == 32

    first = next(case for case in made(model_dir, answers=answers) if case.group == cases.ANSWERS)
    assert len(rows_of(first)[0]) == 32


def test_edges_of_a_signature():
    found = bodies(AREAS, AREAS.requests()[0])
    values = {name: json.loads(body) for name, body in found.items() if body[:1] == b"{" and
              name not in ("text after the document", "cut short", "not UTF-8")}  # fmt: skip
    assert values["rows"]["instances"] == AREAS.requests()[0]["sides"]
    assert values["no rows"]["instances"] == []
    assert values["an input missing"]["inputs"] == {}
    assert values["another type"]["inputs"]["sides"][0][0] == "text"
    assert len({len(row) for row in values["rows of different lengths"]["inputs"]["sides"]}) == 2
    assert b"NaN" in found["NaN"] and b"16777217" in found["a whole number beyond 2**24"]
    assert found["text after the document"].endswith(b"} x") and found["empty"] == b""


def test_edges_hang_on_the_type():
    whole = Signature("s", {"ids": Tensor(INT64, (-1,)), "more": Tensor(INT64, (-1,))})
    found = bodies(whole, whole.requests()[0])
    assert "a fraction for a whole number" in found and "NaN" not in found
    assert json.loads(found["an input missing"])["inputs"].keys() == {"more"}
    text = Signature("s", {"text": Tensor(signature.STRING, (-1,))})
    found = bodies(text, text.requests()[0])
    assert b"b64" in found["Base64"] and json.loads(found["another type"])["inputs"]["text"][0] == 1


def test_csv_and_json_lines_fit_the_rows():
    texts = dict(inputs.csv_bodies([[1.0, 2.5], [3.0, 4.0]]))
    assert texts["numbers"] == "1.0,2.5\n3.0,4.0"
    assert texts["a blank field"] == "1.0,"
    assert texts["numbers in quotes"] == '"1.0","2.5"'
    assert texts["a header row"].startswith("x0,x1\n1.0,2.5")
    lines = dict(inputs.line_bodies([[1.0], [2.0]]))
    assert lines["a row on each line"] == "[1.0]\n[2.0]"


def read(tmp_path, *lines):
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return given.read(file)


def test_where_the_code_does_not_start_the_models_are_asked_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "UPGRADE", tmp_path)
    (tmp_path / "served" / "code").mkdir(parents=True)
    (tmp_path / "served" / "1").mkdir()
    contracts = []

    @contextlib.contextmanager
    def temporary(model_dir, *_):
        contracts.append((os.environ["HOSTING_CONTRACT"], (model_dir / "1").is_dir()))
        if (model_dir / "code").exists():
            raise EndpointError("Traceback\n  File x\nImportError: no y\nit ended with 1")
        with fake_endpoint.answering_anything((200, b"[0.5]")) as (running, _):
            yield running

    monkeypatch.setattr(serve.endpoint, "temporary", temporary)
    plan = [Case(YOURS, "", Request(b"1")), Case(YOURS, "", Request(b"2"), path="/tfs/v1/x")]
    found = serve.column("today", tmp_path / "served", [], plan, HOST)
    assert found.failed == "ImportError: no y; it ended with 1"
    assert [each and each.body for each in found.answers] == [None, b"[0.5]"]
    assert contracts == [("today", True)] * 2


def test_a_users_file_has_bodies_requests_and_captured_records(tmp_path):
    captured = {"eventMetadata": {"customAttributes": ["a=1", "b=2"]},
                "captureData": {"endpointInput": {
        "observedContentType": "text/csv", "mode": "INPUT", "encoding": "BASE64",
        "data": base64.b64encode(b"1,2").decode()}}}  # fmt: skip
    whole = {"body": "1,2", "type": "text/csv", "accept": "a/b", "attributes": "x=1", "name": "csv",
             "method": "PUT", "path": "/x"}  # fmt: skip
    found = read(tmp_path, '{"q": "電波"}', "", json.dumps(whole), json.dumps(captured),
                 '{"body": [1, 2]}')  # fmt: skip
    assert found == [
        Case(YOURS, "mine.jsonl, line 1", Request('{"q": "電波"}'.encode())),
        Case(YOURS, "csv", Request(b"1,2", "text/csv", "a/b"), "PUT", "/x", "x=1"),
        Case(YOURS, "mine.jsonl, line 4", Request(b"1,2", "text/csv"), attributes="a=1,b=2"),
        Case(YOURS, "mine.jsonl, line 5", Request(b"[1, 2]")),
    ]


@pytest.mark.parametrize(
    "line, said",
    [("1,2,3", "line 1: expected JSON"), ('{"body": 1, "kind": "x"}', "found kind"),
     ('{"body": 1, "type": 5}', "not text"), ('{"captureData": {}}', "endpointInput"),
     ("", "found none")],
)  # fmt: skip
def test_a_wrong_line_is_named(tmp_path, line, said):
    with pytest.raises(UserError, match=said):
        read(tmp_path, line)


def test_a_contract_that_cannot_be_served_here_says_what_gets_it(tmp_path, monkeypatch, capsys):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "code").mkdir()
    (tmp_path / "model" / "code" / "requirements.txt").write_text("enum34\n")
    for name in ("serve", "handler"):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / "python").touch()
    monkeypatch.setattr(paths, "VENVS", tmp_path)
    monkeypatch.setattr(serve.pythons, "find", lambda *_: None)
    assert serve.missing("2019", HOST) == serve.missing("head", HOST) == ""
    assert serve.missing("today", HOST).startswith("today: .venvs/serve-today is missing. Exp")
    monkeypatch.setattr(serve.pythons, "find", lambda *_: tmp_path)
    assert serve.missing("today", HOST).endswith("is missing. make .stamps/serve-today")
    asked = run.Asked(contracts=("head", "today"), package=tmp_path / "model")
    monkeypatch.setattr(run.package_lint, "check_directory", lambda folder: None)
    with pytest.raises(MissingRequirement, match="nothing is left to compare: today: "):
        run.check(asked, HOST)
    assert "enum34: not for Python 3.12" in capsys.readouterr().out  # what is read is said
    (tmp_path / "serve" / "bin" / "python").unlink()
    assert serve.missing("2019", HOST) == "2019: .venvs/serve is missing. make .stamps/serve"
