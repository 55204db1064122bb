"""Starts what the page needs and ends it: endpoints, the packages' encoders, the page's server."""

import contextlib
import io
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from train2deploy import console, endpoint, golden, package, paths
from train2deploy.datasets import sample
from train2deploy.errors import UserError
from train2deploy.playground.server import Server
from train2deploy.playground.sides import Local, Package, Side, Tokens
from train2deploy.runtimes import Runtime

EXAMPLES = {
    "article": "電波が悪い",
    "hard": "バリ3なのに、つながらない",
    "mixed": "清水寺の門前で抹茶パフェを食べながら、スマホで試合の結果を見た",
    "strange": "②階のﾛﾋﾞｰ、Ｗｉ-Ｆｉが㌧でもなく遅い",
    "long": "試合は延長に入り、携帯の電池は切れかけ、" * 5 + "それでも最後まで見た",
    "empty": "",
}
"""For a model of the sample's topics, by what they show."""


def local(port: int, runtime: Runtime, asked_port: int | None, given: Mapping[str, Path]) -> None:
    """Serves the page until Ctrl-C, in front of endpoints on this machine.

    Args:
        port: of the page.
        asked_port: PORT=, of an endpoint that runs already.
        given: packages by side, `a` (else build/model.tar.gz) and `b` (else none).
    """
    if asked_port and "a" in given:
        raise UserError(f"PORT={asked_port} A={given['a']}: expected one of them.")
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server(port))
        sides = {name: _started(stack, name, path, runtime) for name, path in given.items()}
        if asked_port:
            running = endpoint.Endpoint(asked_port, 0, None)
            sides = {"a": Local(running, Package(f"PORT={asked_port}")), **sides}
        elif "a" not in given:
            sides = {"a": _of_current_model(stack, runtime), **sides}
        for side in sides.values():
            side.warm_up(EXAMPLES["article"])
        serve(server, sides, {"kind": "local"})


def serve(server: Server, sides: Mapping[str, Side], about: Mapping[str, Any]) -> None:
    """Serves the page until Ctrl-C."""
    facts = {name: side.facts() for name, side in sides.items()}
    labels = {label for each in facts.values() for label in each["labels"]}
    server.sides = sides
    server.about = {**about, "sides": facts, "examples": examples(labels)}
    console.say(f"playground at {server.url}; Ctrl-C ends it")
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever(poll_interval=0.1)


def examples(labels: set[str]) -> list[list[str]]:
    """[what it shows, sentence]: ours for the sample's topics, else some of build/data/test."""
    if not labels or labels <= {row.label for row in sample.load().rows}:
        return [[kind, text] for kind, text in EXAMPLES.items()]
    return [*(["own", text] for text in golden.sentences()[:4]), ["empty", ""]]


def _of_current_model(stack: contextlib.ExitStack, runtime: Runtime) -> Local:
    log = _log("a")
    running = stack.enter_context(endpoint.of_current_model(runtime, log))
    stack.callback(log.unlink, missing_ok=True)
    return Local(running, known(stack, paths.MODEL_ARCHIVE, endpoint.unpacked_model(), runtime))


def _started(stack: contextlib.ExitStack, name: str, given: Path, runtime: Runtime) -> Local:
    """An endpoint for A= or B=, which names what MODEL= does."""
    if not given.exists():
        raise UserError(f"{name.upper()}={given}: expected a model.tar.gz or a job, found nothing.")
    archive = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "model.tar.gz"
    with contextlib.redirect_stdout(io.StringIO()):  # it names the archive, which nobody sees
        package.package(given, archive=archive)
    model_dir, log = endpoint.unpacked_model(archive), _log(name)
    running = stack.enter_context(endpoint.temporary(model_dir, None, runtime, log))
    stack.callback(log.unlink, missing_ok=True)
    return Local(running, known(stack, archive, model_dir, runtime, paths.relative(given)))


def _log(name: str) -> Path:
    return paths.BUILD / f"playground-{os.getpid()}-{name}.log"


def known(
    stack: contextlib.ExitStack, archive: Path, model_dir: Path, runtime: Runtime, name: str = ""
) -> Package:
    """A package, with its encoder running where it is ours and brings what that imports."""
    title = ", ".join(filter(None, [package.version_of(archive), name or paths.relative(archive)]))
    found = Package.of(title, model_dir)
    if found.reads_sentences and (model_dir / "code" / "lib").is_dir():
        found.encoder = stack.enter_context(Tokens(model_dir, runtime))
    return found
