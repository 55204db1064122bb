"""The emulator as boto3 sees it: what AWS does, it does."""

import json
import subprocess
import tarfile

import botocore.exceptions
import pytest
from conftest import PYTHON, another_model, hyperparameters, running_account
from project import TIMEOUT_SECONDS

SENTENCE = "電波が悪い"
ARTICLES_CLIENT = """
import boto3
import json

client = boto3.client('sagemaker-runtime')
response = client.invoke_endpoint(
    EndpointName='train2deploy',
    Body=json.dumps({'q': '電波が悪い'}),
    ContentType='application/json',
    Accept='application/json')
print(json.dumps(json.load(response['Body'])))
"""


@pytest.fixture(scope="module")
def deployed(project):
    """An account with an endpoint that is a real one, unlike those that come after it."""
    with running_account(project) as account:
        with project.real():
            done = project.run_tool("deploy")
        assert done.returncode == 0, done.stdout
        yield account


def invoke(account, body, **more):
    return account.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=more.pop("name", "train2deploy"), Body=body,
        ContentType=more.pop("kind", "application/json"), **more)


def refusal(call, **parameters):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**parameters)
    return caught.value.response


def test_the_articles_client_works_unchanged(deployed):
    settings = {
        "AWS_ENDPOINT_URL": deployed.url, "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        [PYTHON, "-c", ARTICLES_CLIENT], env=settings, capture_output=True, text=True,
        timeout=TIMEOUT_SECONDS)
    assert done.returncode == 0, done.stderr
    ranking = json.loads(done.stdout)
    assert {entry["label"] for entry in ranking} == {"グルメ", "携帯電話", "京都"}
    assert sum(entry["prob"] for entry in ranking) == pytest.approx(1, abs=1e-5)


def test_what_the_handler_refuses_is_a_model_error_with_its_own_words(deployed):
    error = refusal(lambda: invoke(deployed, b"{"))
    assert error["Error"]["Code"] == "ModelError"
    assert error["OriginalStatusCode"] == 500
    assert "expected JSON" in json.loads(error["OriginalMessage"])["error"]


def test_bytes_that_are_no_text_reach_the_handler(deployed):
    error = refusal(lambda: invoke(deployed, b'{"q": "\xff"}'))
    assert "expected UTF-8" in error["OriginalMessage"]


def test_a_body_of_more_than_5_mb_is_refused_by_the_platform(deployed):
    error = refusal(lambda: invoke(deployed, b" " * (5 * 1024 * 1024 + 1)))
    assert error["Error"]["Code"] == "ValidationError"


def test_an_endpoint_that_is_not_there_is_a_validation_error(deployed):
    error = refusal(lambda: invoke(deployed, b"{}", name="absent"))
    assert error["Error"]["Code"] == "ValidationError"
    assert "not found" in error["Error"]["Message"]


def test_names_are_taken_once(deployed):
    client = deployed.client("sagemaker")
    model = client.describe_model(ModelName=deployed.names()["Model"][0])
    fields = ("ModelName", "PrimaryContainer", "ExecutionRoleArn")
    again = {key: model[key] for key in fields}
    assert "already existing model" in refusal(client.create_model, **again)["Error"]["Message"]
    config = deployed.names()["EndpointConfig"][0]
    error = refusal(
        client.create_endpoint, EndpointName="train2deploy", EndpointConfigName=config)
    assert "already existing endpoint" in error["Error"]["Message"]


def test_an_endpoint_that_is_there_in_other_capitals_is_named(project, deployed):
    done = project.run_tool("--set", "ENDPOINT_NAME=Train2Deploy", "deploy")
    assert done.returncode == 2
    assert "give ENDPOINT_NAME=train2deploy." in done.stdout


def test_parameters_are_checked_as_aws_does(deployed):
    client = deployed.client("sagemaker")
    error = refusal(
        client.create_endpoint, EndpointName="other", EndpointConfigName="absent")
    assert error["Error"]["Code"] == "ValidationException"


