"""The commands behind the cloud targets. Each is a few lines that call one module."""

import argparse
from collections.abc import Callable, Collection
from pathlib import Path

from train2deploy import (
    console,
    given_channels,
    hyperparameters,
    paths,
    requests,
    staleness,
)
from train2deploy.cloud_settings.config import NEEDED, overrides
from train2deploy.errors import UserError
from train2deploy.make.variables import VARIABLES

PASSING = ("SlowDown", "Throttling", "InternalFailure", "InternalError", "ServiceUnavailable")
LATER = "The account said so again and again. Run the same command later: nothing is made twice."


def register(cloud: argparse.ArgumentParser) -> None:
    """Adds the commands below `train2deploy cloud`."""
    cloud.set_defaults(failures=_failures, explained=_explained)
    cloud.add_argument("--cloud", default="aws", help="aws or emulator")
    cloud.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    cloud.add_argument("--yes", action="store_true", help="do not ask before what costs")
    cloud.add_argument("--max-usd", type=_number("MAX_USD", float, 0, "USD, 0 or more"))
    commands = cloud.add_subparsers(required=True, metavar="command")

    def add(name: str, run: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        return command

    for name, run in (("plan", _plan), ("train", _train), ("tune", _tune), ("search", _search)):
        command = add(name, run)
        hyperparameters.add_options(command)
        command.add_argument("--seed", type=_number("SEED", int, 0, "0 or more"), default=1)
        command.add_argument("--repro", action="store_true")
        command.add_argument("--given-channels", default="", help="name=directory, several")
        command.add_argument("--fresh", action="store_true", help="a new job all the same")
    deploying = add("deploy", _deploy)
    deploying.add_argument("--rollout", default="all", help="all, canary:10 or linear:25")
    deploying.add_argument("--bake", type=_number("BAKE", int, 0, "seconds, 0 or more"))
    requests.add_options(deploying)
    invoke = add("invoke", _invoke)
    invoke.add_argument("sentence")
    invoke.add_argument("--json", action="store_true")
    requests.add_options(invoke)
    play = add("playground", _playground)
    play.add_argument("--port-ui", type=int, default=8088)
    play.add_argument("--endpoint", choices=["emulator", "cloud"], default="cloud")
    for option in ("--port", "--a", "--b"):
        play.add_argument(option, help="of ENDPOINT=local")
    batch = add("batch", _batch)
    batch.add_argument("input", type=Path)
    requests.add_options(batch)
    scale = add("scale", _scale)
    _add_options(scale, "MIN MAX TARGET COOLDOWN SCHEDULE TIMEZONE RPM OFF")
    load = add("load", _load)
    load.add_argument("sentence")
    _add_options(load, "CLIENTS SECONDS PAUSE")
    requests.add_options(load)
    parity = add("parity", _parity)
    for side in ("a", "b"):
        parity.add_argument(side, help="host or docker; cloud for one of the two")
    requests.add_options(parity)
    add("policy", _policy)
    status = add("status", _status)
    status.add_argument(
        "--follow", action="store_true", help="the training jobs, to their end; then the endpoint"
    )
    metrics = add("metrics", _metrics)
    metrics.add_argument("--minutes", type=_number("MINUTES", int, 1, "1 or more"), default=60)
    delete = add("delete", _delete)
    delete.add_argument("--data", action="store_true", help="what lies in S3, and logs, too")


def _add_options(command: argparse.ArgumentParser, variables: str) -> None:
    for name in variables.split():
        VARIABLES[name].add_to(command)


def _failures() -> tuple[type[Exception], ...]:
    """What boto3 raises, and a user can mend."""
    import boto3.exceptions
    import botocore.exceptions

    return (
        botocore.exceptions.BotoCoreError,
        botocore.exceptions.ClientError,
        boto3.exceptions.Boto3Error,
    )


def _explained(error: Exception) -> str:
    """One line for what boto3 says."""
    text = str(error)
    if type(error).__name__ == "NoCredentialsError":
        return "no AWS credentials. Expected AWS_PROFILE, `aws configure`, or CLOUD=emulator."
    if "AccessDenied" in text or "not authorized" in text:
        return f"{text}\n`make cloud-policy` prints what the caller and the role must be allowed."
    if any(word in text for word in PASSING):
        return f"{text}\n{LATER}"
    return text


def _number(
    variable: str, kind: type[int] | type[float], least: float, expected: str
) -> Callable[[str], float]:
    """Reads what a variable of make gives."""

    def read(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            number = kind(-1)
        if not least <= number < float("inf"):
            raise argparse.ArgumentTypeError(f"{variable}={text}: expected {expected}.")
        return number

    return read


def _numbers(text: str | None) -> tuple[int, ...]:
    """What a variable of several numbers holds."""
    return tuple(map(int, text.split(","))) if text else ()


def _connect(arguments: argparse.Namespace, needs: Collection[str] = NEEDED):  # type: ignore[no-untyped-def]
    """The account; `needs` names the settings that the command cannot do without."""
    from train2deploy.cloud import session

    config = session.settings(arguments.cloud, overrides(arguments.set), needs)
    return session.connect(config, arguments.cloud)


def _leave(arguments: argparse.Namespace):  # type: ignore[no-untyped-def]
    from train2deploy.cloud.plan import Leave

    return Leave(arguments.yes, arguments.max_usd)


def _request(arguments: argparse.Namespace):  # type: ignore[no-untyped-def]
    from train2deploy.cloud.train import TrainingRequest

    return TrainingRequest(
        arguments.model_version,
        hyperparameters.with_seed(
            arguments.model_version, hyperparameters.given(arguments), arguments.seed
        ),
        arguments.repro,
        arguments.fresh,
        given_channels.parse(arguments.given_channels),
    )


def _plan(arguments: argparse.Namespace) -> None:
    """What cloud-train and cloud-deploy would create, and what it costs at most"""
    from train2deploy.cloud import deploy, plan, train

    cloud = _connect(arguments)
    cloud.check_bucket()
    training = train.planned(cloud, train.prepare(cloud, _request(arguments)))
    packed = paths.MODEL_ARCHIVE.exists() and not staleness.outdated()
    deployment = deploy.planned(cloud) if packed else deploy.outlined(cloud)
    plan.show_all(cloud, [training, deployment], arguments.max_usd)


def _train(arguments: argparse.Namespace) -> None:
    """Trains on SageMaker"""
    from train2deploy.cloud import train

    train.train(_connect(arguments), _request(arguments), _leave(arguments))


def _tune(arguments: argparse.Namespace) -> None:
    """Searches hyperparameters on SageMaker, by tune.toml"""
    from train2deploy.cloud import search, tune

    wanted = search.load(arguments.model_version)
    tune.tune(_connect(arguments), wanted, _request(arguments), _leave(arguments))


def _search(arguments: argparse.Namespace) -> None:
    """Searches hyperparameters on this machine, by tune.toml"""
    from train2deploy.cloud import search, tune_here
    from train2deploy.runtimes import choice

    request = _request(arguments)
    wanted = search.load(arguments.model_version)
    searched = {each.name for each in wanted.ranges}
    fixed = {key: value for key, value in request.hyperparameters.items() if key not in searched}
    runtime = choice.named("host")
    tune_here.tune(wanted, request.version, fixed, runtime, request.channels)


def _deploy(arguments: argparse.Namespace) -> None:
    """build/model.tar.gz behind a SageMaker endpoint"""
    from train2deploy.cloud import deploy, rollout

    wanted = rollout.parse(arguments.rollout, arguments.bake)
    staleness.ensure_current(staleness.Wish.of(arguments))
    request = requests.given(arguments)
    deploy.deploy(_connect(arguments), _leave(arguments), request, wanted)


def _invoke(arguments: argparse.Namespace) -> None:
    """A sentence or a file to the endpoint"""
    from train2deploy.cloud import runtime

    request = requests.asked(arguments)
    runtime.invoke(_connect(arguments, needs=()), request, arguments.json)


def _playground(arguments: argparse.Namespace) -> None:
    """A page to type into, in front of the endpoint"""
    from train2deploy.cloud import playground

    for name in ("port", "a", "b"):
        if getattr(arguments, name):
            raise UserError(f"{name.upper()}: goes with ENDPOINT=local alone.")
    if arguments.endpoint == "emulator":
        arguments.cloud = "emulator"
    playground.playground(_connect(arguments, needs=()), arguments.port_ui)


def _batch(arguments: argparse.Namespace) -> None:
    """Classifies a file's lines by a batch transform job"""
    from train2deploy.cloud import batch

    staleness.ensure_current(staleness.Wish.of(arguments))
    requests.check_types(arguments)
    types = (arguments.type, arguments.accept)
    batch.batch(_connect(arguments), arguments.input, _leave(arguments), *types)


def _scale(arguments: argparse.Namespace) -> None:
    """Sets how many instances the endpoint has, or has them follow its load"""
    from train2deploy.cloud import capacity, inventory, scale, session

    if arguments.rpm is not None:
        config = session.settings(arguments.cloud, overrides(arguments.set), needs=())
        capacity.show(config, arguments.rpm, arguments.target)
        return
    cloud = _connect(arguments, needs=())
    if arguments.off:
        inventory.delete_scaling(cloud, cloud.config.endpoint_name)
        console.say("the number of instances stays what it is; it no longer follows the load")
        return
    wish = scale.Wish(
        arguments.min,
        arguments.max,
        arguments.target or scale.Wish.target,
        _numbers(arguments.cooldown),
        arguments.schedule,
        arguments.timezone,
    )
    scale.scale(cloud, wish, _leave(arguments))


def _load(arguments: argparse.Namespace) -> None:
    """Loads the endpoint with clients, and says what they saw"""
    from train2deploy.cloud import load

    request = requests.asked(arguments)
    wish = load.Wish(
        _numbers(arguments.clients) or load.CLIENTS,
        arguments.seconds or load.SECONDS,
        arguments.pause,
    )
    load.load(_connect(arguments, needs=()), wish, request, _leave(arguments))


def _parity(arguments: argparse.Namespace) -> None:
    """The endpoint here and the one there: the same requests, the same answers?"""
    from train2deploy.cloud import parity
    from train2deploy.runtimes import choice

    sides = {"A": arguments.a, "B": arguments.b}
    here = next((name for name in sides if sides[name] != "cloud"), "A")
    runtime = choice.named(sides[here], variable=here)
    staleness.ensure_current(staleness.Wish.of(arguments))
    parity.parity(_connect(arguments, needs=()), runtime, requests.given(arguments))


def _policy(arguments: argparse.Namespace) -> None:
    """Prints the IAM policies of the caller and of the execution role"""
    from train2deploy.cloud import policy, session

    config = session.settings(arguments.cloud, overrides(arguments.set), needs=())
    policy.show(*session.with_role_arn(config, arguments.cloud))


def _status(arguments: argparse.Namespace) -> None:
    """What the project has in the account, with age and cost so far"""
    from train2deploy.cloud import inventory, measured

    cloud = _connect(arguments, needs=("bucket",))
    inventory.status(cloud)
    if arguments.follow:
        inventory.follow_training(cloud)
        measured.follow_endpoint(cloud)


def _metrics(arguments: argparse.Namespace) -> None:
    """The endpoint's metrics by the minute, as a table and a plot"""
    from train2deploy.cloud import measured

    measured.show(_connect(arguments, needs=()), arguments.minutes)


def _delete(arguments: argparse.Namespace) -> None:
    """Removes everything that costs, and proves it"""
    from train2deploy.cloud import inventory

    inventory.delete(_connect(arguments, needs=("bucket",)), arguments.data)
