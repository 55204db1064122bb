"""Where a user has got to, and what comes next: what `make` alone says, and a line after a target.

The line goes to standard error: what a command prints on standard output may be read by a program.
"""

import contextlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from train2deploy import paths
from train2deploy.errors import UserError
from train2deploy.make.ending import Target
from train2deploy.make.targets import TARGETS

if TYPE_CHECKING:
    from train2deploy.status import Node

CARRIED = (
    "DATASET SPLIT TITLES CLEAN VERSION SCRIPT CHANNELS SEED SPLIT_SEED TOKENS STACK RUNTIME CLOUD"
)
"""What is given to one target and goes on to the next, as far as that knows it."""
WHAT = "train2deploy: a Keras text classifier, trained and deployed to SageMaker, rehearsed here"
COMMAND = "make dry-run (environments, data, training, package, endpoint, answer: 2 minutes)"
SERVE, INVOKE = "make local-serve DETACH=1", "make invoke Q='…'"
EMULATOR, PLAN = "make emulator DETACH=1", "make cloud-plan"
FOLLOWING = {
    "data": "make local-train",
    "vectors": "make local-train",
    "local-serve": INVOKE,
    "dry-run": SERVE,
    "bench": "make soak",
    "reproduce": "make runs",
    "runs": "make compare A=<run> B=<run>",
    "compare": "make report",
    "reference": "git diff results README.md README.ja.md",
    "checklist": "git diff results/CHECKLIST.md",
    "published-check": "make reproduce DATASET=knbc VERSION=bilstm SPLIT=published SPLITS=5",
    "emulator": "make cloud-plan CLOUD=emulator",
    "emulator-stop": PLAN,
    "cloud-policy": PLAN,
    "cloud-train": "make package cloud-deploy",
    "cloud-tune": "make cloud-status",
    "cloud-deploy": "make cloud-invoke",
    "cloud-invoke": "make cloud-delete",
    "cloud-batch": "make cloud-delete",
    "cloud-scale": "make cloud-load",
    "cloud-load": "make cloud-metrics",
    "cloud-metrics": "make cloud-status",
    "cloud-compare": "make cloud-promote",
    "cloud-promote": "make cloud-status",
    "cloud-captured": "make evaluate CAPTURED=build/cloud/captured.csv",
    "cloud-expire": "make cloud-status",
    "images": "make dry-run RUNTIME=docker",
    "notebooks": "git diff notebooks",
    "clean": "make dry-run",
    "lock": "make setup",
}
"""Whatever else is there."""


def after(goal: str, given: Mapping[str, str]) -> str:
    """The command that comes after a target."""
    if goal == "cloud-delete":
        return "make emulator-stop" if given.get("CLOUD") == "emulator" else "make cloud-status"
    command = FOLLOWING.get(goal) or _by_state(goal, given)
    return _carried(command, given)


def _carried(command: str, given: Mapping[str, str]) -> str:
    """With what was given for model, data and account, where the next target takes it.

    >>> _carried("make cloud-train", {"CLOUD": "emulator", "VERSION": "v2", "YES": "1"})
    'make cloud-train VERSION=v2 CLOUD=emulator'
    """
    words = command.split()
    targets = [TARGETS[word] for word in words if word in TARGETS]
    takes = {name for one in targets for name in f"{one.takes} RUNTIME STACK".split()}
    said = {word.partition("=")[0] for word in words}
    return " ".join([
        command,
        *(f"{name}={given[name]}" for name in CARRIED.split()
          if name in given and name not in said and name in takes),
    ])  # fmt: skip


