"""Guards against cost: endpoints that expire, that nobody asks, and MAX_USD."""

import datetime
import json

import pytest
from conftest import running_account

from train2deploy.cloud import guards, inventory, session
from train2deploy.cloud_settings.config import Config
from train2deploy.errors import UserError

AT = datetime.datetime(2026, 11, 28, 12, 30, tzinfo=datetime.timezone.utc)
PAST = "2026-11-28T12:30:00Z"


@pytest.mark.parametrize("text, expected", [
    ("30m", "2026-11-28T13:00:00Z"), ("2h", "2026-11-28T14:30:00Z"),
    ("1.5h", "2026-11-28T14:00:00Z"), ("3d", "2026-12-01T12:30:00Z"), ("never", "never"),
    ("", "")])
def test_spans_are_counted_from_now(text, expected):
    assert guards.moment(text, AT) == expected


@pytest.mark.parametrize(
    "text", ["2", "h", "0h", "-1h", "2 h", "1s", "366d", "２h", "1e3h", "soon"])
def test_what_is_no_span_is_refused(text):
    with pytest.raises(UserError, match=f"EXPIRES={text}: expected a span"):
        guards.moment(text, AT)


@pytest.fixture(scope="module")
def account(project):
    with running_account(project) as account:
        yield account


def run(project, *arguments):
    done = project.run_tool(*arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def tags(account, name="train2deploy"):
    client = account.client("sagemaker")
    arn = client.describe_endpoint(EndpointName=name)["EndpointArn"]
    found = client.list_tags(ResourceArn=arn)["Tags"]
    return arn, {tag["Key"]: tag["Value"] for tag in found}


def expire(account, value=PAST, name="train2deploy"):
    arn, _ = tags(account, name)
    account.client("sagemaker").add_tags(
        ResourceArn=arn, Tags=[{"Key": guards.TAG, "Value": value}])


def cloud(account):
    config = Config(role="train2deploy-execution", bucket="train2deploy-emulator")
    return session.Cloud(config, account.url)


def test_an_endpoint_is_tagged_with_its_end_and_the_plan_reckons_with_it(project, account):
    begun = datetime.datetime.now(datetime.timezone.utc)
    said = run(project, "deploy", "--expires", "2h")
    end = datetime.datetime.strptime(tags(account)[1][guards.TAG], "%Y-%m-%dT%H:%M:%S%z")
    assert datetime.timedelta(hours=2) <= end - begun.replace(microsecond=0) < datetime.timedelta(
        hours=3)
    assert "for at most 2 h" in said and "expires at" in said
    assert f"endpoint train2deploy expires at {end:%Y-%m-%dT%H:%M:%SZ}" in run(project, "status")
    run(project, "deploy")
    assert guards.TAG in tags(account)[1], "what is not given stays as it is"
    run(project, "deploy", "--expires", "never")
    assert guards.TAG not in tags(account)[1]


def test_max_usd_counts_what_runs_already(project, account):
    """Another endpoint of the same type costs as much; MAX_USD is enough for one."""
    options = ("--set", "PRICES=ml.t2.large=1", "--set", "ENDPOINT_HOURS=10")
    new = ("--set", "ENDPOINT_NAME=another", "deploy")
    done = project.run_tool("--max-usd", "15", *options, *new)
    assert done.returncode == 2, done.stdout
    assert "may cost 10.00 USD, and train2deploy that runs already 10.00 USD" in done.stdout
    assert "another" not in account.names()["Endpoint"]
    run(project, "--max-usd", "15", *options, "deploy")  # its own cost is not counted twice


def test_only_what_has_our_tag_and_is_over_ends(project, account):
    client = account.client("sagemaker")
    config = client.describe_endpoint(EndpointName="train2deploy")["EndpointConfigName"]
    client.create_endpoint(
        EndpointName="of-others", EndpointConfigName=config,
        Tags=[{"Key": guards.TAG, "Value": PAST}])
    account.settled("of-others")
    expire(account, "2999-01-01T00:00:00Z")
    assert "0 expired endpoints ended" in run(project, "expire")
    expire(account, "whenever")
    assert "0 expired endpoints ended" in run(project, "expire")
    expire(account)
    done = project.run_tool("invoke", "--", "電波が悪い")
    assert f"endpoint train2deploy expired at {PAST}" in done.stdout
    assert "it is being removed" in done.stdout
    assert done.returncode == 1  # it is not there any more
    assert account.names() == {
        "TrainingJob": [], "Model": [], "EndpointConfig": [], "Endpoint": ["of-others"]}
    assert account.client("cloudwatch").describe_alarms()["MetricAlarms"] == []


def test_a_deployment_with_another_end_goes_on_with_the_endpoint(project, account):
    run(project, "deploy")
    expire(account)
    said = run(project, "deploy", "--expires", "1h")
    assert "has this model already" in said and "it is being removed" not in said
    assert tags(account)[1][guards.TAG] > PAST


def test_an_endpoint_that_nobody_has_asked_for_an_hour_is_marked(project, account):
    there = cloud(account)
    (endpoint,) = inventory.of_kind(there, "endpoint")
    later = endpoint.created + datetime.timedelta(hours=3)
    assert not guards.is_idle(there, endpoint, endpoint.created + datetime.timedelta(minutes=59))
    assert guards.is_idle(there, endpoint, later)
    account.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="train2deploy", Body=json.dumps({"q": "電波が悪い"}),
        ContentType="application/json")
    asked = datetime.datetime.now(datetime.timezone.utc)
    soon = asked + datetime.timedelta(minutes=30)
    old = inventory.Resource(
        "endpoint", "train2deploy", "InService", asked - 2 * guards.HOUR, False)
    assert not guards.is_idle(there, old, soon)
    assert guards.is_idle(there, old, asked + datetime.timedelta(hours=2))
