"""Hyperparameter tuning jobs: training jobs with sampled values, a few at a time."""

import json
import math
import random
import time
import uuid
from datetime import datetime
from typing import Any

from emulator import listing
from emulator.account import INTERRUPTED, Account, Record, now
from emulator.protocol import ApiError, invalid, needs
from emulator.training import ENDED, Training


class Tunings:
    """The operations on tuning jobs. Every strategy samples at random here."""

    def __init__(self, account: Account, training: Training) -> None:
        self._account = account
        self._training = training

    def create(self, request: Record) -> Record:
        needs(request, "TrainingJobDefinition")
        config = request["HyperParameterTuningJobConfig"]
        needs(config, "HyperParameterTuningJobObjective")
        needs(config["ResourceLimits"], "MaxNumberOfTrainingJobs", place="ResourceLimits.")
        return self._account.begin(
            "HyperParameterTuningJob",
            self._account.tunings,
            request,
            self._run,
            TrainingJobStatusCounters={},
            ObjectiveStatusCounters={},
            Strategy=config["Strategy"],
            _jobs=[],
            _tags=request.get("Tags", []),
        )

    def stop(self, request: Record) -> Record:
        job = self._account.tunings.get(request["HyperParameterTuningJobName"])
        if job["HyperParameterTuningJobStatus"] != "InProgress":
            raise invalid("The tuning job is not in progress.")
        job["HyperParameterTuningJobStatus"] = "Stopping"
        for name in job["_jobs"]:
            record = self._account.training.get(name)
            if record["TrainingJobStatus"] == "InProgress":
                self._training.stop({"TrainingJobName": name})
        return {}

    def describe(self, request: Record) -> Record:
        job = self._account.tunings.get(request["HyperParameterTuningJobName"])
        self._count(job)
        return job

    def list_jobs(self, request: Record) -> Record:
        job = self._account.tunings.get(request["HyperParameterTuningJobName"])
        found = [self._summary(job, name) for name in job["_jobs"]]
        return listing.page(request, "TrainingJob", "TrainingJobSummaries", found)

    def _run(self, job: Record) -> None:
        config = job["HyperParameterTuningJobConfig"]
        limits = config["ResourceLimits"]
        generator = random.Random(config.get("RandomSeed", 0))
        status = "Failed"
        try:
            while len(job["_jobs"]) < limits["MaxNumberOfTrainingJobs"]:
                if job["HyperParameterTuningJobStatus"] != "InProgress":
                    break
                if self._running(job) < limits["MaxParallelTrainingJobs"]:
                    self._start(job, sample(config.get("ParameterRanges", {}), generator))
                time.sleep(0.1)
            while self._running(job):
                time.sleep(0.1)
            statuses = {self._record(name)["TrainingJobStatus"] for name in job["_jobs"]}
            if job["HyperParameterTuningJobStatus"] == "Stopping":
                status = "Stopped"
            elif statuses != {"Failed"}:
                status = "Completed"
            else:
                job["FailureReason"] = "All training jobs failed. Please take a look at them."
        except ApiError as error:
            status, job["FailureReason"] = "Failed", error.message
        finally:
            self._end(job, status, now())

    def resume(self, when: datetime) -> None:
        """Jobs that ran when the last emulator was ended have failed by that (after `Training`)."""
        for job in self._account.tunings:
            if job["HyperParameterTuningJobStatus"] not in ENDED:
                job["FailureReason"] = INTERRUPTED
                self._end(job, "Failed", when)

    def _end(self, job: Record, status: str, when: datetime) -> None:
        self._count(job)
        job["HyperParameterTuningEndTime"] = when
        job["HyperParameterTuningJobStatus"] = status

    def _record(self, name: str) -> Record:
        return self._account.training.get(name)

    def _running(self, job: Record) -> int:
        return sum(self._record(name)["TrainingJobStatus"] not in ENDED for name in job["_jobs"])

    def _start(self, job: Record, values: dict[str, str]) -> None:
        definition = job["TrainingJobDefinition"]
        number = len(job["_jobs"]) + 1
        name = f"{job['HyperParameterTuningJobName']}-{number:03d}-{uuid.uuid4().hex[:8]}"
        objective = job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
        resources = definition.get("ResourceConfig") or {
            key: value
            for key, value in definition["HyperParameterTuningResourceConfig"].items()
            if key in ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")
        }
        request: Record = {
            "TrainingJobName": name,
            "HyperParameters": {
                **definition.get("StaticHyperParameters", {}),
                **values,
                "_tuning_objective_metric": json.dumps(objective["MetricName"]),
            },
            **{
                key: definition[key]
                for key in (
                    "AlgorithmSpecification",
                    "RoleArn",
                    "InputDataConfig",
                    "OutputDataConfig",
                    "StoppingCondition",
                    "Environment",
                    "VpcConfig",
                    "EnableManagedSpotTraining",
                    "EnableNetworkIsolation",
                    "CheckpointConfig",
                )
                if key in definition
            },
            "ResourceConfig": resources,
            "TuningJobArn": job["HyperParameterTuningJobArn"],
            "_tuned": values,
            "Tags": job["_tags"],
        }
        self._training.create(request)
        job["_jobs"].append(name)

    def _count(self, job: Record) -> None:
        statuses = [self._record(name)["TrainingJobStatus"] for name in job["_jobs"]]
        summaries = [self._summary(job, name) for name in job["_jobs"]]
        scored = [each for each in summaries if FINAL in each]
        job["TrainingJobStatusCounters"] = {
            "Completed": statuses.count("Completed"),
            "InProgress": sum(status not in ENDED for status in statuses),
            "RetryableError": 0,
            "NonRetryableError": statuses.count("Failed"),
            "Stopped": statuses.count("Stopped"),
        }
        job["ObjectiveStatusCounters"] = {
            "Succeeded": len(scored),
            "Pending": sum(status not in ENDED for status in statuses),
            "Failed": statuses.count("Failed"),
        }
        objective = job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
        best = max if objective["Type"] == "Maximize" else min
        if scored:
            job["BestTrainingJob"] = best(scored, key=lambda each: each[FINAL]["Value"])

    def _summary(self, job: Record, name: str) -> Record:
        record = self._record(name)
        objective = job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
        summary: Record = {
            "TrainingJobName": name,
            "TrainingJobArn": record["TrainingJobArn"],
            "CreationTime": record["CreationTime"],
            "TrainingJobStatus": record["TrainingJobStatus"],
            "TunedHyperParameters": record["_tuned"],
            "FailureReason": record.get("FailureReason"),
        }
        for metric in record["FinalMetricDataList"]:
            finished = record["TrainingJobStatus"] == "Completed"
            if metric["MetricName"] == objective["MetricName"] and finished:
                summary["ObjectiveStatus"] = "Succeeded"
                summary[FINAL] = {
                    "MetricName": metric["MetricName"],
                    "Type": objective["Type"],
                    "Value": metric["Value"],
                }
        return summary


FINAL = "FinalHyperParameterTuningJobObjectiveMetric"


def sample(ranges: dict[str, Any], generator: random.Random) -> dict[str, str]:
    """One point of the search space; values are strings, as the platform sends them."""
    values = {}
    for each in ranges.get("IntegerParameterRanges", []):
        values[each["Name"]] = str(round(_between(each, generator)))
    for each in ranges.get("ContinuousParameterRanges", []):
        values[each["Name"]] = repr(_between(each, generator))
    for each in ranges.get("CategoricalParameterRanges", []):
        values[each["Name"]] = generator.choice(each["Values"])
    return values


def _between(each: dict[str, str], generator: random.Random) -> float:
    low, high = float(each["MinValue"]), float(each["MaxValue"])
    if each.get("ScalingType") == "Logarithmic":
        return math.exp(generator.uniform(math.log(low), math.log(high)))
    return generator.uniform(low, high)
