"""`make cloud-train`: the job of local-train, on SageMaker.

The job's name is made of everything that goes into it, so the command can be killed at
any step and run again: it finds the job that it had started, follows it, and fetches its
results; it starts another one only when something is different, the last one did not
succeed, or FRESH=1 asks for it.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.exceptions

from train2deploy import (
    console,
    given_channels,
    hyperparameters,
    job_source,
    jobs,
    log_metrics,
    manifest,
    paths,
    stack,
    versions,
)
from train2deploy.cloud import follow, images, plan, refusals, storage
from train2deploy.cloud.session import Cloud, CloudError, already_there, existing
from train2deploy.cloud_settings import arns, names, prices
from train2deploy.datasets.channels import facts
from train2deploy.hashing import sha256_file, sha256_value

INSTANCE_TYPE = "TRAIN_INSTANCE_TYPE"
LOG_LEVEL = 20  # of the toolkit: INFO


@dataclass(frozen=True)
class TrainingRequest:
    """What to train."""

    version: str
    hyperparameters: dict[str, object]  # by name
    repro: bool = False  # single thread and fixed hash seed, as local-train's REPRO=1
    fresh: bool = False  # a new job even where one with the same inputs has succeeded
    # the user's own, see given_channels
    channels: given_channels.Channels = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """Everything that the job's name stands for, on this machine."""

    request: TrainingRequest
    source: Path
    source_sha256: str
    channels: dict[str, Path]
    fingerprint: str
    image: str

    @property
    def hyperparameters(self) -> dict[str, object]:
        request = self.request
        return hyperparameters.for_script(request.version, request.hyperparameters, request.repro)

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONHASHSEED": "0"} if self.request.repro else {}


def prepare(cloud: Cloud, request: TrainingRequest) -> Prepared:
    """Stages the source and hashes everything. Creates nothing in the account."""
    versions.find(request.version)
    source = paths.CLOUD_WORK / "sourcedir.tar.gz"
    source_sha256 = job_source.pack(request.version, source)
    channels = jobs.channel_sources(given=request.channels)
    image = images.training(cloud.config.region, cloud.config.train_instance_type)
    config = cloud.config
    fingerprint = sha256_value(
        {
            "source": source_sha256,
            "channels": {name: storage.tree_sha256(path) for name, path in channels.items()},
            "hyperparameters": request.hyperparameters,
            "repro": request.repro,
            "image": image,
            "instances": [config.train_instance_type, config.train_instance_count],
        }
    )[:10]
    return Prepared(request, source, source_sha256, channels, fingerprint, image)


def planned(cloud: Cloud, prepared: Prepared) -> plan.Plan:
    """What `train` would create."""
    name, existing = _choose_job(cloud, prepared)
    config = cloud.config
    result = plan.Plan("cloud-train")
    size = prepared.source.stat().st_size
    source = storage.file_uri(cloud, "source", prepared.source_sha256, prepared.source.name)
    there = "there already" if storage.is_there(cloud, source, size) else f"{size / 1e6:.1f} MB"
    result.add("S3 object", source, there)
    for channel, directory in prepared.channels.items():
        size = sum(each.stat().st_size for each in storage.tree_files(directory))
        uri = storage.tree_uri(cloud, directory, channel)
        result.add("S3 objects", f"{uri}/", f"{size / 1e6:.1f} MB, unless there")
    if existing is not None:
        status = existing["TrainingJobStatus"]
        result.add("training job", name, f"there already, {status}: nothing new is paid for")
        return result
    result.add("training job", name, prepared.image)
    result.add("S3 objects", config.uri("outputs", name, "output/"), "the job's results")
    hours = config.train_max_minutes / 60
    count = config.train_instance_count
    result.costs.append(prices.cost(config, config.train_instance_type, count, hours))
    return result


def train(cloud: Cloud, request: TrainingRequest, approval: plan.Approval) -> Path:
    """Trains, or takes up a job that has begun; fetches the results.

    Returns:
        The job's directory below build/jobs, as local-train leaves one.

    Raises:
        CloudError: the job failed or was stopped, with the platform's reason.
        UserError: a setting is wrong, or it was not approved.
    """
    cloud.check_bucket()
    prepared = prepare(cloud, request)
    plan.ask(cloud, planned(cloud, prepared), approval)
    source = storage.upload_file(cloud, prepared.source, "source", prepared.source_sha256)
    inputs = {
        name: storage.upload_tree(cloud, directory, name)
        for name, directory in prepared.channels.items()
    }
    name, existing = _choose_job(cloud, prepared)
    if existing is None:
        _start(cloud, prepared, name, source, inputs)
        console.say(f"job {name} started")
    else:
        console.say(f"job {name} already exists: {existing['TrainingJobStatus']}")
    job = follow.training_job(cloud, name)
    return _collect(cloud, prepared, name, job)


def describe(cloud: Cloud, name: str) -> dict[str, Any] | None:
    """The job, or None."""
    return existing(cloud.sagemaker.describe_training_job, TrainingJobName=name)


