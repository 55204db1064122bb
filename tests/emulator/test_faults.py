"""What goes wrong in an account now and then: success after retries, or one clear message."""

import json
from pathlib import Path

import pytest
from conftest import HYPERPARAMETERS, NOTHING

from train2deploy.cloud import batch
from train2deploy.errors import UserError

PASSING = [
    "throttle:CreateEndpoint:2,throttle:DescribeEndpoint:2,lost:CreateModel:1,"
    "lost:CreateEndpointConfig:1,error:s3:3,slow:s3:0.2",
    "error:CreateModel:2,error:CreateEndpointConfig:1,drop:CreateEndpoint:2,drop:ListTags:1,"
    "lost:CreateEndpoint:1",
]


@pytest.mark.parametrize("faults", PASSING)
def test_a_deployment_gets_over_it(project, account, faults):
    account.faults(faults)
    done = project.run_tool("deploy")
    assert done.returncode == 0, done.stdout
    names = account.names()
    assert [len(names[kind]) for kind in ("Endpoint", "EndpointConfig", "Model")] == [1, 1, 1]


def test_training_gets_over_it(project, account):
    account.faults(
        "throttle:CreateTrainingJob:1,lost:CreateTrainingJob:1,error:DescribeTrainingJob:2,"
        "drop:DescribeLogStreams:2,error:s3:3")
    done = project.run_tool("train", *HYPERPARAMETERS)
    assert done.returncode == 0, done.stdout
    assert len(account.names()["TrainingJob"]) == 1


@pytest.mark.parametrize("kind, words", [
    ("capacity", "CapacityError"),
    ("limit", "ResourceLimitExceeded"),
])
def test_an_endpoint_without_instances_leaves_nothing_and_names_others(
    project, account, kind, words
):
    account.faults(f"{kind}:ml.t2.large")
    done = project.run_tool("deploy")
    assert done.returncode == 1
    assert words in done.stdout
    assert "ENDPOINT_INSTANCE_TYPE=ml.m5.large" in done.stdout
    assert "Traceback" not in done.stdout
    assert {**account.names(), "TrainingJob": []} == NOTHING
    assert account.client("cloudwatch").describe_alarms()["MetricAlarms"] == []


@pytest.mark.parametrize("kind, words", [
    ("capacity", "CapacityError"),
    ("limit", "ResourceLimitExceeded"),
])
def test_a_job_without_instances_names_others(project, account, kind, words):
    account.faults(f"{kind}:ml.p2.xlarge")
    done = project.run_tool("train", *HYPERPARAMETERS)
    assert done.returncode == 1
    assert words in done.stdout
    assert "TRAIN_INSTANCE_TYPE=ml.c5.xlarge" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_batch_job_without_instances_names_others_and_can_be_run_again(project, account):
    lines = project.root / "few.txt"
    lines.write_text("電波が悪い\n{\"q\": \"抹茶パフェ\"}\n清水寺の坂\n", encoding="utf-8")
    account.faults("capacity:ml.m5.xlarge")
    done = project.run_tool("batch", str(lines))
    assert done.returncode == 1
    assert "BATCH_INSTANCE_TYPE=" in done.stdout
    account.faults("")
    done = project.run_tool("batch", str(lines))
    assert done.returncode == 0, done.stdout
    answers = (project.build / "cloud" / "few.answers.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line)["q"] for line in answers.splitlines()] == [
        "電波が悪い", "抹茶パフェ", "清水寺の坂"]
    assert account.names()["Model"] == []
    again = project.run_tool("batch", str(lines))
    assert "there already, Completed" in again.stdout


@pytest.mark.parametrize("text, expected", [
    ("", "expected at least one line"),
    ("a\n\nb\n", "line 2: expected a sentence"),
    ('{"text": "a"}\n', 'line 1: expected {"q": "…"}'),
    ('{"q": 5}\n', "line 1: expected a sentence, found '5'"),
    ('{"q": "a", "explain": true}\n', 'expected "q" alone, found explain, too'),
    ('{"q": "\\ud800"}\n', "line 1: expected text, found half of a character"),
])
def test_a_line_that_is_wrong_is_named(tmp_path, text, expected):
    lines = tmp_path / "wrong.txt"
    lines.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        batch.read(lines)
    assert expected in str(caught.value)
    with pytest.raises(UserError, match="expected a text file in UTF-8"):
        batch.read(Path("absent"))


def test_a_line_is_what_ends_with_a_line_feed(tmp_path):
    lines = tmp_path / "lines.jsonl"
    lines.write_bytes("\ufeff".encode() + '{"q": "a\u2028b"}\r\nc\u0085d\n'.encode())
    assert batch.read(lines) == batch.Lines(["a\u2028b", "c\u0085d"])


@pytest.mark.parametrize("name, content, given, expected", [
    ("a.csv", "1,2\r\n3,4\n", "", (["1,2", "3,4"], "text/csv")),
    ("a.jsonl", '{"x": 1}\n[2]\n', "", (['{"x": 1}', "[2]"], "application/jsonlines")),
    ("a.jsonl", '{"q": "a"}\n', "", (["a"], "")),
    ("a.txt", "1 2\n", "text/plain", (["1 2"], "text/plain")),
])
def test_records_of_other_types_go_as_they_are(tmp_path, name, content, given, expected):
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert batch.read(tmp_path / name, given) == batch.Lines(*expected)


@pytest.mark.parametrize("text, count, expected", [
    ("6.0\na, b\n", 2, [6.0, "a, b"]),
    ('{\n  "a": 1\n}\n[\n2\n]\n', 2, [{"a": 1}, [2]]),
    ("a\nb\n", 1, ["a", "b"]),
    ("", 1, []),
])
def test_answers_are_lines_or_json_of_several_lines(text, count, expected):
    assert batch.values(text, count) == expected


@pytest.mark.parametrize("name, content, expected", [
    ("a.csv", "1,2\n\n3,4\n", "a.csv, line 2: expected a record, found a blank line"),
    ("a.jsonl", '{"x": 1}\n{x}\n', "a.jsonl, line 2: expected JSON, found '{x}'"),
])
def test_a_record_that_is_wrong_is_named(tmp_path, name, content, expected):
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=expected):
        batch.read(tmp_path / name)


def test_a_wrong_line_is_found_before_anything_is_made(project, account):
    lines = project.root / "wrong.txt"
    lines.write_text("a\n\nb\n", encoding="utf-8")
    before = account.count("CreateTransformJob")
    done = project.run_tool("batch", str(lines))
    assert done.returncode == 2
    assert "line 2: expected a sentence" in done.stdout
    assert account.count("CreateTransformJob") == before

