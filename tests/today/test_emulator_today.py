"""STACK=today through the emulator, whose containers are those that an image's address names."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from train2deploy import paths
from train2deploy.hashing import sha256_file

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from project import SMALL, SMALL_V2, Project, small_data_set  # noqa: E402

CLOUD = paths.VENVS / "cloud" / "bin" / "python"
TWO_IMAGES = """
import io, json, sys, tarfile
from train2deploy.cloud import images

import boto3
url, folder = sys.argv[1:]
account = {"region_name": "us-east-1", "endpoint_url": url, "aws_access_key_id": "a",
           "aws_secret_access_key": "a"}
s3, sagemaker, runtime, iam = (
    boto3.client(name, **account) for name in ("s3", "sagemaker", "sagemaker-runtime", "iam"))
trust = {"Effect": "Allow", "Action": "sts:AssumeRole",
         "Principal": {"Service": "sagemaker.amazonaws.com"}}
role = iam.create_role(
    RoleName="two", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]["Arn"]
packed = io.BytesIO()
with tarfile.open(fileobj=packed, mode="w:gz") as tar:
    tar.add(folder, ".")
s3.create_bucket(Bucket="two")
s3.put_object(Bucket="two", Key="model.tar.gz", Body=packed.getvalue())
names = {"of-2019": "1.13", "of-today": "2.20"}
for name, version in names.items():
    image = images.address("inference", version, "us-east-1", "ml.c5.xlarge")
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={
        "Image": image, "ModelDataUrl": "s3://two/model.tar.gz"})
    variant = {"VariantName": "A", "ModelName": name, "InstanceType": "ml.c5.xlarge",
               "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
for name in names:
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 600})
said = [runtime.invoke_endpoint(EndpointName=name, Body='{"instances": [-3.8]}',
                                ContentType="application/json")["Body"].read().decode()
        for name in names]
for name in names:
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName=name)
print(json.dumps(said))
"""


class Rehearsal(Project):
    """With a small data set; its cloud is the emulator."""

    def __init__(self, root):
        super().__init__(root)
        data_set = small_data_set(root / "mine")
        self._variables = [
            "STACK=today", "CLOUD=emulator", f"DATASET={data_set}", *SMALL, *SMALL_V2, "REPRO=1",
            f"CORPUS={data_set / 'features.csv'}"]  # fmt: skip

    def run(self, target, *variables):
        words = self.taken(target, *self._variables)
        return self.make("--no-print-directory", target, *words, *variables).stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """With an empty account. STACK says what make prepares; what runs, the image does."""
    project = Rehearsal(tmp_path_factory.mktemp("rehearsal"))
    project.make("emulator", "STACK=today", "DETACH=1")
    yield project
    project.make("emulator-stop")


def test_the_chain_of_todays_stack_through_the_account(project):
    project.run("local-train")
    here = (project.build / "jobs" / "latest").resolve()
    assert project.json("jobs/latest/manifest.json")["metrics"]["tensorflow"] == "2.21.0"
    assert not list((here / "model").rglob("fingerprint.pb"))  # a random number
    project.run("cloud-train", "YES=1")
    there = (project.build / "jobs" / "latest").resolve()
    assert there.name.startswith("train2deploy-v2-") and there != here
    assert sha256_file(there / "model.tar.gz") == sha256_file(here / "model.tar.gz")
    assert project.json("jobs/latest/manifest.json")["inputs"]["stack"] == "today"
    project.run("package")
    project.run("cloud-deploy", "YES=1")
    ranking = json.loads(project.run("cloud-invoke", "Q=電波が悪い", "JSON=1").splitlines()[-1])
    assert len(ranking) == 3, ranking
    assert "is left that costs" in project.run("cloud-delete", "DATA=1", "YES=1")


def test_one_account_runs_containers_of_both_stacks_by_their_images(project, tmp_path):
    """2019 prints six digits, today's as many as read back as the same number."""
    if not paths.SERVE_PYTHON.exists():
        pytest.skip("make .stamps/serve .stamps/handler makes what the containers of 2019 need")
    words = [paths.SERVE_PYTHON, "-W", "ignore", TESTS / "saved_models" / "make.py"]
    subprocess.run([*words, tmp_path, "half_plus_two"], check=True, stdin=subprocess.DEVNULL)
    url = project.json("emulator.json")["url"]
    done = subprocess.run(
        [CLOUD, "-c", TWO_IMAGES, url, tmp_path], capture_output=True, text=True, check=False,
        env={**project.environment(), "PYTHONPATH": str(paths.SRC)})  # fmt: skip
    assert done.returncode == 0, done.stderr
    numbers = [re.search(r"\[(.*?)\s*\]", text)[1] for text in json.loads(done.stdout)]
    assert numbers == ["0.1", "0.100000024"]
