"""Updates that take over the traffic step by step, and go back by themselves."""

import json
import threading

import botocore.exceptions
import pytest
from conftest import another_model
from test_platform import appended

FAILS_ONE_IN_THREE = """
import itertools

_handler, _asked = handler, itertools.count()


def handler(data, context):
    if next(_asked) % 3 == 0:
        raise ValueError('one in three')
    return _handler(data, context)
"""
PAUSE_SECONDS = 0.02
ALARMS = ["train2deploy-answers-late", "train2deploy-answers-with-errors"]


pytestmark = pytest.mark.usefixtures("real")


class Load:
    """Clients that ask all the while; what they were answered."""

    def __init__(self, account, clients=3):
        self.answers, self.failures = [], []
        self._account, self._over = account, threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self):
        client = self._account.client("sagemaker-runtime")
        while not self._over.wait(PAUSE_SECONDS):
            try:
                answer = client.invoke_endpoint(
                    EndpointName="train2deploy", Body=b'{"q": "a"}',
                    ContentType="application/json")
                self.answers.append(json.load(answer["Body"]))
            except Exception as error:
                self.failures.append(error)


def test_a_package_that_fails_one_request_in_three_is_rolled_back_during_canary(
    project, deployed, tmp_path
):
    client = deployed.client("sagemaker")
    before, owned = client.describe_endpoint(EndpointName="train2deploy"), deployed.names()
    with another_model(project, tmp_path, appended(FAILS_ONE_IN_THREE)), Load(deployed) as load:
        deployed.eventually(lambda: load.answers, "an answer")
        done = project.run_tool("deploy", "--rollout", "canary:10", "--bake", "3600")
        until_then = len(load.failures), len(load.answers)
        deployed.eventually(lambda: len(load.answers) > until_then[1] + 20, "further answers")
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if "was rolled back" in line]
    assert "alarm train2deploy-answers-with-errors is in state ALARM: Threshold Crossed" in line
    assert "was greater than the threshold (0.05)" in line
    assert f"the old model still answers ({before['EndpointConfigName']})" in line
    assert "RollingBack" in done.stdout or "Baking (10% of the traffic)" in done.stdout

    # What failed is the new package's, and nothing did once the traffic was back.
    assert load.failures and len(load.failures) == until_then[0]
    for failure in load.failures:
        assert failure.response["OriginalStatusCode"] == 500
        assert "one in three" in failure.response["OriginalMessage"]

    after = client.describe_endpoint(EndpointName="train2deploy")
    assert after["EndpointConfigName"] == before["EndpointConfigName"]
    assert after["EndpointStatus"] == "InService" and "PendingDeploymentSummary" not in after
    assert "train2deploy-answers-with-errors" in after["FailureReason"]
    assert deployed.names() == owned
    alarms = deployed.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert sorted(alarm["AlarmName"] for alarm in alarms) == ALARMS
    for alarm in alarms:
        assert {"Name": "EndpointConfigName", "Value": before["EndpointConfigName"]} in (
            alarm["Dimensions"])


def test_a_good_package_takes_over_step_by_step_without_an_error(project, deployed, tmp_path):
    with another_model(project, tmp_path, appended("\n# as good\n")), Load(deployed) as load:
        done = project.run_tool("deploy", "--rollout", "linear:50", "--bake", "60")
    assert done.returncode == 0, done.stdout
    assert "50 % more of the traffic in each of 2 steps; watched for 60 s each" in done.stdout
    assert load.failures == [] and len(load.answers) > 5


@pytest.mark.parametrize("policy, words", [
    ({"Type": "CANARY"}, "CanarySize is required"),
    ({"Type": "LINEAR"}, "LinearStepSize is required"),
    ({"Type": "CANARY", "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 51}}, "50%"),
    ({"Type": "CANARY", "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1}}, "50%"),
    ({"Type": "LINEAR", "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 9}}, "10%"),
    ({"Type": "ALL_AT_ONCE", "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 9}},
     "cannot be specified"),
    ({"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 601}, "larger than the total waiting time"),
    ({"Type": "ALL_AT_ONCE", "alarm": "nobody-made-this"}, "Could not find the CloudWatch alarm"),
    ({"Type": "ALL_AT_ONCE", "alarm": "on"}, "is in state ALARM"),
])
def test_updates_that_cannot_begin_are_refused(deployed, policy, words):
    watch = deployed.client("cloudwatch", key="emulator-internal")
    name = policy.pop("alarm", "off")
    for each, state in (("on", "ALARM"), ("off", "OK")):
        watch.put_metric_alarm(
            AlarmName=each, Namespace="mine", MetricName="none", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="ignore")
        watch.set_alarm_state(AlarmName=each, StateValue=state, StateReason="for a test")
    client = deployed.client("sagemaker")
    endpoint = client.describe_endpoint(EndpointName="train2deploy")
    with pytest.raises(botocore.exceptions.ClientError, match=words) as caught:
        client.update_endpoint(
            EndpointName="train2deploy", EndpointConfigName=endpoint["EndpointConfigName"],
            DeploymentConfig={
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {"WaitIntervalInSeconds": 0, **policy},
                    "MaximumExecutionTimeoutInSeconds": 600},
                "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name}]}})
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    status = client.describe_endpoint(EndpointName="train2deploy")["EndpointStatus"]
    assert status == "InService"
    watch.delete_alarms(AlarmNames=["on", "off"])
