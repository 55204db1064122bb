"""cloud-load: what clients of the deployed endpoint see while it follows their load."""

import json
import signal
import xml.etree.ElementTree as ET

import pytest
from conftest import running_account

from train2deploy.cloud import load, load_plot
from train2deploy.texts import LANGUAGES
from train2deploy.texts import load as texts

M5 = ("--set", "ENDPOINT_INSTANCE_TYPE=ml.m5.large")


def count(account):
    endpoint = account.client("sagemaker").describe_endpoint(EndpointName="train2deploy")
    return endpoint["ProductionVariants"][0]["CurrentInstanceCount"]


@pytest.fixture(scope="module")
def loaded(project):
    """(account, output, load.json) of a load that lasted until there were three instances."""
    with running_account(project) as account:
        done = project.run_tool(*M5, "deploy")
        assert done.returncode == 0, done.stdout
        done = project.run_tool(
            *M5, "scale", "--min", "1", "--max", "3", "--target", "1", "--cooldown", "10,10")
        assert done.returncode == 0, done.stdout
        process = project.tool(
            *M5, "load", "--clients", "1,3", "--seconds", "1200", "--pause", "0.05", "a")
        account.eventually(lambda: count(account) == 3, "three instances")
        process.send_signal(signal.SIGINT)
        output = process.communicate()
        assert process.returncode == 0, output
        yield account, output, project.json("cloud/load.json")


def test_load_brings_instances_and_no_request_is_lost(loaded):
    _, output, found = loaded
    assert found["errors"] == {} and found["requests"] > 3
    assert found["per_second"] * found["seconds"] == pytest.approx(found["requests"], rel=0.05)
    assert found["timeline"][0]["instances"] == 1, found["timeline"]
    assert found["bounds"] == [1, 3] and found["target_per_minute"] == 1
    assert found["emulator_minute_s"] == 0.5
    assert "3 × ml.m5.large for at most" in output and "the load ends here" in output
    activity = found["activities"][-1]
    assert activity["description"] == "Setting desired instance count to 3."
    assert "AlarmHigh" in activity["cause"]


def test_the_load_is_drawn_in_both_languages(loaded, project):
    drawings = [project.build / "cloud" / f"load{suffix}.svg" for suffix in ("", ".ja")]
    for drawing in drawings:
        told = ET.parse(drawing).getroot().find("{http://www.w3.org/2000/svg}desc").text
        assert "0.5" in told and "ml.m5.large" not in told


def test_without_load_one_instance_is_left_again_and_the_account_says_why(loaded):
    account, _, _ = loaded
    account.eventually(lambda: count(account) == 1, "one instance")
    account.settled()
    client = account.client("application-autoscaling")
    found = client.describe_scaling_activities(ServiceNamespace="sagemaker")["ScalingActivities"]
    assert "AlarmLow" in found[0]["Cause"] and found[0]["StatusCode"] == "Successful"
    described = account.client("sagemaker").describe_endpoint(EndpointName="train2deploy")
    assert described["ProductionVariants"][0]["DesiredInstanceCount"] == 1


def test_bounds_are_scheduled_shown_and_removed_with_the_scaling(loaded, project):
    account, _, _ = loaded
    options = (*M5, "scale", "--min", "2", "--max", "3", "--schedule")
    done = project.run_tool(*options, "cron(0 8 * * *)", "--timezone", "Asia/Tokyo")
    assert done.returncode == 2 and "expected six fields" in done.stdout
    done = project.run_tool(*M5, "scale", "--min", "4", "--schedule", "rate(1 day)")
    assert done.returncode == 2 and "MIN=4 ≤ MAX=3" in done.stdout
    done = project.run_tool(*options, "cron(0 8 ? * MON-FRI *)", "--timezone", "Asia/Tokyo")
    assert done.returncode == 0, done.stdout
    status = project.run_tool("status").stdout
    assert "cron(0 8 ? * MON-FRI *) Asia/Tokyo" in status
    assert project.run_tool("scale", "--off").returncode == 0
    client = account.client("application-autoscaling")
    assert client.describe_scheduled_actions(ServiceNamespace="sagemaker")[
        "ScheduledActions"] == []
    done = project.run_tool(*M5, "scale", "--min", "2", "--schedule", "rate(1 day)")
    assert done.returncode == 2 and "does not follow its load" in done.stdout


def test_a_request_that_the_model_refuses_is_not_sent_again_and_again(loaded, project):
    done = project.run_tool(*M5, "load", "--type", "text/unknown", "a")
    assert done.returncode == 1 and "the model answered an error" in done.stdout


def answers(*rows):
    return load.Seen(
        seconds=10, answers=[load.Answer(*row) for row in rows],
        instances=[(0.0, 1, 1), (4.2, 1, 3), (6.1, 3, 3)])


def test_what_went_wrong_is_counted_by_its_kind_and_has_no_latency():
    seen = answers((0.5, 0.1), (1.5, 0.3), (2.5, 9.0, "ModelError 500"),
                   (8.0, 0.2, "ReadTimeoutError"), (8.1, 0.2, "ModelError 500"))
    found = load.report(load.Wish((2, 4), 10), seen)
    assert found["errors"] == {"ModelError 500": 2, "ReadTimeoutError": 1}
    assert (found["requests"], found["per_second"]) == (5, 0.2)
    assert (found["p50_ms"], found["p99_ms"]) == (100.0, 300.0)
    rows = found["timeline"]
    assert [row["clients"] for row in rows] == [2] * 5 + [4] * 5
    assert [row["instances"] for row in rows] == [1] * 6 + [3] * 4
    assert [row["desired"] for row in rows] == [1] * 4 + [3] * 6
    assert [row["errors"] for row in rows] == [0, 0, 1, 0, 0, 0, 0, 0, 2, 0]
    assert rows[3]["p50_ms"] is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_load_without_one_answer_is_drawn_too(language):
    found = {**load.report(load.Wish((1,), 10), answers((1, 1, "ModelError 500"))),
             "endpoint": "e", "instance_type": "ml.m5.large", "bounds": None,
             "emulator_minute_s": None}
    plot = load_plot.drawn(json.loads(json.dumps(found)), texts(language))
    assert "1" in plot.description and "–" in plot.description
