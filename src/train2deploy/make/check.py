"""What is given on make's command line, checked before anything runs.

    python -m train2deploy.make.check --goals "tune" SEEED=3 EPOCHS=0

prints one line that says what is wrong, or `ok`. Which variables a target knows, and what each must
be, is in targets.py and variables.py.
"""

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from train2deploy import hyperparameters, job_source, stack, versions
from train2deploy.errors import EXIT_USAGE, UserError
from train2deploy.make import targets
from train2deploy.make.targets import TARGETS
from train2deploy.make.variables import PASSED_ON, VARIABLES, Values

DATA, PACKED = "data", "package"  # targets: what lays out a data set, and what packs a model
RUNTIMES = ("host", "docker", "sdk")
SERVING = {"local-serve", "verify", "evaluate", "dry-run", "emulator"}


def check(goals: Sequence[str], values: Values) -> None:
    """Raises UserError where something that is given is wrong."""
    goals = list(goals) or ["help"]
    names, made = targets.known(goals)
    given = values.given
    if values["STACK"] == stack.TODAYS and values["RUNTIME"] in ("docker", "sdk"):
        raise UserError(
            f"STACK=today RUNTIME={values['RUNTIME']}: expected RUNTIME=host: AWS's images of today"
            " are not rebuilt here. Leave RUNTIME out."
        )
    _check_runtime(values["RUNTIME"], goals)
    if "SCRIPT" in given and "VERSION" in given:
        raise UserError(
            f"SCRIPT={given['SCRIPT']} VERSION={given['VERSION']}: expected one of them."
        )
    version = values.model if targets.trains(made) else ""
    found = versions.declared(version) if version else None
    own = {one.variable for one in found.hyperparameters.values()} if found else set()
    if version:
        names &= VARIABLES.keys()  # what a target reads of EPOCHS is not the model's
    for name, value in given.items():
        if name in names or PASSED_ON.fullmatch(name):
            _check_value(name, value)
        elif name not in own:
            raise _unknown(
                f"{name}={value}", goals, version, [*(names & VARIABLES.keys()), *sorted(own)]
            )
    _check_settings({name: value for name, value in given.items() if name in names})
    if {DATA, "reproduce"} & made:
        _check_data_set(values["DATASET"])
    if "parity" in goals:
        _check_sides(values["A"], values["B"])
    if DATA in made or version:
        versions.check_reads(values.model, values["TOKENS"] or versions.tokens_of(values.model))
    if found is None:
        return
    if PACKED in made:
        versions.check_packed(version)
    chosen = [name for name in given if name not in names or name == hyperparameters.HP]
    hyperparameters.of_make(version, found, chosen, given)
    job_source.check(version)


def _check_runtime(runtime: str, goals: Sequence[str]) -> None:
    if runtime and runtime not in RUNTIMES:
        raise UserError(f"RUNTIME={runtime}: expected host or docker (to train: or sdk).")
    if runtime == "sdk" and SERVING & set(goals):
        raise UserError(
            "RUNTIME=sdk: the SDK's local mode is for `make local-train` alone. Use RUNTIME=docker,"
            " which serves in the same images."
        )


def _check_sides(a: str, b: str) -> None:
    if stack.are_contracts(a, b):
        return
    if any(map(stack.are_contracts, (a, b))):
        raise UserError(f"A={a} B={b}: expected two runtimes, or two contracts: A=2019 B=today.")
    for name, side in (("A", a), ("B", b)):
        if side not in ("host", "docker", "cloud"):
            raise UserError(f"{name}={side}: expected host, docker or cloud.")
    if (a, b) == ("cloud", "cloud"):
        raise UserError("A=cloud B=cloud: expected host or docker for one of them.")


def _check_value(name: str, value: str) -> None:
    kind = VARIABLES[name].parsed if name in VARIABLES else None
    try:
        if kind:
            kind.value(value)
    except ValueError as error:
        raise UserError(f"{name}={value}: expected {error}.") from None


def _check_data_set(dataset: str) -> None:
    if dataset not in ("sample", "knbc") and not Path(dataset).is_dir():
        raise UserError(f"DATASET={dataset}: expected sample, knbc or a directory, found none.")


def _check_settings(given: dict[str, str]) -> None:
    """The keys of cloud.toml, where this Python can read TOML; else the command does it."""
    try:
        from train2deploy.cloud_settings import config
    except ModuleNotFoundError:
        return
    settings = {name: value for name, value in given.items() if name.lower() in config.KEYS}
    if settings:
        config.load(settings, needs=())


def _unknown(said: str, goals: Sequence[str], version: str, names: Sequence[str]) -> UserError:
    """Whose name it is, or the nearest one of this target and model."""
    name = said.partition("=")[0]
    having = [goal for goal in TARGETS if name in VARIABLES and name in targets.known([goal])[0]]
    near = difflib.get_close_matches(name, names, 1, 0.6)
    text = f"{said}: not a variable of {' '.join(goals)}"
    text += f" or a hyperparameter of {version}" if version else ""
    if having:
        return UserError(f"{text}, but of {', '.join(having[:4])}.")
    declares = bool(version) and bool(versions.declared(version).hyperparameters)
    if other := hyperparameters.having(name) if declares else []:
        return UserError(f"{text}, but of VERSION={' or '.join(other)}.")
    if near:
        return UserError(f"{text}. The nearest is {near[0]}.")
    return UserError(
        f"{text}. {hyperparameters.expected(version, name)}" if version else f"{text}."
    )


def main(argv: Sequence[str]) -> int:
    """Prints what was found; the exit status is one of errors.EXIT_*."""
    parser = argparse.ArgumentParser(prog="train2deploy.make.check")
    parser.add_argument("--goals", default="")
    parser.add_argument("given", nargs="*", help="NAME=VALUE, as they were given to make")
    arguments = parser.parse_args(argv)
    given = dict(each.split("=", 1) for each in arguments.given)
    os.environ |= {name: value for name, value in given.items() if name == stack.VARIABLE}
    try:
        check(arguments.goals.split(), Values(given, os.environ))
    except UserError as error:
        print(" ".join(str(error).rstrip(".").split()))
        return EXIT_USAGE
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
