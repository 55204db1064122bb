"""The commands behind the cloud targets. Each is a few lines that call one module."""

import argparse
from collections.abc import Callable, Collection
from pathlib import Path

from train2deploy import console, given_channels, hyperparameters, paths, requests, staleness
from train2deploy.cloud_settings.config import NEEDED, overrides
from train2deploy.errors import UserError
from train2deploy.make.variables import ASKED, add_options

PASSING = ("SlowDown", "Throttling", "InternalFailure", "InternalError", "ServiceUnavailable")
LATER = "The account said so again and again. Run the same command later: nothing is made twice."


def register(cloud: argparse.ArgumentParser) -> None:
    """Adds the commands below `train2deploy cloud`."""
    cloud.set_defaults(failures=_failures, explained=_explained)
    add_options(cloud, "CLOUD YES MAX_USD")
    cloud.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    commands = cloud.add_subparsers(required=True, metavar="command")

    def add(name: str, run: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        return command

    for name, run in (("plan", _plan), ("train", _train), ("tune", _tune), ("search", _search)):
        command = add(name, run)
        hyperparameters.add_options(command)
        add_options(command, "SEED REPRO CHANNELS FRESH")
    deploying = add("deploy", _deploy)
    deploying.add_argument("--b", type=Path, help="a second package, beside what is deployed")
    add_options(deploying, "ROLLOUT BAKE WEIGHT SHADOW CAPTURE EXPIRES")
    add_options(deploying, ASKED)
    add_options(add("compare", _compare), "INPUT")
    add_options(add("promote", _promote), "VARIANT")
    add("captured", _captured)
    add("expire", _expire)
    invoke = add("invoke", _invoke)
    invoke.add_argument("sentence")
    add_options(invoke, "JSON")
    add_options(invoke, ASKED)
    play = add("playground", _playground)
    add_options(play, "PORT_UI ENDPOINT")
    for option in ("--port", "--a", "--b"):
        play.add_argument(option, help="of ENDPOINT=local")
    batch = add("batch", _batch)
    batch.add_argument("input", type=Path)
    add_options(batch, ASKED)
    scale = add("scale", _scale)
    add_options(scale, "MIN MAX TARGET COOLDOWN SCHEDULE TIMEZONE RPM OFF")
    load = add("load", _load)
    load.add_argument("sentence")
    add_options(load, "CLIENTS SECONDS PAUSE")
    add_options(load, ASKED)
    parity = add("parity", _parity)
    for side in ("a", "b"):
        parity.add_argument(side, help="host or docker; cloud for one of the two")
    add_options(parity, ASKED)
    add("policy", _policy)
    add_options(add("status", _status), "FOLLOW")
    add_options(add("metrics", _metrics), "MINUTES")
    add_options(add("delete", _delete), "DATA")


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


def _numbers(text: str | None) -> tuple[int, ...]:
    """What a variable of several numbers holds."""
    return tuple(map(int, text.split(","))) if text else ()


def _connect(arguments: argparse.Namespace, needs: Collection[str] = NEEDED):  # type: ignore[no-untyped-def]
    """The account; `needs` names the settings that the command cannot do without."""
    from train2deploy.cloud import session

    config = session.settings(arguments.cloud, overrides(arguments.set), needs)
    return session.connect(config, arguments.cloud)


def _guarded(arguments: argparse.Namespace, needs: Collection[str] = (), spared: bool = False):  # type: ignore[no-untyped-def]
    """The account, in which endpoints that have expired are ended first."""
    from train2deploy.cloud import guards

    cloud = _connect(arguments, needs)
    guards.end_expired(cloud, cloud.config.endpoint_name if spared else "")
    return cloud


def _approval(arguments: argparse.Namespace):  # type: ignore[no-untyped-def]
    from train2deploy.cloud.plan import Approval

    return Approval(arguments.yes, arguments.max_usd)


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
    deployment = deploy.planned(cloud, deploy.prepare(cloud)) if packed else deploy.outlined(cloud)
    plan.show_all(cloud, [training, deployment], arguments.max_usd)


def _train(arguments: argparse.Namespace) -> None:
    """Trains on SageMaker"""
    from train2deploy.cloud import train

    train.train(_guarded(arguments, NEEDED), _request(arguments), _approval(arguments))


def _tune(arguments: argparse.Namespace) -> None:
    """Searches hyperparameters on SageMaker, by tune.toml"""
    from train2deploy import search
    from train2deploy.cloud import tune

    wanted = search.load(arguments.model_version)
    tune.tune(_guarded(arguments, NEEDED), wanted, _request(arguments), _approval(arguments))


def _search(arguments: argparse.Namespace) -> None:
    """Searches hyperparameters on this machine, by tune.toml"""
    from train2deploy import search, tune_here
    from train2deploy.runtimes import choice

    request = _request(arguments)
    wanted = search.load(arguments.model_version)
    searched = {each.name for each in wanted.ranges}
    fixed = {key: value for key, value in request.hyperparameters.items() if key not in searched}
    runtime = choice.named("host")
    tune_here.tune(wanted, request.version, fixed, runtime, request.channels)


def _deploy(arguments: argparse.Namespace) -> None:
    """build/model.tar.gz behind a SageMaker endpoint, or a second package beside it"""
    from train2deploy.cloud import beside, deploy, guards, rollout

    wanted = rollout.parse(arguments.rollout, arguments.bake)
    if not arguments.b and (arguments.shadow or arguments.weight is not None):
        raise UserError(f"{'SHADOW' if arguments.shadow else 'WEIGHT'}: goes with B=<package>.")
    if arguments.b and arguments.rollout != "all":
        raise UserError(
            f"ROLLOUT={arguments.rollout}: does not go with B=. AWS shifts traffic by steps only"
            " where the variants are the same before and after."
        )
    expires = guards.moment(arguments.expires, guards.now())
    options = deploy.Options(wanted, arguments.capture, expires)
    if not arguments.b:
        staleness.ensure_current(staleness.Wish.of(arguments))
    request = requests.given(arguments)
    cloud = _guarded(arguments, NEEDED, spared=bool(expires))
    if arguments.b:
        wish = beside.Wish(arguments.b, arguments.weight, arguments.shadow)
        beside.put(cloud, wish, _approval(arguments), request, options)
    else:
        deploy.deploy(cloud, _approval(arguments), request, options)


def _compare(arguments: argparse.Namespace) -> None:
    """Labelled sentences to both variants of the endpoint: which is the better one?"""
    from train2deploy.cloud import compare

    compare.compare(_guarded(arguments, ("bucket",)), arguments.input)


def _promote(arguments: argparse.Namespace) -> None:
    """One variant of the endpoint gets all requests, the others are removed"""
    from train2deploy.cloud import promote

    promote.promote(_guarded(arguments), arguments.variant, _approval(arguments))


def _captured(arguments: argparse.Namespace) -> None:
    """What data capture has kept, as a table"""
    from train2deploy.cloud import captured

    captured.captured(_guarded(arguments, ("bucket",)))


def _expire(arguments: argparse.Namespace) -> None:
    """Ends the endpoints whose EXPIRES is over"""
    from train2deploy.cloud import guards

    guards.expire(_connect(arguments, needs=()))


def _invoke(arguments: argparse.Namespace) -> None:
    """A sentence or a file to the endpoint"""
    from train2deploy.cloud import invocations

    request = requests.asked(arguments)
    invocations.invoke(_guarded(arguments), request, arguments.json)


def _playground(arguments: argparse.Namespace) -> None:
    """A page to type into, in front of the endpoint"""
    from train2deploy.cloud import playground

    for name in ("port", "a", "b"):
        if getattr(arguments, name):
            raise UserError(f"{name.upper()}: goes with ENDPOINT=local alone.")
    if arguments.endpoint == "emulator":
        arguments.cloud = "emulator"
    playground.playground(_guarded(arguments), arguments.port_ui)


def _batch(arguments: argparse.Namespace) -> None:
    """Classifies a file's lines by a batch transform job"""
    from train2deploy.cloud import batch

    staleness.ensure_current(staleness.Wish.of(arguments))
    types = (arguments.type, arguments.accept)
    batch.batch(_guarded(arguments, NEEDED), arguments.input, _approval(arguments), *types)


def _scale(arguments: argparse.Namespace) -> None:
    """Sets how many instances the endpoint has, or has them follow its load"""
    from train2deploy.cloud import capacity, inventory, scale, session

    if arguments.rpm is not None:
        config = session.settings(arguments.cloud, overrides(arguments.set), needs=())
        capacity.show(config, arguments.rpm, arguments.target)
        return
    cloud = _guarded(arguments)
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
    scale.scale(cloud, wish, _approval(arguments))


def _load(arguments: argparse.Namespace) -> None:
    """Loads the endpoint with clients, and says what they saw"""
    from train2deploy.cloud import load

    request = requests.asked(arguments)
    wish = load.Wish(
        _numbers(arguments.clients) or load.CLIENTS,
        arguments.seconds or load.SECONDS,
        arguments.pause,
    )
    load.load(_guarded(arguments), wish, request, _approval(arguments))


def _parity(arguments: argparse.Namespace) -> None:
    """The endpoint here and the one there: the same requests, the same answers?"""
    from train2deploy.cloud import parity
    from train2deploy.runtimes import choice

    sides = {"A": arguments.a, "B": arguments.b}
    here = next((name for name in sides if sides[name] != "cloud"), "A")
    runtime = choice.named(sides[here], variable=here)
    staleness.ensure_current(staleness.Wish.of(arguments))
    parity.parity(_guarded(arguments), runtime, requests.given(arguments))


def _policy(arguments: argparse.Namespace) -> None:
    """Prints the IAM policies of the caller and of the execution role"""
    from train2deploy.cloud import policy, session

    config = session.settings(arguments.cloud, overrides(arguments.set), needs=())
    policy.show(*session.with_role_arn(config, arguments.cloud))


def _status(arguments: argparse.Namespace) -> None:
    """What the project has in the account, with age and cost so far"""
    from train2deploy.cloud import guards, inventory, metrics

    cloud = _guarded(arguments, ("bucket",))
    inventory.status(cloud)
    guards.say(cloud)
    if arguments.follow:
        inventory.follow_training(cloud)
        metrics.follow_endpoint(cloud)


def _metrics(arguments: argparse.Namespace) -> None:
    """The endpoint's metrics by the minute, as a table and a plot"""
    from train2deploy.cloud import metrics

    metrics.show(_guarded(arguments), arguments.minutes)


def _delete(arguments: argparse.Namespace) -> None:
    """Removes everything that costs, and proves it"""
    from train2deploy.cloud import inventory

    inventory.delete(_connect(arguments, needs=("bucket",)), arguments.data)
