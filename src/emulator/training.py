"""Training jobs that train: the AWS toolkit, run on an /opt/ml tree made from S3.

docs/contract.md#b1
"""

import json
import shutil
import subprocess
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from emulator import entrypoint, own_images
from emulator.account import INTERRUPTED, Account, LogStream, Record, now
from emulator.metrics import TRAINING, Metric
from emulator.protocol import ApiError, invalid, needs
from train2deploy import archives, manifest, processes
from train2deploy.cloud import images
from train2deploy.errors import UserError
from train2deploy.log_metrics import Metrics
from train2deploy.runtimes import Instance, Launch, Runtime

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
STOP_SECONDS = 120.0
DAY_SECONDS = 24 * 3600
ENDED = ("Completed", "Failed", "Stopped")
NO_CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity due to"
    " InsufficientInstanceCapacity error. Please retry using a different ML instance type"
    " or after some time."
)


class Failure(Exception):
    """The job fails with this reason."""


class Training:
    """The operations on training jobs."""

    def __init__(self, account: Account, runtime: Runtime) -> None:
        self._account = account
        self._runtime = runtime
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def create(self, request: Record) -> Record:
        needs(request, "AlgorithmSpecification", "ResourceConfig")
        request.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": DAY_SECONDS})
        resources = request["ResourceConfig"]
        if resources.get("InstanceType") in self._account.faults.types("limit"):
            raise limit_exceeded(resources["InstanceType"], "training job")
        self._account.check_role(request["RoleArn"])
        with self._account.lock:
            answer = self._account.begin(
                "TrainingJob",
                self._account.training,
                request,
                self._run,
                "Job name must be unique within an AWS account and region, and a job with this name"
                " already exists",
                SecondaryStatusTransitions=[],
                FinalMetricDataList=[],
                ModelArtifacts={"S3ModelArtifacts": f"{_place(request)}/output/model.tar.gz"},
            )
            self._enter(self.describe(request), "Starting")
        return answer

    def describe(self, request: Record) -> Record:
        job = self._account.training.find(request["TrainingJobName"])
        if job is None:
            raise invalid("Requested resource not found.")
        return job

    def stop(self, request: Record) -> Record:
        with self._account.lock:
            job = self.describe(request)
            if job["TrainingJobStatus"] in ENDED:
                raise invalid(
                    f"The request was rejected because the training job is in status"
                    f" {job['TrainingJobStatus']}."
                )
            job["TrainingJobStatus"] = "Stopping"
            self._enter(job, "Stopping")
            process = self._processes.get(job["TrainingJobName"])
        if process is not None:
            threading.Thread(
                target=processes.end_group, args=(process, STOP_SECONDS), daemon=True
            ).start()
        return {}

    def end_all(self) -> None:
        """Nothing runs on when the emulator ends."""
        with self._account.lock:
            running = list(self._processes.values())
        for process in running:
            processes.end_group(process, 2.0)

    def resume(self, when: datetime) -> None:
        """Jobs that ran when the last emulator was ended have failed by that."""
        for job in self._account.training:
            if job["TrainingJobStatus"] not in ENDED:
                self._end(job, "Failed", "Failed", INTERRUPTED, when)

    def _enter(
        self, job: Record, status: str, message: str = "", when: datetime | None = None
    ) -> None:
        with self._account.lock:
            when = when or now()
            transitions = job["SecondaryStatusTransitions"]
            if transitions:
                transitions[-1]["EndTime"] = when
            transitions.append({"Status": status, "StartTime": when, "StatusMessage": message})
            job["SecondaryStatus"] = status
            job["LastModifiedTime"] = when

    def _end(self, job: Record, status: str, secondary: str, reason: str, when: datetime) -> None:
        with self._account.lock:
            job["TrainingEndTime"] = when
            started = job.get("TrainingStartTime", when)
            seconds = max(1, int((when - started).total_seconds()))
            job["TrainingTimeInSeconds"] = job["BillableTimeInSeconds"] = seconds
            if reason:
                job["FailureReason"] = reason[:1024]
            self._enter(job, secondary, reason[:1024], when)
            job["TrainingJobStatus"] = status

    def _run(self, job: Record) -> None:
        status, secondary, reason = (
            "Failed",
            "Failed",
            "InternalServerError: see the emulator's log",
        )
        try:
            secondary = self._train(job)
            status = "Completed" if secondary == "Completed" else "Stopped"
            reason = ""
        except Failure as failure:
            reason = str(failure)
        except UserError as error:
            reason = f"ClientError: {error}"
        finally:
            self._end(job, status, secondary, reason, now())

    def _train(self, job: Record) -> str:
        """The secondary status that a job without failure ends with."""
        if job["ResourceConfig"].get("InstanceType") in self._account.faults.types("capacity"):
            raise Failure(NO_CAPACITY)
        self._enter(job, "Downloading", "Downloading input data")
        base = self._account.directory / "jobs" / job["TrainingJobName"]
        shutil.rmtree(base, ignore_errors=True)
        job["TrainingStartTime"] = now()
        image = job["AlgorithmSpecification"].get("TrainingImage", "")
        own = own_images.runtime(image)
        runtime = own or self._runtime.of(images.stack_of(image))
        lay_out(self._account, job, base, runtime.instance(base))
        if job["TrainingJobStatus"] == "Stopping":
            return "Stopped"
        self._enter(job, "Training", "Training image download completed. Training in progress.")
        status, out_of_time = self._run_toolkit(job, base, runtime)
        stopped = job["TrainingJobStatus"] == "Stopping"
        failure = base / "output" / "failure"
        if not stopped and not out_of_time:
            if failure.exists():
                raise Failure(f"AlgorithmError: {failure.read_text(errors='replace')}")
            done = own is not None or (base / "output" / "success").exists()
            if status != 0 or not (done or any(entrypoint.of(job))):
                raise Failure(f"AlgorithmError: the container ended with exit status {status}.")
        self._enter(job, "Uploading", "Uploading generated training model")
        self._upload(job, base)
        shutil.rmtree(base, ignore_errors=True)
        if out_of_time:
            return "MaxRuntimeExceeded"
        return "Stopped" if stopped else "Completed"

    def _run_toolkit(self, job: Record, base: Path, runtime: Runtime) -> tuple[int, bool]:
        name = job["TrainingJobName"]
        variables = {
            "TRAINING_JOB_NAME": name,
            "TRAINING_JOB_ARN": job["TrainingJobArn"],
            "AWS_REGION": self._account.region,
            "TF_CPP_MIN_LOG_LEVEL": "1",
            **job.get("Environment", {}),
        }
        launch = _launch(job, base, runtime, variables)
        stream = LogStream(self._account, LOG_GROUP, f"{name}/algo-1-{int(time.time())}")
        process = processes.start(launch.arguments, launch.environment, base)
        self._account.sampler.watch(process.pid, TRAINING, {"Host": f"{name}/algo-1"})
        with self._account.lock:
            self._processes[name] = process
            wanted = job["TrainingJobStatus"] != "Stopping" and not self._account.stopping.is_set()
        if not wanted:
            processes.end_group(process)
        limit = job["StoppingCondition"].get("MaxRuntimeInSeconds", DAY_SECONDS)
        late = threading.Event()

        def end() -> None:
            late.set()
            processes.end_group(process, STOP_SECONDS)

        timer = threading.Timer(limit, end)
        timer.daemon = True
        timer.start()
        metrics = Metrics(job["AlgorithmSpecification"].get("MetricDefinitions", []))
        try:
            assert process.stdout is not None
            for line in process.stdout:
                stream.write(line.rstrip("\n"))
                for metric, value in metrics.read(line):
                    key = Metric.of(TRAINING, metric, {"TrainingJobName": name})
                    self._account.metrics.record(key, [(value, 1)])
                job["FinalMetricDataList"] = final_metrics(metrics)
            status = process.wait()
        finally:
            timer.cancel()
            processes.end_group(process)
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
            runtime.finish(launch)
            stream.close()
            with self._account.lock:
                del self._processes[name]
        return status, late.is_set()

    def _upload(self, job: Record, base: Path) -> None:
        for name, source in (("model", base / "model"), ("output", base / "output" / "data")):
            files = [path for path in sorted(source.rglob("*")) if path.is_file()]
            if not files:
                continue
            archive = base / f"{name}.tar.gz"
            archives.pack(((path.relative_to(source).as_posix(), path) for path in files), archive)
            self._account.upload(archive, f"{_place(job)}/output/{name}.tar.gz")


