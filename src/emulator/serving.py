"""One instance of a model: src/hosting on an archive from S3, on a port of its own."""

import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from emulator import own_images
from emulator.account import Account, LogStream, Record
from train2deploy import archives, bundles, endpoint, package_lint, processes
from train2deploy.cloud import images
from train2deploy.errors import UserError
from train2deploy.runtimes import Launch, Runtime

DRAIN_SECONDS = 60.0


class StartFailed(Exception):
    """The container did not pass its health check, or its data could not be fetched."""


class Gone(Exception):
    """The instance takes no more requests: it is being ended."""


class Instance:
    """A running serving process.

    Args:
        account: where the archive lies.
        model: the record of CreateModel.
        directory: taken for the unpacked model, removed by `stop`.
        log: of CloudWatch (group, stream).
    """

    def __init__(
        self,
        account: Account,
        runtime: Runtime,
        model: Record,
        directory: Path,
        log: tuple[str, str],
    ) -> None:
        container = model["PrimaryContainer"]
        image = container.get("Image", "")
        own = own_images.runtime(image)
        self._directory = directory
        self._limits = account.limits
        self._sampler = account.sampler
        self._requests = 0
        self._ending = False
        self._quiet = threading.Condition()
        self._models: list[str] = []
        self.last_lines: deque[str] = deque(maxlen=15)
        self.process: subprocess.Popen[str] | None = None
        shutil.rmtree(directory, ignore_errors=True)
        archive = directory / "model.tar.gz"
        try:
            self._runtime = runtime = own or runtime.of(images.stack_of(image))
            if url := container.get("ModelDataUrl"):
                account.fetch(url, archive)
                _extract(archive, directory / "model", url)
                archive.unlink()
            else:
                (directory / "model").mkdir(parents=True)
            self._models = [] if own else bundles.model_names(directory / "model")
            self.port = endpoint.free_port()
            self._launch = runtime.endpoint(directory / "model", self.port, False)
            self._stream = LogStream(account, *log)
            arguments, environment = _with(self._launch, container.get("Environment", {}))
            self.process = processes.start(arguments, environment)
            self._reader = threading.Thread(target=self._read, daemon=True)
            self._reader.start()
            self._wait_until_healthy(account)
        except UserError as error:
            self.stop()
            raise StartFailed(str(error)) from error
        except BaseException:
            self.stop()
            raise

    def invoke(
        self, body: bytes | Iterator[bytes], headers: dict[str, str]
    ) -> tuple[int, bytes, str]:
        """(status, body, content type) of POST /invocations.

        Args:
            body: bytes, or parts that are sent as chunks.

        Raises:
            Gone: another instance must be asked.
            TimeoutError: no answer within the platform's 60 s.
            OSError, http.client.HTTPException: the process is gone.
        """
        with self._quiet:
            if self._ending:
                raise Gone
            self._requests += 1
        connection = http.client.HTTPConnection(
            endpoint.ADDRESS, self.port, timeout=self._limits.response
        )
        try:
            connection.request("POST", "/invocations", body, headers)
            response = connection.getresponse()
            return response.status, response.read(), response.getheader("Content-Type", "")
        finally:
            connection.close()
            with self._quiet:
                self._requests -= 1
                self._quiet.notify_all()

    def watch(self, namespace: str, dimensions: dict[str, str]) -> None:
        """Has CPU and memory of its processes sampled for CloudWatch until it ends."""
        assert self.process is not None
        self._sampler.watch(self.process.pid, namespace, dimensions)

    def drain(self) -> None:
        """Takes no more requests, and returns when those that it has are answered."""
        with self._quiet:
            self._ending = True
            self._quiet.wait_for(lambda: self._requests == 0, DRAIN_SECONDS)

    def stop(self) -> None:
        """SIGTERM, SIGKILL 30 s later (docs/contract.md#a9); nothing is left."""
        if self.process is not None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
            self._signal(signal.SIGKILL)
            self.process.wait()
            self._reader.join(5)
            self._runtime.finish(self._launch)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _signal(self, number: int) -> None:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            if number == signal.SIGTERM:
                self.process.send_signal(number)
            else:
                os.killpg(self.process.pid, number)

    def _read(self) -> None:
        assert self.process is not None and self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.last_lines.append(line.rstrip("\n"))
                self._stream.write(line.rstrip("\n"))
        self._stream.close()

    def _wait_until_healthy(self, account: Account) -> None:
        """/ping alone does not tell of TensorFlow's images: with inference.py it is 200 before
        the models are there."""
        assert self.process is not None
        deadline = time.monotonic() + self._limits.start
        while time.monotonic() < deadline and not account.stopping.is_set():
            if self.process.poll() is not None:
                break
            if self._answers("/ping") and all(
                self._answers(f"/tfs/v1/models/{quote(name)}", b'"AVAILABLE"')
                for name in self._models
            ):
                return
            if any("load failure" in line for line in self.last_lines):
                break
            time.sleep(0.1)
        raise StartFailed("The primary container did not pass the ping health check.")

    def _answers(self, path: str, text: bytes = b"") -> bool:
        connection = http.client.HTTPConnection(endpoint.ADDRESS, self.port, timeout=2)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status == http.client.OK and text in response.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _extract(archive: Path, target: Path, url: str) -> None:
    """Raises StartFailed, in the platform's words and with the cause, for what it refuses."""
    try:
        archives.unpack(archive, target)
        cause = package_lint.not_extractable(archive)
    except UserError as error:
        cause = str(error).removeprefix(f"{archive}: ")
    if cause:
        raise StartFailed(
            f'Failed to extract model data archive for container "container_1" from URL "{url}".'
            " Please ensure that the object located at the URL is a valid tar.gz archive."
            f" (emulator: {cause})"
        )


def _with(launch: Launch, variables: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """A launch's command and environment, with the model's variables for its container."""
    if not launch.container:
        return launch.arguments, {**launch.environment, **variables}
    options = [f"--env={name}={value}" for name, value in variables.items()]
    return [*launch.arguments[:2], *options, *launch.arguments[2:]], launch.environment
