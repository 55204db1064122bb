"""RUNTIME=host: the environments that `make setup` made, on this machine."""

import os
from pathlib import Path

from train2deploy import paths, processes, stack
from train2deploy.errors import MissingRequirement, UserError
from train2deploy.runtimes import Instance, Launch, Paths, Side, Variables, Words


class Host:
    """Plain processes; a job's directory stands for /opt/ml (SAGEMAKER_BASE_DIR).

    Args:
        of: the stack whose containers these stand for; "": as STACK and HOSTING_CONTRACT say.
    """

    name = "host"

    def __init__(self, of: str = "") -> None:
        self._of = of

    def of(self, name: str) -> "Host":
        return Host(name)

    def instance(self, job: Path) -> Instance:
        """Only these names resolve on a machine that is not SageMaker's."""
        return Instance(base=str(job), host="localhost", interface="lo")

    def toolkit(self, job: Path, variables: Variables) -> Launch:
        python = self._python("train")
        return self.command(job, [str(python), str(python.with_name("train"))], [], variables)

    def command(self, job: Path, command: Words, arguments: Words, variables: Variables) -> Launch:
        """See Runtime. The training environment's programs are found before others."""
        binaries = self._python("train").parent
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
        return Launch([str(self._python(side)), *words], environment)

    def endpoint(self, model_dir: Path, port: int, dev: bool) -> Launch:
        """See Runtime. The caller's SAGEMAKER_* variables reach the endpoint."""
        if not model_dir.is_dir():
            raise UserError(f"MODEL_DIR={model_dir}: expected a directory, found none.")
        python = str(self._python("serve"))
        command = [python, "-m", "hosting", "--model-dir", str(model_dir.resolve())]
        environment = endpoint_environment(port, dev)
        return Launch(command, {**environment, stack.CONTRACT: self._contract()})

    def finish(self, launch: Launch) -> str:
        """Nothing is left: process groups are ended by who started them."""
        return ""

    def _contract(self) -> str:
        """Of an endpoint: HOSTING_CONTRACT chooses among those of one stack."""
        given = os.environ.get(stack.CONTRACT) or stack.ARTICLES
        of_the_other = self._of and (self._of == stack.TODAYS) != (given == stack.TODAYS)
        return self._of if of_the_other else given

    def _python(self, side: Side) -> Path:
        of = self._contract() if side == "serve" else self._of or stack.chosen()
        path = paths.TRAIN_PYTHON if side == "train" else paths.SERVE_PYTHON
        if of == stack.TODAYS:
            path = paths.VENVS / f"{side}-{stack.TODAYS}" / "bin" / "python"
        if not path.exists():
            kind = "training" if side == "train" else "serving"
            do = "Run `make setup`, or use RUNTIME=docker."
            if of == stack.TODAYS and not stack.is_todays():
                do = f"Run `make setup {stack.VARIABLE}={stack.TODAYS}`."
            missing = f"{paths.relative(path)}: the {kind} environment is missing."
            raise MissingRequirement(f"{missing} {do}")
        return path


HOST = Host()


def endpoint_environment(port: int, dev: bool) -> dict[str, str]:
    """The container's, and what the endpoint is told."""
    return processes.endpoint_environment(
        PYTHONPATH=str(paths.SRC),
        PYTHONDONTWRITEBYTECODE="1",
        SAGEMAKER_BIND_TO_PORT=str(port),
        DEV="1" if dev else "0",
    )
