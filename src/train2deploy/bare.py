"""The commands that need no environment: `python -m train2deploy.bare <command>`."""

import shutil
import sys
from collections.abc import Sequence

from train2deploy import clean, doctor, exits, next_step
from train2deploy.make import ending, variables


def main(argv: Sequence[str]) -> int:
    """Runs a command; the exit status is one of errors.EXIT_*."""
    command, *words = argv
    if command == "next":  # after a target whose recipe is in the Makefile
        return next_step.said(ending.Target(words[0], {}), 0)
    target = ending.taken()
    return next_step.said(target, exits.run(lambda: COMMANDS[command]()))


def _start() -> None:
    """What `make` alone says."""
    print("\n".join(next_step.opening()))


def _variables() -> None:
    print(variables.listed(shutil.get_terminal_size((100, 0)).columns))


COMMANDS = {"start": _start, "variables": _variables, "doctor": doctor.main, "clean": clean.main}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
