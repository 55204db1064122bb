"""What stands behind the targets of make: `python -m train2deploy.make <target>`.

Has the environments ready, does what the target needs first, then is the target's command. With
`make --dry-run` it prints these commands.
"""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import FrameType

from train2deploy import exits, pythons, stack
from train2deploy.make import ending, plan, targets
from train2deploy.make.plan import Plan, Say
from train2deploy.make.variables import PREFIX, Values
from train2deploy.runtimes import default

UNTIL_CTRL_C = ("local-serve", "playground", "notebook", "emulator")
"""Targets that end by Ctrl-C, unless DETACH= is given."""
SIDE_BY_SIDE = 3  # environments that are made at a time


def main(argv: Sequence[str]) -> int:
    """Runs a target; the exit status is its command's."""
    (goal,) = argv
    goals = os.environ.get("MAKE_GOALS", "").split() or [goal]
    values = Values.of(os.environ)
    values.hyperparameters = targets.hyperparameters_given(values, goals)
    options = _options_of_make()
    if options & {"q", "t"}:
        return 0
    run = Run(goal, values, goals, "n" in options)
    planned = run.plan()
    for stamp in [] if run.dry else planned.stamps:
        if version := targets.python_of(stamp):
            pythons.check(
                values[pythons.VARIABLES[version]], version, stamp.removeprefix(".stamps/")
            )
    if planned.stamps and (status := run.make(planned.stamps)):
        return status
    for step in planned.steps[:-1]:
        if status := run.do(step):
            return status
    return run.do(planned.steps[-1], is_last=True) if planned.steps else 0


def _options_of_make() -> set[str]:
    """Its one-letter options."""
    first = os.environ.get("MAKEFLAGS", "").split(" ")[0]
    return set() if first.startswith("-") or "=" in first else set(first)


class Run:
    """One target's.

    Attributes:
        dry: commands are printed, not run.
    """

    def __init__(self, goal: str, values: Values, goals: Sequence[str], dry: bool) -> None:
        self.dry = dry
        self._goal = goal
        self._goals = goals
        self._values = values

    def plan(self) -> Plan:
        """What is to be done that the goals before have not done."""
        goal, goals = self._goal, self._goals
        before = [
            plan.made(each, self._values, self._runtime)
            for each in goals[: goals.index(goal) if goal in goals else 0]
        ]
        done = [step for one in before for step in one.steps if isinstance(step, str)]
        made = plan.made(goal, self._values, self._runtime, done)
        was_said = any(one.hangs_on_runtime for one in before)
        if made.hangs_on_runtime and not was_said and not self._values["RUNTIME"]:
            kind = "stack" if self._suitable.startswith(stack.TODAYS) else "runtime"
            print(f"{kind}: {self._suitable}", flush=True)
        return made

    def _runtime(self) -> str:
        if self._values["RUNTIME"]:
            return self._values["RUNTIME"]
        name = self._suitable.split()[0]
        if name != stack.TODAYS:
            return name
        self._values.given[stack.VARIABLE] = stack.TODAYS
        stack.choose_todays()
        return "host"

    @cached_property
    def _suitable(self) -> str:
        """The runtime, or the stack that takes none but this machine; and why."""
        given = self._values.given.get(stack.VARIABLE) or os.environ.get(stack.VARIABLE)
        return default.choice(given or "")

    def make(self, stamps: Sequence[str]) -> int:
        """Has environments and images ready, side by side; the exit status."""
        flags = os.environ.get("MAKEFLAGS", "")
        jobs = [] if "jobserver" in flags else [f"--jobs={SIDE_BY_SIDE}"]
        words = [os.environ.get("MAKE") or "make", "--silent", *jobs, *stamps]
        return _wait(words, {**os.environ, "RUNTIME": self._runtime()})

    def do(self, step: str | Say, is_last: bool = False) -> int:
        """Runs a step; the last one takes the place of this process."""
        if isinstance(step, Say):
            print(step.line, flush=True)
            return 0
        words = plan.command(step, self._values, self._runtime)
        if self.dry:
            print(shlex.join(words), flush=True)
            return 0
        if is_last:
            sys.stdout.flush()
            os.execve(words[0], words, {**self._environment(), **self._next()})
        return _wait(words, self._environment())

    def _next(self) -> dict[str, str]:
        """Lets the command end with the line that says what comes next.

        Not before another goal, not in what another make calls, not beside what a program reads.
        """
        given, goal = self._values.given, self._goal
        is_read = "JSON" in given or (goal in UNTIL_CTRL_C and "DETACH" not in given)
        if self._goals[-1] != goal or is_read or os.environ.get("MAKELEVEL") != "1":
            return {}
        return ending.handed_on(goal, given)

    def _environment(self) -> dict[str, str]:
        """What a command finds."""
        found = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        found["RUNTIME"] = self._runtime()
        if self._values[stack.VARIABLE] == stack.TODAYS:
            found = {stack.VARIABLE: stack.TODAYS, "HOSTING_CONTRACT": stack.TODAYS} | found
        for name in self._values.hyperparameters:
            found[name] = self._values.given[name]
        if self._values["MERGE"]:
            found["HOSTING_MERGE"] = self._values["MERGE"]
        return found


def _wait(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Runs a command; Ctrl-C and SIGTERM are its own to handle."""
    sys.stdout.flush()
    # make's job server is in open files.
    process = subprocess.Popen(words, env=environment, close_fds=False)

    def forward(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGTERM:
            process.terminate()

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        status = process.wait()
        return status if status >= 0 else 128 - status  # as a shell says that a signal ended it
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(exits.run(lambda: main(sys.argv[1:])))
