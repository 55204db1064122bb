"""What the commands of the host tool do: each is a few lines that call one module."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from train2deploy import (
    console,
    given_channels,
    hyperparameters,
    paths,
    requests,
    stack,
    staleness,
    versions,
)
from train2deploy.datasets import split
from train2deploy.errors import UserError

if TYPE_CHECKING:
    from train2deploy.jobs import TrainingJob
    from train2deploy.runtimes import Runtime, TrainingRuntime


OF_A_PLAN = ("dataset", "split", "clean", "knbc", "vectors", "corpus", "vocabulary_size",
             "tokenizer")  # fmt: skip


def _runtime(arguments: argparse.Namespace) -> "Runtime":
    from train2deploy.runtimes import choice

    return choice.named(arguments.runtime, *_containers(arguments))


def _training_runtime(arguments: argparse.Namespace) -> "TrainingRuntime":
    from train2deploy.runtimes import choice

    return choice.training(arguments.runtime, *_containers(arguments))


def _containers(arguments: argparse.Namespace) -> tuple[str, str, str]:
    return arguments.image, arguments.model_server, arguments.memory


def data(arguments: argparse.Namespace) -> None:
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


def vectors(arguments: argparse.Namespace) -> None:
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


def train(arguments: argparse.Namespace) -> None:
    """build/jobs/<job>: trains with TensorFlow 1.12 under the AWS training toolkit"""
    from train2deploy import jobs, processes

    if arguments.parent:
        processes.end_with(arguments.parent)
    job, runtime = _job(arguments, arguments.repro), _training_runtime(arguments)
    if arguments.directory:
        jobs.run(job, arguments.directory, runtime, jobs.channel_sources(arguments.channels))
    else:
        jobs.train(job, runtime)


def parity(arguments: argparse.Namespace) -> None:
    """The same seed in two runtimes: the same weights, the same answers?"""
    from train2deploy import contract_parity, parity, parity_stacks
    from train2deploy.runtimes import choice

    if stack.are_contracts(arguments.a, arguments.b):
        staleness.ensure_current(staleness.Wish.of(arguments))
        contract_parity.parity(arguments.a, arguments.b)
        if stack.TODAYS in (arguments.a, arguments.b):
            parity_stacks.parity()
        return
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


def package(arguments: argparse.Namespace) -> None:
    """build/model.tar.gz: SavedModel and inference code in one archive"""
    from train2deploy import package, package_code, package_speed

    if arguments.model == paths.LATEST_JOB:
        staleness.check_job(staleness.Wish.of(arguments), arguments.model)
    include = arguments.include.split() or None
    asked = package_code.Asked(arguments.code, include, arguments.dependencies)
    package.package(arguments.model, asked)
    package_speed.say(lambda: _runtime(arguments))


def serve(arguments: argparse.Namespace) -> None:
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


def playground(arguments: argparse.Namespace) -> None:
    """A page to type into, in front of an endpoint here"""
    from train2deploy.cloud_settings import config
    from train2deploy.playground import run

    config.set_serving_variables(arguments.set)
    given = {name: getattr(arguments, name) for name in "ab" if getattr(arguments, name)}
    if "a" not in given and not arguments.port:
        staleness.ensure_current(staleness.Wish.of(arguments))
    run.local(arguments.port_ui, _runtime(arguments), arguments.port, given)


def status(arguments: argparse.Namespace) -> None:
    """What is here, what it was made of, and what is stale"""
    from train2deploy import status

    status.show()


def stop(arguments: argparse.Namespace) -> None:
    """Ends the detached endpoint"""
    from train2deploy import endpoint

    console.say("endpoint stopped" if endpoint.stop() else "no endpoint was running")


def invoke(arguments: argparse.Namespace) -> None:
    """Sends a sentence or a file to the endpoint and prints the answer"""
    from train2deploy import endpoint, invoke

    request = requests.asked(arguments)
    invoke.invoke(request, endpoint.asked_port(arguments.port), arguments.json)


def verify(arguments: argparse.Namespace) -> None:
    """Compares the endpoint with the SavedModel in a TensorFlow session"""
    from train2deploy import endpoint, verify

    staleness.ensure_current(staleness.Wish.of(arguments))
    runtime, request = _runtime(arguments), requests.given(arguments)
    with endpoint.of_current_model(runtime) as running:
        verify.verify(running, runtime, request)


def evaluate(arguments: argparse.Namespace) -> None:
    """Scores on the held-out test split through the endpoint, beside two yardsticks"""
    from train2deploy import endpoint, evaluate

    if arguments.captured:
        evaluate.captured(arguments.captured)
        return
    staleness.ensure_current(staleness.Wish.of(arguments), scored=True)
    with endpoint.of_current_model(_runtime(arguments)) as running:
        evaluate.evaluate(running, staleness.Wish.of(arguments))


def upgrade_check(arguments: argparse.Namespace) -> None:
    """A package under newer containers' contracts: linted, asked the same, compared"""
    from train2deploy.upgrade import run

    asked = run.Asked.of(arguments)
    if not asked.package:
        staleness.ensure_current(staleness.Wish.of(arguments))
    run.check(asked, _runtime(arguments))


def rehearse(arguments: argparse.Namespace) -> None:
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


