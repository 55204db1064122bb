"""What is measured: processes that run sessions or clients, and endpoints."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from train2deploy import endpoint, paths, processes, serving
from train2deploy.bench import proc
from train2deploy.errors import JobFailed
from train2deploy.runtimes import host
from train2deploy.runtimes.host import HOST

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2"}
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
POLL_SECONDS = 0.01

STOP_TIMEOUT_SECONDS = 15.0


def environment(port: int = 0) -> dict[str, str]:
    """The environment of all that is measured: the endpoint's, without proxies."""
    kept = host.endpoint_environment(port, dev=True) | {serving.MERGE: "1"}
    return {name: value for name, value in kept.items() if name.lower() not in PROXIES} | QUIET


def start(
    command: Sequence[str], variables: Mapping[str, str], log: Path
) -> "subprocess.Popen[str]":
    """Starts a process in a group of its own; its output goes to its log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as written:
        return processes.start(command, variables, paths.ROOT, stdout=written)


def kill(process: "subprocess.Popen[str]") -> None:
    """Ends a process that `start` started, and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Tool:
    """A process that takes commands, one at a time; in the serving environment unless told.

    Use as a context manager; it ends with the block.

    Args:
        log: name of its log, build/bench/<log>.log; default: the module's.
    """

    def __init__(
        self, module: str, *arguments: str, python: Path | None = None, log: str = ""
    ) -> None:
        self.log = paths.BENCH / f"{log or module.rpartition('.')[2]}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        serving = HOST.python("serve", [], {}).arguments
        command = [*([str(python)] if python else serving), "-m", module, *arguments]
        with self.log.open("wb") as file:
            self._process = processes.Conversation(command, environment(), paths.ROOT, stderr=file)
        self.pid = self._process.pid

    def ask(self, **command: Any) -> dict[str, Any]:
        """The answer to one command.

        Raises:
            JobFailed: the process has ended; the message holds the end of its log.
        """
        answer: dict[str, Any] | None = self._process.ask(command)
        if answer is None:
            tail = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise JobFailed(f"{tail}\nended before it answered: {paths.relative(self.log)}")
        return answer

    def __enter__(self) -> "Tool":
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.end()


class Served:
    """An endpoint on a free port. Use as a context manager; it ends with the block.

    Args:
        name: of its log, build/bench/<name>.log.
        further: variables beside the endpoint's own.
    """

    def __init__(self, model_dir: Path, name: str, further: dict[str, str] | None = None) -> None:
        self.log = paths.BENCH / f"{name}.log"
        self.port = endpoint.free_port()
        self.started = perf_counter()
        self._process = start(
            [*HOST.endpoint(model_dir, self.port, True).arguments, "--die-with-parent"],
            environment(self.port) | (further or {}),
            self.log,
        )
        self.supervisor = self._process.pid

    def first_answer(self, request: bytes, timeout: float = 120.0) -> float:
        """Asks until the answer is 200; the time from the start of the process until then.

        Raises:
            JobFailed: there is none; the message holds the end of the log.
        """
        while perf_counter() < self.started + timeout and self._process.poll() is None:
            with contextlib.suppress(OSError):
                if status_of(self.port, request) == http.client.OK:
                    return perf_counter() - self.started
            time.sleep(POLL_SECONDS)
        tail = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise JobFailed(f"{tail}\nno answer to /invocations. The log: {paths.relative(self.log)}")

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each role."""
        return proc.of_endpoint(self.supervisor)

    @property
    def rest_port(self) -> int:
        return self._model_server_port(b"--rest_api_port=")

    @property
    def grpc_port(self) -> int:
        return self._model_server_port(b"--port=")

    def _model_server_port(self, flag: bytes) -> int:
        command = proc.command_line(self.pids[proc.MODEL_SERVER])
        return next(int(argument[len(flag) :]) for argument in command if argument.startswith(flag))

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            kill(self._process)


def status_of(port: int, request: bytes) -> int:
    """The status of the answer to a whole HTTP request."""
    with socket.create_connection(("127.0.0.1", port), timeout=70) as connection:
        connection.sendall(request)
        answer = connection.recv(64)
        return int(answer[9:12]) if answer.startswith(b"HTTP/1.") else 0
