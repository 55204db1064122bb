"""The commands behind `make bench` and `make soak`."""

import argparse
from collections.abc import Callable

from train2deploy import requests, staleness

Add = Callable[[str, Callable[[argparse.Namespace], None]], argparse.ArgumentParser]
"""Adds a command to the host tool."""


def register(add: Add) -> None:
    """Adds the commands."""
    bench = add("bench", _bench)
    bench.add_argument("--quick", action="store_true", help="about a minute")
    bench.add_argument("--rounds", type=int)
    bench.add_argument("--seconds", type=float, help="for each measurement")
    bench.add_argument("--clients", help="numbers of clients, such as 1,8,32")
    bench.add_argument("--against", help="another package: model.tar.gz or model directory")
    bench.add_argument("--article-words", type=int, help="in its handler's word vectors")
    bench.add_argument("--peers", action="store_true", help="other servers, too")
    requests.add_options(bench)
    bench.add_argument("--tune", action="store_true", help="search the settings of batching")
    bench.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    soak = add("soak", _soak)
    soak.add_argument("--seconds", type=float, default=600.0)


def _bench(arguments: argparse.Namespace) -> None:
    """Measures the endpoint beside a raw TensorFlow session: latency, throughput, memory, start"""
    from train2deploy import endpoint, golden
    from train2deploy.bench import options, other, run, tune

    staleness.ensure_current(staleness.Wish.of(arguments))
    asked = options.parse(
        arguments.quick,
        arguments.rounds,
        arguments.seconds,
        arguments.clients,
        arguments.against,
        arguments.article_words,
        arguments.peers,
        arguments.set,
    )
    wants = [name for name in ("tune", "peers", "against") if getattr(arguments, name)]
    if wants:
        golden.check_reads_sentences(f"bench {wants[0].upper()}=")
    if arguments.tune:
        tune.tune(asked)
    elif golden.reads_sentences(endpoint.unpacked_model()):
        run.bench(asked)
    else:
        other.bench(asked, requests.given(arguments))


def _soak(arguments: argparse.Namespace) -> None:
    """Loads the endpoint while its processes are killed: every answer must be right"""
    from train2deploy import golden
    from train2deploy.bench import soak

    staleness.ensure_current(staleness.Wish.of(arguments))
    golden.check_reads_sentences("soak")
    soak.soak(arguments.seconds)
