"""An image that knows nothing of us, and keeps the contract of /opt/ml, in the emulator."""

import subprocess

import pytest
from docker_support import containers, docker
from project import REPOSITORY

IMAGE = "train2deploy-tests/own:1"
# Any base with a Python would do; this one is here.
DOCKERFILE = """\
FROM train2deploy/serve:1.13
USER root
RUN printf '%s\\n' \\
    '#!/usr/bin/env python' \\
    'open("/opt/ml/model/answer", "w").write(' \\
    '    open("/opt/ml/input/config/hyperparameters.json").read())' \\
    > /usr/local/bin/train && printf '%s\\n' \\
    '#!/usr/bin/env python' \\
    'from http.server import BaseHTTPRequestHandler, HTTPServer' \\
    'class Handler(BaseHTTPRequestHandler):' \\
    '    def do_GET(self):' \\
    '        self.send_response(200 if self.path == "/ping" else 404)' \\
    '        self.end_headers()' \\
    '    def do_POST(self):' \\
    '        self.send_response(200)' \\
    '        self.end_headers()' \\
    '        self.wfile.write(open("/opt/ml/model/answer", "rb").read())' \\
    'HTTPServer(("0.0.0.0", 8080), Handler).serve_forever()' \\
    > /usr/local/bin/serve && chmod +x /usr/local/bin/train /usr/local/bin/serve
ENV PATH=/usr/local/bin:$PATH
ENTRYPOINT []
"""
CALLS = """
import sys, time
from emulator.pytest_plugin import Account

account, image = Account(sys.argv[1]), sys.argv[2]
role = "arn:aws:iam::123456789012:role/any"
sagemaker = account.client("sagemaker")
account.client("s3").create_bucket(Bucket="own")
sagemaker.create_training_job(
    TrainingJobName="own", RoleArn=role, HyperParameters={"a": "b"},
    AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
    OutputDataConfig={"S3OutputPath": "s3://own/jobs"},
    ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    StoppingCondition={"MaxRuntimeInSeconds": 600})
sagemaker.get_waiter("training_job_completed_or_stopped").wait(
    TrainingJobName="own", WaiterConfig={"Delay": 1, "MaxAttempts": 600})
job = sagemaker.describe_training_job(TrainingJobName="own")
sagemaker.create_model(ModelName="own", ExecutionRoleArn=role, PrimaryContainer={
    "Image": image, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]})
sagemaker.create_endpoint_config(EndpointConfigName="own", ProductionVariants=[
    {"VariantName": "A", "ModelName": "own", "InstanceType": "ml.m5.large",
     "InitialInstanceCount": 1}])
sagemaker.create_endpoint(EndpointName="own", EndpointConfigName="own")
sagemaker.get_waiter("endpoint_in_service").wait(
    EndpointName="own", WaiterConfig={"Delay": 1, "MaxAttempts": 600})
runtime = account.client("sagemaker-runtime")
print(runtime.invoke_endpoint(EndpointName="own", Body=b"?")["Body"].read().decode())
"""


@pytest.fixture
def image():
    subprocess.run(
        ["docker", "build", "--quiet", "--force-rm", "--tag", IMAGE, "-"], input=DOCKERFILE,
        text=True, check=True, capture_output=True)
    yield IMAGE
    docker("rmi", IMAGE)


def test_it_trains_and_serves_whatever_the_runtime(project, image):
    project.make("emulator", "DETACH=1", "FRESH=1", "RUNTIME=host")
    try:
        done = subprocess.run(
            [REPOSITORY / ".venvs" / "cloud" / "bin" / "python", "-c", CALLS,
             project.json("emulator.json")["url"], image],
            env={"PYTHONPATH": str(REPOSITORY / "src")}, capture_output=True, text=True,
            check=False)
        assert done.returncode == 0, done.stderr
        assert '"a": "b"' in done.stdout
        assert len(containers(project)) == 1
    finally:
        project.make("emulator-stop")
    assert containers(project) == []
