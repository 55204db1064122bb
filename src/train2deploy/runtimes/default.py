"""The runtime that suits this machine, where RUNTIME= names none.

Standard library alone: it is asked before any environment is made.
"""

import os

from train2deploy import machine, paths, pythons, stack

IMAGES = ("train2deploy/train:1.12", "train2deploy/serve:1.13")
"""images.TRAIN and images.SERVE, which a test compares."""
TODAYS = f"{stack.TODAYS} (TensorFlow 2.21, CPython 3.12"


def choice(named: str = "") -> str:
    """Its name and the reason: a runtime of 2019's stack, or `today` for the other stack.

    Containers where they are ready, else this machine's own Python 3.6, else containers that are
    built first, else today's stack, which needs neither.

    Args:
        named: the stack that is asked for; "": none.
    """
    if named == stack.TODAYS:
        return f"{TODAYS} on this machine)"
    if machine.succeeds("docker", "image", "inspect", *IMAGES):
        return "docker (an engine answers and has our images; RUNTIME=host does without)"
    if paths.TRAIN_PYTHON.exists() or pythons.find(os.environ.get("PYTHON36", "")):
        return "host (no engine that has our images; RUNTIME=docker builds them)"
    if pythons.is_of_use() and machine.engine_answers():
        return "docker (no CPython 3.6 here, but an engine answers; its images are built first)"
    if not named and _has_todays():
        return f"{TODAYS}: no CPython 3.6 here, and no engine that could run its containers)"
    return "host (no engine answers)"


def _has_todays() -> bool:
    made = (paths.STAMPS / f"train-{stack.TODAYS}").exists()
    return made or bool(pythons.find(os.environ.get("PYTHON312", ""), pythons.TODAYS))