def test_variants_share_the_load_by_weight(deployed):
    client = deployed.client("sagemaker")
    model = deployed.names()["Model"][0]
    variants = [
        {"VariantName": name, "ModelName": model, "InstanceType": "ml.m5.large",
         "InitialInstanceCount": 1, "InitialVariantWeight": weight}
        for name, weight in (("A", 1.0), ("B", 0.0))]
    client.create_endpoint_config(EndpointConfigName="two", ProductionVariants=variants)
    client.create_endpoint(EndpointName="two", EndpointConfigName="two")
    assert deployed.settled("two")["EndpointStatus"] == "InService"
    body = json.dumps({"q": SENTENCE})

    def who(**more):
        return invoke(deployed, body, name="two", **more)["InvokedProductionVariant"]

    assert {who() for _ in range(5)} == {"A"}
    assert who(TargetVariant="B") == "B"
    client.update_endpoint_weights_and_capacities(
        EndpointName="two",
        DesiredWeightsAndCapacities=[{"VariantName": "A", "DesiredWeight": 0.0},
                                     {"VariantName": "B", "DesiredWeight": 1.0}])
    deployed.settled("two")
    assert {who() for _ in range(5)} == {"B"}
    client.delete_endpoint(EndpointName="two")
    client.delete_endpoint_config(EndpointConfigName="two")


def plain_tar(path):
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo("1/saved_model.pb"))


def tar_with_a_link(path):
    link = tarfile.TarInfo("1/assets")
    link.type, link.linkname = tarfile.SYMTYPE, "."
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("1/saved_model.pb"))
        tar.addfile(link)


@pytest.mark.parametrize("make, cause", [
    (plain_tar, "not compressed with gzip"), (tar_with_a_link, "1/assets is a symbolic link to ."),
    (lambda path: path.write_bytes(b"no archive"), "expected a tar archive")])
def test_what_the_platform_cannot_extract_fails_the_endpoint_and_the_batch_job(
    deployed, tmp_path, make, cause
):
    make(tmp_path / "model.tar.gz")
    bucket, key = "train2deploy-emulator", "unextractable/model.tar.gz"
    deployed.client("s3").upload_file(str(tmp_path / "model.tar.gz"), bucket, key)
    client = deployed.client("sagemaker")
    model = client.describe_model(ModelName=deployed.names()["Model"][0])
    url = f"s3://{bucket}/{key}"
    client.create_model(
        ModelName="unextractable", ExecutionRoleArn=model["ExecutionRoleArn"],
        PrimaryContainer={**model["PrimaryContainer"], "ModelDataUrl": url})
    client.create_endpoint_config(
        EndpointConfigName="unextractable",
        ProductionVariants=[{"VariantName": "A", "ModelName": "unextractable",
                             "InstanceType": "ml.t2.medium", "InitialInstanceCount": 1}])
    client.create_endpoint(EndpointName="unextractable", EndpointConfigName="unextractable")
    name = f"unextractable-{make.__name__.strip('<>').replace('_', '-')}"
    client.create_transform_job(
        TransformJobName=name, ModelName="unextractable",
        TransformInput={"DataSource": {"S3DataSource": {
            "S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/unextractable/"}}},
        TransformOutput={"S3OutputPath": f"s3://{bucket}/unextractable-out/"},
        TransformResources={"InstanceType": "ml.m4.xlarge", "InstanceCount": 1})

    def ended():
        job = client.describe_transform_job(TransformJobName=name)
        return job if job["TransformJobStatus"] in ("Completed", "Failed") else None

    job = deployed.eventually(ended, name)
    for described, status in (
        (deployed.settled("unextractable"), "EndpointStatus"), (job, "TransformJobStatus")):
        assert described[status] == "Failed"
        assert described["FailureReason"].startswith(
            f'Failed to extract model data archive for container "container_1" from URL "{url}".'
            " Please ensure that the object located at the URL is a valid tar.gz archive.")
        assert cause in described["FailureReason"]
    client.delete_endpoint(EndpointName="unextractable")
    client.delete_endpoint_config(EndpointConfigName="unextractable")
    client.delete_model(ModelName="unextractable")


def test_a_broken_model_is_rolled_back_and_the_old_one_answers_on(project, deployed, tmp_path):
    before = deployed.names()
    def break_it(model):
        (model / "1" / "saved_model.pb").write_bytes(b"broken")

    with another_model(project, tmp_path, break_it), project.real():
        done = project.run_tool("deploy")
    assert done.returncode == 1
    assert "was rolled back, the old model still answers" in done.stdout
    after = deployed.names()
    assert {**after, "Endpoint": set(after["Endpoint"])} == {
        **before, "Endpoint": set(after["Endpoint"])}
    assert json.load(invoke(deployed, json.dumps({"q": SENTENCE}))["Body"])


