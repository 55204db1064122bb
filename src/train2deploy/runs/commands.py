"""The commands behind `make reproduce`, `runs`, `compare` and `reproduce-check`."""

import argparse
from collections.abc import Callable
from pathlib import Path

from train2deploy import hyperparameters, versions
from train2deploy.datasets import split
from train2deploy.errors import UserError
from train2deploy.runtimes import Runtime

Add = Callable[[str, Callable[[argparse.Namespace], None]], argparse.ArgumentParser]
"""Adds a command to the host tool."""


def register(add: Add, runtime: Callable[[argparse.Namespace], Runtime]) -> None:
    """Adds the commands; `runtime` gives the one that the arguments name."""

    def reproduce(arguments: argparse.Namespace) -> None:
        """Trains, packs, serves, evaluates and records a run for each seed"""
        from train2deploy.runs.plan import Plan
        from train2deploy.runs.reproduce import reproduce

        plan = Plan(
            dataset=arguments.dataset,
            version=arguments.model_version,
            draws=_draws(arguments),
            hyperparameters=hyperparameters.given(arguments),
            split=arguments.split,
            titles=arguments.titles == "keep",
            clean=arguments.clean,
            knbc=arguments.knbc,
            vectors=arguments.vectors,
            corpus=arguments.corpus,
            vocabulary_size=arguments.vocabulary_size,
            tokenizer=arguments.tokenizer,
            tokens=arguments.tokens or versions.tokens_of(arguments.model_version),
        )
        at_a_time = _count("JOBS", arguments.jobs) if arguments.jobs else None
        reproduce(plan, runtime(arguments), _tool_options(arguments), at_a_time)

    command = add("reproduce", reproduce)
    command.add_argument("--dataset", default="sample")
    hyperparameters.add_options(command)
    command.add_argument("--seeds", default="", help="1 to this, on one split; 5 if not given")
    command.add_argument("--splits", default="", help="1 to this, each with the seed of its number")
    command.add_argument("--split-seed", type=int, help="of data and split, for SEEDS; 1")
    command.add_argument("--split", choices=split.WAYS, default="random")
    command.add_argument("--titles", choices=["keep", "drop"], default="keep")
    command.add_argument("--clean", action="store_true")
    command.add_argument("--knbc", type=Path, help="where the KNB corpus is")
    command.add_argument("--vectors", default="", help="if not given: those of the version")
    command.add_argument("--corpus", type=Path)
    command.add_argument("--vocabulary-size", type=int, default=12000)
    command.add_argument("--tokenizer", default="", help="author, or a SentencePiece model")
    command.add_argument("--tokens", default="", help="janome or sudachi, for versions of words")
    command.add_argument("--jobs", default="", help="trained at a time")

    command = add("runs", _runs)
    command.add_argument("--dataset", default="")
    command.add_argument("--model-version", default="")
    command.add_argument("--where", default="", help="accuracy>0.8, seed<=3")
    command.add_argument("--sort", default="", help="a field; -field: turned round")
    command.add_argument("--json", action="store_true")

    command = add("compare", _compare)
    command.add_argument("--a", default="")
    command.add_argument("--b", default="")
    command.add_argument("--dataset", default="")
    command.add_argument("--language", default="en")

    command = add("reproduce-check", _reproduce_check)
    command.add_argument("versions", nargs="+")
    command.add_argument("--variable", action="append", default=[], help="NAME=value for make")


def _draws(arguments: argparse.Namespace) -> tuple[tuple[int, int], ...]:
    """(seed, split seed) of each run."""
    if arguments.splits:
        if arguments.split_seed is not None:
            raise UserError(
                f"SPLITS={arguments.splits} SPLIT_SEED={arguments.split_seed}: expected one of"
                " them. SPLITS takes the splits from 1 on; SPLIT_SEED is for SEEDS."
            )
        if arguments.seeds:
            raise UserError(
                f"SEEDS={arguments.seeds} SPLITS={arguments.splits}: expected one of them. SEEDS"
                " trains on one split with each seed, SPLITS on each split with one."
            )
        numbers = _numbers("SPLITS", arguments.splits)
        split.check_seed(arguments.split, numbers[-1], "SPLITS")
        return tuple((number, number) for number in numbers)
    split_seed = 1 if arguments.split_seed is None else arguments.split_seed
    split.check_seed(arguments.split, split_seed, "SPLIT_SEED")
    return tuple((seed, split_seed) for seed in _numbers("SEEDS", arguments.seeds or "5"))


def _runs(arguments: argparse.Namespace) -> None:
    """The completed runs, filtered and sorted"""
    from train2deploy import datasets
    from train2deploy.runs import registry, table

    dataset = arguments.dataset and datasets.name_of(arguments.dataset)
    records = registry.load(dataset, arguments.model_version)
    if arguments.model_version and not records:
        versions.find(arguments.model_version)
    table.list_runs(records, arguments.where, arguments.sort, arguments.json)


def _compare(arguments: argparse.Namespace) -> None:
    """Two runs side by side, with McNemar's test"""
    from train2deploy import datasets
    from train2deploy.runs import compare

    dataset = arguments.dataset and datasets.name_of(arguments.dataset)
    compare.compare(arguments.a, arguments.b, arguments.language, dataset)


def _reproduce_check(arguments: argparse.Namespace) -> None:
    """Builds HEAD twice from nothing and compares every artifact"""
    from train2deploy.runs import check

    for version in arguments.versions:
        versions.check_packed(version)
    check.check(arguments.versions, arguments.variable)


def _tool_options(arguments: argparse.Namespace) -> list[str]:
    """The host tool's own options, for a command that this one starts."""
    names = ("runtime", "image", "model_server", "memory")
    given = {name: getattr(arguments, name) for name in names}
    return [
        part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", value)
    ]


def _numbers(variable: str, text: str) -> range:
    """1 to what is given."""
    return range(1, _count(variable, text) + 1)


def _count(variable: str, text: str) -> int:
    if not (text.isdecimal() and int(text) >= 1):
        raise UserError(f"{variable}={text}: expected a whole number from 1 on.")
    return int(text)
