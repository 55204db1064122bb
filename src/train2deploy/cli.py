"""The commands behind the make targets. Each is a few lines that call one module."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from train2deploy import (
    console,
    exits,
    given_channels,
    hyperparameters,
    next_step,
    paths,
    requests,
    staleness,
    versions,
)
from train2deploy.bench import commands as bench_commands
from train2deploy.cloud import commands as cloud_commands
from train2deploy.datasets import split
from train2deploy.make import ending
from train2deploy.published_check import commands as published_check_commands
from train2deploy.report import commands as report_commands
from train2deploy.runs import commands as run_commands

if TYPE_CHECKING:
    from train2deploy.jobs import TrainingJob
    from train2deploy.runtimes import Runtime, TrainingRuntime


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
    parser.add_argument("--verbose", action="store_true", help="tracebacks, and whole logs")
    parser.add_argument("--runtime", default="host", help="host, docker, or (to train) sdk")
    parser.add_argument("--image", default="own", help="docker: own, or aws for AWS's images")
    parser.add_argument("--model-server", default="own", help="docker: own or official")
    parser.add_argument("--memory", default="", help="docker: limit of a container, such as 2g")
    parser.set_defaults(failures=tuple, explained=str)
    staleness.add_options(parser)
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, run: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        return command

    data = add("data", _data)
    data.add_argument("dataset", help="sample, knbc or a directory")
    data.add_argument("--given-channels", default="", help="train= may be the data set")
    data.add_argument("--seed", type=int, default=1)
    data.add_argument("--split", choices=split.WAYS, default="random")
    data.add_argument("--titles", choices=["keep", "drop"], default="keep")
    data.add_argument("--clean", action="store_true", help="knbc: without empty and URL sentences")
    data.add_argument("--model-version", default="v1")
    data.add_argument("--tokens", default="", help="janome or sudachi; empty: the version's")
    data.add_argument("--knbc", type=Path, help="where the KNB corpus is, if not in data/raw")

    vectors = add("vectors", _vectors)
    vectors.add_argument("kind", help="chive, wikipedia, wikija or corpus; empty: the version's")
    vectors.add_argument("--model-version", default="v1")
    vectors.add_argument("--knbc", type=Path, help="where the author's tokenizer may lie")
    vectors.add_argument("--corpus", type=Path)
    vectors.add_argument("--vocabulary-size", type=int, default=12000)
    vectors.add_argument("--tokenizer", default="", help="author, or a SentencePiece model")
    vectors.add_argument("--seed", type=int, default=1)

    train, parity = add("train", _train), add("parity", _parity)
    for command in (train, parity):
        hyperparameters.add_options(command)
        command.add_argument("--seed", type=int, default=1)
    train.add_argument("--given-channels", default="", help="name=directory, several")
    train.add_argument("--repro", action="store_true", help="same seed, same bits; slower")
    train.add_argument("--directory", type=Path, help="of the job, instead of a new build/jobs/…")
    train.add_argument("--channels", type=Path, help="holds data/ and vectors/, instead of build/")
    train.add_argument("--parent", type=int, help="end when this process ends")
    parity.add_argument("a", help="a runtime: host or docker")
    parity.add_argument("b", help="another one")
    parity.add_argument("--package", action="store_true", help="as it is, nothing is trained")
    requests.add_options(parity)

    package = add("package", _package)
    package.add_argument("--model", type=Path, default=paths.LATEST_JOB, help="or of elsewhere")
    package.add_argument("--code", type=Path, help="folder with inference.py, instead of ours")
    package.add_argument("--include", default="", help="files of the job's output, for the code")
    package.add_argument("--dependencies", default="", help="lib or requirements")

    serve = add("serve", _serve)
    serve.add_argument("--model-dir", type=Path)
    serve.add_argument("--port", type=int, help="8080 where none is given; 0: a free one")
    serve.add_argument("--detach", action="store_true")
    serve.add_argument("--no-dev", action="store_true", help="restart for ever, as SageMaker does")
    serve.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")

    play = add("playground", _playground)
    play.add_argument("--port-ui", type=int, default=8088, help="of the page; 0: a free one")
    play.add_argument("--port", type=int, help="of an endpoint that is already running")
    play.add_argument("--a", type=Path, help="a package instead of build/model.tar.gz")
    play.add_argument("--b", type=Path, help="another one, beside it")
    play.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")

    add("status", _status)
    add("stop", _stop)
    invoke = add("invoke", _invoke)
    invoke.add_argument("sentence")
    invoke.add_argument("--port", type=int, default=0, help="that of the detached endpoint")
    invoke.add_argument("--json", action="store_true")
    requests.add_options(invoke)
    requests.add_options(add("verify", _verify))
    add("evaluate", _evaluate)
    rehearse = add("rehearse", _rehearse)
    rehearse.add_argument("sentence")
    rehearse.add_argument("--of-data", action="store_true", help="a test sentence of own data")
    images = add("images", _images)
    images.add_argument("--official", help="the image that MODEL_SERVER=official is taken from")
    bench_commands.register(add)
    run_commands.register(add, _runtime)
    report_commands.register(add)
    published_check_commands.register(add, _training_runtime)
    about = "The cloud half: SageMaker, or the emulator"
    cloud_commands.register(commands.add_parser("cloud", help=about, description=about))
    return parser


def _runtime(arguments: argparse.Namespace) -> "Runtime":
    from train2deploy.runtimes import choice

    return choice.named(arguments.runtime, *_containers(arguments))


def _training_runtime(arguments: argparse.Namespace) -> "TrainingRuntime":
    from train2deploy.runtimes import choice

    return choice.training(arguments.runtime, *_containers(arguments))


def _containers(arguments: argparse.Namespace) -> tuple[str, str, str]:
    return arguments.image, arguments.model_server, arguments.memory


def _data(arguments: argparse.Namespace) -> None:
    """build/data: a data set, shuffled and split"""
    from train2deploy import datasets
    from train2deploy.datasets import channels, words

    given = given_channels.parse(arguments.given_channels)
    wished = "DATASET" in staleness.Wish.of(arguments).given
    name = given_channels.data_set(given, arguments.dataset, wished)
    dataset = datasets.load(name, arguments.titles == "keep", arguments.clean, arguments.knbc)
    for note in dataset.notes:
        console.say(note)
    tokenizer = words.find(arguments.tokens or versions.tokens_of(arguments.model_version))
    console.say(channels.write(dataset, arguments.seed, arguments.split, tokenizer=tokenizer))


def _vectors(arguments: argparse.Namespace) -> None:
    """build/vectors: a tokenizer and a vector for each of its pieces"""
    from train2deploy.vectors import channel, own_text

    kind, said = arguments.kind, ""
    if not kind:
        kind, said = own_text.choose(arguments.model_version, paths.DATASET)
    if said:
        console.say(said)
    given = (kind, arguments.corpus, arguments.vocabulary_size, arguments.seed)
    name = arguments.tokenizer or versions.tokenizer_of(arguments.model_version, kind)
    runtime = _training_runtime(arguments)
    console.say(channel.build(*given, runtime, tokenizer_name=name, knbc=arguments.knbc))


def _train(arguments: argparse.Namespace) -> None:
    """build/jobs/<job>: trains with TensorFlow 1.12 under the AWS training toolkit"""
    from train2deploy import jobs, processes

    if arguments.parent:
        processes.end_with(arguments.parent)
    job, runtime = _job(arguments, arguments.repro), _training_runtime(arguments)
    if arguments.directory:
        jobs.run(job, arguments.directory, runtime, jobs.channel_sources(arguments.channels))
    else:
        jobs.train(job, runtime)


def _parity(arguments: argparse.Namespace) -> None:
    """The same seed in two runtimes: the same weights, the same answers?"""
    from train2deploy import parity
    from train2deploy.runtimes import choice

    if not arguments.package:
        versions.check_packed(arguments.model_version)
    a = choice.named(arguments.a, *_containers(arguments), variable="A")
    b = choice.named(arguments.b, *_containers(arguments), variable="B")
    if arguments.package:
        staleness.ensure_current(staleness.Wish.of(arguments))
        parity.parity_of_package(a, b, requests.given(arguments))
        return
    staleness.check_inputs(staleness.Wish.of(arguments))
    parity.parity(a, b, _job(arguments, repro=True))


def _job(arguments: argparse.Namespace, repro: bool) -> "TrainingJob":
    from train2deploy import jobs

    return jobs.TrainingJob(
        version=arguments.model_version,
        hyperparameters=hyperparameters.with_seed(
            arguments.model_version, hyperparameters.given(arguments), arguments.seed
        ),
        repro=repro,
        verbose=arguments.verbose,
        channels=given_channels.parse(getattr(arguments, "given_channels", "")),
    )


def _package(arguments: argparse.Namespace) -> None:
    """build/model.tar.gz: SavedModel and inference code in one archive"""
    from train2deploy import package, package_code, package_speed

    if arguments.model == paths.LATEST_JOB:
        staleness.check_job(staleness.Wish.of(arguments), arguments.model)
    include = arguments.include.split() or None
    asked = package_code.Asked(arguments.code, include, arguments.dependencies)
    package.package(arguments.model, asked)
    package_speed.say(lambda: _runtime(arguments))


def _serve(arguments: argparse.Namespace) -> None:
    """Serves a model on this machine as SageMaker's TensorFlow Serving container does"""
    import os

    from train2deploy import endpoint, package_lint, serving
    from train2deploy.cloud_settings import config
    from train2deploy.hashing import sha256_file

    config.set_serving_variables(arguments.set)
    if arguments.model_dir:
        package_lint.check_directory(arguments.model_dir)
    else:
        staleness.ensure_current(staleness.Wish.of(arguments))
    model_dir = arguments.model_dir or endpoint.unpacked_model()
    if arguments.runtime == "host":
        for line in package_lint.container_paths(Path(model_dir)):
            console.note(f"train2deploy: {line}")
    digest = None if arguments.model_dir else sha256_file(paths.MODEL_ARCHIVE)
    runtime, dev = _runtime(arguments), not arguments.no_dev
    port = endpoint.DEFAULT_PORT if arguments.port is None else arguments.port
    port = port or endpoint.free_port()
    note = serving.described(os.environ, _has_own_server(arguments))
    if not arguments.detach:
        note += f"\nendpoint at http://{endpoint.ADDRESS}:{port}; Ctrl-C ends it"
        raise SystemExit(endpoint.serve_in_foreground(model_dir, port, dev, runtime, note))
    started = endpoint.start_detached(model_dir, port, dev, digest, runtime)
    console.say(note)
    console.say(
        f"endpoint at {started.url} (pid {started.pid}), log in"
        f" {paths.relative(paths.ENDPOINT_LOG)}; end it with `make local-stop`"
    )


