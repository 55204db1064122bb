"""ROLLOUT= and BAKE=: what AWS would refuse is refused here, the rest is a DeploymentConfig."""

import pytest

from train2deploy.cloud import rollout
from train2deploy.errors import UserError


@pytest.mark.parametrize("text", [
    "", "ALL", "canary", "canary:", "canary:0", "canary:51", "canary:1.5", "canary:-5", "linear:9",
    "linear:51", "linear:1000", "all:10", "canary:10 ", "canary:１０", "blue:10", "linear:25\n"])
def test_what_is_no_rollout_is_refused_with_what_was_expected(text):
    with pytest.raises(UserError, match="expected all, canary:1 to canary:50 or linear:10"):
        rollout.parse(text)


@pytest.mark.parametrize("text, bake, steps, wait, timeout", [
    ("all", None, 1, 60, 1860),
    ("all", 3600, 1, 3600, 5400),
    ("canary:1", None, 2, 300, 2400),
    ("canary:50", 0, 2, 0, 1800),
    ("linear:25", 60, 4, 60, 2040),
    ("linear:30", None, 4, 300, 3000),
    ("linear:10", 2700, 10, 2700, 28800),
])
def test_steps_waits_and_time_limit_are_within_what_aws_takes(text, bake, steps, wait, timeout):
    found = rollout.parse(text, bake)
    assert found.steps == steps
    policy = found.deployment_config(["one"])["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"] == wait
    assert policy["MaximumExecutionTimeoutInSeconds"] == timeout
    assert steps * wait < timeout <= 28800


@pytest.mark.parametrize("text, bake, most", [
    ("all", 3601, 3600), ("canary:10", 3601, 3600), ("linear:10", 2701, 2700)])
def test_a_bake_that_aws_would_not_wait_for_is_refused(text, bake, most):
    with pytest.raises(UserError, match=f"expected 0 to {most} seconds"):
        rollout.parse(text, bake)


@pytest.mark.parametrize("text, routing", [
    ("all", {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 60}),
    ("canary:10", {
        "Type": "CANARY", "WaitIntervalInSeconds": 300,
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10}}),
    ("linear:25", {
        "Type": "LINEAR", "WaitIntervalInSeconds": 300,
        "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 25}}),
])
def test_the_request(text, routing):
    config = rollout.parse(text).deployment_config(["a", "b"])
    assert config["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"] == routing
    assert config["AutoRollbackConfiguration"] == {
        "Alarms": [{"AlarmName": "a"}, {"AlarmName": "b"}]}
