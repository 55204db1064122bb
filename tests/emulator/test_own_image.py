"""An image of a user's own that keeps the contract of /opt/ml, as far as it goes without Docker."""

import io
import json
import os
import re
import sys
import tarfile
from pathlib import Path

import pytest
from test_restart import ROLE, TRAINING, Emulator, ask, eventually, fill, job
from wire import call

from emulator import entrypoint, own_images
from train2deploy.cloud import images


@pytest.fixture
def client(tmp_path, monkeypatch):
    """tests/emulator/docker is on PATH."""
    here = Path(__file__).resolve().parent
    monkeypatch.setenv("PATH", f"{here}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STUB_PYTHON", sys.executable)
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))


@pytest.fixture
def emulator(client, tmp_path):
    made = Emulator(tmp_path / "emulator")
    yield made
    made.end()
    eventually(lambda: not made.processes(), "no process is left")


def test_it_trains_and_serves_in_containers_of_its_own(emulator, tmp_path):
    account = emulator.start()
    fill(account)
    given = {**TRAINING, "AlgorithmSpecification": {
        "TrainingImage": "mine:1", "TrainingInputMode": "File"}}
    call(account, "CreateTrainingJob", TrainingJobName="own", HyperParameters={"a": "b"}, **given)
    ended = eventually(lambda: next((found for found in [job(account, "own")]
                                     if found["TrainingJobStatus"] != "InProgress"), None), "own")
    assert ended["TrainingJobStatus"] == "Completed", ended
    call(account, "CreateModel", ModelName="own", ExecutionRoleArn=ROLE, PrimaryContainer={
        "Image": "mine:1", "Environment": {"A": "b"},
        "ModelDataUrl": ended["ModelArtifacts"]["S3ModelArtifacts"]})
    call(account, "CreateEndpointConfig", EndpointConfigName="own", ProductionVariants=[
        {"VariantName": "A", "ModelName": "own", "InstanceType": "ml.m5.large",
         "InitialInstanceCount": 1}])
    call(account, "CreateEndpoint", EndpointName="own", EndpointConfigName="own")
    assert account.settled("own")["EndpointStatus"] == "InService"
    assert json.loads(ask(account, "own")[:-1]) == {"a": "b"}

    train, serve = map(json.loads, (tmp_path / "runs").read_text().splitlines())
    assert train[-2:] == ["mine:1", "train"] and serve[-2:] == ["mine:1", "serve"]
    assert "target=/opt/ml" in train[train.index("--mount") + 1].split(",")
    model = serve[serve.index("--mount") + 1].split(",")
    assert "target=/opt/ml/model" in model and "readonly" in model
    assert serve[serve.index("--publish") + 1].endswith(":8080")
    assert "--env=A=b" in serve


DRIVER = """
set -e
cd "$(dirname "$0")/.."
grep -q current_instance_type /opt/ml/input/config/resourceconfig.json
cat sm_drivers/answer > /opt/ml/model/answer
[ ! -e fail ] || { echo reason > /opt/ml/output/failure; exit 3; }
"""


def run_driver(account, name, given):
    """The end of a job that starts as those of the SDK's version 3 do."""
    drivers = "/opt/ml/input/data/sm_drivers"
    channel = {"ChannelName": "sm_drivers", "DataSource": {"S3DataSource": {
        "S3DataType": "S3Prefix", "S3Uri": "s3://data/drivers"}}}
    call(account, "CreateTrainingJob", TrainingJobName=name, InputDataConfig=[channel], **{
        **TRAINING, "AlgorithmSpecification": {
            **TRAINING["AlgorithmSpecification"], "ContainerEntrypoint": ["/bin/bash"],
            "ContainerArguments": ["-c", given.format(drivers)]}})
    return eventually(lambda: next((found for found in [job(account, name)]
                                    if found["TrainingJobStatus"] != "InProgress"), None), name)


def test_a_job_may_start_with_a_command_of_its_own(emulator):
    account = emulator.start()
    s3 = account.client("s3")
    s3.create_bucket(Bucket="data")
    for key, text in (("train.sh", DRIVER), ("answer", "in /opt/ml/model, not /opt/mlx")):
        s3.put_object(Bucket="data", Key=f"drivers/{key}", Body=text.encode())
    done = run_driver(account, "done", "chmod +x {0}/train.sh && {0}/train.sh")
    assert done["TrainingJobStatus"] == "Completed", done
    place = done["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://data/")
    packed = s3.get_object(Bucket="data", Key=place)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        said = tar.extractfile("answer").read().decode()
    assert re.fullmatch(r"in /.+/model, not /opt/mlx", said) and "/opt/ml/" not in said
    failed = run_driver(account, "failed", "touch {0}/../fail; bash {0}/train.sh")
    assert (failed["TrainingJobStatus"], failed["FailureReason"].strip()) == (
        "Failed", "AlgorithmError: reason")


def test_a_path_that_a_shell_would_split_is_refused(tmp_path):
    with pytest.raises(entrypoint.Unfit, match=r"/opt/ml, which is /.*/my work here, and ' '"):
        entrypoint.at(tmp_path / "my work", ["/bin/bash"], ["-c", "ls /opt/ml"])


@pytest.mark.parametrize("image", [
    "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:1.13-cpu",
    "520713654638.dkr.ecr.us-east-1.amazonaws.com/sagemaker-tensorflow-scriptmode:1.12.0-cpu-py3",
    "tensorflow-training@sha256:0", "absent:1", ""])
def test_awss_tensorflow_and_what_docker_does_not_have_is_the_emulators(client, image):
    assert own_images.runtime("mine:1") is not None
    assert own_images.runtime(image) is None


@pytest.mark.parametrize(("image", "stack"), [
    ("763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:1.13-cpu", "2019"),
    ("520713654638.dkr.ecr.us-east-1.amazonaws.com/sagemaker-tensorflow-scriptmode:1.12.0", "2019"),
    ("763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.20-cpu-py312", "today"),
    ("public.ecr.aws/deep-learning-containers/tensorflow-training:2.19.0-gpu-py312", "today"),
    ("localhost:5000/tensorflow-training:2.21", "today"),
    ("tensorflow-training@sha256:20", "2019"), ("tensorflow-training:latest", "2019")])
def test_the_tag_of_awss_tensorflow_says_which_stacks_containers_run(image, stack):
    assert images.stack_of(image) == stack
