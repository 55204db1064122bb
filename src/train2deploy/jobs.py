"""Training jobs on this machine: an /opt/ml tree, and the real AWS toolkit run on it.

A job is a directory build/jobs/<name> that stands for the instance's /opt/ml
(SAGEMAKER_BASE_DIR): input/config, input/data/<channel>, model, output. The
toolkit's command `train` reads it as it does in SageMaker's container. What the
platform does afterwards (archives, status) is done here: docs/contract.md#b5.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from train2deploy import (
    archives,
    console,
    disk,
    given_channels,
    hyperparameters,
    job_source,
    manifest,
    paths,
    processes,
    stack,
    versions,
)
from train2deploy.datasets import channels
from train2deploy.errors import JobFailed, UserError
from train2deploy.hashing import sha256_file, sha256_tree
from train2deploy.runtimes import Instance, TrainingRuntime
from train2deploy.runtimes.host import HOST

NO_CHANNELS: given_channels.Channels = {}

SHOWN = re.compile(
    r"^(Epoch \d+/\d+|Train on \d+ samples.*|Refit on .*| - \d+s - loss: .*|test_accuracy=.*)$"
)
"""Lines of the job's log that a user sees; all of them are in train.log."""


@dataclass(frozen=True)
class TrainingJob:
    """What a job is made of."""

    version: str  # see versions
    hyperparameters: dict[str, object]  # by name, as the SDK would send them
    repro: bool = False  # single thread and fixed hash seed: the same seed gives the same bits
    verbose: bool = False
    inputs: dict[str, object] = field(default_factory=dict)
    # the user's own, see given_channels
    channels: given_channels.Channels = field(default_factory=dict)


def train(job: TrainingJob, runtime: TrainingRuntime = HOST) -> Path:
    """Runs a job to its end; it becomes build/jobs/latest.

    Returns:
        The job's directory, with model.tar.gz, output.tar.gz and manifest.json.

    Raises:
        JobFailed: the script failed, or left no servable SavedModel. The reason is
            the toolkit's; the whole log is in the job's train.log.
    """
    name = versions.find(job.version).name
    channel_sources(given=job.channels)
    directory = _new_directory(name)
    run(job, directory, runtime)
    paths.LATEST_JOB.unlink(missing_ok=True)
    paths.LATEST_JOB.symlink_to(directory.name)
    return directory


def run(
    job: TrainingJob,
    directory: Path,
    runtime: TrainingRuntime = HOST,
    sources: Mapping[str, Path] | None = None,
) -> None:
    """Runs a job in an empty directory to its end; raises as `train` does.

    Args:
        sources: the directory of each channel; None takes `channel_sources` and the job's own.
    """
    passed = hyperparameters.for_script(job.version, job.hyperparameters, job.repro)
    instance = runtime.instance(directory)
    sources = sources or channel_sources(given=job.channels)
    has_data = given_channels.has_usual(job.channels)
    data = channels.facts(sources["train"].parent) if has_data else {}
    versions.check_reads(job.version, data.get("tokens", ""))
    _lay_out(directory, job.version, passed, instance, sources)
    read = {name: sha256_tree(directory / "input" / "data" / name) for name in sources}
    console.say(f"job {directory.name}: log in {paths.relative(directory / 'train.log')}")
    at, started = datetime.now(timezone.utc).isoformat(timespec="seconds"), time.monotonic()
    status, note = _run_toolkit(directory, job, runtime)
    seconds = round(time.monotonic() - started, 1)
    _check_result(directory, status, note)
    facts = {
        "runtime": runtime.name,
        "started": at,
        "seconds": seconds,
        **({"data": data} if data else {}),
        "given_channels": given_channels.shown(job.channels),
    }
    _collect(directory, job, passed, read, facts)
    console.say(f"{paths.relative(directory)}: model.tar.gz and output.tar.gz, {seconds:.0f} s")


def _new_directory(version: str) -> Path:
    stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
    paths.JOBS.mkdir(parents=True, exist_ok=True)
    for attempt in range(100):
        directory = paths.JOBS / (f"{version}-{stamp}" + (f"-{attempt}" if attempt else ""))
        try:
            directory.mkdir()
        except FileExistsError:
            continue
        return directory
    raise UserError(f"{paths.relative(paths.JOBS)}: could not make a directory for the job.")


def channel_sources(
    below: Path | None = None, given: given_channels.Channels = NO_CHANNELS
) -> dict[str, Path]:
    """The directory of each channel: what `make data vectors` made, and what the user gives.

    Args:
        below: the directory that holds data/ and vectors/, where that is not build/.
        given: see given_channels.
    """
    dataset = below / paths.DATASET.name if below else paths.DATASET
    vectors = below / paths.VECTORS.name if below else paths.VECTORS
    sources = {"train": dataset / "train", "test": dataset / "test", "vectors": vectors}
    for source in sources.values() if given_channels.has_usual(given) else ():
        if not source.is_dir():
            raise UserError(
                f"{paths.relative(source)}: expected the channel's files, found nothing."
                " Run `make data vectors`."
            )
    return given_channels.on_top(sources, given)


