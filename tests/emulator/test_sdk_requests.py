"""Our requests are the SDK's: the same jobs, described to both; our image addresses, too."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import sdk_requests
from conftest import PYTHON_SDK, PYTHON_SDK3, needs_sdk

from train2deploy import job_source, log_metrics, search
from train2deploy.cloud import images, session, train, tune
from train2deploy.cloud_settings import config
from train2deploy.cloud_settings.config import Config
from train2deploy.errors import UserError

ROLE = "arn:aws:iam::123456789012:role/any"
SOURCE = "s3://bucket/train2deploy/source/0123/sourcedir.tar.gz"
CHANNELS = {"train": "s3://bucket/train", "vectors": "s3://bucket/vectors"}
EVERYTHING = Config(
    role=ROLE, bucket="bucket", train_instance_count=2, train_volume_gb=7, train_max_minutes=5,
    train_spot=True, kms_key="arn:aws:kms:us-east-1:123456789012:key/a", tags={"team": "é"},
    subnets=("subnet-1", "subnet-2"), security_groups=("sg-1",))
JOBS = [
    (Config(role=ROLE, bucket="bucket"), {"epochs": 3, "validation-split": 0.1}, False),
    (EVERYTHING, {"batch-size": 32, "rate": 1e-05, "text": 'a "b"\n京都', "flag": True,
                  "none": "", "2": [1, "x"], "model_version": "v1"}, True),
]
WANTED = search.Search(
    "v1", "valid:acc", "Maximize", "Bayesian", 9, 3, 5,
    (search.Range("hidden", 32, 512, False), search.Range("learning-rate", 1e-05, 0.02, True),
     search.Range("dropout", 0.1, 0.7, False)))
TYPES = ["ml.c5.xlarge", "ml.t2.large", "ml.p2.xlarge", "ml.g5.2xlarge", "ml.p3dn.24xlarge",
         "ml.inf1.xlarge", "ml.trn1.2xlarge", "ml.c7g.large", "ml.m6gd.large"]
IMAGES = [
    (scope, version, region, instance_type)
    for scope in ("training", "inference")
    for key, image in images.table()[scope].items() if not image.get("by_hand")
    for version in (key, image["full"])
    for region in [*images.table()["accounts"]["dlc"], "mars-north-1", "us-isof-east-1"]
    for instance_type in (TYPES if region == "us-east-1" else TYPES[:1])
]


def python_of(scope, version):
    """What the SDK wants to be told."""
    return ("py312" if version.startswith("2.") else "py3") if scope == "training" else None


def facts(config, given, repro, prepared):
    """The same job in the SDK's words."""
    spot = {"use_spot_instances": True, "max_wait": 2 * 60 * config.train_max_minutes}
    return {
        "job": "a-job", "channels": CHANNELS,
        "estimator": {
            "entry_point": job_source.program("v1"), "source_dir": SOURCE, "role": ROLE,
            "instance_count": config.train_instance_count,
            "instance_type": config.train_instance_type, "volume_size": config.train_volume_gb,
            "max_run": 60 * config.train_max_minutes, "image_uri": prepared.image,
            "framework_version": "1.12.0", "py_version": "py3",
            "hyperparameters": prepared.hyperparameters,
            "environment": prepared.environment or None,
            "metric_definitions": log_metrics.of("v1"), "output_path": config.uri("outputs"),
            "output_kms_key": config.kms_key or None, "volume_kms_key": config.kms_key or None,
            "subnets": config.subnets or None,
            "security_group_ids": config.security_groups or None, "tags": config.tag_list,
            "model_dir": False, "container_log_level": 20, "disable_profiler": True,
            "debugger_hook_config": False, **(spot if config.train_spot else {})},
        "tuner": {
            "objective_metric_name": WANTED.objective, "metric_definitions": log_metrics.of("v1"),
            "strategy": WANTED.strategy, "objective_type": WANTED.direction,
            "max_jobs": WANTED.jobs, "max_parallel_jobs": WANTED.parallel,
            "tags": config.tag_list, "random_seed": WANTED.seed},
        "ranges": [
            (each.name, "IntegerParameter" if each.is_whole else "ContinuousParameter",
             each.low, each.high, "Logarithmic" if each.log else "Linear")
            for each in WANTED.ranges],
    }


