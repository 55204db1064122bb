"""RUNTIME=docker: the same commands in containers that stand for SageMaker's."""

import os
from dataclasses import dataclass
from pathlib import Path

from train2deploy import paths, stack
from train2deploy.errors import UserError
from train2deploy.runtimes import Instance, Launch, Paths, Side, Variables, Words, engine, images
from train2deploy.runtimes.host import HOST

HOSTNAME = "algo-1"  # SageMaker's name for the first instance of a job

SERVED = ("SAGEMAKER_", "TFS_", "HOSTING_", "GUNICORN_", "OMP_", "TF_")
"""Beginnings of the names of the caller's variables that reach an endpoint."""

PASSED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
"""Variables of this machine that change how fast or exactly numbers come out."""


@dataclass(frozen=True)
class Training:
    """What runs in containers of two images, but for endpoints."""

    train_image: str
    serve_image: str
    memory: str = ""  # a container's limit ("2g"), "" for none
    aws: bool = False  # the images are AWS's, which lack what our own modules import

    @property
    def name(self) -> str:
        return "docker"

    def instance(self, job: Path) -> Instance:
        """As SageMaker's."""
        return Instance("/opt/ml", HOSTNAME, "eth0", modules_beside=self.aws)

    def toolkit(self, job: Path, variables: Variables) -> Launch:
        """See Runtime. Without network: a job needs none."""
        return self.command(job, [], ["train"], variables)

    def command(self, job: Path, command: Words, arguments: Words, variables: Variables) -> Launch:
        """See Runtime. `command` takes the place of the image's entry point, where there is one."""
        return engine.Container(
            image=self.train_image,
            entrypoint=command[0] if command else "",
            command=[*command[1:], *arguments],
            mounts=[(job, "/opt/ml", True)],
            variables={**passed(), **variables},
            hostname=HOSTNAME,
            memory=self.memory,
            keep=True,
        ).launch()

    def python(
        self, side: Side, words: Words, variables: Variables, reads: Paths = (), writes: Paths = ()
    ) -> Launch:
        """See Runtime. Every path is the same inside as outside."""
        if self.aws:
            return HOST.python(side, words, variables)
        mounts = [(path, str(path), False) for path in (paths.SRC, *reads)]
        mounts += [(path, str(path), True) for path in writes]
        return engine.Container(
            image=self.train_image if side == "train" else self.serve_image,
            command=["python", *words],
            mounts=mounts,
            variables={**passed(), "PYTHONPATH": str(paths.SRC), **variables},
            memory=self.memory,
        ).launch()

    def finish(self, launch: Launch) -> str:
        if not launch.container:
            return ""
        try:
            short = self.memory and engine.ended_for_memory(launch.container)
        finally:
            engine.remove(launch.container)
        return f"the container ran out of memory (MEMORY={self.memory})" if short else ""


class Docker(Training):
    """Containers of two images."""

    def of(self, name: str) -> "Docker":
        if name == stack.TODAYS:
            missing = f"there is no image of {name}'s container."
            raise UserError(f"RUNTIME={self.name}: expected RUNTIME=host: {missing}")
        return self

    def endpoint(self, model_dir: Path, port: int, dev: bool) -> Launch:
        """See Runtime. The model is mounted read-only, as on SageMaker."""
        if not model_dir.is_dir():
            raise UserError(f"MODEL_DIR={model_dir}: expected a directory, found none.")
        variables = {k: v for k, v in os.environ.items() if k.startswith(SERVED)}
        self.of(variables.get(stack.CONTRACT, ""))
        several = variables.get("SAGEMAKER_MULTI_MODEL") == "true"
        return engine.Container(
            image=self.serve_image,
            command=["serve"],
            mounts=[(model_dir, "/opt/ml/models" if several else "/opt/ml/model", False)],
            variables={
                **passed(),
                **variables,
                "SAGEMAKER_BIND_TO_PORT": "8080",
                "DEV": "1" if dev else "0",
            },
            network="bridge",
            publish=port,
            memory=self.memory,
            # AWS's nginx needs to be root; the model is read-only, so no file of root's is left.
            as_caller=not self.aws,
        ).launch()


def runtime(image: str, model_server: str, memory: str) -> Docker:
    """The runtime of our images, or of AWS's (image="aws").

    Raises:
        MissingRequirement: no engine, or an image is missing and cannot be obtained.
    """
    engine.require()
    if image == "aws":
        from train2deploy.runtimes import aws_images

        train, serve = aws_images.train(), aws_images.serve()
    else:
        train, serve = images.TRAIN, images.serve_name(model_server)
    images.check([train, serve])
    return Docker(train, serve, memory, aws=image == "aws")


def passed() -> dict[str, str]:
    """PASSED, as far as this machine has them."""
    return {name: os.environ[name] for name in PASSED if name in os.environ}