def test_a_script_that_fails_gives_the_platforms_reason(project, deployed):
    with project.real():
        done = project.run_tool("train", *hyperparameters(hidden=0))
    assert done.returncode == 1
    assert "Failed: AlgorithmError: ExecuteUserScriptError" in done.stdout
    name = deployed.names()["TrainingJob"][0]
    job = deployed.client("sagemaker").describe_training_job(TrainingJobName=name)
    assert job["TrainingJobStatus"] == "Failed"
    assert [each["Status"] for each in job["SecondaryStatusTransitions"]] == [
        "Starting", "Downloading", "Training", "Failed"]


def add_a_note(model):
    (model / "code" / "note.txt").write_text("another model")


def test_an_update_keeps_what_was_set_elsewhere(project, deployed, tmp_path):
    client = deployed.client("sagemaker")
    endpoint = client.describe_endpoint(EndpointName="train2deploy")
    config = client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    capture = {
        "EnableCapture": True, "InitialSamplingPercentage": 7,
        "DestinationS3Uri": "s3://train2deploy-emulator/capture",
        "CaptureOptions": [{"CaptureMode": "Input"}]}
    client.create_endpoint_config(
        EndpointConfigName="train2deploy-captured", DataCaptureConfig=capture,
        ProductionVariants=config["ProductionVariants"])
    client.update_endpoint(
        EndpointName="train2deploy", EndpointConfigName="train2deploy-captured")
    deployed.settled()
    client.update_endpoint_weights_and_capacities(
        EndpointName="train2deploy",
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}])
    deployed.settled()

    with another_model(project, tmp_path, add_a_note):
        done = project.run_tool("deploy")
    assert done.returncode == 0, done.stdout
    assert "blue/green update begun" in done.stdout
    endpoint = client.describe_endpoint(EndpointName="train2deploy")
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    config = client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    assert config["DataCaptureConfig"] == capture
    client.delete_endpoint_config(EndpointConfigName="train2deploy-captured")
    assert len(deployed.names()["Model"]) == 1


