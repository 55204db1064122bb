"""What an account's CloudWatch knows of an endpoint, asked by AWS's own client."""

import re
from datetime import datetime, timedelta, timezone

import botocore.exceptions
import pytest
from conftest import running_account

from emulator.account import INTERNAL_KEY

VARIANT = [{"Name": "EndpointName", "Value": "train2deploy"},
           {"Name": "VariantName", "Value": "AllTraffic"}]
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def asked(project):
    """(account, its CloudWatch, when, invocations): an endpoint was asked five times, twice with
    nonsense, after cloud-deploy itself had asked it.

    By a key of the emulator's own: our commands need not be allowed all of these calls.
    """
    with running_account(project, "minute:3") as account:
        done = project.run_tool("deploy")
        assert done.returncode == 0, done.stdout
        before = datetime.now(timezone.utc)
        client = account.client("sagemaker-runtime")
        for body in (b'{"q": "a"}', b"{", b'{"q": "b"}', b"nonsense", b'{"q": "c"}'):
            try:
                client.invoke_endpoint(
                    EndpointName="train2deploy", Body=body, ContentType="application/json")
            except client.exceptions.ModelError as error:
                assert error.response["OriginalStatusCode"] >= 400
        yield (account, account.client("cloudwatch", key=INTERNAL_KEY), before,
               account.count("InvokeEndpoint"))


def test_statistics_of_the_invocations(asked):
    _, client, before, invocations = asked

    def sum_of(name, **more):
        points = client.get_metric_statistics(
            Namespace="AWS/SageMaker", MetricName=name, Dimensions=VARIANT, Period=60,
            StartTime=before - HOUR, EndTime=before + HOUR,
            Statistics=["Sum", "SampleCount"], **more)["Datapoints"]
        return sum(point["Sum"] for point in points), sum(point["SampleCount"] for point in points)

    assert sum_of("Invocations") == (invocations, invocations)
    assert sum_of("InvocationsPerInstance") == (invocations, invocations)
    failed = sum_of("Invocation4XXErrors")[0] + sum_of("Invocation5XXErrors")[0]
    assert failed == sum_of("InvocationModelErrors")[0] == 2
    assert sum_of("Invocations", Unit="Percent") == (0, 0)


def test_percentiles_of_the_latency_by_both_calls(asked):
    _, client, before, _ = asked
    asked_for = {"StartTime": before - timedelta(seconds=1), "EndTime": before + HOUR}
    latency = {
        "Namespace": "AWS/SageMaker", "MetricName": "ModelLatency", "Dimensions": VARIANT}
    points = client.get_metric_statistics(
        **latency, **asked_for, Period=86400, Statistics=["Maximum"],
        ExtendedStatistics=["p50", "p100"])["Datapoints"]
    assert {point["Unit"] for point in points} == {"Microseconds"}
    for point in points:
        assert point["ExtendedStatistics"]["p100"] == point["Maximum"]
        assert 0 < point["ExtendedStatistics"]["p50"] <= point["Maximum"]
    queries = [
        {"Id": "slow", "MetricStat": {"Metric": latency, "Period": 86400, "Stat": "p50"}},
        {"Id": "ms", "Expression": "slow / 1000", "Label": "milliseconds"}]
    slow, in_ms = client.get_metric_data(
        MetricDataQueries=queries, ScanBy="TimestampAscending", **asked_for)["MetricDataResults"]
    assert slow["Values"] == [point["ExtendedStatistics"]["p50"] for point in points]
    assert in_ms["Values"] == [value / 1000 for value in slow["Values"]]
    assert in_ms["Label"] == "milliseconds"


def test_the_list_of_metrics_has_each_once_and_those_of_the_instances(asked):
    account, client, *_ = asked

    def listed(namespace):
        metrics = client.list_metrics(Namespace=namespace, Dimensions=VARIANT)["Metrics"]
        # Those of the one fleet are there, too, with its configuration as a third dimension.
        found = [each["MetricName"] for each in metrics if len(each["Dimensions"]) == 2]
        assert len(found) == len(set(found))
        return set(found)

    assert listed("AWS/SageMaker") == {
        "Invocations", "InvocationsPerInstance", "Invocation4XXErrors", "Invocation5XXErrors",
        "InvocationModelErrors", "ModelLatency", "OverheadLatency"}
    account.eventually(
        lambda: listed("/aws/sagemaker/Endpoints") == {"CPUUtilization", "MemoryUtilization"},
        "a sample of the instance")


def test_the_command_shows_them_as_a_table_and_a_plot(asked, project):
    *_, invocations = asked
    done = project.run_tool("metrics", "--minutes", "60")
    assert done.returncode == 0, done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if re.match(r" *\d\d:\d\d:", line)]
    counts = [row[1:4] for row in rows if len(row) > 6]  # a minute without requests has no counts
    assert sum(int(count) for count, _, _ in counts) == invocations
    assert sum(int(clients) + int(servers) for _, clients, servers in counts) == 2
    for ending in ("png", "svg"):
        assert f"metrics-AllTraffic.{ending}" in done.stdout
        assert (project.build / "cloud" / f"metrics-AllTraffic.{ending}").stat().st_size > 1000


def test_what_a_user_puts_is_there_and_an_unknown_statistic_is_refused(asked):
    _, client, before, _ = asked
    client.put_metric_data(Namespace="mine", MetricData=[
        {"MetricName": "right", "Values": [1, 0], "Counts": [3, 1], "Timestamp": before}])
    query = {"Id": "a", "MetricStat": {
        "Metric": {"Namespace": "mine", "MetricName": "right"}, "Period": 60, "Stat": "Average"}}
    asked_for = {"StartTime": before - HOUR, "EndTime": before + HOUR}
    (answer,) = client.get_metric_data(MetricDataQueries=[query], **asked_for)["MetricDataResults"]
    assert answer["Values"] == [0.75]
    query["MetricStat"]["Stat"] = "tm90"
    with pytest.raises(botocore.exceptions.ClientError, match="tm90"):
        client.get_metric_data(MetricDataQueries=[query], **asked_for)


def test_the_endpoint_is_followed_by_the_minute_until_it_is_gone(asked, project):
    account, client, start, _ = asked

    def newest(namespace, metric):
        points = client.get_metric_statistics(
            Namespace=namespace, MetricName=metric, Dimensions=VARIANT, Period=60,
            StartTime=start - HOUR, EndTime=start + HOUR, Statistics=["SampleCount"])["Datapoints"]
        return max((point["Timestamp"] for point in points), default=start - HOUR)

    account.eventually(  # a line is of a minute that is over
        lambda: newest("/aws/sagemaker/Endpoints", "CPUUtilization")
        > newest("AWS/SageMaker", "Invocations"), "a minute after the last requests'")
    before = account.count("GetMetricData")
    process = project.tool("status", "--follow")
    account.wait_for_call("GetMetricData", before)
    account.client("sagemaker").delete_endpoint(EndpointName="train2deploy")
    output = process.communicate()
    assert process.returncode == 0, output
    line = r"\d AllTraffic: \d+ invocations, .* p50 ms.*; InService, 1 instance\n"
    assert re.search(line, output), output
