"""The Docker engine, by its command line client: what every container of ours is started with.

Containers carry the label LABEL=<root of the repository>, so that what is ours is found
and nothing else is ever touched.
"""

import csv
import io
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from train2deploy import paths, processes
from train2deploy.errors import JobFailed, MissingRequirement
from train2deploy.runtimes import Launch

LABEL = "train2deploy.root"
ANSWER_SECONDS = 20

NO_ENGINE = (
    "expected a Docker engine that answers, found {found}. Start it (Docker Desktop, or"
    " `systemctl start docker`; where no init system runs, as root: `dockerd &`), or use"
    " RUNTIME=host."
)


def docker(*arguments: str, seconds: float | None = None) -> "subprocess.CompletedProcess[str]":
    """`docker <arguments>` to its end; the caller looks at the exit status."""
    return processes.captured(["docker", *arguments], seconds=seconds)


def require() -> None:
    """Raises MissingRequirement unless an engine answers."""
    if shutil.which("docker") is None:
        raise MissingRequirement(NO_ENGINE.format(found="no `docker` on PATH"))
    try:
        answer = docker("info", "--format", "{{.ServerVersion}}", seconds=ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        raise MissingRequirement(
            NO_ENGINE.format(found=f"none within {ANSWER_SECONDS} s")
        ) from None
    if answer.returncode != 0:
        reason = processes.last_line(answer.stderr)
        raise MissingRequirement(NO_ENGINE.format(found=f"none ({reason})"))


@dataclass(frozen=True)
class Container:
    """What one container may see and use."""

    image: str
    command: Sequence[str]
    # directory of this machine, place in the container, whether it may write
    mounts: Sequence[tuple[Path, str, bool]] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    network: str = "none"
    hostname: str = ""
    publish: int | None = None  # a port of 127.0.0.1 here, for the container's port 8080
    memory: str = ""
    entrypoint: str = ""  # in place of the image's own, "" for that
    as_caller: bool = True  # as the calling user, without capabilities; else as the image says
    # it stays after its end until it is looked at (`ended_for_memory`) and removed
    keep: bool = False

    def launch(self) -> Launch:
        """`docker run` in the foreground: signals and exit status are the container's.

        It runs as the calling user, so that no file of root's is left, and with an init
        process, so that signals end it at once.
        """
        name = f"train2deploy-{secrets.token_hex(6)}"
        arguments = ["docker", "run", "--name", name, "--label", f"{LABEL}={paths.ROOT}"]
        arguments += ["--pull", "never", "--init", "--interactive", "--network", self.network]
        arguments += ["--security-opt", "no-new-privileges"]
        if self.as_caller:
            arguments += ["--user", f"{os.getuid()}:{os.getgid()}", "--cap-drop", "ALL"]
        if not self.keep:
            arguments += ["--rm"]
        if self.hostname:
            arguments += ["--hostname", self.hostname, "--add-host", f"{self.hostname}:127.0.0.1"]
        if self.publish is not None:
            arguments += ["--publish", f"127.0.0.1:{self.publish}:8080"]
        if self.memory:
            arguments += ["--memory", self.memory, "--memory-swap", self.memory]
        if self.entrypoint:
            arguments += ["--entrypoint", self.entrypoint]
        for source, target, writable in self.mounts:
            arguments += ["--mount", _mount(source, target, writable)]
        home = {"HOME": "/tmp"} if self.as_caller else {}  # noqa: S108
        for variable, value in {**home, **self.variables}.items():
            arguments += ["--env", f"{variable}={value}"]
        return Launch([*arguments, self.image, *self.command], dict(os.environ), name)


def ended_for_memory(container: str) -> bool:
    """Whether the kernel killed something in a kept container, for lack of memory."""
    state = docker("inspect", "--format", "{{.State.OOMKilled}}", container)
    return state.stdout.strip() == "true"


def remove(container: str) -> None:
    """Ends and removes one container of ours; none of that name is no error."""
    removed = docker("rm", "--force", "--volumes", container)
    if "already in progress" in removed.stderr:  # it has just ended, and --rm is at work
        docker("wait", container)
        removed = docker("rm", "--force", "--volumes", container)
    gone = ("No such container", "already in progress")
    if removed.returncode != 0 and not any(word in removed.stderr for word in gone):
        raise JobFailed(
            f"container {container} could not be removed: {removed.stderr.strip()}."
            f" Remove it with `docker rm -f {container}`."
        )


def ours() -> list[str]:
    """Names of all containers of this repository, running or not."""
    listed = docker(
        "ps", "--all", "--filter", f"label={LABEL}={paths.ROOT}", "--format", "{{.Names}}"
    )
    return listed.stdout.split()


def _mount(source: Path, target: str, writable: bool) -> str:
    """--mount takes a line of CSV.

    >>> _mount(Path("/a,b"), "/opt/ml", False)
    'type=bind,"source=/a,b",target=/opt/ml,readonly'
    """
    fields = ["type=bind", f"source={source.resolve()}", f"target={target}"]
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields if writable else [*fields, "readonly"])
    return line.getvalue()
