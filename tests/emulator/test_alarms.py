"""Alarms that really look at their metrics, by what DescribeAlarms says."""

import pytest

from emulator.account import INTERNAL_KEY

RATE = [
    {"Id": "rate", "Expression": "100 * errors / all", "ReturnData": True},
    *({"Id": name, "ReturnData": False, "MetricStat": {
        "Metric": {"Namespace": "mine", "MetricName": name}, "Period": 60, "Stat": "Sum"}}
      for name in ("errors", "all"))]
WATCHED = {
    "a statistic": {
        "Namespace": "mine", "MetricName": "errors", "Statistic": "Maximum", "Period": 60},
    "a percentile": {
        "Namespace": "mine", "MetricName": "errors", "ExtendedStatistic": "p50", "Period": 60},
    "arithmetic": {"Metrics": RATE},
}


@pytest.fixture
def watch(account):
    """CloudWatch, by a key of the emulator's own; nothing of ours makes these calls."""
    account.client("sagemaker").list_endpoints()  # a region is there from its first call on
    return account.client("cloudwatch", key=INTERNAL_KEY)


def described(watch):
    (alarm,) = watch.describe_alarms(AlarmNames=["one"])["MetricAlarms"]
    return alarm


def put_alarm(watch, **more):
    watch.put_metric_alarm(**{
        "AlarmName": "one", "EvaluationPeriods": 1, "Threshold": 3,
        "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "ignore", **more})


@pytest.mark.parametrize("what", WATCHED)
def test_an_alarm_knows_nothing_at_first_and_goes_off_by_itself(account, watch, what):
    put_alarm(watch, **WATCHED[what])
    assert described(watch)["StateValue"] == "INSUFFICIENT_DATA"

    def state_after(errors, state):
        def reached():
            watch.put_metric_data(Namespace="mine", MetricData=[
                {"MetricName": name, "Value": value}
                for name, value in (("errors", errors), ("all", 10))])
            alarm = described(watch)
            return alarm if alarm["StateValue"] == state else None

        return account.eventually(reached, state)

    reason = state_after(4, "ALARM")["StateReason"]
    assert "was greater than the threshold (3)" in reason
    put_alarm(watch, **WATCHED[what])  # a changed alarm keeps its state
    assert described(watch)["StateValue"] == "ALARM"
    assert "was not greater than" in state_after(0, "OK")["StateReason"]


def test_missing_data_is_treated_as_the_alarm_says(account, watch):
    for treatment, state in (("breaching", "ALARM"), ("notBreaching", "OK")):
        put_alarm(watch, **WATCHED["a statistic"], TreatMissingData=treatment)
        account.eventually(lambda state=state: described(watch)["StateValue"] == state, state)
    assert "no datapoints were received" in described(watch)["StateReason"]


def test_more_datapoints_than_periods_are_refused(watch):
    with pytest.raises(watch.exceptions.ClientError, match="DatapointsToAlarm"):
        put_alarm(watch, **WATCHED["a statistic"], DatapointsToAlarm=2)
