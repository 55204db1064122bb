"""The commands behind `make report`, `reference` and `checklist`."""

import argparse
from collections.abc import Callable
from pathlib import Path

Add = Callable[[str, Callable[[argparse.Namespace], None]], argparse.ArgumentParser]
"""Adds a command to the host tool."""


def register(add: Add) -> None:
    """Adds the commands."""
    command = add("report", _report)
    command.add_argument("--dataset", default="sample")
    command.add_argument("--language", default="en", help="en or ja: what is printed")
    command.add_argument("--runs", type=Path, help="instead of build/runs")
    command = add("reference", _reference)
    command.add_argument("--dataset", default="sample", help="sample or knbc")
    command.add_argument("--seeds", type=int, default=5, help="runs of each version, at least")
    command.add_argument("--keep", action="store_true", help="the runs that are there, new pages")
    command.add_argument("--runs", type=Path, help="instead of build/runs")
    add("checklist", _checklist)


def _report(arguments: argparse.Namespace) -> None:
    """build/reports/<dataset>: published beside reproduced, as HTML, Markdown and JSON"""
    from train2deploy.report import pages

    pages.report(arguments.dataset, arguments.language, arguments.runs)


def _reference(arguments: argparse.Namespace) -> None:
    """results/<dataset>: the report that is committed, its files, and the READMEs' table"""
    from train2deploy.report import reference

    reference.reference(arguments.dataset, arguments.seeds, arguments.keep, arguments.runs)


def _checklist(arguments: argparse.Namespace) -> None:
    """results/CHECKLIST.md: what can be tested of reproducibility, tested"""
    from train2deploy.report import checklist

    checklist.write()
