"""The runtime that make's variables name."""

import re

from train2deploy.errors import UserError
from train2deploy.runtimes import Runtime, TrainingRuntime, docker, host, sdk

MEMORY = re.compile(r"(\d+(?:\.\d+)?)([bkmg]?)b?", re.ASCII | re.IGNORECASE)
LEAST_MEMORY = 6 * 1024 * 1024  # docker's


def named(
    name: str,
    image: str = "own",
    model_server: str = "own",
    memory: str = "",
    variable: str = "RUNTIME",
) -> Runtime:
    """The runtime that RUNTIME=, IMAGE=, MODEL_SERVER= and MEMORY= name.

    Args:
        variable: of make, which gave the name.

    Raises:
        UserError: there is none of that name.
        MissingRequirement: docker is asked for, and no engine answers or an image is missing.
    """
    if name == "host":
        return host.HOST
    if name == "docker":
        _check_memory(memory)
        return docker.runtime(image, model_server, memory)
    if variable != "RUNTIME":
        raise UserError(f"{variable}={name}: expected host, docker or cloud.")
    if name == "sdk":
        raise UserError(
            "RUNTIME=sdk: the SDK's local mode is for `make local-train` alone. Use"
            " RUNTIME=docker, which serves in the same images."
        )
    raise UserError(f"RUNTIME={name}: expected host or docker (to train: or sdk).")


def training(
    name: str, image: str = "own", model_server: str = "own", memory: str = ""
) -> TrainingRuntime:
    """As `named`, for what trains and does not serve: the SDK's local mode does, too."""
    if name != "sdk":
        return named(name, image, model_server, memory)
    _check_memory(memory)
    return sdk.runtime(image, memory)


def _check_memory(given: str) -> None:
    """Raises UserError for what is not a limit to Docker: a number, and a unit of b, k, m or g."""
    match = MEMORY.fullmatch(given)
    unit = "bkmg".index((match.group(2) or "b").lower()) if match else 0
    if given and (match is None or float(match.group(1)) * 1024**unit < LEAST_MEMORY):
        raise UserError(f"MEMORY={given}: expected 6m or more, such as 512m or 2g.")