def _lay_out(
    directory: Path,
    version: str,
    passed: dict[str, object],
    instance: Instance,
    sources: Mapping[str, Path],
) -> None:
    """The tree of docs/contract.md#b1, with hyperparameters as the SDK encodes them."""
    job_source.stage(version, directory / "source")
    if instance.modules_beside:
        job_source.stage_modules_beside(directory / "source")
    for part in ("model", "output/data", "input/config"):
        (directory / part).mkdir(parents=True)
    for channel, source in sources.items():
        # What a script writes into its sentences must not come back to build/data;
        # vectors are large and no script changes them.
        copy = _link if source.name == paths.VECTORS.name else shutil.copyfile
        shutil.copytree(
            source, directory / "input" / "data" / channel, copy_function=copy, ignore=_manifests
        )
    settings = {
        "sagemaker_program": job_source.program(version),
        "sagemaker_submit_directory": f"{instance.base}/source",
        "sagemaker_container_log_level": 20,
        "sagemaker_enable_cloudwatch_metrics": False,
        "sagemaker_job_name": directory.name,
        "sagemaker_region": "us-east-1",
    }
    config = {
        "hyperparameters": {
            name: json.dumps(value) for name, value in {**passed, **settings}.items()
        },
        "resourceconfig": {
            "current_host": instance.host,
            "hosts": [instance.host],
            "network_interface_name": instance.interface,
        },
        "inputdataconfig": {
            channel: {
                "TrainingInputMode": "File",
                "S3DistributionType": "FullyReplicated",
                "RecordWrapperType": "None",
            }
            for channel in sources
        },
    }
    for name, value in config.items():
        manifest.write_json(directory / "input" / "config" / f"{name}.json", value)


def _manifests(directory: str, names: list[str]) -> list[str]:
    return [name for name in names if manifest.is_manifest(Path(directory, name))]


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


def _run_toolkit(directory: Path, job: TrainingJob, runtime: TrainingRuntime) -> tuple[int, str]:
    """The toolkit's exit status, and what the runtime knows of its end."""
    launch = runtime.toolkit(
        directory,
        {
            "TRAINING_JOB_NAME": directory.name,
            "TF_CPP_MIN_LOG_LEVEL": "1",
            **({"PYTHONHASHSEED": "0"} if job.repro else {}),
        },
    )
    with (directory / "train.log").open("w", encoding="utf-8") as log:

        def on_line(line: str) -> None:
            log.write(line + "\n")
            log.flush()
            if job.verbose or SHOWN.match(line):
                console.say(line)

        try:
            status = processes.run_streaming(
                launch.arguments, launch.environment, directory, on_line
            )
        finally:
            note = runtime.finish(launch)
    return status, note


def _check_result(directory: Path, status: int, note: str = "") -> None:
    """The toolkit's exit status alone does not tell: it also exits 0 when it ran nothing."""
    failure = directory / "output" / "failure"
    log = paths.relative(directory / "train.log")
    if status != 0 or failure.exists() or not (directory / "output" / "success").exists():
        reason = failure.read_text(encoding="utf-8").strip() if failure.exists() else ""
        reason = f"{note}. {reason}" if note else reason
        last = (directory / "train.log").read_text(encoding="utf-8").strip().splitlines()[-12:]
        disk.check_output("\n".join(last), directory)
        raise JobFailed(
            "\n".join(last)
            + f"\njob {directory.name} failed (exit status {status}):"
            + f" {' '.join(reason.split())[:300] or 'no reason given'}. The whole log: {log}"
        )
    if not list((directory / "model").glob("[0-9]*/saved_model.pb")):
        raise JobFailed(
            f"job {directory.name} ended, but model/ holds no <number>/saved_model.pb, so nothing"
            f" could be served. The whole log: {log}"
        )


def _collect(
    directory: Path,
    job: TrainingJob,
    passed: dict[str, object],
    read: dict[str, str],
    facts: dict[str, object],
) -> None:
    """What the platform makes of /opt/ml/model and /opt/ml/output/data, and the manifest."""
    outputs = {}
    for name, source in (("model", directory / "model"), ("output", directory / "output" / "data")):
        archive = directory / f"{name}.tar.gz"
        files = (path for path in sorted(source.rglob("*")) if path.is_file())
        archives.pack(((path.relative_to(source).as_posix(), path) for path in files), archive)
        outputs[archive.name] = sha256_file(archive)
    # The toolkit may have moved source/ to code/.
    trained = next(path for path in (directory / "source", directory / "code") if path.exists())
    inputs = {
        **job.inputs,
        "version": versions.find(job.version).name,
        "hyperparameters": passed,
        "repro": job.repro,
        "source_sha256": sha256_tree(trained),
        "channels": read,
        "lock_sha256": sha256_file(stack.lock("train")),
        **stack.recorded(),
    }
    metrics = manifest.read(directory / "output" / "data" / "metrics.json") or {}
    manifest.write(directory / "manifest.json", inputs, outputs, metrics=metrics, **facts)
