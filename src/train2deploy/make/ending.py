"""How the last command of a target learns that it is to end with the line of next_step.py."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

VARIABLE = "TRAIN2DEPLOY_NEXT"


@dataclass(frozen=True)
class Target:
    """One that a user gave to make, and what was given with it."""

    goal: str
    given: Mapping[str, str]


def handed_on(goal: str, given: Mapping[str, str]) -> dict[str, str]:
    """What the environment of the command is to have."""
    return {VARIABLE: json.dumps({"goal": goal, "given": dict(given)})}


def taken() -> Target | None:
    """Out of the environment: what this command starts is not the target's end."""
    said = os.environ.pop(VARIABLE, "")
    return Target(**json.loads(said)) if said else None
