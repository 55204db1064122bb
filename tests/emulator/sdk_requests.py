"""What the SageMaker SDK 2.x sends and names, as JSON; run by its own Python.

    python sdk_requests.py <the facts that test_sdk_requests.py gives, as JSON>
"""
import functools
import json
import logging
import os
import sys

import boto3

OPT_OUT = {"SchemaVersion": "1.0", "SageMaker": {
    "PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
os.environ["SAGEMAKER_SUPPRESS_V2_WARNING"] = "1"
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
logging.disable(logging.WARNING)


class Recorder:
    """A client that keeps what is asked and answers nothing."""

    def __init__(self):
        self.asked = []

    def __getattr__(self, name):
        return lambda **request: self.asked.append(request) or {}


def requests(estimator, channels, job, tuner, ranges):
    """[CreateTrainingJob, CreateHyperParameterTuningJob] of the article's estimator."""
    import sagemaker
    from sagemaker import parameter
    from sagemaker.tensorflow import TensorFlow
    from sagemaker.tuner import HyperparameterTuner

    client = Recorder()
    session = sagemaker.Session(
        boto3.Session("none", "none", region_name="us-east-1"), client, client,
        default_bucket="bucket", sagemaker_config=OPT_OUT)
    made = [TensorFlow(sagemaker_session=session, **estimator) for _ in range(2)]
    made[0].fit(channels, job_name=job, wait=False, logs=False)
    tuner["hyperparameter_ranges"] = {
        name: getattr(parameter, kind)(low, high, scaling_type=scale)
        for name, kind, low, high, scale in ranges}
    HyperparameterTuner(made[1], **tuner).fit(
        channels, job_name=job, include_cls_metadata=False, wait=False)
    return client.asked


def addresses(images):
    """The address of each (scope, version, Python, region, type), None where there is none."""
    try:
        from sagemaker import image_uris
    except ImportError:  # 3.x
        from sagemaker.core import image_uris

    # Each reads files, once for each image.
    image_uris.utils._botocore_resolver = functools.cache(image_uris.utils._botocore_resolver)
    image_uris.config_for_framework = functools.cache(image_uris.config_for_framework)

    def address(scope, version, python, region, instance_type):
        try:
            return image_uris.retrieve(
                "tensorflow", region, version, python, instance_type, image_scope=scope)
        except (KeyError, ValueError):
            return None

    return [address(*each) for each in images]


if __name__ == "__main__":
    facts = json.load(sys.stdin)
    print(json.dumps({
        "requests": [requests(**each) for each in facts["requests"]],
        "addresses": addresses(facts["images"])}))
