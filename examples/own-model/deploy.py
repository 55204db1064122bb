"""Train, package, deploy and ask, with the SageMaker SDK (version 2); see docs/your-own-model.md.

AWS_ENDPOINT_URL says where: the emulator's address, or unset for AWS, where ROLE and BUCKET must
be yours and every step costs money.
"""
import os

import boto3
import sagemaker
from sagemaker.tensorflow import TensorFlow, TensorFlowModel

ROLE = os.environ.get("ROLE", "arn:aws:iam::123456789012:role/any")
BUCKET = os.environ.get("BUCKET", "own-model")
NAME = "own-model"

if "AWS_ENDPOINT_URL" in os.environ:
    boto3.client("s3").create_bucket(Bucket=BUCKET)
session = sagemaker.Session(default_bucket=BUCKET)

job = TensorFlow(
    entry_point="train.py", hyperparameters={"steps": 500},
    framework_version="1.12", py_version="py3", role=ROLE,
    instance_type="ml.c5.xlarge", instance_count=1,
    model_dir=False,  # no --model_dir on S3 (docs/contract.md#b4)
    sagemaker_session=session)
job.fit(wait=False)
session.wait_for_job(job.latest_training_job.name, poll=1)

# With an entry point the SDK repacks the job's archive: the SavedModel, and code/inference.py.
model = TensorFlowModel(
    model_data=job.model_data, entry_point="inference.py",
    framework_version="1.13", role=ROLE, sagemaker_session=session)
predictor = model.deploy(1, "ml.m5.large", endpoint_name=NAME, wait=False)
boto3.client("sagemaker").get_waiter("endpoint_in_service").wait(
    EndpointName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 900})

answer = boto3.client("sagemaker-runtime").invoke_endpoint(
    EndpointName=NAME, ContentType="text/plain", Body="1 2 3")
print(answer["Body"].read().decode())
predictor.delete_endpoint()
