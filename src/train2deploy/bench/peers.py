"""Other servers, in the same rounds: the same SavedModel, each in an environment of its own.

`make bench PEERS=1` installs them from requirements/peers/*.lock. What starts them lies in
src/bench/peers.py; this module knows how each is asked.
"""

import contextlib
import http.client
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train2deploy import endpoint, paths
from train2deploy.bench import proc, subjects
from train2deploy.bench.http_load import ClosedLoop, Observer
from train2deploy.bench.workload import Sentences, Workload, rows_of
from train2deploy.errors import JobFailed, MissingRequirement

START_TIMEOUT_SECONDS = 90.0
WARM_UP_SECONDS = 4.0
WARM_UP_CLIENTS = 8
ONNX_PACKAGE = "onnxruntime"


@dataclass(frozen=True)
class Kind:
    """How a server is asked."""

    package: str  # its name in the registry, and that of its environment and lock
    path: str  # of its URL
    body: Callable[[dict[str, Any]], Any]  # what it wants for rows by the signature's keys
    rows: Callable[[Any], list[list[float]]]  # the probabilities in its answer


def _probabilities(answer: dict[str, Any]) -> list[list[float]]:
    """Of named outputs the one that raw_session takes."""
    found: list[list[float]] = answer[min(answer, key=lambda name: ("Softmax" not in name, name))]
    return found


PEERS = {
    "MLflow": Kind(
        "mlflow",
        "/invocations",
        lambda rows: {"inputs": rows if len(rows) > 1 else next(iter(rows.values()))},
        lambda answer: answer,
    ),
    "BentoML": Kind("bentoml", "/predict", lambda rows: {"inputs": rows}, lambda answer: answer),
    "simple-tensorflow-serving": Kind(
        "simple-tensorflow-serving", "/", lambda rows: {"data": rows}, _probabilities
    ),
}


def python(package: str) -> Path:
    """The interpreter of a peer's environment.

    Raises:
        MissingRequirement: it was not made.
    """
    path = paths.VENVS / f"peer-{package}" / "bin" / "python"
    if not path.exists():
        raise MissingRequirement(
            f"{paths.relative(path)}: expected an environment, found none. `make bench PEERS=1`"
            " makes it."
        )
    return path


def version(package: str) -> str:
    """The version that a peer's lock names."""
    lock = paths.ROOT / "requirements" / "peers" / f"{package}.lock"
    found = re.search(rf"^{re.escape(package)}==(\S+)", lock.read_text(encoding="utf-8"), re.M)
    return found.group(1) if found else "unknown"


class Peer:
    """A running peer. Use as a context manager; all its processes end with the block."""

    def __init__(self, name: str, saved_model: Path) -> None:
        self.name, self.kind = name, PEERS[name]
        self.log = paths.BENCH / f"peer-{self.kind.package}.log"
        self.port = endpoint.free_port()
        scratch = paths.BENCH / f"peer-{self.kind.package}"
        command = [str(python(self.kind.package)), "-W", "ignore", "-m", "bench.peers"]
        command += [self.kind.package, str(saved_model), str(scratch), str(self.port)]
        self._process = subjects.start(command, subjects.environment(), self.log)
        self.supervisor = self._process.pid

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of all its processes."""
        return {f"{self.name} {pid}": pid for pid in proc.tree(self.supervisor)}

    def workload(self, sentences: Sentences, per_request: int = 1) -> Workload:
        kind = self.kind
        return rows_of(sentences, kind.path, kind.body, kind.rows, per_request)

    def wait(self, sentences: Sentences) -> None:
        """Until it answers.

        Raises:
            JobFailed: it does not; the message holds the last line of its log.
        """
        request = self.workload(sentences).requests[0]
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError):
                if subjects.status_of(self.port, request) == http.client.OK:
                    # Some of them load the model at the first request of each worker.
                    work = self.workload(sentences)
                    loop = ClosedLoop(self.port, work.requests, WARM_UP_CLIENTS)
                    loop.run(WARM_UP_SECONDS, Observer())
                    return
            time.sleep(0.2)
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise JobFailed(
            f"{self.name} {version(self.kind.package)} did not answer:"
            f" {lines[-1] if lines else 'no output'} ({paths.relative(self.log)})"
        )

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *exception: object) -> None:
        subjects.kill(self._process)


def onnx_session(model_dir: Path, article_graph: Path | None) -> subjects.Tool:
    """ONNX Runtime on the same weights, which takes raw_session's commands."""
    arguments = [str(model_dir), *([str(article_graph)] if article_graph else [])]
    return subjects.Tool("bench.onnx_session", *arguments, python=python(ONNX_PACKAGE))
