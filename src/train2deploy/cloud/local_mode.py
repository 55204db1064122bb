"""The SageMaker SDK, version 2: nothing else here imports it.

A training job by its local mode, for the host tool, which has no SDK (runtimes/sdk); and its
session on our clients, for the notebook, where the article's own calls run.

python -m train2deploy.cloud.local_mode <the arguments of `run`, as JSON>
"""

import contextlib
import io
import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import boto3

from train2deploy import archives
from train2deploy.runtimes import engine

if TYPE_CHECKING:
    from train2deploy.cloud.session import Cloud

Texts = Mapping[str, str]
Keys = Mapping[str, object]
REGION = "us-east-1"
ROLE = "arn:aws:iam::000000000000:role/none"
OPT_OUT = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}
SERVICE = re.compile(r"^\S*algo-\d+-\w+ *\|(\x1b\[0m)? ?")
"""What Compose puts before each line of a container's output."""


def run(
    job: str, image: str, scratch: str, environment: Texts, container: Keys, network: list[str]
) -> int:
    """Runs the job that lies in a directory, and brings its results there.

    Args:
        job: source/, input/data/<channel> and input/config/hyperparameters.json are read
            (docs/contract.md#b1); model/ and output/ are filled from the SDK's archives.
        scratch: for the SDK's files; the caller removes it.
        environment: the job's variables.
        container: further keys of the Compose service.
        network: arguments of the Docker client that make the network; one that is there
            already is used.

    Returns:
        The exit status; output/failure holds the reason.
    """
    directory, files = Path(job), Path(scratch)
    files.mkdir(parents=True)
    engine.docker(*network)
    failure = ""
    try:
        with contextlib.redirect_stdout(_WithoutService(sys.stdout)):
            _estimator(directory, image, files, environment, container).fit(
                {
                    channel.name: f"file://{channel}"
                    for channel in sorted((directory / "input" / "data").iterdir())
                },
                job_name=directory.name,
            )
    except Exception as error:  # whatever the SDK raises is the job's end
        failure = f"the SDK's local mode: {type(error).__name__}: {error}"
    for name in ("model", "output"):
        archive = files / "results" / f"{name}.tar.gz"
        if archive.exists():
            archives.unpack(archive, directory / name)
    reason = directory / "output" / "failure"
    if failure and not reason.exists():
        reason.write_text(failure, encoding="utf-8")
    return 1 if failure else 0


def _estimator(job: Path, image: str, scratch: Path, environment: Texts, container: Keys) -> Any:
    """The article's estimator with instance_type="local". Its session holds no credentials."""
    _keep_quiet()
    from sagemaker.local import LocalSession
    from sagemaker.tensorflow import TensorFlow

    config = job / "input" / "config" / "hyperparameters.json"
    asked = {
        name: json.loads(value)
        for name, value in json.loads(config.read_text(encoding="utf-8")).items()
    }
    session = LocalSession(
        boto3.Session("none", "none", region_name=REGION), sagemaker_config=OPT_OUT
    )
    session.config = {
        "local": {
            "local_code": True,
            "container_root": str(scratch),
            "container_config": dict(container),
        }
    }
    return TensorFlow(
        entry_point=asked["sagemaker_program"],
        source_dir=str(job / "source"),
        role=ROLE,
        image_uri=image,
        instance_type="local",
        instance_count=1,
        hyperparameters={
            name: value for name, value in asked.items() if not name.startswith("sagemaker_")
        },
        environment=dict(environment),
        output_path=f"file://{scratch / 'results'}",
        model_dir=False,
        disable_profiler=True,
        debugger_hook_config=False,
        sagemaker_session=session,
    )


def session(cloud: "Cloud") -> Any:
    """The SDK on our clients. It is given the bucket: it would choose and make one."""
    _keep_quiet()
    import sagemaker

    logging.getLogger("sagemaker").setLevel(logging.ERROR)  # a notebook shows what its cells print
    return sagemaker.Session(
        boto_session=cloud.boto,
        sagemaker_client=cloud.sagemaker,
        sagemaker_runtime_client=cloud.client("sagemaker-runtime"),
        default_bucket=cloud.config.bucket,
        default_bucket_prefix=cloud.config.prefix,
        sagemaker_config=OPT_OUT,
    )


def _keep_quiet() -> None:
    os.environ["SAGEMAKER_SUPPRESS_V2_WARNING"] = "1"
    for talkative in ("sagemaker.config", "sagemaker.telemetry"):
        logging.getLogger(talkative).setLevel(logging.WARNING)


class _WithoutService(io.StringIO):
    """A stream that writes a container's lines as the container wrote them."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(SERVICE.sub("", text.replace("\r", "")))

    def flush(self) -> None:
        self._stream.flush()


if __name__ == "__main__":
    sys.exit(run(**json.loads(sys.argv[1])))
