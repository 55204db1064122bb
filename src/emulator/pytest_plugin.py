"""Fixtures of pytest: an AWS account on this machine, empty for each test.

    pytest_plugins = ["emulator.pytest_plugin"]    # in your conftest.py

    def test_the_bucket_is_made(sagemaker_account):
        my_code.set_up()    # whose boto3 clients find the account by themselves
        assert sagemaker_account.client("s3").list_buckets()["Buckets"]

`sagemaker_runtime = docker` among pytest's settings has jobs and endpoints run in containers.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from train2deploy import processes

START_SECONDS = STOP_SECONDS = 120.0
COMMAND = (sys.executable, "-m", "emulator")
KEY = "test"


class Account:
    """A running account, from outside.

    Attributes:
        url: where it answers: what AWS_ENDPOINT_URL says to boto3, the SDK and the aws CLI.
    """

    region = "us-east-1"

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which boto3, the SageMaker SDK and the aws CLI use this account."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }

    @property
    def session(self) -> Any:
        """A session of boto3; its clients use the account while the fixture's variables are set."""
        return boto3.Session(KEY, KEY, region_name=self.region)

    def client(self, service: str, region: str = "", key: str = KEY, **config: Any) -> Any:
        """A client of boto3; `config` is for botocore.config.Config."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region or self.region,
            aws_access_key_id=key,
            aws_secret_access_key=KEY,
            config=Config(s3={"addressing_style": "path"}, proxies={}, **config),
        )

    def faults(self, text: str) -> None:
        """What goes wrong from now on, as FAULTS= says it."""
        assert self.ask("faults", text.encode()) == "ok"

    def reset(self) -> None:
        """Empties the account; what runs in it is ended."""
        assert self.ask("reset", b"") == "ok"

    def calls(self) -> list[tuple[str, str, str, int]]:
        """[(service, operation, ARN or *, how often)]"""
        return [tuple(call) for call in json.loads(self.ask("calls"))]

    def ask(self, path: str, body: bytes | None = None) -> str:
        """GET or, with a body, POST of /emulator/<path>."""
        request = urllib.request.Request(f"{self.url}/emulator/{path}", data=body)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=START_SECONDS) as response:
            text: str = response.read().decode()
        return text


class Emulator:
    """A process that holds an account, started as often as one likes; the account stays.

    Args:
        directory: of the account; made if need be.
        command: that runs the emulator.
    """

    def __init__(self, directory: Path, command: Sequence[str] = COMMAND) -> None:
        self.directory = directory
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *options: str) -> Account:
        """Raises RuntimeError, with the end of its log, where it does not start."""
        log = self.directory.with_name(f"{self.directory.name}.log")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [*self._command, "--directory", str(self.directory), *options],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(_search_path())},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                preexec_fn=processes.end_with_parent,
            )
        deadline = time.monotonic() + START_SECONDS
        while self.runs and time.monotonic() < deadline:
            if url := self._url():
                account = Account(url)
                account.ask("health")  # answered when what was there is there again
                return account
            time.sleep(0.02)
        text = log.read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"the emulator did not start:\n{text[-2000:]}")

    def end(self, number: int = signal.SIGTERM) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        try:
            self._process.wait(STOP_SECONDS)
        finally:
            self._process.kill()

    def _url(self) -> str:
        """ "" as long as it does not listen."""
        assert self._process is not None
        state = self.directory.with_name(f"{self.directory.name}.json")
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(state.read_text(encoding="utf-8"))
            if found["pid"] == self._process.pid:
                return str(found["url"])
        return ""


def _search_path() -> list[str]:
    """For the emulator's Python: where this module is found, then what the user has."""
    here = str(Path(__file__).resolve().parents[1])
    return [here, *filter(None, [os.environ.get("PYTHONPATH", "")])]


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "where the jobs and endpoints of sagemaker_account run: host or docker"
    parser.addini("sagemaker_runtime", text, default="host")


@pytest.fixture(scope="session")
def sagemaker_emulator(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Account]:
    """One account for the whole run; `sagemaker_account` is what a test wants."""
    emulator = Emulator(tmp_path_factory.mktemp("sagemaker") / "account")
    account = emulator.start("--runtime", str(pytestconfig.getini("sagemaker_runtime")))
    yield account
    emulator.end()


@pytest.fixture
def sagemaker_account(
    sagemaker_emulator: Account, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Account]:
    """An empty account that boto3, wherever it is called in the test, takes for AWS."""
    for name, value in sagemaker_emulator.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    yield sagemaker_emulator
    sagemaker_emulator.reset()