def _by_state(goal: str, given: Mapping[str, str]) -> str:
    try:
        found = _nodes()
    except ImportError:  # a Python without the host tool's packages: doctor's
        return "make status" if paths.LATEST_JOB.exists() else "make dry-run"
    job, package = found["latest job"], found["package"]
    if goal == "local-train" and _is_published(given):
        return "make reproduce SPLITS=5"
    if goal == "cloud-plan":
        return "make cloud-deploy" if package.text and not package.stale else "make cloud-train"
    if goal == "cloud-status":
        return "make cloud-delete" if found["cloud"].text else PLAN
    if goal == "package" and package.text:
        endpoint = found["endpoint"]
        return endpoint.command if endpoint.stale or not endpoint.text else "make evaluate"
    if goal == "invoke" and package.text:
        return _measured(found) or "make local-stop"
    if goal == "local-stop" and job.text and package.text:
        return _measured(found) or _of_cloud(found)
    return progress(found)


def progress(found: "Mapping[str, Node]") -> str:
    """The first thing that is stale or not there yet, in the order of the main job."""
    job, package = found["latest job"], found["package"]
    if not job.text and not package.text:
        return "make local-train" if found["data"].text else "make dry-run"
    if job.stale and job.command:
        return job.command
    if package.stale or not package.text:
        return package.command
    return _measured(found) or _of_endpoint(found) or _of_cloud(found)


def _measured(found: "Mapping[str, Node]") -> str:
    """What scores or compares our package, where that has not been done."""
    from train2deploy import package

    if {"model", "code"} & package.made_of(paths.MODEL_ARCHIVE).keys():
        return ""  # somebody's own: what it can be asked, they know
    for name in ("evaluation", "verification"):
        if found[name].stale or not found[name].text:
            return found[name].command
    return ""


def _of_endpoint(found: "Mapping[str, Node]") -> str:
    endpoint = found["endpoint"]
    return endpoint.command if endpoint.stale or not endpoint.text else ""


def _of_cloud(found: "Mapping[str, Node]") -> str:
    if found["cloud"].text:
        return found["cloud"].command
    return f"{PLAN} CLOUD=emulator" if paths.EMULATOR_STATE.exists() else EMULATOR


def _is_published(given: Mapping[str, str]) -> bool:
    from train2deploy import versions

    return versions.is_published(given.get("VERSION", "v1"))


def _nodes() -> "dict[str, Node]":
    """The lines of `make status`, by name."""
    from train2deploy import status

    def flat(nodes: "Sequence[Node]") -> "Iterator[tuple[str, Node]]":
        for node in nodes:
            yield node.name, node
            yield from flat(node.children)

    nothing = {name: status.Node(name, "") for name in ("endpoint", "evaluation", "verification")}
    return {**nothing, **dict(flat(status.tree()))}


def said(target: Target | None, status: int) -> int:
    """Says the line where a target has come to its end; the exit status, as it was."""
    if target and status == 0:
        # It is a service: what was asked for is done.
        with contextlib.suppress(UserError, OSError, ValueError, KeyError, ImportError):
            line = f"next: {after(target.goal, target.given)}"
            print(line, file=sys.stderr, flush=True)
    return status


def opening() -> list[str]:
    """What this is, the one command, where it has got to here, what next, and where to read."""
    here, command = _where()
    return [
        WHAT,
        f"one command: {COMMAND}",
        f"here: {here}",
        f"next: {command}",
        "more: make status (all that is here), make doctor (what is missing), README.md",
    ]


def _where() -> tuple[str, str]:
    if not (paths.STAMPS / "host").exists():
        from train2deploy import doctor

        missing = [one.requirement for one in doctor.findings() if one.required and not one.found]
        if missing:
            return f"nothing made yet, and not there: {', '.join(missing)}", "make doctor"
        return "nothing made yet; this machine has what it needs", "make dry-run"
    found = _nodes()
    job, package, endpoint = found["latest job"], found["package"], found["endpoint"]
    score = re.search("accuracy [0-9.]+", found["evaluation"].text)
    packed = "the package is stale" if package.stale else "packed"
    parts = [
        f"job {job.text.partition(',')[0]}" if job.text else "nothing trained yet",
        packed if package.text else "no package",
        *([score[0]] if score and not found["evaluation"].stale else []),
        f"endpoint at {endpoint.text.partition(' ')[0]}" if endpoint.text else "no endpoint runs",
    ]
    return ", ".join(parts), progress(found)