def test_settings_reach_a_job_which_is_stopped_by_the_projects_deletion(project, deployed):
    """As the SDK sends them: tags, key, network, spot, limits, hyperparameters, metrics."""
    settings = {
        "TRAIN_SPOT": "1", "TRAIN_MAX_MINUTES": "5", "TRAIN_VOLUME_GB": "12",
        "TRAIN_INSTANCE_TYPE": "ml.c5.xlarge", "KMS_KEY": "key-1", "SUBNETS": "subnet-1",
        "SECURITY_GROUPS": "sg-1", "TAGS": "team=nlp", "PROJECT": "settings"}
    options = [part for item in settings.items() for part in ("--set", "=".join(item))]
    before = deployed.count("DescribeLogStreams")
    process = project.tool(*options, "train", *hyperparameters(epochs=300))
    deployed.wait_for_call("DescribeLogStreams", before)
    client = deployed.client("sagemaker")
    job = client.describe_training_job(TrainingJobName=deployed.names()["TrainingJob"][0])
    assert job["TrainingJobName"].startswith("settings-v1-")
    assert job["EnableManagedSpotTraining"] is True
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 600}
    assert job["ResourceConfig"]["VolumeSizeInGB"] == 12
    assert job["ResourceConfig"]["InstanceType"] == "ml.c5.xlarge"
    assert job["ResourceConfig"]["VolumeKmsKeyId"] == job["OutputDataConfig"]["KmsKeyId"] == "key-1"
    assert job["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert job["Environment"] == {"PYTHONHASHSEED": "0"}
    image = job["AlgorithmSpecification"]["TrainingImage"]
    assert image.endswith("/sagemaker-tensorflow-scriptmode:1.12.0-cpu-py3")
    assert len(job["AlgorithmSpecification"]["MetricDefinitions"]) == 8
    sent = job["HyperParameters"]
    assert sent["epochs"] == "300" and sent["single-thread"] == "true"
    assert json.loads(sent["sagemaker_program"]) == "train_v1.py"
    assert "model_dir" not in sent
    tags = client.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {
        "train2deploy.project": "settings", "team": "nlp"}
    done = project.run_tool("--set", "PROJECT=settings", "delete")
    assert done.returncode == 0, done.stdout
    output = process.communicate()
    assert process.returncode == 1
    name = job["TrainingJobName"]
    assert f"job {name}: Stopped" in output
    assert client.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Stopped"
    error = refusal(client.stop_training_job, TrainingJobName=name)
    assert "Stopped" in error["Error"]["Message"]


def test_hyperparameters_that_are_plain_strings_are_taken_as_the_platform_takes_them(
    deployed, project
):
    """The job above once more, as boto3 sends one: no value is JSON."""
    client = deployed.client("sagemaker")
    name = next(each for each in deployed.names()["TrainingJob"] if each.startswith("settings-v1"))
    job = client.describe_training_job(TrainingJobName=name)
    sent = {key: json.loads(value) for key, value in job["HyperParameters"].items()}
    assert sent["sagemaker_submit_directory"].startswith("s3://")
    fields = ("AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig",
              "ResourceConfig", "Environment")

    def ended():
        found = client.describe_training_job(TrainingJobName="plain")
        return found if found["TrainingJobStatus"] in ("Completed", "Failed") else None

    with project.real():
        client.create_training_job(
            TrainingJobName="plain", StoppingCondition={"MaxRuntimeInSeconds": 300},
            HyperParameters={key: str(value) for key, value in {**sent, "epochs": 1}.items()},
            **{key: job[key] for key in fields})
        found = deployed.eventually(ended, "an end")
    assert found["TrainingJobStatus"] == "Completed", found["FailureReason"]
    assert found["HyperParameters"]["sagemaker_program"] == "train_v1.py"


def test_settings_reach_the_endpoint_and_the_batch_job(project, deployed):
    settings = {
        "KMS_KEY": "key-1", "SUBNETS": "subnet-1", "SECURITY_GROUPS": "sg-1", "TAGS": "team=nlp",
        "PROJECT": "settings", "ENDPOINT_NAME": "settings", "ENDPOINT_INSTANCE_COUNT": "2",
        "BATCH_INSTANCE_TYPE": "ml.c5.xlarge", "BATCH_INSTANCE_COUNT": "2"}
    options = [part for item in settings.items() for part in ("--set", "=".join(item))]
    client = deployed.client("sagemaker")
    lines = project.root / "lines.txt"
    lines.write_text("抹茶パフェ\n清水寺の坂\n電波が悪い\n", encoding="utf-8")
    for command in (("deploy",), ("batch", str(lines))):
        done = project.run_tool(*options, *command)
        assert done.returncode == 0, done.stdout
    endpoint = client.describe_endpoint(EndpointName="settings")
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    config = client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    assert config["KmsKeyId"] == "key-1"
    model = client.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    assert model["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    name = client.list_transform_jobs()["TransformJobSummaries"][0]["TransformJobName"]
    job = client.describe_transform_job(TransformJobName=name)
    assert job["TransformOutput"]["KmsKeyId"] == "key-1"
    assert job["TransformResources"] == {
        "InstanceType": "ml.c5.xlarge", "InstanceCount": 2, "VolumeKmsKeyId": "key-1"}
    streams = deployed.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/TransformJobs", logStreamNamePrefix=name)["logStreams"]
    assert len(streams) == 2  # that many have run
    for arn in (endpoint["EndpointArn"], config["EndpointConfigArn"], model["ModelArn"],
                job["TransformJobArn"]):
        tags = client.list_tags(ResourceArn=arn)["Tags"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == {
            "train2deploy.project": "settings", "team": "nlp"}
    done = project.run_tool(*options, "delete")
    assert done.returncode == 0, done.stdout


def test_an_endpoint_whose_name_begins_alike_keeps_what_it_stands_on(project, deployed, tmp_path):
    alike = ["--set", "ENDPOINT_NAME=train2deploy-b"]
    done = project.run_tool(*alike, "deploy")
    assert done.returncode == 0, done.stdout
    before = {kind: set(deployed.names()[kind]) for kind in ("Model", "EndpointConfig")}
    its_own = {kind: {name for name in of if "-b-" in name} for kind, of in before.items()}
    assert all(len(of) == 1 for of in its_own.values())
    with another_model(project, tmp_path, add_a_note):
        assert project.run_tool("deploy").returncode == 0
    for kind, of in its_own.items():
        assert of <= set(deployed.names()[kind])
    client = deployed.client("sagemaker")
    client.delete_endpoint(EndpointName="train2deploy-b")


def test_what_others_made_is_left_alone(project, deployed):
    client = deployed.client("sagemaker")
    model = client.describe_model(ModelName=deployed.names()["Model"][0])
    client.create_model(
        ModelName="train2deploy-of-someone-else", ExecutionRoleArn=model["ExecutionRoleArn"],
        PrimaryContainer=model["PrimaryContainer"])
    done = project.run_tool("delete")
    assert done.returncode == 0, done.stdout
    assert deployed.names()["Model"] == ["train2deploy-of-someone-else"]
