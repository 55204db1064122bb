"""The command behind `make published-check`."""

import argparse
from collections.abc import Callable
from pathlib import Path

from train2deploy.runtimes import TrainingRuntime

Add = Callable[[str, Callable[[argparse.Namespace], None]], argparse.ArgumentParser]
"""Adds a command to the host tool."""


def register(add: Add, runtime: Callable[[argparse.Namespace], TrainingRuntime]) -> None:
    """Adds the command.

    Args:
        runtime: that a command line asks for.
    """

    def _published_check(arguments: argparse.Namespace) -> None:
        """build/published-check.json: what the articles state, recomputed; a line each"""
        from train2deploy.published_check import run

        run.check(arguments.knbc, arguments.tokenizer, runtime(arguments), arguments.language)

    command = add("published-check", _published_check)
    command.add_argument("--knbc", type=Path, help="where the KNB corpus is, if not in data/raw")
    command.add_argument("--tokenizer", default="", help="the author's, if not in data/raw")
    command.add_argument("--language", default="en", help="en or ja: what is printed")
