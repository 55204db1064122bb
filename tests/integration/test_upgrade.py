"""make upgrade-check: a small model without code, under 2019 and the final container."""

import subprocess

import pytest
from project import REPOSITORY

from train2deploy import paths

KINDS = ("digits", "body", "error-status", "errors", "content-type", "log", "lint")
"""What is known to differ between these two."""


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    script = REPOSITORY / "tests" / "saved_models" / "make.py"
    words = [paths.SERVE_PYTHON, "-W", "ignore", script, folder, "half_plus_three"]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    return folder


@pytest.fixture(scope="module")
def report(project, model_dir):
    """What it writes, and what it printed; it fails where anything else differs."""
    mine = model_dir / "mine.jsonl"
    mine.write_text('{"name": "thirds", "body": [[0.6666667]]}\n', encoding="utf-8")
    said = project.make("upgrade-check", f"MODEL_DIR={model_dir}", f"REQUESTS={mine}",
                        f"ALLOW={','.join(KINDS)}", "CONTRACTS=2019,head").stdout  # fmt: skip
    return {**project.json("reports/upgrade/report.json"), "said": said}


def row(report, name):
    return next(row for row in report["differences"] if row["name"] == name)


def answers(report, name):
    return [each["body"] for each in row(report, name)["answers"].values()]


def test_each_difference_is_named_with_what_explains_it(report):
    thirds = row(report, "thirds")
    assert (thirds["kinds"], thirds["sections"]) == ({"head": ["digits"]}, ["a5-json"])
    six_digits, all_digits = answers(report, "thirds")
    assert "3.83333]" in six_digits and "3.8333332" in all_digits
    listed = row(report, "text/html, application/json")
    assert listed["kinds"] == {"head": ["digits", "content-type"]}
    assert listed["sections"] == ["a5-json", "a5"]
    assert [each["type"] for each in listed["answers"].values()] == [
        "application/json", "text/html"]


def test_what_is_equal_is_not_named(report):
    names = {row["name"] for row in report["differences"]}
    assert names.isdisjoint({"GET /ping", "numbers", "text/plain", "tfs-model-name=nosuch"})
    assert report["requests"] > 100 and 0 < report["largest"]["head"] <= 1e-5


def test_the_package_is_read_too(report):
    assert [one["place"] for one in report["findings"]] == ["model half_plus_three"]
    assert "versions 123, 124" in report["said"]


def test_no_line_of_a_log_is_one_of_the_check_itself(report):
    (line,) = report["log"]
    assert line["only"] == "head" and '"GET /models HTTP' in line["line"]