def images(arguments: argparse.Namespace) -> None:
    """Builds the Docker images that are missing or have changed"""
    from train2deploy.runtimes import images

    images.build(arguments.model_server, arguments.official or images.OFFICIAL_MODEL_SERVER)


def bench(arguments: argparse.Namespace) -> None:
    """Measures the endpoint beside a raw TensorFlow session: latency, throughput, memory, start"""
    from train2deploy import endpoint, golden
    from train2deploy.bench import options, other, run, tune

    staleness.ensure_current(staleness.Wish.of(arguments))
    asked = options.of(arguments)
    wants = [name for name in ("tune", "peers", "against") if getattr(arguments, name)]
    if wants:
        golden.check_reads_sentences(f"bench {wants[0].upper()}=")
    if arguments.tune:
        tune.tune(asked)
    elif golden.reads_sentences(endpoint.unpacked_model()):
        run.bench(asked)
    else:
        other.bench(asked, requests.given(arguments))


def soak(arguments: argparse.Namespace) -> None:
    """Loads the endpoint while its processes are killed: every answer must be right"""
    from train2deploy import golden
    from train2deploy.bench import soak

    staleness.ensure_current(staleness.Wish.of(arguments))
    golden.check_reads_sentences("soak")
    soak.soak(arguments.seconds)


def reproduce(arguments: argparse.Namespace) -> None:
    """Trains, packs, serves, evaluates and records a run for each seed"""
    from train2deploy.runs import reproduce
    from train2deploy.runs.plan import Plan

    plan = Plan(
        version=arguments.model_version,
        draws=_draws(arguments),
        hyperparameters=hyperparameters.given(arguments),
        titles=arguments.titles == "keep",
        **{name: getattr(arguments, name) for name in OF_A_PLAN},
        tokens=arguments.tokens or versions.tokens_of(arguments.model_version),
    )
    reproduce.reproduce(plan, _runtime(arguments), _tool_options(arguments), arguments.jobs)


def _draws(arguments: argparse.Namespace) -> tuple[tuple[int, int], ...]:
    """(seed, split seed) of each run."""
    if splits := arguments.splits:
        if arguments.split_seed is not None:
            raise UserError(
                f"SPLITS={splits} SPLIT_SEED={arguments.split_seed}: expected one of"
                " them. SPLITS takes the splits from 1 on; SPLIT_SEED is for SEEDS."
            )
        if arguments.seeds:
            raise UserError(
                f"SEEDS={arguments.seeds} SPLITS={splits}: expected one of them. SEEDS"
                " trains on one split with each seed, SPLITS on each split with one."
            )
        split.check_seed(arguments.split, splits, "SPLITS")
        return tuple((number, number) for number in range(1, splits + 1))
    split_seed = 1 if arguments.split_seed is None else arguments.split_seed
    split.check_seed(arguments.split, split_seed, "SPLIT_SEED")
    return tuple((seed, split_seed) for seed in range(1, (arguments.seeds or 5) + 1))


def _tool_options(arguments: argparse.Namespace) -> list[str]:
    """The host tool's own options, for a command that this one starts."""
    given = dict(zip(("image", "model-server", "memory"), _containers(arguments), strict=True))
    options = [(f"--{name}", value) for name, value in given.items()]
    return [word for pair in [("--runtime", arguments.runtime), *options] for word in pair]


def runs(arguments: argparse.Namespace) -> None:
    """The completed runs, filtered and sorted"""
    from train2deploy import datasets
    from train2deploy.runs import registry, table

    dataset = arguments.dataset and datasets.name_of(arguments.dataset)
    records = registry.load(dataset, arguments.model_version)
    if arguments.model_version and not records:
        versions.find(arguments.model_version)
    table.list_runs(records, arguments.where, arguments.sort, arguments.json)


def compare(arguments: argparse.Namespace) -> None:
    """Two runs side by side, with McNemar's test"""
    from train2deploy import datasets
    from train2deploy.runs import compare

    dataset = arguments.dataset and datasets.name_of(arguments.dataset)
    compare.compare(arguments.a, arguments.b, arguments.language, dataset)


def reproduce_check(arguments: argparse.Namespace) -> None:
    """Builds HEAD twice from nothing and compares every artifact"""
    from train2deploy.runs import check

    for version in arguments.versions:
        versions.check_packed(version)
    check.check(arguments.versions, arguments.variable)


def report(arguments: argparse.Namespace) -> None:
    """build/reports/<dataset>: published beside reproduced, as HTML, Markdown and JSON"""
    from train2deploy.report import pages

    pages.report(arguments.dataset, arguments.language, arguments.runs)


def reference(arguments: argparse.Namespace) -> None:
    """results/<dataset>: the report that is committed, its files, and the READMEs' table"""
    from train2deploy.report import reference

    reference.reference(arguments.dataset, arguments.seeds, arguments.keep, arguments.runs)


def checklist(_: argparse.Namespace) -> None:
    """results/CHECKLIST.md: what can be tested of reproducibility, tested"""
    from train2deploy.report import checklist

    checklist.write()


def published_check(arguments: argparse.Namespace) -> None:
    """build/published-check.json: what the articles state, recomputed; a line each"""
    from train2deploy.published_check import run

    runtime = _training_runtime(arguments)
    run.check(arguments.knbc, arguments.tokenizer, runtime, arguments.language)
