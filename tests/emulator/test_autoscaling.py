"""Application Auto Scaling in the emulator: what it takes, and what it does as minutes go by."""

import json
import threading
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws
from werkzeug.wrappers import Request

from emulator.limits import Limits
from emulator.metrics import Metric, Metrics
from emulator.protocol import ApiError
from emulator.scaling import Scaling

RESOURCE = "endpoint/topics/variant/A"
PLACE = {"ServiceNamespace": "sagemaker", "ResourceId": RESOURCE,
         "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
INVOCATIONS = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
METRIC = Metric.of(
    "AWS/SageMaker", "InvocationsPerInstance", {"EndpointName": "topics", "VariantName": "A"})
CONFIGS = {kind: {"ProductionVariants": [{"VariantName": "A", "InstanceType": kind}]}
           for kind in ("ml.m5.large", "ml.c5.large")}  # fmt: skip
START = 1_800_000_000.0


class Endpoints:
    """One endpoint whose instances come at once, unless `failure` says why they do not."""

    def __init__(self, record):
        self.record, self.count, self.kind, self.failure = record, 1, "ml.m5.large", ""

    def counts(self, name):
        return {"A": (self.kind, self.count)} if name == "topics" else {}

    def update_weights(self, request, then):
        (wish,) = request["DesiredWeightsAndCapacities"]
        if not self.failure:
            self.count = wish["DesiredInstanceCount"]
        then(self.failure)


class Service:
    """The emulator's service on moto, with a clock that the test turns."""

    def __init__(self, minute=60.0):
        self.now, limits = START, Limits(minute=minute)
        self.metrics = Metrics(limits, lambda: self.now)
        self.records = {"topics": {"EndpointStatus": "InService"}}
        self.endpoints = Endpoints(self.records["topics"])
        self.stopping = threading.Event()
        self.stopping.set()  # the test looks by itself
        account = SimpleNamespace(
            region="us-east-1", partition="aws", limits=limits, metrics=self.metrics,
            lock=threading.RLock(),
            endpoints=SimpleNamespace(find=self.records.get), stopping=self.stopping,
            configs=SimpleNamespace(find=CONFIGS.get),
            client=lambda service: boto3.client(
                service, "us-east-1", aws_access_key_id="a", aws_secret_access_key="a"))
        self.scaling = Scaling(account, self.endpoints)
        self.scaler = self.scaling._scaler
        self.autoscaling = account.client("application-autoscaling")

    def call(self, operation, **given):
        """An operation's answer as JSON."""
        body = json.dumps({**PLACE, **given}).encode()
        request = Request.from_values(
            "/", method="POST", data=body, headers={"Content-Type": "application/x-amz-json-1.1"})

        def moto(environ, start_response):
            name = "".join("_" + c.lower() if c.isupper() else c for c in operation)[1:]
            answer = getattr(self.autoscaling, name)(**json.loads(body))
            answer.pop("ResponseMetadata")
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(answer, default=str).encode()]

        answer = self.scaling.answer(operation, request, moto)
        return json.loads(answer.get_data())

    def follow(self, target=100.0, bounds=(1, 8), metric=None, **configuration):
        self.call("RegisterScalableTarget", MinCapacity=bounds[0], MaxCapacity=bounds[1])
        spec = metric or {"PredefinedMetricSpecification": INVOCATIONS}
        return self.call(
            "PutScalingPolicy", PolicyName="p", PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": target, **spec, **configuration})

    def minute(self, invocations=0, metric=METRIC, share=True):
        """A minute with so many invocations goes by; the instances after it."""
        if invocations:
            value = invocations / self.endpoints.count if share else invocations
            self.metrics.record(metric, [(value, 1)])
        self.now += self.metrics._limits.minute
        self.scaler._look()
        return self.endpoints.count

    def activities(self):
        given = {name: PLACE[name] for name in ("ResourceId", "ScalableDimension")}
        return self.call("DescribeScalingActivities", **given)["ScalingActivities"]


@pytest.fixture
def service():
    with mock_aws():
        yield Service()


def test_the_load_is_followed_out_and_in_again_within_the_bounds(service):
    service.follow(bounds=(1, 3), ScaleOutCooldown=60, ScaleInCooldown=300)
    assert [service.minute(80) for _ in range(4)] == [1, 1, 1, 1]
    assert [service.minute(900) for _ in range(3)] == [1, 1, 3]
    assert [service.minute(240) for _ in range(20)] == [3] * 20  # 80 each: two would have 120
    assert [service.minute(40) for _ in range(9)] == [2] * 5 + [1] * 4
    assert [service.minute(0) for _ in range(20)] == [1] * 20
    reasons = [(each["Description"], each["StatusCode"]) for each in service.activities()]
    assert reasons == [(f"Setting desired instance count to {count}.", "Successful")
                       for count in (1, 2, 3)]  # fmt: skip


def test_a_variant_that_nobody_asks_any_more_scales_in(service):
    service.endpoints.count = 3
    service.follow(bounds=(1, 3))
    assert [service.minute(0) for _ in range(15)] == [3] * 14 + [2]


def test_the_alarms_of_a_policy_are_named_as_aws_names_them_and_go_with_it(service):
    answer = service.follow(target=200.0)
    cloudwatch = boto3.client("cloudwatch", "us-east-1")
    high, low = sorted(
        cloudwatch.describe_alarms()["MetricAlarms"], key=lambda each: each["AlarmName"])
    assert high["AlarmName"].startswith(f"TargetTracking-{RESOURCE}-AlarmHigh-")
    assert low["AlarmName"].startswith(f"TargetTracking-{RESOURCE}-AlarmLow-")
    assert [each["AlarmName"] for each in answer["Alarms"]] == [
        high["AlarmName"], low["AlarmName"]]
    assert (high["EvaluationPeriods"], high["Threshold"]) == (3, 200)
    assert (low["EvaluationPeriods"], low["Threshold"]) == (15, 180)
    again = service.follow(target=300.0)
    assert again["PolicyARN"] == answer["PolicyARN"]
    alarms = cloudwatch.describe_alarms()["MetricAlarms"]
    assert sorted(each["Threshold"] for each in alarms) == [270, 300]
    service.call("DeleteScalingPolicy", PolicyName="p")
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_instances_that_cannot_be_had_leave_a_failed_activity_with_the_reason(service):
    service.follow()
    service.endpoints.failure = "CapacityError: no ml.m5.large"
    assert [service.minute(900) for _ in range(3)] == [1, 1, 1]
    (activity,) = service.activities()
    assert activity["StatusCode"] == "Failed"
    assert activity["StatusMessage"].endswith("Reason: CapacityError: no ml.m5.large")
    assert "AlarmHigh" in activity["Cause"] and activity["Cause"].endswith("triggered policy p")
    service.endpoints.failure = ""
    assert service.minute(900) == 8


def test_an_endpoint_that_is_being_updated_waits_and_a_suspended_one_stays(service):
    service.follow()
    service.records["topics"]["EndpointStatus"] = "Updating"
    assert [service.minute(900) for _ in range(4)] == [1] * 4
    service.records["topics"]["EndpointStatus"] = "InService"
    service.call("RegisterScalableTarget", SuspendedState={"DynamicScalingOutSuspended": True})
    assert service.minute(900) == 1
    service.call("RegisterScalableTarget", SuspendedState={"DynamicScalingOutSuspended": False})
    assert service.minute(900) == 8


def test_what_is_described_is_whole_and_policies_are_found_by_their_names(service):
    service.follow()
    (target,) = service.autoscaling.describe_scalable_targets(
        ServiceNamespace="sagemaker")["ScalableTargets"]
    assert target["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint")
    assert set(target["SuspendedState"].values()) == {False}
    for names, count in ((["p", "q"], 1), (["q"], 0)):
        found = service.call("DescribeScalingPolicies", PolicyNames=names)["ScalingPolicies"]
        assert len(found) == count


def test_a_scaled_variant_keeps_its_instance_type_until_it_is_deregistered(service):
    update = {"EndpointName": "topics", "EndpointConfigName": "ml.c5.large"}
    service.scaling.check_update(update)
    service.follow()
    with pytest.raises(ApiError, match="Cannot change the instance type"):
        service.scaling.check_update(update)
    service.scaling.check_update({**update, "EndpointConfigName": "ml.m5.large"})
    service.call("DeregisterScalableTarget")
    service.scaling.check_update(update)
    assert service.scaler.policies(RESOURCE) == []


def test_any_metric_of_cloudwatch_can_be_followed_but_its_gaps_are_not_zeros(service):
    cpu = {"Namespace": "/aws/sagemaker/Endpoints", "MetricName": "CPUUtilization",
           "Statistic": "Average"}
    service.follow(target=50.0, metric={"CustomizedMetricSpecification": cpu})
    metric = Metric.of(cpu["Namespace"], cpu["MetricName"], {})
    assert [service.minute(100, metric, share=False) for _ in range(3)] == [1, 1, 2]
    assert [service.minute(0) for _ in range(20)] == [2] * 20


def test_new_bounds_hold_at_once_and_a_deleted_endpoint_leaves_nothing(service):
    service.follow(bounds=(2, 4))
    assert service.endpoints.count == 2
    assert service.activities()[0]["Cause"] == "minimum capacity was set to 2"
    service.call("PutScheduledAction", ScheduledActionName="night", Schedule="rate(1 day)",
                 ScalableTargetAction={"MinCapacity": 1})
    service.minute()
    del service.records["topics"]
    service.minute()
    assert (service.scaler.targets(), service.scaler.policies(RESOURCE)) == ([], [])
    assert service.scaler.records.scheduled_actions == []


def test_a_scheduled_action_sets_bounds_by_its_rate(service):
    service.follow(bounds=(1, 2))
    service.call("PutScheduledAction", ScheduledActionName="morning", Schedule="rate(2 minutes)",
                 ScalableTargetAction={"MinCapacity": 4, "MaxCapacity": 6})
    service.scaler.records.scheduled_actions[0].creation_time = START
    assert [service.minute() for _ in range(2)] == [1, 4]
    target = service.scaler.target(RESOURCE)
    assert (target.min_capacity, target.max_capacity) == (4, 6)
    causes = [each["Cause"] for each in service.activities()]
    assert causes == [
        "minimum capacity was set to 4", "scheduled action name morning was triggered"]


def test_a_target_whose_schedules_are_suspended_keeps_its_bounds(service):
    service.follow(bounds=(1, 2))
    service.call("RegisterScalableTarget", SuspendedState={"ScheduledScalingSuspended": True})
    service.call("PutScheduledAction", ScheduledActionName="morning", Schedule="rate(1 minute)",
                 ScalableTargetAction={"MinCapacity": 4, "MaxCapacity": 6})
    assert [service.minute() for _ in range(3)] == [1, 1, 1]


POLICY = {"PolicyName": "p", "PolicyType": "TargetTrackingScaling"}
TRACKED = "TargetTrackingScalingPolicyConfiguration"
ACTION = {"ScheduledActionName": "s", "ScalableTargetAction": {"MinCapacity": 2}}
ELSEWHERE = {"ResourceId": "endpoint/topics/variant/B"}


@pytest.mark.parametrize("operation, given, code, words", [
    ("RegisterScalableTarget", {"MinCapacity": 3, "MaxCapacity": 2}, "ValidationException",
     "cannot be less than minimum"),
    ("RegisterScalableTarget", {"MinCapacity": 0}, "ValidationException", "less than 1"),
    ("RegisterScalableTarget", {"Minimum": 1}, "ValidationException", "Minimum"),
    ("RegisterScalableTarget", {**ELSEWHERE, "MinCapacity": 1, "MaxCapacity": 2},
     "ValidationException", "no such endpoint or variant"),
    ("DeregisterScalableTarget", ELSEWHERE, "ObjectNotFoundException", "No scalable target"),
    ("PutScalingPolicy", {**POLICY, **ELSEWHERE, TRACKED: {"TargetValue": 1}},
     "ObjectNotFoundException", "No scalable target"),
    ("PutScalingPolicy", {**POLICY, TRACKED: {"TargetValue": 0.0}}, "ValidationException",
     "greater than 0"),
    ("PutScalingPolicy", {**POLICY, TRACKED: {"TargetValue": 5.0}}, "ValidationException",
     "Exactly one"),
    ("PutScalingPolicy", {**POLICY, "PolicyType": "StepScaling"}, "NotImplemented", "StepScaling"),
    ("DeleteScalingPolicy", {"PolicyName": "q"}, "ObjectNotFoundException", "policy name: q"),
    ("PutScheduledAction", ACTION, "ValidationException", "Schedule"),
    ("PutScheduledAction", {**ACTION, "Schedule": "cron(0 8 * * *)"}, "ValidationException",
     "six fields"),
    ("PutScheduledAction", {**ACTION, "Schedule": "rate(1 day)", "Timezone": "Mars/Olympus"},
     "ValidationException", "Mars/Olympus"),
    ("PutScheduledAction", {**ACTION, "Schedule": "rate(1 day)", "ScalableTargetAction": {}},
     "ValidationException", "MinCapacity"),
    ("DeleteScheduledAction", {"ScheduledActionName": "s"}, "ObjectNotFoundException",
     "scheduled action name: s"),
    ("DescribeScalingActivities", {"ServiceNamespace": "mars"}, "ValidationException", "mars"),
])
def test_what_aws_refuses_is_refused_here(service, operation, given, code, words):
    service.call("RegisterScalableTarget", MinCapacity=1, MaxCapacity=2)
    with pytest.raises(ApiError, match=words) as refused:
        service.call(operation, **given)
    assert refused.value.code == code
