"""`make cloud-tune`: the search of tune.toml as a SageMaker tuning job."""

from typing import Any

import botocore.exceptions

from train2deploy import console, paths, search
from train2deploy.cloud import follow, plan, refusals, storage, train
from train2deploy.cloud.session import Cloud, CloudError, already_there, existing
from train2deploy.cloud_settings import names, prices
from train2deploy.hashing import sha256_value

STATUS = "HyperParameterTuningJobStatus"
CLASS = {
    "sagemaker_estimator_class_name": '"TensorFlow"',
    "sagemaker_estimator_module": '"sagemaker.tensorflow.estimator"',
}
"""With these HyperparameterTuner.attach() of the SDK takes up a job that we began."""


def tune(
    cloud: Cloud, wanted: search.Search, request: train.TrainingRequest, approval: plan.Approval
) -> None:
    """Starts the tuning job, or takes it up; reports.

    Raises:
        CloudError: it failed.
    """
    cloud.check_bucket()
    searched = {each.name for each in wanted.ranges}
    fixed = {key: value for key, value in request.hyperparameters.items() if key not in searched}
    request = train.TrainingRequest(request.version, fixed, request.repro)
    prepared = train.prepare(cloud, request)
    name, existing = _choose_job(cloud, wanted, prepared)
    plan.ask(cloud, _planned(cloud, wanted, name, existing), approval)
    if existing is None:
        source = storage.upload_file(cloud, prepared.source, "source", prepared.source_sha256)
        inputs = {
            channel: storage.upload_tree(cloud, directory, channel)
            for channel, directory in prepared.channels.items()
        }
        _start(cloud, wanted, prepared, name, source, inputs)
    job = _wait(cloud, name)
    if job[STATUS] != "Completed":
        reason = job.get("FailureReason", "it was stopped")
        raise CloudError(f"tuning job {name}: {job[STATUS]}: {reason}")
    search.report(wanted, _trials(cloud, name), paths.CLOUD_WORK / name)


def _choose_job(
    cloud: Cloud, wanted: search.Search, prepared: train.Prepared
) -> tuple[str, dict[str, Any] | None]:
    """The name of the job for this search, and the job if there is one to be taken up."""
    facts: list[Any] = [prepared.fingerprint, wanted.jobs, wanted.strategy, wanted.objective]
    facts += [wanted.seed, *(each.__dict__ for each in wanted.ranges)]

    def name(attempt: int) -> str:
        digest = sha256_value([attempt, *facts])[:8]
        return f"{names.tuning(cloud.config.project)}-tune-{digest}"

    return follow.choose(name, lambda name: _describe(cloud, name), STATUS)


def _planned(
    cloud: Cloud, wanted: search.Search, name: str, existing: dict[str, Any] | None
) -> plan.Plan:
    result = plan.Plan("cloud-tune")
    if existing is not None:
        status = existing[STATUS]
        result.add("tuning job", name, f"there already, {status}")
        return result
    result.add("tuning job", name, f"{wanted.objective}, {wanted.strategy}")
    result.add("training jobs", f"{name}-001-… to {wanted.jobs:03d}")
    config = cloud.config
    count = wanted.jobs * config.train_instance_count
    hours = config.train_max_minutes / 60
    result.costs.append(prices.cost(config, config.train_instance_type, count, hours))
    return result


def _start(
    cloud: Cloud,
    wanted: search.Search,
    prepared: train.Prepared,
    name: str,
    source: str,
    inputs: dict[str, str],
) -> None:
    fixed = train.as_texts(cloud, prepared, name, source)
    try:
        cloud.sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name,
            HyperParameterTuningJobConfig={
                "Strategy": wanted.strategy,
                "ResourceLimits": {
                    "MaxNumberOfTrainingJobs": wanted.jobs,
                    "MaxParallelTrainingJobs": wanted.parallel,
                },
                "TrainingJobEarlyStoppingType": "Off",
                "RandomSeed": wanted.seed,
                "HyperParameterTuningJobObjective": {
                    "Type": wanted.direction,
                    "MetricName": wanted.objective,
                },
                "ParameterRanges": {
                    "ContinuousParameterRanges": _ranges(wanted, is_whole=False),
                    "CategoricalParameterRanges": [],
                    "IntegerParameterRanges": _ranges(wanted, is_whole=True),
                },
            },
            TrainingJobDefinition={
                "StaticHyperParameters": fixed | CLASS,
                "HyperParameterTuningResourceConfig": train.resources(cloud),
                **train.definition(cloud, prepared, inputs),
            },
            Tags=cloud.config.tag_list,
        )
    except botocore.exceptions.ClientError as error:
        if not already_there(error):
            raise refusals.refused(cloud, error, train.INSTANCE_TYPE) from error
    console.say(f"tuning job {name} started")


def _ranges(wanted: search.Search, is_whole: bool) -> list[dict[str, str]]:
    return [
        {
            "Name": each.name,
            "MinValue": str(each.low),
            "MaxValue": str(each.high),
            "ScalingType": "Logarithmic" if each.log else "Linear",
        }
        for each in wanted.ranges
        if each.is_whole == is_whole
    ]


def _describe(cloud: Cloud, name: str) -> dict[str, Any] | None:
    return existing(
        cloud.sagemaker.describe_hyper_parameter_tuning_job, HyperParameterTuningJobName=name
    )


def _wait(cloud: Cloud, name: str) -> dict[str, Any]:
    def said(job: dict[str, Any]) -> str:
        counts = job["TrainingJobStatusCounters"]
        best = job.get("BestTrainingJob", {}).get("FinalHyperParameterTuningJobObjectiveMetric", {})
        line = f"{counts['Completed']} done, {counts['InProgress']} running"
        line += f", {counts['NonRetryableError']} failed"
        return line + (f", best {best['Value']:.4f}" if best else "")

    return follow.to_the_end(
        cloud, f"tuning job {name}", lambda: _describe(cloud, name), STATUS, said
    )


def _trials(cloud: Cloud, name: str) -> list[search.Trial]:
    operation = "list_training_jobs_for_hyper_parameter_tuning_job"
    pages = cloud.sagemaker.get_paginator(operation).paginate(HyperParameterTuningJobName=name)
    return [
        search.Trial(
            each["TrainingJobName"],
            {key: value.strip('"') for key, value in each["TunedHyperParameters"].items()},
            each.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value"),
        )
        for page in pages
        for each in page["TrainingJobSummaries"]
    ]
