"""A job that starts with a command of its own in place of the toolkit's `train`.

Version 3 of the SageMaker SDK starts every script so: /bin/bash runs drivers that it sends as a
channel. They name /opt/ml; where the job sees another directory, that stands there instead.
"""

import re
from pathlib import Path

from emulator.account import Record
from train2deploy.runtimes import Words

OPT_ML = re.compile(rb"/opt/ml(?![\w.-])")
DRIVERS = "sm_drivers"  # the channel of the SDK's drivers, which no user has written
QUOTED = re.compile(r"[^\w/.,:+@%-]")  # what a shell reads otherwise: the drivers quote no path


class Unfit(Exception):
    """The command cannot run here."""


def of(job: Record) -> tuple[Words, Words]:
    """(ContainerEntrypoint, ContainerArguments); both empty: the image's own command."""
    asked = job["AlgorithmSpecification"]
    return asked.get("ContainerEntrypoint") or [], asked.get("ContainerArguments") or []


def at(base: Path, *commands: Words) -> list[Words]:
    """The commands, and the drivers on disk, for a job that sees `base` as its /opt/ml.

    Raises:
        Unfit: a shell would not take this path for one.
    """
    found = QUOTED.search(str(base))
    if found:
        raise Unfit(
            f"ContainerEntrypoint: its commands name /opt/ml, which is {base} here, and"
            f" {found.group()!r} in it means something to a shell. Move the emulator's directory,"
            " or use RUNTIME=docker."
        )
    place = str(base).encode()
    for file in (base / "input" / "data" / DRIVERS).rglob("*"):
        if file.is_file() and file.suffix != ".pyc":
            file.write_bytes(OPT_ML.sub(place, file.read_bytes()))
    return [[OPT_ML.sub(place, word.encode()).decode() for word in words] for words in commands]
