"""The runtime that suits this machine, where RUNTIME= names none.

Standard library alone: it is asked before any environment is made.
"""

import os

from train2deploy import machine, paths, pythons

IMAGES = ("train2deploy/train:1.12", "train2deploy/serve:1.13")
"""images.TRAIN and images.SERVE, which a test compares."""


def choice() -> str:
    """Its name and the reason.

    Containers where they are ready or the only way, else this machine's own Python 3.6.
    """
    if machine.succeeds("docker", "image", "inspect", *IMAGES):
        return "docker (an engine answers and has our images; RUNTIME=host does without)"
    if paths.TRAIN_PYTHON.exists() or pythons.find(os.environ.get("PYTHON36", "")):
        return "host (no engine that has our images; RUNTIME=docker builds them)"
    if machine.engine_answers():
        return "docker (no CPython 3.6 here, but an engine answers; its images are built first)"
    return "host (no engine answers)"