def _has_own_server(arguments: argparse.Namespace) -> bool:
    from train2deploy import serving

    if arguments.runtime == "docker":
        return (arguments.image, arguments.model_server) == ("own", "own")
    return not serving.has_real_server()


def _playground(arguments: argparse.Namespace) -> None:
    """A page to type into, in front of an endpoint here"""
    from train2deploy.cloud_settings import config
    from train2deploy.playground import run

    config.set_serving_variables(arguments.set)
    given = {name: getattr(arguments, name) for name in "ab" if getattr(arguments, name)}
    if "a" not in given and not arguments.port:
        staleness.ensure_current(staleness.Wish.of(arguments))
    run.local(arguments.port_ui, _runtime(arguments), arguments.port, given)


def _status(arguments: argparse.Namespace) -> None:
    """What is here, what it was made of, and what is stale"""
    from train2deploy import status

    status.show()


def _stop(arguments: argparse.Namespace) -> None:
    """Ends the detached endpoint"""
    from train2deploy import endpoint

    console.say("endpoint stopped" if endpoint.stop() else "no endpoint was running")


def _invoke(arguments: argparse.Namespace) -> None:
    """Sends a sentence or a file to the endpoint and prints the answer"""
    from train2deploy import endpoint, invoke

    request = requests.asked(arguments)
    invoke.invoke(request, endpoint.asked_port(arguments.port), arguments.json)


