"""IMAGE=aws: the images that SageMaker itself runs, from AWS's registry.

boto3 knows the region and gets the password, in the environment of the cloud half. Once pulled,
an image is used as it lies in the engine: no credentials are asked for again, and none is ever
stored.
"""

import os
import subprocess
import tempfile

from train2deploy import console, paths, processes
from train2deploy.errors import MissingRequirement
from train2deploy.runtimes import images

PULL_SECONDS = 1800


def train() -> str:
    """The script-mode training image of TensorFlow 1.12, in the engine."""
    return _in_engine("training")


def serve() -> str:
    """The serving image 1.13, in the engine."""
    return _in_engine("serving")


def _in_engine(kind: str) -> str:
    image = _registry(kind)
    if not images.exists(image):
        console.say(f"{image}: pulling")
        _pull(image)
    return image


def _pull(image: str) -> None:
    host = image.partition("/")[0]
    password = _registry("password", host.partition(".")[0])
    # A configuration of its own: docker login writes the password into it.
    with tempfile.TemporaryDirectory() as directory:
        environment = {**os.environ, "DOCKER_CONFIG": directory}
        login = ["docker", "login", "--username", "AWS", "--password-stdin", host]
        for command, text, seconds in (
            (login, password, 60),
            (["docker", "pull", "--quiet", image], "", PULL_SECONDS),
        ):
            try:
                done = processes.captured(command, environment, text, seconds)
            except subprocess.TimeoutExpired:
                raise MissingRequirement(
                    f"{image}: `docker {command[1]}` did not end within {seconds} s."
                ) from None
            if done.returncode != 0:
                raise MissingRequirement(
                    f"{image}: `docker {command[1]}` failed: {_last_line(done.stderr)}."
                    " Check network and credentials, or use IMAGE=own."
                )


def _registry(*arguments: str) -> str:
    python = paths.VENVS / "cloud" / "bin" / "python"
    if not python.exists():
        raise MissingRequirement(
            f"{paths.relative(python)}: IMAGE=aws needs the cloud half's environment, found none."
            " Run `make .stamps/cloud`."
        )
    done = processes.captured(
        [str(python), "-m", "train2deploy.cloud.image_registry", *arguments],
        {**os.environ, "PYTHONPATH": str(paths.SRC), "PYTHONWARNINGS": "ignore"},
    )
    if done.returncode != 0:
        raise MissingRequirement(
            f"IMAGE=aws: {arguments[0]}: {_last_line(done.stderr)}. Check AWS_DEFAULT_REGION and"
            " the credentials (aws configure), or use IMAGE=own."
        )
    return done.stdout.strip()


def _last_line(text: str) -> str:
    return processes.last_line(text).rstrip(".")