def definition(cloud: Cloud, prepared: Prepared, inputs: dict[str, str]) -> dict[str, Any]:
    """What a training job and a tuning job say in the same words, as the article's estimator does.

    The SDK's own requests are the reference (tests/emulator/test_sdk_requests.py).
    """
    config = cloud.config
    key = {"KmsKeyId": config.kms_key} if config.kms_key else {}
    wait = {"MaxWaitTimeInSeconds": 2 * 60 * config.train_max_minutes} if config.train_spot else {}
    asked: dict[str, Any] = {
        "AlgorithmSpecification": {
            "TrainingImage": prepared.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": log_metrics.of(prepared.request.version),
        },
        "RoleArn": cloud.role_arn,
        "InputDataConfig": [_channel(name, uri) for name, uri in inputs.items()],
        "OutputDataConfig": {"S3OutputPath": config.uri("outputs"), **key},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60 * config.train_max_minutes, **wait},
    }
    if config.vpc:
        asked["VpcConfig"] = config.vpc
    if config.train_spot:
        asked["EnableManagedSpotTraining"] = True
    if prepared.environment:
        asked["Environment"] = prepared.environment
    return asked


def resources(cloud: Cloud) -> dict[str, Any]:
    """The job's instances."""
    config = cloud.config
    key = {"VolumeKmsKeyId": config.kms_key} if config.kms_key else {}
    return {
        "InstanceType": config.train_instance_type,
        "InstanceCount": config.train_instance_count,
        "VolumeSizeInGB": config.train_volume_gb,
        **key,
    }


def as_texts(cloud: Cloud, prepared: Prepared, name: str, source: str) -> dict[str, str]:
    """The hyperparameters, and what the toolkit reads among them: each JSON in a text.

    Without model_dir: this script leaves its model in SM_MODEL_DIR, and no checkpoints on S3.
    """
    values = {
        **prepared.hyperparameters,
        "sagemaker_submit_directory": source,
        "sagemaker_program": job_source.program(prepared.request.version),
        "sagemaker_container_log_level": LOG_LEVEL,
        "sagemaker_job_name": name,
        "sagemaker_region": cloud.config.region,
    }
    return {key: json.dumps(value) for key, value in values.items()}


def _channel(name: str, uri: str) -> dict[str, Any]:
    place = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": place}}


def _choose_job(cloud: Cloud, prepared: Prepared) -> tuple[str, dict[str, Any] | None]:
    """The name of the job for these inputs, and the job if it is to be taken up."""
    version = versions.find(prepared.request.version).name

    def is_over(job: dict[str, Any]) -> bool:
        completed = job["TrainingJobStatus"] == "Completed"
        return completed and (prepared.request.fresh or not _has_results(cloud, job))

    return follow.choose(
        names.training_job(cloud.config.project, version, prepared.fingerprint),
        lambda name: describe(cloud, name),
        "TrainingJobStatus",
        is_over,
    )


def _has_results(cloud: Cloud, job: dict[str, Any]) -> bool:
    """Whether what it left in S3 is still there (`make cloud-delete DATA=1` removes it)."""
    return bool(storage.keys(cloud, arns.split_uri(job["ModelArtifacts"]["S3ModelArtifacts"])[1]))


def _start(
    cloud: Cloud, prepared: Prepared, name: str, source: str, inputs: dict[str, str]
) -> None:
    try:
        cloud.sagemaker.create_training_job(
            TrainingJobName=name,
            HyperParameters=as_texts(cloud, prepared, name, source),
            ResourceConfig=resources(cloud),
            Tags=cloud.config.tag_list,
            ProfilerConfig={"DisableProfiler": True},
            **definition(cloud, prepared, inputs),
        )
    except botocore.exceptions.ClientError as error:
        if already_there(error):
            return  # an answer of ours that was lost on its way
        raise refusals.refused(cloud, error, INSTANCE_TYPE) from error


def _collect(cloud: Cloud, prepared: Prepared, name: str, job: dict[str, Any]) -> Path:
    if job["TrainingJobStatus"] != "Completed":
        reason = job.get("FailureReason", "it was stopped")
        advice = refusals.capacity_advice(cloud, reason, INSTANCE_TYPE)
        raise CloudError(f"job {name}: {job['TrainingJobStatus']}: {reason}{advice}")
    directory = paths.JOBS / name
    model = job["ModelArtifacts"]["S3ModelArtifacts"]
    outputs = {}
    for archive in ("model.tar.gz", "output.tar.gz"):
        target = directory / archive
        storage.download(cloud, f"{model.rpartition('/')[0]}/{archive}", target)
        outputs[archive] = sha256_file(target)
    found = {each["MetricName"]: each["Value"] for each in job.get("FinalMetricDataList", [])}
    has_data = given_channels.has_usual(prepared.request.channels)
    manifest.write(
        directory / "manifest.json",
        {
            "version": versions.find(prepared.request.version).name,
            "hyperparameters": prepared.hyperparameters,
            "repro": prepared.request.repro,
            "source_sha256": prepared.source_sha256,
            "image": prepared.image,
            **stack.recorded(),
            "job": job["TrainingJobArn"],
            "channels": {
                name: storage.tree_sha256(path) for name, path in prepared.channels.items()
            },
        },
        outputs,
        metrics=found,
        seconds=job.get("TrainingTimeInSeconds"),
        given_channels=given_channels.shown(prepared.request.channels),
        **({"data": facts(prepared.channels["train"].parent)} if has_data else {}),
    )
    paths.LATEST_JOB.unlink(missing_ok=True)
    paths.LATEST_JOB.symlink_to(directory.name)
    for metric, value in sorted(found.items()):
        console.say(f"  {metric:12} {value:.4f}")
    published = versions.is_published(prepared.request.version)
    packed = "" if published else "; `make package` packs them"
    console.say(
        f"{paths.relative(directory)}: model.tar.gz and output.tar.gz,"
        f" {job.get('TrainingTimeInSeconds', 0)} s{packed}"
    )
    return directory
