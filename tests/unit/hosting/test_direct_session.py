"""direct_session: a SavedModel run on what its signature takes, answered as JSON."""

import io
import json
import math
import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import tensorflow as tf

    from hosting import direct_session


@pytest.fixture
def version(tmp_path):
    """x (two numbers) and text, doubled and handed back."""
    with tf.Session(graph=tf.Graph()) as session:
        x = tf.placeholder(tf.float32, [None, 2], name="x")
        text = tf.placeholder(tf.string, [None], name="text")
        outputs = {"twice": 2 * x, "text": tf.identity(text), "text_bytes": tf.identity(text)}
        tf.saved_model.simple_save(session, str(tmp_path / "1"), {"x": x, "text": text}, outputs)
    return str(tmp_path / "1")


def ask(monkeypatch, capsys, version, requests, **more):
    question = {"signature": "serving_default", "requests": requests}
    question.update(more)
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(question)))
    capsys.readouterr()
    direct_session.main(version)
    return json.loads(capsys.readouterr().out)


def test_the_first_request_that_the_model_takes_is_run(monkeypatch, capsys, version):
    rows = [
        {"x": [[1, 2, 3]], "text": ["a"]},
        {"x": [["b"]], "text": ["a"]},
        {"x": [[1.5, float("nan")]], "text": [{"b64": "w6Q="}]},
        {"x": [[9, 9]], "text": ["z"]},
    ]
    answer = ask(monkeypatch, capsys, version, rows)
    assert answer["request"] == 2
    ((first, second),) = answer["outputs"]["twice"]
    assert first == 3 and math.isnan(second)
    assert answer["outputs"]["text"] == ["\xe4"]
    assert answer["outputs"]["text_bytes"] == [{"b64": "w6Q="}]
    assert answer["signature"]["inputs"]["x"] == "x:0 float32 [-1, 2]"


@pytest.mark.parametrize("rows, reason", [
    ([{"x": [[1, 2, 3]], "text": ["a"]}], "Cannot feed value of shape (1, 3)"),
    ([], "JSON does not have its types")])  # fmt: skip
def test_why_none_was_taken_is_told(monkeypatch, capsys, version, rows, reason):
    assert reason in ask(monkeypatch, capsys, version, rows)["refused"]


def test_runs_are_timed_when_asked_for(monkeypatch, capsys, version):
    answer = ask(monkeypatch, capsys, version, [{"x": [[1, 2]], "text": ["a"]}], seconds=0.01)
    assert answer["latencies_ms"] and all(taken > 0 for taken in answer["latencies_ms"])


@pytest.mark.filterwarnings("ignore")
def test_an_operation_of_contrib_is_looked_for(monkeypatch, capsys, version):
    calls, load = [], tf.saved_model.loader.load

    def fail_once(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise KeyError("ImageProjectiveTransformV2")
        return load(*arguments)

    monkeypatch.setattr(tf.saved_model.loader, "load", fail_once)
    assert ask(monkeypatch, capsys, version, [{"x": [[1, 2]], "text": ["a"]}])["request"] == 0
