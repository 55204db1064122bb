"""The platform's limits for an endpoint, and deployments of models that do not keep to them."""

import json
import time

import botocore.exceptions
import pytest
from conftest import NOTHING, another_model, running_account

SLEEPY = """
import io
import time

_handler = handler


def handler(data, context):
    body = data.read()
    if b'sleep' in body:
        time.sleep(600)
    return _handler(io.BytesIO(body), context)
"""
BROKEN = """

def handler(data, context):
    raise ValueError('broken on purpose')
"""
NOT_IMPORTED = """
import os
import time

TRIED = __file__ + '.tried'
if os.path.exists(TRIED):
    time.sleep(600)  # one that is restarted all the while has the machine busy
open(TRIED, 'w').close()
raise RuntimeError('cannot be imported')
"""


def appended(text):
    """A change of a model's inference.py."""
    def change(model):
        file = model / "code" / "inference.py"
        file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")
    return change


def ask(account, sentence):
    return account.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="train2deploy", Body=json.dumps({"q": sentence}),
        ContentType="application/json")


pytestmark = pytest.mark.usefixtures("real")


def test_an_answer_that_comes_too_late_is_a_model_error(project, tmp_path):
    with running_account(project, "response:8") as account:
        with another_model(project, tmp_path, appended(SLEEPY)):
            done = project.run_tool("deploy")
        assert done.returncode == 0, done.stdout
        started = time.monotonic()
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            ask(account, "sleep")
        assert 8 <= time.monotonic() - started < 60  # without limits
        response = caught.value.response
        assert response["Error"]["Code"] == "ModelError"
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
        assert response["OriginalStatusCode"] == 0
        assert "timed out while waiting for a response" in response["OriginalMessage"]
        assert json.load(ask(account, "電波が悪い")["Body"])[0]["prob"] > 0
        done = project.run_tool("invoke", "sleep")
        assert done.returncode == 1
        assert "timed out" in done.stdout and "Traceback" not in done.stdout


def test_a_container_that_is_not_healthy_in_time_leaves_nothing(project, tmp_path):
    with running_account(project, "start:15") as account:
        def change(model):
            (model / "code" / "inference.py").write_text(NOT_IMPORTED, encoding="utf-8")

        with another_model(project, tmp_path, change):
            done = project.run_tool("deploy")
        assert done.returncode == 1
        assert "did not pass the ping health check" in done.stdout
        assert account.names() == NOTHING
        logs, group = account.client("logs"), "/aws/sagemaker/Endpoints/train2deploy"
        (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
        events = logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)
        assert any("cannot be imported" in event["message"] for event in events["events"])


def test_wrong_answers_to_the_golden_requests_undo_the_deployment(project, account, tmp_path):
    with another_model(project, tmp_path, appended(BROKEN)):
        done = project.run_tool("deploy")
        assert done.returncode == 1
        assert "the model answered an error" in done.stdout and "broken on purpose" in done.stdout
        assert account.names() == NOTHING
        assert account.client("cloudwatch").describe_alarms()["MetricAlarms"] == []

    assert project.run_tool("deploy").returncode == 0
    before = account.names()
    (tmp_path / "again").mkdir()
    with another_model(project, tmp_path / "again", appended(BROKEN)):
        done = project.run_tool("deploy")
    assert done.returncode == 1
    assert "restored to what was there before" in done.stdout
    assert account.names() == before
    assert json.load(ask(account, "電波が悪い")["Body"])[0]["prob"] > 0
