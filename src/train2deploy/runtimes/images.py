"""The images: what they are called, and `make images`.

    base     python:3.6-slim where it can be pulled, else docker/base (this machine's
             Debian and CPython 3.6)
    train    docker/train on the base
    serve    docker/serve on the base

The engine's build cache decides what is built again.
"""

import os
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from train2deploy import console, paths, processes, pythons
from train2deploy.errors import JobFailed, MissingRequirement
from train2deploy.hashing import sha256_tree
from train2deploy.runtimes import engine

TRAIN = "train2deploy/train:1.12"
SERVE = "train2deploy/serve:1.13"
OFFLINE_BASE = "train2deploy/base:3.6"
OFFLINE_BUILDER = "train2deploy/builder:3.6"

OFFICIAL_MODEL_SERVER = "tensorflow/serving:1.13.0"
"""tensorflow_model_server as its makers built it; in no package registry. By its tag: no digest
of it is published where two independent sources could be compared. OFFICIAL_SERVING_IMAGE= names
another, or this one with the digest that you trust."""

PULL_SECONDS = 900
LOG = paths.BUILD / "images.log"


def serve_name(model_server: str) -> str:
    """The serving image with our model server ("own") or with the official one."""
    return SERVE if model_server == "own" else f"{SERVE}-official"


def exists(image: str) -> bool:
    """Whether the engine has an image of this name."""
    return engine.docker("image", "inspect", image).returncode == 0


def check(names: Iterable[str]) -> None:
    """Raises MissingRequirement for the first image that is not there."""
    for name in names:
        if not exists(name):
            raise MissingRequirement(
                f"image {name}: expected it in the Docker engine, found none. Run `make images`"
                " (with the same MODEL_SERVER=)."
            )


def build(model_server: str = "own", official: str = OFFICIAL_MODEL_SERVER) -> None:
    """Builds what is missing or has changed; says names, sizes and seconds."""
    engine.require()
    LOG.parent.mkdir(parents=True, exist_ok=True)
    LOG.write_text("", encoding="utf-8")
    base, builder = _base()
    _build("docker/train/Dockerfile", TRAIN, {"BASE": base, "BUILDER": builder})
    arguments = {"BASE": base}
    if model_server == "official":
        _pull(official)
        arguments["MODEL_SERVER"] = official
    _build("docker/serve/Dockerfile", serve_name(model_server), arguments)
    (paths.STAMPS / f"images-{model_server}").touch()  # for make


def _base() -> tuple[str, str]:
    """The base and the image that compiles for it."""
    public = _default("BASE"), _default("BUILDER")
    if all(exists(image) for image in public):
        return public
    current = sha256_tree(_root() / "docker" / "base")
    if _label(OFFLINE_BASE) == current and exists(OFFLINE_BUILDER):
        return OFFLINE_BASE, OFFLINE_BUILDER
    try:
        for image in public:
            _pull(image)
    except MissingRequirement as error:
        python = pythons.find(os.environ.get("PYTHON36", ""))
        if python is None:
            raise MissingRequirement(
                f"{error} The images need a network that reaches its registry, else a Python of"
                f" this machine. {pythons.advice(containers=False)}"
            ) from None
        console.say(f"{error} Making {OFFLINE_BASE} of this machine's Debian instead.")
    else:
        return public
    started = time.monotonic()
    _run([str(_root() / "docker/base/build.sh"), str(python), OFFLINE_BASE, current], OFFLINE_BASE)
    _say(OFFLINE_BASE, started)
    _build("docker/base/builder.Dockerfile", OFFLINE_BUILDER, {"BASE": OFFLINE_BASE})
    return OFFLINE_BASE, OFFLINE_BUILDER


def _build(dockerfile: str, image: str, arguments: dict[str, str]) -> None:
    started = time.monotonic()
    command = ["docker", "build", "--force-rm", "--tag", image]
    command += ["--file", str(_root() / dockerfile)]
    for name, value in arguments.items():
        command += ["--build-arg", f"{name}={value}"]
    before = _id(image)
    _run([*command, str(_root())], image)
    _say(image, started, built=_id(image) != before)


def _run(command: list[str], image: str) -> None:
    """A build: its output to LOG, the last lines of it shown when it fails."""
    with LOG.open("ab") as log:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode != 0:
        last = LOG.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-12:]
        raise JobFailed(
            "\n".join(last)
            + f"\n{image} could not be built (exit status {done.returncode})."
            + f" The whole log: {paths.relative(LOG)}"
        )


def _pull(image: str) -> None:
    if exists(image):
        return
    try:
        pulled = engine.docker("pull", "--quiet", image, seconds=PULL_SECONDS)
    except subprocess.TimeoutExpired:
        raise MissingRequirement(f"{image}: not pulled within {PULL_SECONDS} s.") from None
    if pulled.returncode != 0:
        reason = processes.last_line(pulled.stderr)
        short = image.partition("@")[0]
        raise MissingRequirement(f"{short} can't be pulled ({reason.rpartition(': ')[2]}).")


def _say(image: str, started: float, built: bool = True) -> None:
    size = int(engine.docker("image", "inspect", "--format", "{{.Size}}", image).stdout) / 1e6
    seconds = time.monotonic() - started
    console.say(f"{image}: {size:.0f} MB, " + (f"{seconds:.0f} s" if built else "up to date"))


def _id(image: str) -> str:
    return engine.docker("image", "inspect", "--format", "{{.Id}}", image).stdout.strip()


def _label(image: str) -> str:
    form = '{{index .Config.Labels "train2deploy.inputs"}}'
    return engine.docker("image", "inspect", "--format", form, image).stdout.strip()


def _default(argument: str) -> str:
    """The default of a Dockerfile's ARG, which is where the public images are pinned."""
    for line in (_root() / "docker" / "train" / "Dockerfile").read_text().splitlines():
        if line.startswith(f"ARG {argument}="):
            return line.partition("=")[2]
    raise JobFailed(f"docker/train/Dockerfile: expected a line ARG {argument}=…, found none.")


def _root() -> Path:
    """The repository itself: what a build copies must not lie behind a link."""
    return (paths.ROOT / "docker").resolve().parent
