"""STACK: what the chain stands on, TensorFlow 1.12 and 1.13 as in 2019, or what AWS has today.

Standard library alone: make asks before any environment is made.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from train2deploy import paths
from train2deploy.errors import UserError

VARIABLE = "STACK"
ARTICLES, TODAYS = "2019", "today"
CONTRACTS = (ARTICLES, "head", TODAYS)  # of the hosting container, see docs/contract.md
CONTRACT = "HOSTING_CONTRACT"


def chosen() -> str:
    return os.environ.get(VARIABLE) or ARTICLES


def is_todays() -> bool:
    return chosen() == TODAYS


def choose_todays() -> None:
    """For what this process starts, too."""
    os.environ[VARIABLE] = TODAYS


def contract(made_of: Mapping[str, Any] | None = None) -> str:
    """What an endpoint follows that is started now; of a package of the other stack, that one's."""
    own = str(made_of.get("stack", ARTICLES)) if made_of else chosen()
    return own if own != chosen() else os.environ.get(CONTRACT) or chosen()


def are_contracts(*names: str) -> bool:
    return set(names) <= set(CONTRACTS)


@contextlib.contextmanager
def under(name: str, variable: str = CONTRACT) -> Iterator[None]:
    """Endpoints that are started meanwhile follow this contract, or all is done on this stack."""
    before = os.environ.get(variable)
    os.environ[variable] = name
    try:
        yield
    finally:
        os.environ.pop(variable)
        if before is not None:
            os.environ[variable] = before


def scripts() -> Path:
    """The folder of our training scripts."""
    return paths.TODAYS_SOURCE if is_todays() else paths.TRAIN_SOURCE


def environment(name: str) -> str:
    """What train, serve and handler are called on this stack, and the runs of a version.

    >>> environment("train")
    'train'
    """
    suffix = f"-{TODAYS}"
    return name + suffix if is_todays() and not name.endswith(suffix) else name


def lock(name: str) -> Path:
    """What an environment is made of."""
    return paths.REQUIREMENTS / f"{environment(name)}.lock"


def recorded() -> dict[str, str]:
    """What a manifest says of it: nothing in 2019's, as before there was another."""
    return {"stack": TODAYS} if is_todays() else {}


def check(made_of: Mapping[str, Any], what: str) -> None:
    """Raises UserError where something was made on the other stack.

    Args:
        made_of: the inputs of a manifest.
        what: it is called this.
    """
    found = made_of.get("stack", ARTICLES)
    if made_of and found != chosen():
        raise UserError(
            f"{what} was made with {VARIABLE}={found}. Give {VARIABLE}={found}, or train on"
            f" {VARIABLE}={chosen()}: `make local-train package {VARIABLE}={chosen()}`."
        )
