"""The command line of the host tool: the options of each command. Make gives them."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from train2deploy import commands, exits, hyperparameters, next_step, paths, staleness
from train2deploy.cloud import commands as cloud_commands
from train2deploy.make import ending
from train2deploy.make.variables import ASKED, add_options


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Returns:
        The exit status: errors.EXIT_*; a user sees one line, with --verbose the traceback.
    """
    target = ending.taken()
    arguments = _parser().parse_args(argv)
    exits.interrupt_on_sigterm()
    status = exits.run(
        lambda: arguments.run(arguments),
        arguments.verbose,
        failures=arguments.failures(),
        explained=arguments.explained,
    )
    return next_step.said(target, status)


def _parser() -> argparse.ArgumentParser:
    parser = exits.Parser(prog="train2deploy", description=__doc__)
    add_options(parser, "VERBOSE IMAGE MODEL_SERVER MEMORY")
    parser.add_argument("--runtime", default="host", help="host, docker, or (to train) sdk")
    parser.set_defaults(failures=tuple, explained=str)
    staleness.add_options(parser)
    below = parser.add_subparsers(required=True, metavar="command")

    def add(
        run: Callable[[argparse.Namespace], None], variables: str = "", name: str = ""
    ) -> argparse.ArgumentParser:
        name = name or run.__name__.replace("_", "-")
        command = below.add_parser(name, help=run.__doc__, description=run.__doc__)
        add_options(command, variables)
        command.set_defaults(run=run)
        return command

    _add_model_commands(add)
    _add_endpoint_commands(add)
    _add_run_commands(add)
    about = "The cloud half: SageMaker, or the emulator"
    cloud_commands.register(below.add_parser("cloud", help=about, description=about))
    return parser


Add = Callable[..., argparse.ArgumentParser]
"""Adds a command, with the options of some variables of make."""


def _add_settings(command: argparse.ArgumentParser) -> None:
    """Keys of cloud.toml that count for the endpoint here, too."""
    command.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")


def _add_model_commands(add: Add) -> None:
    data = add(commands.data, "CHANNELS SEED SPLIT TITLES CLEAN VERSION TOKENS KNBC")
    data.add_argument("dataset", help="sample, knbc or a directory")
    vectors = add(commands.vectors, "VERSION KNBC CORPUS VOCABULARY TOKENIZER SEED")
    vectors.add_argument("kind", help="one of VECTORS; empty: the version's")

    train = add(commands.train, "SEED CHANNELS REPRO")
    hyperparameters.add_options(train)
    train.add_argument("--directory", type=Path, help="of the job, instead of a new build/jobs/…")
    train.add_argument("--channels", type=Path, help="holds data/ and vectors/, instead of build/")
    train.add_argument("--parent", type=int, help="end when this process ends")
    parity = add(commands.parity, f"SEED {ASKED}")
    hyperparameters.add_options(parity)
    parity.add_argument("a", help="a runtime: host or docker")
    parity.add_argument("b", help="another one")
    parity.add_argument("--package", action="store_true", help="as it is, nothing is trained")

    package = add(commands.package, "CODE INCLUDE DEPS")
    package.add_argument("--model", type=Path, default=paths.LATEST_JOB, help="or of elsewhere")
    add(commands.images, "OFFICIAL_SERVING_IMAGE")
    add(commands.status)


def _add_endpoint_commands(add: Add) -> None:
    serve = add(commands.serve, "MODEL_DIR PORT DETACH")
    serve.add_argument("--no-dev", action="store_true", help="restart for ever, as SageMaker does")
    _add_settings(serve)
    play = add(commands.playground, "PORT_UI PORT")
    play.add_argument("--a", type=Path, help="a package instead of build/model.tar.gz")
    play.add_argument("--b", type=Path, help="another one, beside it")
    _add_settings(play)
    add(commands.stop)
    invoke = add(commands.invoke, f"PORT JSON {ASKED}")
    invoke.add_argument("sentence")
    add(commands.verify, ASKED)
    add(commands.evaluate, "CAPTURED")
    add(commands.upgrade_check, "PACKAGE MODEL_DIR REQUESTS ALLOW CONTRACTS")
    rehearse = add(commands.rehearse)
    rehearse.add_argument("sentence")
    rehearse.add_argument("--of-data", action="store_true", help="a test sentence of own data")

    measured = "QUICK ROUNDS SECONDS CLIENTS AGAINST ARTICLE_WORDS PEERS TUNE"
    _add_settings(add(commands.bench, f"{measured} {ASKED}"))
    add(commands.soak, "SECONDS").set_defaults(seconds=600.0)


def _add_run_commands(add: Add) -> None:
    made_of = "DATASET SPLIT TITLES CLEAN KNBC VECTORS CORPUS VOCABULARY TOKENIZER TOKENS"
    reproduce = add(commands.reproduce, f"{made_of} SEEDS SPLITS SPLIT_SEED JOBS")
    hyperparameters.add_options(reproduce)
    reproduce.set_defaults(seeds=None)  # whether it was given matters
    runs = add(commands.runs, "DATASET VERSION WHERE SORT JSON")
    runs.set_defaults(dataset="", model_version="")
    compare = add(commands.compare, "DATASET LANG_REPORT")
    compare.set_defaults(dataset="")
    for run in ("--a", "--b"):
        compare.add_argument(run, default="", help="a run: its id, its beginning, or best:v1")
    check = add(commands.reproduce_check)
    check.add_argument("versions", nargs="+")
    check.add_argument("--variable", action="append", default=[], help="NAME=value for make")

    add(commands.report, "DATASET LANG_REPORT RUNS")
    add(commands.reference, "DATASET SEEDS KEEP RUNS")
    add(commands.checklist)
    add(commands.published_check, "KNBC TOKENIZER LANG_REPORT")
