"""The steps that a goal of make takes on this machine, in their order."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from train2deploy import given_channels, paths, pythons, stack, versions
from train2deploy.make import targets
from train2deploy.make.targets import FILES, TARGETS
from train2deploy.make.variables import CLOUD, Values

Runtime = Callable[[], str]
"""Gives the runtime's name: to find out takes a second where there is an engine."""

OF_A_STACK = (targets.TRAIN_HERE, *targets.SERVE_HERE)  # environments that each stack has one of
PROGRAMS = {
    targets.HOST: ".venvs/host/bin/python -m train2deploy",
    targets.CLOUD_TOOL: ".venvs/cloud/bin/python -m train2deploy",
    targets.EMULATOR: ".venvs/cloud/bin/python -m emulator",
}


@dataclass(frozen=True)
class Say:
    """A line between two steps."""

    line: str


@dataclass
class Plan:
    """What is done for a goal."""

    # environments and images that make is to have ready
    stamps: list[str] = field(default_factory=list)
    steps: list[str | Say] = field(default_factory=list)  # targets, and what is said before them
    hangs_on_runtime: bool = False  # whether some of it is of the TensorFlow 1.x side


def made(goal: str, values: Values, runtime: Runtime, done: Sequence[str] = ()) -> Plan:
    """The plan of a goal; what goals before it have done is left out."""
    plan = Plan()
    _add(goal, values, runtime, set(done) - {goal}, plan)
    return plan


def _add(need: str, values: Values, runtime: Runtime, done: set[str], plan: Plan) -> None:
    if need in OF_A_STACK:
        runtime()  # which may take today's
        serves_today = os.environ.get("HOSTING_CONTRACT") == stack.TODAYS
        if values["STACK"] == stack.TODAYS or (serves_today and need in targets.SERVE_HERE):
            need += f"-{stack.TODAYS}"
    if need in done or need in plan.steps or need in plan.stamps:
        return
    if need.startswith(".stamps/"):
        plan.stamps.append(need)
    elif need in FILES:
        if FILES[need] in plan.steps or (paths.ROOT / need).exists():
            return
        plan.steps.append(Say(f"{need} is not there yet: make {FILES[need]} comes first"))
        _add(FILES[need], values, runtime, done, plan)
    elif need in TARGETS:
        target = TARGETS[need]
        for each in target.needs:
            _add(each, values, runtime, done, plan)
        if target.command:
            plan.steps.append(need)
        if then := target.then(values):
            _add(then, values, runtime, done, plan)
    else:
        plan.hangs_on_runtime |= need in (targets.TRAIN_ENVIRONMENT, targets.SERVE_ENVIRONMENT)
        for each in _resolved(need, values, runtime):
            _add(each, values, runtime, done, plan)


def _resolved(need: str, values: Values, runtime: Runtime) -> list[str]:
    """What a need comes to that hangs on the runtime or on variables."""
    if need == targets.TRAIN_ENVIRONMENT:
        return _environment([targets.TRAIN_HERE], values, runtime)
    if need == targets.SERVE_ENVIRONMENT:
        return _environment([*targets.SERVE_HERE], values, runtime)
    if need == targets.INPUTS:
        usual = given_channels.has_usual(given_channels.parse(values["CHANNELS"]))
        return ["data", "vectors"] if usual else [targets.TOOL]
    if need == targets.JOB:
        return [] if values["MODEL"] else ["build/jobs/latest/model.tar.gz"]
    if need == targets.SERVED and (values["MODEL_DIR"] or values["PACKAGE"]):
        return []
    if need == targets.DEPLOYED:
        return [] if "B" in values.given else [targets.PACKED]
    if need == targets.SCORED:
        return [] if values["CAPTURED"] else [targets.SERVE_ENVIRONMENT, targets.PACKED]
    if need in (targets.PACKED, targets.SERVED):
        given = any(values[name] for name in ("MODEL", "CODE", "INCLUDE"))
        return ["package" if given else "build/model.tar.gz"]
    if need == targets.PLAYED:
        if targets.in_account(values):
            return [targets.CLOUD_ENVIRONMENT]
        return targets.starts_its_own(values)
    if need == targets.WORDS:
        return [".stamps/words"] if values["TOKENS"] or versions.tokens_of(values.model) else []
    if need == targets.TODAYS:  # where they cannot be made, the command says so
        named = values["PYTHON312"]
        wanted = "today" in values["CONTRACTS"] and pythons.find(named, pythons.TODAYS)
        return [".stamps/serve-today", ".stamps/handler-today"] if wanted else []
    if need == targets.PEERS:
        return [".stamps/peers"] if values["PEERS"] else []
    assert need == targets.SIDES, need
    found = []
    for side in (values["A"], values["B"]):
        found += [targets.CLOUD_ENVIRONMENT] if side == "cloud" else []
        found += [targets.TRAIN_HERE, *targets.SERVE_HERE] if side == "host" else []
        found += [images(values)] if side == "docker" else []
        if side in stack.CONTRACTS:
            todays = f"-{stack.TODAYS}" if side == stack.TODAYS else ""
            found += [need + todays for need in targets.SERVE_HERE]
            found += [targets.TRAIN_HERE + todays] if todays else []
    if targets.with_cloud(values) or targets.as_it_is(values):
        data = ["build/data/manifest.json"] if stack.are_contracts(values["A"], values["B"]) else []
        return [*found, targets.PACKED, *data]
    return [*found, "build/data/manifest.json", "build/vectors/manifest.json"]


def _environment(here: list[str], values: Values, runtime: Runtime) -> list[str]:
    needed = here
    if runtime() in ("docker", "sdk"):
        aws = values["IMAGE"] == "aws"
        needed = [*here, targets.CLOUD_ENVIRONMENT] if aws else [images(values)]
    return [*needed, targets.SDK_ENVIRONMENT] if runtime() == "sdk" else needed


def images(values: Values) -> str:
    """The stamp of our images."""
    return f".stamps/images-{values['MODEL_SERVER']}"


def command(step: str, values: Values, runtime: Runtime) -> list[str]:
    """The words that run a step."""
    target = TARGETS[step]
    assert target.command is not None
    words = target.command(values)
    program = target.program
    is_for_cloud = {"parity": targets.with_cloud, "playground": targets.in_account}
    if step in is_for_cloud and is_for_cloud[step](values):
        program = targets.CLOUD_TOOL
    if program == targets.BARE:
        return [sys.executable, "-m", "train2deploy.bare", *words]
    if program == targets.NOTEBOOK:
        return [".venvs/notebook/bin/python", "-m", *words]
    start = PROGRAMS[program].split()
    if program == targets.EMULATOR:
        return [*start, "--runtime", runtime(), *words]
    names = f"{targets.GIVEN} {' '.join(values.hyperparameters)}"
    wish = values.settings("--given", names) + values.options("STALE")
    if program == targets.CLOUD_TOOL:
        account = values.options("CLOUD YES MAX_USD") + values.settings("--set", CLOUD)
        return [*start, *values.options("VERBOSE"), *wish, "cloud", *account, *words]
    options = ["--runtime", runtime()]
    if runtime() in ("docker", "sdk") or step in ("images", "parity"):
        options += values.options("IMAGE MODEL_SERVER MEMORY")
    return [*start, *values.options("VERBOSE"), *options, *wish, *words]
