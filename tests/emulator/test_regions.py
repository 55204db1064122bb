"""Regions and partitions, and names of every length: the whole flow in one account."""

import json
import re

import botocore.exceptions
import pytest
from conftest import HYPERPARAMETERS, forbidden, kill, running_account

from train2deploy.cloud.session import ADMINISTRATOR_KEY
from train2deploy.cloud_settings import arns, names

LONG = {
    "PROJECT": "Classifier-of-questions-and-complaints-by-customers-in-Kyoto-26",
    "ENDPOINT_NAME": "Classifier-of-questions-and-complaints-by-customers-in-Kyoto-2a",
}
ALIKE = LONG["ENDPOINT_NAME"][:-1] + "b"
ROLE = "Exec-2019"
FLOWS = {
    "cn-north-1": {**LONG, "ROLE": ROLE},
    "ap-northeast-1": {},
}
IMAGES = {
    "cn-north-1": ".dkr.ecr.cn-north-1.amazonaws.com.cn/",
    "ap-northeast-1": ".dkr.ecr.ap-northeast-1.amazonaws.com/",
}


@pytest.fixture(scope="module")
def world(project):
    """An account with a role that lies under a path, in China's partition."""
    with running_account(project) as account:
        account.client("iam", "cn-north-1", ADMINISTRATOR_KEY).create_role(
            RoleName=ROLE, Path="/service-role/", AssumeRolePolicyDocument="{}")
        account.client("s3", "ap-northeast-1", ADMINISTRATOR_KEY).create_bucket(
            Bucket="elsewhere",
            CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
        yield account


def options(region, **more):
    settings = {"REGION": region, **FLOWS.get(region, {}), **more}
    return [part for item in settings.items() for part in ("--set", "=".join(item))]


@pytest.fixture(scope="module", params=list(FLOWS))
def flow(request, project, world):
    """(region, outputs by command, calls) of what can be done in a region.

    In the second one of what lies elsewhere there: its images, its bucket, its ARNs.
    """
    region, outputs = request.param, {}
    lines = project.root / "lines.txt"
    lines.write_text("抹茶パフェ\n電波が悪い\n", encoding="utf-8")
    before = set(world.calls())

    def run(command, *arguments):
        done = project.run_tool(*options(region), command, *arguments)
        assert done.returncode == 0, done.stdout
        outputs[command] = done.stdout

    run("plan", *HYPERPARAMETERS)
    is_first = region == next(iter(FLOWS))
    if is_first:
        run("train", *HYPERPARAMETERS)
    world.faults("hold:InvokeEndpoint")  # it must not have ended before it is killed
    interrupted = project.tool(*options(region), "deploy")
    name = FLOWS[region].get("ENDPOINT_NAME", "train2deploy")
    client = world.client("sagemaker", region)

    def is_creating():
        found = client.list_endpoints()["Endpoints"]
        return [each["EndpointStatus"] for each in found if each["EndpointName"] == name]

    world.eventually(is_creating, "an endpoint")
    kill(interrupted)
    world.faults("")
    run("deploy")
    (model,) = client.list_models()["Models"]
    outputs["model"] = client.describe_model(ModelName=model["ModelName"])
    outputs["endpoint"] = client.describe_endpoint(EndpointName=name)
    run("invoke", "電波が悪い")
    if is_first:
        run("batch", str(lines))
        run("scale")
    run("status")
    run("policy")
    run("delete", "--data")
    return region, outputs, set(world.calls()) - before


def test_every_command_runs_and_leaves_nothing(flow, world):
    region, outputs, _ = flow
    client = world.client("sagemaker", region)
    assert client.list_models()["Models"] == client.list_endpoints()["Endpoints"] == []
    assert "is left that costs" in outputs["delete"]


def test_a_deployment_killed_while_the_endpoint_is_created_goes_on(flow):
    _, outputs, calls = flow
    assert "is in service" in outputs["deploy"]
    assert {operation for _, operation, _, _ in calls} >= {"CreateEndpoint", "InvokeEndpoint"}


def test_images_roles_and_arns_are_of_the_region_and_its_partition(flow):
    region, outputs, calls = flow
    partition = arns.partition(region)
    assert IMAGES[region] in outputs["model"]["PrimaryContainer"]["Image"]
    (job,) = re.findall(r"training job .*", outputs["plan"])
    assert "scriptmode:1.12.0-" in job and job.count(IMAGES[region]) == 1
    assert outputs["endpoint"]["EndpointArn"].startswith(f"arn:{partition}:sagemaker:{region}:")
    assert outputs["model"]["ExecutionRoleArn"].startswith(f"arn:{partition}:iam::")
    partitions = {resource.split(":")[1] for _, _, resource, _ in calls if resource != "*"}
    assert partitions == {partition}


def test_prices_are_said_to_be_those_of_another_region(flow):
    region, outputs, _ = flow
    costs = {"plan": 2, "train": 1, "batch": 1, "scale": 1, "status": 0}
    for command in costs.keys() & outputs.keys():
        assert outputs[command].count(f"USD at the price of us-east-1; {region} has another") == (
            costs[command]), command
        assert f"Those of {region} differ" in outputs[command], command


def test_the_policy_that_is_printed_covers_every_call(flow):
    region, outputs, calls = flow
    printed = json.loads(outputs["policy"].split("runs make\n")[1].split("\n# ")[0])
    given = {key.lower(): value for key, value in FLOWS[region].items()}
    if "role" in given:
        role = f"arn:aws-cn:iam::123456789012:role/service-role/{ROLE}"
        assert printed["Statement"][1]["Resource"] == [role]
        given["role"] = role
    assert forbidden(calls, region=region, bucket=f"train2deploy-emulator-{region}",
                     **given) == set()


def test_names_of_63_characters_are_cut_where_more_follows(flow):
    region, outputs, _ = flow
    project = FLOWS[region].get("PROJECT", "train2deploy")
    endpoint = FLOWS[region].get("ENDPOINT_NAME", "train2deploy")
    model = outputs["model"]["ModelName"]
    assert re.fullmatch(rf"{names.serving(endpoint)}-[0-9a-f]{{12}}", model) and len(model) <= 63
    assert f" {names.training(project)}-v1-" in outputs["plan"]
    if "train" in outputs:
        assert f"job {names.training(project)}-v1-" in outputs["train"]
    assert f"alarm {endpoint}-answers-with-errors" in outputs["status"]


def test_regions_know_nothing_of_each_other(world):
    here, there, mars = (
        world.client("sagemaker", region) for region in ("us-east-1", "us-gov-west-1", "mars-1"))
    for client, region in ((here, "us-east-1"), (there, "us-gov-west-1"), (mars, "mars-1")):
        partition = arns.partition(region)
        answer = client.create_model(
            ModelName="Apart", ExecutionRoleArn=f"arn:{partition}:iam::123456789012:role/R",
            PrimaryContainer={"Image": "image"})
        assert answer["ModelArn"] == f"arn:{partition}:sagemaker:{region}:123456789012:model/apart"
        assert [each["ModelName"] for each in client.list_models()["Models"]] == ["Apart"]
    here.delete_model(ModelName="Apart")
    assert here.list_models()["Models"] == []
    assert len(there.list_models(NameContains="Apart")["Models"]) == 1
    for client in (there, mars):
        client.delete_model(ModelName="Apart")


def refused(call, **request):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Message"]


def test_names_that_differ_in_capitals_are_one_name_but_to_an_invocation(world):
    client = world.client("sagemaker")
    role = "arn:aws:iam::123456789012:role/R"
    container = {"Image": "image"}
    client.create_model(ModelName="Topics", ExecutionRoleArn=role, PrimaryContainer=container)
    assert "already existing model" in refused(
        client.create_model, ModelName="topics", ExecutionRoleArn=role, PrimaryContainer=container)
    assert client.describe_model(ModelName="TOPICS")["ModelName"] == "Topics"
    client.delete_model(ModelName="topics")
    assert client.list_models()["Models"] == []


@pytest.mark.parametrize("region, role, place", [
    ("cn-north-1", "arn:aws:iam::123456789012:role/R", "assume role"),
    ("us-east-1", "arn:aws:iam::123456789012:role/R", "located in us-east-1"),
])
def test_what_belongs_to_another_partition_or_region_is_refused(world, region, role, place):
    container = {"Image": "image", "ModelDataUrl": "s3://elsewhere/model.tar.gz"}
    assert place in refused(
        world.client("sagemaker", region).create_model,
        ModelName="foreign", ExecutionRoleArn=role, PrimaryContainer=container)


def test_a_bucket_of_another_region_is_named_with_its_region(project, world):
    done = project.run_tool(
        "--set", "REGION=eu-central-1", "--set", "BUCKET=elsewhere", "train", *HYPERPARAMETERS)
    assert done.returncode == 2
    assert "s3://elsewhere is in ap-northeast-1" in done.stdout
    assert "REGION=ap-northeast-1" in done.stdout


def test_two_endpoints_that_begin_alike_over_50_characters_have_models_of_their_own():
    assert names.serving(ALIKE) != names.serving(LONG["ENDPOINT_NAME"])
