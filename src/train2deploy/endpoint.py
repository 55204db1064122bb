"""The endpoint on this machine: started, waited for, stopped.

src/hosting does what SageMaker's serving container does; this module gives it an
unpacked model directory and remembers a detached one in build/endpoint.json.
"""

import contextlib
import http.client
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from train2deploy import (
    archives,
    bundles,
    endpoint_log,
    manifest,
    package_lint,
    partial,
    paths,
    processes,
    requests,
)
from train2deploy.answers import Ranking, read_rankings
from train2deploy.errors import JobFailed, UserError
from train2deploy.hashing import sha256_file
from train2deploy.runtimes import Runtime, engine
from train2deploy.runtimes.host import HOST

ADDRESS = "127.0.0.1"
START_TIMEOUT_SECONDS = 120.0
STOP_TIMEOUT_SECONDS = 15.0
DEFAULT_PORT = 8080
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
FREE_PORTS = range(10000, 32768)
"""Those from 32768 on are what the kernel gives to outgoing connections."""


@dataclass(frozen=True)
class Endpoint:
    """A running endpoint."""

    port: int
    # of the supervisor, or of the Docker client that follows its container. It leads a
    # process group.
    pid: int
    model_sha256: str | None  # of the archive that is served, None for a MODEL_DIR of the user's
    container: str = ""  # the name of its container, "" for an endpoint without one

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.port}"

    @property
    def runtime(self) -> str:
        """host or docker."""
        return "docker" if self.container else "host"


class EndpointError(JobFailed):
    """The endpoint did not start, or did not answer as it should."""


def unpacked_model(archive: Path = paths.MODEL_ARCHIVE) -> Path:
    """The archive unpacked to build/served/<sha256>/model, once.

    The directory is named `model` as /opt/ml/model is: SageMaker names a SavedModel
    by the directory above its version (docs/contract.md#a2).
    """
    if not archive.exists():
        raise UserError(
            f"{paths.relative(archive)}: expected a packed model, found none."
            " Run `make package` (after `make local-train`), or give MODEL=<path>."
        )
    target = paths.SERVED_MODELS / sha256_file(archive)[:16] / "model"
    if not target.is_dir():
        package_lint.check(archive)
        with partial.directory(target) as fresh:
            archives.unpack(archive, fresh)
    return target


def serve_in_foreground(
    model_dir: Path, port: int, dev: bool, runtime: Runtime = HOST, note: str = ""
) -> int:
    """Serves until Ctrl-C, SIGTERM or its own end.

    On this machine the calling process becomes the supervisor, and this does not return.

    Args:
        note: printed when nothing speaks against starting it.

    Returns:
        The container's exit status, 0 when it was told to stop.
    """
    check_port(port)
    launch = runtime.endpoint(model_dir, port, dev)
    print(note, flush=True)
    if not launch.container:
        arguments = [*launch.arguments, "--die-with-parent"]
        os.execve(arguments[0], arguments, launch.environment)
    processes.end_with_parent()
    process = processes.start(launch.arguments, launch.environment, stdout=None, stderr=None)
    try:
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _end(process.pid)
        runtime.finish(launch)


def start_detached(
    model_dir: Path, port: int, dev: bool, model_sha256: str | None, runtime: Runtime = HOST
) -> Endpoint:
    """Starts the endpoint in the background and waits until it answers."""
    running = current()
    if running is not None:
        raise UserError(
            f"an endpoint of this project is already running: {running.url} (pid {running.pid})."
            " Stop it with `make local-stop`."
        )
    endpoint = _start(model_dir, port, dev, model_sha256, paths.ENDPOINT_LOG, runtime)
    manifest.write_json(paths.ENDPOINT_STATE, asdict(endpoint))
    return endpoint


@contextlib.contextmanager
def temporary(
    model_dir: Path, model_sha256: str | None, runtime: Runtime = HOST, log: Path | None = None
) -> Iterator[Endpoint]:
    """An endpoint on a free port for the length of a `with` block.

    On this machine it ends with the calling process, whatever ends that.
    """
    log = log or paths.TEMPORARY_ENDPOINT_LOG
    endpoint = _start(
        model_dir, free_port(), True, model_sha256, log, runtime, ["--die-with-parent"]
    )
    try:
        yield endpoint
    finally:
        _end(endpoint.pid, endpoint.container)


@contextlib.contextmanager
def of_current_model(runtime: Runtime = HOST, log: Path | None = None) -> Iterator[Endpoint]:
    """An endpoint that serves build/model.tar.gz: the detached one, else a temporary one."""
    digest = sha256_file(paths.MODEL_ARCHIVE) if paths.MODEL_ARCHIVE.exists() else None
    running = current()
    if running is not None and (running.model_sha256, running.runtime) == (digest, runtime.name):
        yield running
        return
    with temporary(unpacked_model(), digest, runtime, log) as endpoint:
        yield endpoint


def current() -> Endpoint | None:
    """The detached endpoint, if it is still alive."""
    state = manifest.read(paths.ENDPOINT_STATE)
    if state is None or state.keys() != asdict(Endpoint(0, 0, None)).keys():
        return None
    endpoint = Endpoint(**state)
    if processes.is_running(endpoint.pid, endpoint.container or "hosting"):
        return endpoint
    _remove_container(endpoint.container)
    paths.ENDPOINT_STATE.unlink(missing_ok=True)
    return None


def stop() -> bool:
    """Ends the detached endpoint; whether there was one."""
    endpoint = current()
    if endpoint is None:
        return False
    _end(endpoint.pid, endpoint.container)
    paths.ENDPOINT_STATE.unlink(missing_ok=True)
    return True


