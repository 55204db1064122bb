"""Where the TensorFlow 1.x side runs: in environments on this machine, or in containers.

A runtime turns "run the toolkit on this tree", "run this module in the serving
environment" or "serve this directory" into a command of this machine. Who starts the
command, follows it and ends it is the same for both.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from train2deploy import paths, processes
from train2deploy.errors import JobFailed

Side = Literal["train", "serve"]
"""The two environments: TensorFlow 1.12 with the AWS toolkit, TensorFlow 1.13."""
Words = Sequence[str]
Variables = Mapping[str, str]
Paths = Sequence[Path]


@dataclass(frozen=True)
class Launch:
    """A command of this machine."""

    arguments: list[str]
    environment: dict[str, str]
    # the name of the container that the command runs (or of its Compose project), "" where
    # there is none
    container: str = ""


@dataclass(frozen=True)
class Instance:
    """What a job's configuration says of the machine that it runs on (docs/contract.md#b1)."""

    base: str  # the job's directory as the job sees it: /opt/ml
    host: str
    interface: str
    # it lacks the third-party modules; they must lie beside the script
    modules_beside: bool = False


class TrainingRuntime(Protocol):
    """Runs jobs. Every Launch that was started must be given to `finish` afterwards."""

    @property
    def name(self) -> str:
        """host, docker or sdk."""

    def instance(self, job: Path) -> Instance:
        """How the job in this directory sees its machine."""

    def toolkit(self, job: Path, variables: Variables) -> Launch:
        """The AWS toolkit's `train` on a job's directory."""

    def python(
        self, side: Side, words: Words, variables: Variables, reads: Paths = (), writes: Paths = ()
    ) -> Launch:
        """Python 3.6 of one side, with these words after it.

        src/ is its search path; it may read and write no more than what is named.
        """

    def finish(self, launch: Launch) -> str:
        """Leaves nothing behind of a command that has ended or was killed.

        Returns:
            Why it ended, where the runtime knows that better than the command's output.
        """


class Runtime(TrainingRuntime, Protocol):
    """Runs jobs and endpoints: host or docker."""

    def of(self, name: str) -> "Runtime":
        """The same for the containers of a stack, whatever STACK says; UserError: it has none."""

    def command(self, job: Path, command: Words, arguments: Words, variables: Variables) -> Launch:
        """Another command than the toolkit's on a job's directory, or other arguments alone."""

    def endpoint(self, model_dir: Path, port: int, dev: bool) -> Launch:
        """src/hosting on an unpacked model, at 127.0.0.1:port."""


def run(runtime: TrainingRuntime, launch: Launch) -> tuple[int, list[str]]:
    """Runs a launch to its end.

    Returns:
        Its exit status, negative for a signal, and the lines that it printed.
    """
    lines: list[str] = []
    try:
        status = processes.run_streaming(
            launch.arguments, launch.environment, paths.ROOT, lines.append
        )
    finally:
        runtime.finish(launch)
    return status, lines


def ask(runtime: TrainingRuntime, module: str, arguments: Sequence[Path], question: object) -> Any:
    """What a module of the serving side says to a question, both as JSON.

    Args:
        arguments: what it reads.

    Raises:
        JobFailed: it failed; with what it printed.
    """
    words = ["-m", module, *map(str, arguments)]
    launch = runtime.python("serve", words, {"TF_CPP_MIN_LOG_LEVEL": "2"}, reads=arguments)
    try:
        asked = json.dumps(question)
        done = processes.captured(launch.arguments, launch.environment, asked, cwd=paths.ROOT)
    finally:
        runtime.finish(launch)
    if done.returncode != 0:
        raise JobFailed(done.stderr.strip() or "no reason given")
    return json.loads(done.stdout)