def _launch(job: Record, base: Path, runtime: Runtime, variables: dict[str, str]) -> Launch:
    command, arguments = entrypoint.of(job)
    if not command and not arguments:
        return runtime.toolkit(base, variables)
    if runtime.instance(base).base == str(base):
        try:
            command, arguments = entrypoint.at(base, command, arguments)
        except entrypoint.Unfit as unfit:
            raise Failure(f"ClientError: {unfit}") from None
    return runtime.command(base, command, arguments, variables)


def _place(job: Record) -> str:
    """Of what a job leaves, in S3."""
    return f"{job['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{job['TrainingJobName']}"


def limit_exceeded(instance_type: str, usage: str) -> ApiError:
    return ApiError(
        "ResourceLimitExceeded",
        f"The account-level service limit '{instance_type} for {usage} usage' is 0 Instances,"
        " with current utilization of 0 Instances and a request delta of 1 Instances. Please use"
        " AWS Service Quotas to request an increase for this quota.",
    )


def lay_out(account: Account, job: Record, base: Path, instance: Instance) -> None:
    """/opt/ml from S3: channels, configuration, source (docs/contract.md#b1)."""
    for part in ("model", "output/data", "input/config", "input/data"):
        (base / part).mkdir(parents=True)
    channels = {}
    for channel in job.get("InputDataConfig", []):
        name, source = channel["ChannelName"], channel["DataSource"]["S3DataSource"]
        if reason := account.unreachable(source["S3Uri"]):
            raise Failure(f"ClientError: Data download failed: {reason}")
        if account.download(source["S3Uri"], base / "input" / "data" / name) == 0:
            raise Failure(
                f"ClientError: Data download failed: Failed to download data. No S3 objects"
                f' found under S3 URL "{source["S3Uri"]}" given in input data source.'
            )
        channels[name] = {
            "TrainingInputMode": "File",
            "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
        }
    hyperparameters = dict(job.get("HyperParameters", {}))
    submitted = plain(hyperparameters.get("sagemaker_submit_directory", ""))
    if submitted.startswith("s3://"):
        # The toolkit of 2019 knows no other S3 than AWS's.
        archive = base / "source.tar.gz"
        account.fetch(submitted, archive)
        archives.unpack(archive, base / "source")
        archive.unlink()
        hyperparameters["sagemaker_submit_directory"] = json.dumps(f"{instance.base}/source")
    resources = {
        "current_host": instance.host,
        "hosts": [instance.host],
        "network_interface_name": instance.interface,
        "current_instance_type": job["ResourceConfig"].get("InstanceType", ""),
    }
    config: dict[str, Any] = {
        "hyperparameters": hyperparameters,
        "inputdataconfig": channels,
        "resourceconfig": resources,
    }
    for name, value in config.items():
        manifest.write_json(base / "input" / "config" / f"{name}.json", value)


def plain(hyperparameter: str) -> str:
    """A text as the toolkit reads it: JSON, as the SDK sends it, or the text itself.

    >>> plain('"s3://bucket/code.tar.gz"'), plain("s3://bucket/code.tar.gz")
    ('s3://bucket/code.tar.gz', 's3://bucket/code.tar.gz')
    """
    try:
        return str(json.loads(hyperparameter))
    except ValueError:
        return hyperparameter


def final_metrics(metrics: Metrics) -> list[Record]:
    return [
        {"MetricName": name, "Value": value, "Timestamp": metrics.when[name]}
        for name, value in metrics.last.items()
    ]