class Answer(NamedTuple):
    """What an endpoint said."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = {}


def exchange(
    endpoint: Endpoint,
    method: str,
    path: str,
    body: bytes | None = None,
    content_type: str = "",
    accept: str = "",
    attributes: str = "",
) -> Answer:
    connection = http.client.HTTPConnection(ADDRESS, endpoint.port, timeout=70)
    named = {"Content-Type": content_type, "Accept": accept, ATTRIBUTES: attributes}
    headers = {name: value for name, value in named.items() if value}
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        said = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, said.get("content-type", ""), response.read(), said)
    finally:
        connection.close()


def classify(endpoint: Endpoint, sentences: list[str]) -> list[Ranking]:
    """Sends sentences to /invocations in one request; the ranking of each.

    Raises:
        EndpointError: no answer, or an error; with the endpoint's own message.
    """
    answer = invocations(endpoint, requests.sentences(sentences))
    rankings = read_rankings(answer, len(sentences))
    if rankings is None:
        raise EndpointError(
            f"{endpoint.url}/invocations: the answer is not a JSON ranking of labels:"
            f" {_message(answer)!r}. Is another model served there?"
        )
    return rankings


def invocations(endpoint: Endpoint, request: requests.Request) -> bytes:
    """What /invocations answers; raises EndpointError as `classify` does."""
    wanted = (request.body, request.content_type, request.accept)
    try:
        status, _, answer, _ = exchange(endpoint, "POST", "/invocations", *wanted)
    except (OSError, http.client.HTTPException) as error:
        raise EndpointError(
            f"{endpoint.url}: no answer ({_one_line(error)})."
            " Start it with `make local-serve DETACH=1`."
        ) from error
    if status != http.client.OK:
        raise EndpointError(f"{endpoint.url}/invocations answered {status}: {_message(answer)}")
    return answer


def asked_port(port: int) -> int:
    """PORT=, or where none or 0 is given that of the detached endpoint, else the default."""
    running = None if port else current()
    return port or (running.port if running else DEFAULT_PORT)


def check_port(port: int, variable: str = "PORT", stop: str = "local-stop") -> None:
    """Raises UserError, with make's `variable`, when something listens on the port already.

    `stop` is the target that ends what we may have on it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except (OverflowError, OSError) as error:
            raise not_free(port, error, variable, f" (`make {stop}` if it is ours)") from error


def not_free(port: int, error: OverflowError | OSError, variable: str, stop: str = "") -> UserError:
    """What is said of a port that cannot be bound, for this reason."""
    if isinstance(error, OverflowError):
        return UserError(f"{variable}={port}: expected 0 to 65535.")
    return UserError(
        f"{variable}={port}: {error.strerror}. Choose another one, for instance"
        f" {variable}={free_port()}, or end what uses it{stop}."
    )


def free_port() -> int:
    """A port that is free at this moment, and that no outgoing connection takes afterwards."""
    while True:
        port = secrets.choice(FREE_PORTS)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((ADDRESS, port))
            return port


def _start(
    model_dir: Path,
    port: int,
    dev: bool,
    model_sha256: str | None,
    log_path: Path,
    runtime: Runtime,
    options: Sequence[str] = (),
) -> Endpoint:
    check_port(port)
    launch = runtime.endpoint(model_dir, port, dev)
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("wb") as log:
        words = [*launch.arguments, *([] if launch.container else options)]
        process = processes.start(words, launch.environment, paths.ROOT, stdout=log)
    endpoint = Endpoint(port, process.pid, model_sha256, launch.container)
    try:
        _wait_until_ready(endpoint, process, model_dir, log_path)
    except BaseException:
        _end(process.pid, launch.container)
        raise
    return endpoint


def _wait_until_ready(
    endpoint: Endpoint, process: "subprocess.Popen[str]", model_dir: Path, log_path: Path
) -> None:
    """/ping alone does not tell: it may be 200 before the model is loaded (docs/contract.md#a4)."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    # A multi-model endpoint loads its models later, when it is told to.
    several = os.environ.get("SAGEMAKER_MULTI_MODEL", "").lower() == "true"
    wanted = ["/ping"]
    if not several:
        wanted += [f"/tfs/v1/models/{name}" for name in bundles.model_names(model_dir)]
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise EndpointError(
                f"{endpoint_log.why(log_path)}\nthe endpoint ended with status {process.returncode}"
                f" while it started. The whole log: {paths.relative(log_path)}"
            )
        failure = re.search(r".*load failure: .*", log_path.read_text("utf-8", "replace"))
        if failure:
            raise EndpointError(
                f"the SavedModel could not be loaded: {failure.group()} The whole log:"
                f" {paths.relative(log_path)}"
            )
        with contextlib.suppress(OSError, http.client.HTTPException):
            if all(_is_well(path, exchange(endpoint, "GET", path)) for path in wanted):
                return
        time.sleep(0.1)
    raise EndpointError(
        f"{endpoint_log.why(log_path)}\nthe endpoint was not ready after"
        f" {START_TIMEOUT_SECONDS:.0f} s. The whole log: {paths.relative(log_path)}"
    )


def _is_well(path: str, answer: Answer) -> bool:
    return answer.status == http.client.OK and (path == "/ping" or b'"AVAILABLE"' in answer.body)


def _end(pid: int, container: str = "") -> None:
    """SIGTERM to the supervisor, SIGKILL to its group when it does not go.

    A Docker client passes the signal on to its container.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
    while time.monotonic() < deadline and processes.is_alive(pid):
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    _remove_container(container)


def _remove_container(container: str) -> None:
    if container:
        engine.remove(container)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _message(answer: bytes) -> str:
    text = answer.decode("utf-8", "replace")
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return text[:300]
