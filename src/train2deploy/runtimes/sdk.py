"""RUNTIME=sdk: a training job by the SageMaker SDK's own local mode, on our training image.

The SDK writes a Docker Compose file and runs it; it is itself run in an environment of its own
(train2deploy.cloud.local_mode). It would run the job as root, on a network with
a way out, and leave container and network behind. What it lets its user say of a container
(`local.container_config`) cures the first; the rest is done here.
"""

import contextlib
import json
import os
import secrets
import shutil
from dataclasses import replace
from pathlib import Path

from train2deploy import paths, processes
from train2deploy.errors import JobFailed, MissingRequirement, UserError
from train2deploy.runtimes import Launch, Variables, docker, engine, images

ENVIRONMENT = paths.VENVS / "sdk"
NETWORK = "sagemaker-local"  # what the SDK calls the network of its jobs
NETWORK_PROJECT = "train2deploy-local-mode"
"""The Compose project that the network is made for: whichever job ends last removes it."""
LABEL = "com.docker.compose"  # beginning of the names of Compose's labels

AS_CALLER = (
    "chown {user} /opt/ml/model /opt/ml/output /opt/ml/output/data"
    ' && exec setpriv --reuid {uid} --regid {gid} --clear-groups "$$@"'
)
"""The container's entry point, in Compose's spelling. The engine makes the directories that
the SDK forgot to make, as root; so root gives them away, and then itself."""


class Sdk(docker.Training):
    """Training by the SDK, which writes its own resourceconfig.json; the rest as without it."""

    @property
    def name(self) -> str:
        return "sdk"

    def toolkit(self, job: Path, variables: Variables) -> Launch:
        """See Runtime. `container` is the name of the Compose project."""
        project = f"train2deploy-{secrets.token_hex(6)}"
        request = {
            "job": str(job.resolve()),
            "image": self.train_image,
            "scratch": str(_scratch(project)),
            "environment": {"HOME": "/tmp", **docker.passed(), **variables},  # noqa: S108
            "container": self._container(),
            "network": create_network(),
        }
        python, module = str(ENVIRONMENT / "bin" / "python"), "train2deploy.cloud.local_mode"
        return Launch([python, "-m", module, json.dumps(request)], _environment(project), project)

    def finish(self, launch: Launch) -> str:
        if not launch.container:
            return ""
        containers = _listed("ps", "--all", "--format", "{{.Names}}", of=launch.container)
        notes = [
            super(Sdk, self).finish(replace(launch, container=name))
            for name in containers or [launch.container]
        ]
        _remove_networks(launch.container)
        shutil.rmtree(_scratch(launch.container), ignore_errors=True)
        with contextlib.suppress(OSError):  # another job's is in it
            paths.LOCAL_MODE.rmdir()
        return next(filter(None, notes), "")

    def _container(self) -> dict[str, object]:
        """What the container gets beside what the SDK gives it, as keys of a Compose service."""
        uid, gid = os.getuid(), os.getgid()
        script = AS_CALLER.format(user=f"{uid}:{gid}", uid=uid, gid=gid)
        limits = {"mem_limit": self.memory, "memswap_limit": self.memory} if self.memory else {}
        return {
            "labels": {engine.LABEL: str(paths.ROOT)},
            "init": True,
            "entrypoint": ["sh", "-c", script, "sh"],
            "cap_drop": ["ALL"],
            "cap_add": ["CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID"],
            "security_opt": ["no-new-privileges"],
            **limits,
        }


def runtime(image: str, memory: str) -> Sdk:
    """The SDK's local mode on our image.

    Raises:
        UserError: another image is asked for.
        MissingRequirement: no engine, no Compose, no SDK or no image.
    """
    if image != "own":
        raise UserError(f"IMAGE={image}: RUNTIME=sdk runs our image. Use RUNTIME=docker.")
    engine.require()
    _require_compose()
    _require_sdk()
    images.check([images.TRAIN])
    return Sdk(images.TRAIN, images.SERVE, memory)


def _require_sdk() -> None:
    found = ENVIRONMENT.glob("lib/python3*/site-packages/sagemaker-[0-9]*.dist-info")
    version = next((each.name.split("-")[1].removesuffix(".dist") for each in found), "none")
    if version.partition(".")[0] != "2":
        raise MissingRequirement(
            f"RUNTIME=sdk: expected the SageMaker SDK 2.x (3.x has no TensorFlow estimator) in"
            f" {paths.relative(ENVIRONMENT)}, found {version}. Run `rm -f .stamps/sdk; make"
            " .stamps/sdk`, or use RUNTIME=docker."
        )


def create_network() -> list[str]:
    """The command that makes the SDK's network, one without a way out, before the SDK does.

    Compose takes it for its own by these labels.
    """
    labels = [
        "--label",
        f"{LABEL}.network={NETWORK}",
        "--label",
        f"{LABEL}.project={NETWORK_PROJECT}",
    ]
    return ["network", "create", "--internal", *labels, NETWORK]


def _require_compose() -> None:
    """What the SDK looks for: `docker compose` of version 2, else `docker-compose`."""
    plugin = engine.docker("compose", "version")
    found = plugin.stdout.strip() if plugin.returncode == 0 else ""
    if "v2" not in found and shutil.which("docker-compose") is None:
        raise MissingRequirement(
            "RUNTIME=sdk: expected Docker Compose, `docker compose` of version 2 or"
            f" `docker-compose`, found {found or 'none'}. Install it (Debian: apt-get install"
            " docker-compose), or use RUNTIME=docker."
        )


def _environment(project: str) -> dict[str, str]:
    """For the SDK: nothing of the caller's AWS account reaches it, and so none the job."""
    kept = {
        name: value
        for name, value in processes.clean_environment().items()
        if not name.startswith(("AWS_", "COMPOSE_"))
    }
    return {
        **kept,
        "PYTHONPATH": str(paths.SRC),
        "PYTHONWARNINGS": "ignore",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
        "COMPOSE_PROJECT_NAME": project,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _scratch(project: str) -> Path:
    """The SDK's own files of one job, on the job's file system."""
    return paths.LOCAL_MODE / project


def _listed(*arguments: str, of: str) -> list[str]:
    """What `docker <arguments>` lists of a Compose project."""
    label = f"label={LABEL}.project={of}"
    return engine.docker(*arguments, "--filter", label).stdout.split()


def _remove_networks(project: str) -> None:
    """The network, made by us or in our name, unless a job that runs beside is on it."""
    command = ("network", "ls", "--format", "{{.Name}}")
    for name in {*_listed(*command, of=NETWORK_PROJECT), *_listed(*command, of=project)}:
        removed = engine.docker("network", "rm", name)
        gone = ("active endpoints", "not found", "No such network")
        if removed.returncode != 0 and not any(word in removed.stderr for word in gone):
            raise JobFailed(
                f"network {name} could not be removed: {removed.stderr.strip()}."
                f" Remove it with `docker network rm {name}`."
            )
