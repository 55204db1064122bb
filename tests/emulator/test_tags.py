"""TAGS of an endpoint that already exists: cloud-deploy makes them what they are now."""

import boto3
import botocore.exceptions
import iam
import pytest
from conftest import another_model, kill, running_account

from train2deploy.cloud import tags
from train2deploy.cloud.session import ADMINISTRATOR_KEY
from train2deploy.cloud_settings import config

ALARM = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:train2deploy-answers-with-errors"
OURS = {"train2deploy.project": "train2deploy"}


@pytest.fixture(scope="module")
def deployed(project):
    """An account with an endpoint that has two tags of ours and one of somebody else."""
    with running_account(project) as account:
        deploy(project, "team=nlp,cost=1")
        client = account.client("sagemaker")
        endpoint = client.describe_endpoint(EndpointName="train2deploy")
        theirs = [{"Key": "owner", "Value": "someone"}]
        client.add_tags(ResourceArn=endpoint["EndpointArn"], Tags=theirs)
        yield account


def deploy(project, given):
    done = project.run_tool("--set", f"TAGS={given}", "deploy")
    assert done.returncode == 0, done.stdout
    return done.stdout


def found(account):
    """Tags by what has them: endpoint, configuration, model and alarm."""
    client = account.client("sagemaker")
    endpoint = client.describe_endpoint(EndpointName="train2deploy")
    settings = client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = client.describe_model(ModelName=settings["ProductionVariants"][0]["ModelName"])
    arns = {
        "endpoint": endpoint["EndpointArn"], "config": settings["EndpointConfigArn"],
        "model": model["ModelArn"]}
    lists = {name: client.list_tags(ResourceArn=arn)["Tags"] for name, arn in arns.items()}
    # Which the tool itself does not ask, so that its policy does not have it.
    administrator = boto3.client(
        "cloudwatch", endpoint_url=account.url, region_name="us-east-1",
        aws_access_key_id=ADMINISTRATOR_KEY, aws_secret_access_key="none")
    lists["alarm"] = administrator.list_tags_for_resource(ResourceARN=ALARM)["Tags"]
    return {name: {tag["Key"]: tag["Value"] for tag in each} for name, each in lists.items()}


def everywhere(**given):
    """As `found` gives it, when TAGS was this."""
    same = {**OURS, **given}
    return {"endpoint": {**same, "owner": "someone"}, "config": same, "model": same, "alarm": same}


def test_changed_tags_are_applied_and_nothing_is_made_for_it(project, deployed):
    assert found(deployed) == everywhere(team="nlp", cost="1")
    made = [deployed.count(name) for name in ("CreateEndpoint", "UpdateEndpoint")]
    before = deployed.names()
    said = deploy(project, "team=ml")
    assert "endpoint train2deploy: tags: team=ml, no cost" in said
    assert found(deployed) == everywhere(team="ml")
    assert deployed.names() == before
    assert [deployed.count(name) for name in ("CreateEndpoint", "UpdateEndpoint")] == made


def test_the_same_tags_change_nothing(project, deployed):
    deploy(project, "team=ml")
    before = [deployed.count(name) for name in ("AddTags", "DeleteTags")]
    assert "tags:" not in deploy(project, "team=ml")
    assert [deployed.count(name) for name in ("AddTags", "DeleteTags")] == before


def test_tags_and_model_may_change_at_once(project, deployed, tmp_path):
    deploy(project, "team=ml")

    def change(model):
        (model / "code" / "note.txt").write_text("another model")

    with another_model(project, tmp_path, change):
        assert "blue/green update begun" in deploy(project, "cost=2")
    assert found(deployed) == everywhere(cost="2")
    assert len(deployed.names()["EndpointConfig"]) == 1


def test_a_change_that_was_cut_off_is_finished_by_the_next_deployment(project, deployed):
    deploy(project, "first=1")
    before = deployed.count("DeleteTags")
    deployed.faults("slow:DeleteTags:30")
    process = project.tool("--set", "TAGS=second=2", "deploy")
    deployed.wait_for_call("DeleteTags", before)
    kill(process)
    deployed.faults("")
    deploy(project, "second=2")
    assert found(deployed) == everywhere(second="2")


def test_keys_of_aws_are_left_alone(deployed):
    there = ["team", "old", "aws:cloudformation:stack-name", "train2deploy.project"]
    assert tags.given_up(there, ["team", "train2deploy.project"]) == {"old"}
    client = deployed.client("sagemaker")
    arn = client.describe_endpoint(EndpointName="train2deploy")["EndpointArn"]
    with pytest.raises(botocore.exceptions.ClientError, match="aws: prefixed"):
        client.add_tags(ResourceArn=arn, Tags=[{"Key": "aws:x", "Value": "1"}])
    with pytest.raises(botocore.exceptions.ClientError, match="aws: prefixed"):
        client.delete_tags(ResourceArn=arn, TagKeys=["aws:x"])


def test_what_somebody_elses_configuration_has_is_not_ours(project, deployed):
    """An operator has put the endpoint on a configuration of his own, with tags of his own."""
    deploy(project, "team=ml")
    client = deployed.client("sagemaker")
    endpoint = client.describe_endpoint(EndpointName="train2deploy")
    current = client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    client.create_endpoint_config(
        EndpointConfigName="train2deploy-of-another", Tags=[{"Key": "owner", "Value": "someone"}],
        ProductionVariants=current["ProductionVariants"])
    client.update_endpoint(
        EndpointName="train2deploy", EndpointConfigName="train2deploy-of-another")
    deployed.settled()
    deploy(project, "team=nlp")
    tagged = found(deployed)
    assert tagged["config"] == {"owner": "someone"}
    assert tagged["endpoint"] == {**OURS, "team": "nlp", "owner": "someone"}


@pytest.mark.parametrize("action", ["sagemaker:AddTags", "sagemaker:DeleteTags"])
@pytest.mark.parametrize("name, allowed", [("train2deploy", True), ("another", False)])
def test_the_policy_lets_the_tags_of_our_endpoint_be_changed(action, name, allowed):
    settings = config.Config(role="train2deploy-execution", bucket="train2deploy-emulator")
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{name}"
    assert iam.allows("caller", settings, action, arn) is allowed
    alarm = ALARM.replace("train2deploy-answers", f"{name}-answers")
    assert iam.allows("caller", settings, "cloudwatch:UntagResource", alarm) is allowed
