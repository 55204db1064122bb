"""make upgrade-check with today's container: what differs, and a handler that does not start."""

import subprocess
import sys
from pathlib import Path

import pytest

from train2deploy import paths

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from project import Project  # noqa: E402

HANDLER = """
import imp

def handler(data, context):
    a, b, c, d, e, f, g, h, i, j = context
    return data.read(), "text/plain"
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The report of a model of TensorFlow 1.x alone, and of the same with HANDLER."""
    if not paths.SERVE_PYTHON.exists():
        pytest.skip("make .stamps/serve .stamps/handler makes what the contract of 2019 needs")
    root = Project(tmp_path_factory.mktemp("project"))
    models = tmp_path_factory.mktemp("models")
    words = [paths.SERVE_PYTHON, "-W", "ignore", TESTS / "saved_models" / "make.py"]
    subprocess.run([*words, models, "half_plus_three"], check=True, stdin=subprocess.DEVNULL)
    mine = root.root / "mine.jsonl"
    mine.write_text('{"name": "words", "body": "a,b,c", "type": "text/csv"}\n', encoding="utf-8")
    found = []
    for code in ("", HANDLER):
        if code:
            (models / "code").mkdir()
            (models / "code" / "inference.py").write_text(code, encoding="utf-8")
        done = root.make("upgrade-check", f"MODEL_DIR={models}", f"REQUESTS={mine}",
                         "CONTRACTS=2019,today", check=False)  # fmt: skip
        found.append({**root.json("reports/upgrade/report.json"), "said": done.stdout})
    return found


def row(report, name):
    return next(row for row in report["differences"] if row["name"] == name)


def statuses(found):
    return [answer["status"] for answer in found["answers"].values()]


@pytest.mark.parametrize(
    "name, kind, expected, section",
    [
        ("application/json; charset=utf-8", "status", [415, 200], "a12-plain"),
        ("tfs-model-name=a%20b", "error-status", [404, 400], "a12-attributes"),
        ("a request on each line (today: the first alone)", "status", [400, 200], "a12-plain"),
        ("words", "errors", [400, 400], "a12-plain"),
        ("text after the document", "status", [400, 200], "a12-model-server"),
        ("GET /ping, tfs-model-name=../x", "error-status", [502, 400], "a12-routes"),
    ],
)
def test_what_todays_container_does_otherwise(reports, name, kind, expected, section):
    found = row(reports[0], name)
    assert kind in found["kinds"]["today"] and section in found["sections"]
    assert statuses(found) == expected


def test_the_same_numbers_to_more_digits(reports):
    assert row(reports[0], "a number with many digits")["kinds"] == {"today": ["digits"]}
    assert reports[0]["largest"]["today"] <= 1e-5 and reports[0]["failed"] == {}
    assert "numbers" not in reports[0]["counts"]


def test_csv_of_a_request_is_read_before_it_is_sent(reports):
    assert "3 texts, of which older containers make two" in reports[0]["said"]


def test_a_handler_that_does_not_start_is_explained_and_its_model_is_asked(reports):
    report = reports[1]
    assert "No module named 'imp'" in report["failed"]["today"]
    said = [one["text"].partition(",")[0] for one in report["findings"]]
    assert "imports imp" in said and any("unpacks 10 fields" in text for text in said)
    assert row(report, "a number with many digits")["kinds"] == {"today": ["digits"]}
    assert report["counts"]["start"] == 1 and "start 1" in report["said"]
