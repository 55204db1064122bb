"""RUNTIME=host: the environments that `make setup` made, on this machine."""

import os
from pathlib import Path

from train2deploy import paths, processes, stack
from train2deploy.errors import MissingRequirement, UserError
from train2deploy.runtimes import Instance, Launch, Paths, Side, Variables, Words


class Host:
    """Plain processes; a job's directory stands for /opt/ml (SAGEMAKER_BASE_DIR)."""

    name = "host"

    def instance(self, job: Path) -> Instance:
        """Only these names resolve on a machine that is not SageMaker's."""
        return Instance(base=str(job), host="localhost", interface="lo")

    def toolkit(self, job: Path, variables: Variables) -> Launch:
        python = _python("train")
        return self.command(job, [str(python), str(python.with_name("train"))], [], variables)

    def command(self, job: Path, command: Words, arguments: Words, variables: Variables) -> Launch:
        """See Runtime. The training environment's programs are found before others."""
        binaries = _python("train").parent
        environment = processes.clean_environment(
            SAGEMAKER_BASE_DIR=str(job),
            PATH=f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            # A container of SageMaker's CPU types sees no GPU either.
            CUDA_VISIBLE_DEVICES="",
            PYTHONDONTWRITEBYTECODE="1",
            **variables,
        )
        return Launch([*command, *arguments], environment)

    def python(
        self, side: Side, words: Words, variables: Variables, reads: Paths = (), writes: Paths = ()
    ) -> Launch:
        environment = processes.clean_environment(
            PYTHONPATH=str(paths.SRC), PYTHONDONTWRITEBYTECODE="1", **variables
        )
        return Launch([str(_python(side)), *words], environment)

    def endpoint(self, model_dir: Path, port: int, dev: bool) -> Launch:
        """See Runtime. The caller's SAGEMAKER_* variables reach the endpoint."""
        if not model_dir.is_dir():
            raise UserError(f"MODEL_DIR={model_dir}: expected a directory, found none.")
        command = [str(_python("serve")), "-m", "hosting", "--model-dir", str(model_dir.resolve())]
        return Launch(command, endpoint_environment(port, dev))

    def finish(self, launch: Launch) -> str:
        """Nothing is left: process groups are ended by who started them."""
        return ""


HOST = Host()


def endpoint_environment(port: int, dev: bool) -> dict[str, str]:
    """The container's, and what the endpoint is told."""
    return processes.endpoint_environment(
        PYTHONPATH=str(paths.SRC),
        PYTHONDONTWRITEBYTECODE="1",
        SAGEMAKER_BIND_TO_PORT=str(port),
        DEV="1" if dev else "0",
    )


def _python(side: Side) -> Path:
    path = paths.TRAIN_PYTHON if side == "train" else paths.SERVE_PYTHON
    serves_today = side == "serve" and os.environ.get("HOSTING_CONTRACT") == stack.TODAYS
    if serves_today or (side == "train" and stack.is_todays()):
        path = paths.VENVS / f"{side}-{stack.TODAYS}" / "bin" / "python"
    if not path.exists():
        kind = "training" if side == "train" else "serving"
        do = "Run `make setup`, or use RUNTIME=docker."
        if serves_today and not stack.is_todays():
            do = "Run `make .stamps/serve-today .stamps/handler-today`."
        raise MissingRequirement(f"{paths.relative(path)}: the {kind} environment is missing. {do}")
    return path
