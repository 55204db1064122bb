"""What goes wrong in an account now and then: success after retries, or one clear message."""

import json

import pytest
from conftest import HYPERPARAMETERS

PASSING = [
    "throttle:CreateEndpoint:2,throttle:DescribeEndpoint:2",
    "error:CreateModel:2,error:CreateEndpointConfig:1",
    "lost:CreateModel:1,lost:CreateEndpointConfig:1,lost:CreateEndpoint:1",
    "drop:CreateEndpoint:2,drop:ListTags:1",
    "error:s3:3,slow:s3:0.2",
]
NOTHING = {"TrainingJob": [], "Model": [], "EndpointConfig": [], "Endpoint": []}


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
    assert account.names() == NOTHING
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
])
def test_a_line_that_is_wrong_is_named_before_anything_is_made(project, account, text, expected):
    lines = project.root / "wrong.txt"
    lines.write_text(text, encoding="utf-8")
    done = project.run_tool("batch", str(lines))
    assert done.returncode == 2
    assert expected in done.stdout
    assert account.count("CreateTransformJob") == 0


def test_a_fault_that_is_no_fault_is_refused(project):
    done = project.cloud("emulator", "DETACH=1", "FAULTS=explode:s3", check=False)
    assert done.returncode != 0
    assert "expected kind:target[:number]" in done.stdout