def prepared_of(config, given, repro):
    image = images.training(config.region, config.train_instance_type)
    request = train.TrainingRequest("v1", given, repro)
    return train.Prepared(request, Path("sourcedir.tar.gz"), "0123", {}, "fingerprint", image)


def ask(python, requests):
    """What an SDK says, by its own Python."""
    described = {
        "requests": requests,
        "images": [(scope, version, python_of(scope, version), region, instance_type)
                   for scope, version, region, instance_type in IMAGES]}
    done = subprocess.run(
        [python, "-W", "ignore", sdk_requests.__file__], input=json.dumps(described),
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def said():
    return ask(PYTHON_SDK, [facts(*job, prepared_of(*job)) for job in JOBS])


@needs_sdk
@pytest.mark.parametrize("number", range(len(JOBS)), ids=["plain", "everything"])
def test_a_job_and_a_search_are_asked_for_as_the_sdk_asks(said, number):
    settings = JOBS[number][0]
    client = sdk_requests.Recorder()
    cloud = session.Cloud(settings)
    cloud._clients["sagemaker"] = client
    prepared = prepared_of(*JOBS[number])
    train._start(cloud, prepared, "a-job", SOURCE, CHANNELS)
    tune._start(cloud, WANTED, prepared, "a-job", SOURCE, CHANNELS)
    ours = json.loads(json.dumps(client.asked))
    assert ours == said["requests"][number]


def ours(*image):
    try:
        return images.address(*image)
    except UserError:
        return None


@needs_sdk
def test_our_table_has_the_sdks_addresses(said):
    compare(said)


@pytest.mark.skipif(not PYTHON_SDK3.exists(), reason="make .stamps/sdk3 makes version 3's")
def test_our_table_has_the_addresses_of_version_3():
    compare(ask(PYTHON_SDK3, []))


def compare(said):
    found = dict(zip(IMAGES, said["addresses"], strict=True))
    assert {image: ours(*image) for image in IMAGES} == found
    assert sum(address is not None for address in found.values()) > len(found) / 2


@pytest.mark.parametrize(("image", "tag"), [
    (("training", "2.21", "ml.c5.xlarge"),
     "tensorflow-training:2.21-cpu-py312-amzn2023-sagemaker"),
    (("training", "2.21.0", "ml.g6.4xlarge"),
     "tensorflow-training:2.21.0-gpu-py312-cu129-amzn2023-sagemaker"),
    (("inference", "2.20", "ml.c5.xlarge"),
     "tensorflow-inference:2.20-cpu-py312-amzn2023-sagemaker"),
])
def test_images_that_no_sdk_lists_have_the_tags_of_awss_own_list(image, tag):
    scope, version, instance_type = image
    assert images.address(scope, version, "eu-west-1", instance_type) == (
        f"763104351884.dkr.ecr.eu-west-1.amazonaws.com/{tag}")


def test_todays_stack_has_todays_images_and_an_instance_type_that_runs_them(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("STACK", "today")
    settings = config.load({}, tmp_path / "cloud.toml", needs=())
    assert settings.train_instance_type == "ml.c5.xlarge"
    named = images.training("us-east-1", settings.train_instance_type)
    assert named.endswith("/tensorflow-training:2.21-cpu-py312-amzn2023-sagemaker")
    named = images.serving("us-east-1", settings.endpoint_instance_type)
    assert named.endswith("/tensorflow-inference:2.20-cpu-py312-amzn2023-sagemaker")


@pytest.mark.parametrize(("image", "reason"), [
    (("training", "2.20", "us-east-1", "ml.c5.xlarge"), r"2\.20: expected 1\.12 or .* 2\.21 for a"),
    (("inference", "1.13", "mars-north-1", "ml.c5.xlarge"), "region mars-north-1: AWS has no inf"),
    (("training", "2.21", "us-east-1", "ml.p2.xlarge"), r"ml\.p2\.xlarge: AWS has no training "),
    (("inference", "2.20", "us-east-1", "ml.c7g.large"), r"ml\.c7g\.large: AWS has no inference"),
])
def test_an_image_that_is_not_there_is_said_in_one_line(image, reason):
    with pytest.raises(UserError, match=reason) as caught:
        images.address(*image)
    assert "\n" not in str(caught.value)


def test_nothing_but_local_mode_imports_the_sdk():
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from train2deploy import cli\n"
         "from train2deploy.cloud import commands, deploy, image_registry, train, tune\n"
         "print(any(name.startswith('sagemaker') for name in sys.modules))"],
        capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