def _verify(arguments: argparse.Namespace) -> None:
    """Compares the endpoint with the SavedModel in a TensorFlow session"""
    from train2deploy import endpoint, verify

    staleness.ensure_current(staleness.Wish.of(arguments))
    runtime, request = _runtime(arguments), requests.given(arguments)
    with endpoint.of_current_model(runtime) as running:
        verify.verify(running, runtime, request)


def _evaluate(arguments: argparse.Namespace) -> None:
    """Scores on the held-out test split through the endpoint, beside two yardsticks"""
    from train2deploy import endpoint, evaluate

    staleness.ensure_current(staleness.Wish.of(arguments), scored=True)
    with endpoint.of_current_model(_runtime(arguments)) as running:
        evaluate.evaluate(running, staleness.Wish.of(arguments))


def _rehearse(arguments: argparse.Namespace) -> None:
    """Serves build/model.tar.gz for a moment: verify, evaluate, and one sentence"""
    from train2deploy import endpoint, evaluate, golden, invoke, verify

    staleness.ensure_current(staleness.Wish.of(arguments), scored=True)
    runtime = _runtime(arguments)
    with endpoint.of_current_model(runtime) as running:
        verify.verify(running, runtime)
        evaluate.evaluate(running, staleness.Wish.of(arguments))
        sentence = golden.sentences()[0] if arguments.of_data else arguments.sentence
        request = requests.sentences(sentence)
        answer = endpoint.invocations(running, request)
    console.say("")
    invoke.show(request, answer, as_json=False)
    console.say("artifacts:")
    for path in (paths.LATEST_JOB.resolve(), paths.MODEL_ARCHIVE, paths.EVALUATION):
        console.say(f"  {paths.relative(path)}")


def _images(arguments: argparse.Namespace) -> None:
    """Builds the Docker images that are missing or have changed"""
    from train2deploy.runtimes import images

    images.build(arguments.model_server, arguments.official or images.OFFICIAL_MODEL_SERVER)
