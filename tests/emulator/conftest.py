"""A small job trained and packed here, and an account to take it to."""

import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import forked
import small
from project import (
    REPOSITORY,
    SMALL,
    TIMEOUT_SECONDS,
    Project,
    forbidden,
    sentences,
    small_data_set,
)

from emulator import pytest_plugin
from train2deploy import archives

PYTHON = REPOSITORY / ".venvs" / "cloud" / "bin" / "python"
PYTHON_SDK = REPOSITORY / ".venvs" / "sdk" / "bin" / "python"
PYTHON_SDK3 = REPOSITORY / ".venvs" / "sdk3" / "bin" / "python"
needs_sdk = pytest.mark.skipif(not PYTHON_SDK.exists(), reason="make .stamps/sdk makes the SDK's")
MINUTE = "minute:0.5"  # as long as a minute lasts that updates bake for and alarms look at
NOTHING = {"TrainingJob": [], "Model": [], "EndpointConfig": [], "Endpoint": []}
def hyperparameters(**more):
    """The tool's options for a small job."""
    given = {"epochs": 1, "batch-size": 32, "hidden": 8, **more}
    return ["--hyperparameters", json.dumps(given), "--repro"]


HYPERPARAMETERS = hyperparameters()


class Rehearsal(Project):
    """A project whose cloud is the emulator."""

    def __init__(self, root):
        super().__init__(root)
        self._emulator = None
        self.sentences = [sentence for sentence, _ in sentences()]
        self.data_set = small_data_set(root / "mine")
        text = self.data_set / "features.csv"
        self.variables = [
            "CLOUD=emulator", f"DATASET={self.data_set}", f"CORPUS={text}", *SMALL, "HIDDEN=8",
            "REPRO=1"]

    def cloud(self, target, *variables, check=True):
        """A make target with this data set's variables, as far as it takes them."""
        words = self.taken(target, *self.variables)
        return self.make("--no-print-directory", target, *words, *variables, check=check)

    def account(self, limits=MINUTE):
        """An empty account: the running emulator's, or that of a new one with these limits.

        What runs in it are small programs (small.py), but for what is started while `real`.
        """
        released, real = (self.root / name for name in ("released", "real"))
        if not self._emulator or self._emulator[0] != limits:
            self.stop()
            command = ["env", f"TRAIN2DEPLOY_ROOT={self.root}", f"LOCAL_JOB={self.local_job}",
                       f"RELEASED={released}", f"REAL={real}", PYTHON, small.__file__]
            emulator = pytest_plugin.Emulator(self.build / "emulator", command)
            account = Account(emulator.start("--fresh", "--limits", limits).url)
            self._emulator = limits, emulator, account
        released.unlink(missing_ok=True)
        *_, account = self._emulator
        account.reset()
        return account

    def stop(self):
        """Ends the emulator that `account` has started."""
        if self._emulator:
            _, emulator, _ = self._emulator
            self._emulator = None
            emulator.end()

    @contextlib.contextmanager
    def real(self):
        """What is started meanwhile is the AWS toolkit, and the endpoint of src/hosting."""
        marker = self.root / "real"
        marker.touch()
        try:
            yield
        finally:
            marker.unlink()

    def release(self):
        """Lets the jobs go on that wait."""
        (self.root / "released").touch()

    @functools.cached_property
    def _forks(self):
        """The process that forks the cloud tool; where it listens."""
        path = str(self.root / "forks")
        environment = {**self.environment(), "PYTHONPATH": "src"}
        del environment["TRAIN2DEPLOY_ROOT"]  # it is none of what a test leaves behind
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            number = listener.fileno()
            command = [PYTHON, forked.__file__, str(self.root), str(number)]
            return path, subprocess.Popen(
                command, cwd=self.root, env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, pass_fds=[number])

    def tool(self, *arguments, stdin=None):
        """The cloud tool itself, started in the background."""
        path, _ = self._forks
        with open(os.devnull) as nothing:
            return forked.Process(
                path, ("cloud", "--cloud", "emulator", *arguments), stdin or nothing.fileno())

    def run_tool(self, *arguments):
        process = self.tool(*arguments)
        output = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, output)

    def close(self):
        _, server = self._forks
        server.kill()
        server.wait()


class Account(pytest_plugin.Account):
    """The running emulator, from outside; nothing is tried again."""

    def client(self, service, *where, **config):
        return super().client(service, *where, retries={"total_max_attempts": 1}, **config)

    def count(self, operation):
        return sum(count for _, name, _, count in self.calls() if name == operation)

    def eventually(self, condition, what):
        """Wait for `condition()` to be true; its value."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not (found := condition()):
            assert time.monotonic() < deadline, what
            time.sleep(0.1)
        return found

    def wait_for_call(self, operation, before):
        self.eventually(lambda: self.count(operation) > before, operation)

    def settled(self, endpoint="train2deploy"):
        """The endpoint's description once nothing goes on with it."""
        client = self.client("sagemaker")

        def described():
            description = client.describe_endpoint(EndpointName=endpoint)
            over = description["EndpointStatus"] in ("InService", "Failed")
            return description if over else None

        return self.eventually(described, endpoint)

    def names(self):
        """Everything in SageMaker, by kind."""
        kinds = {
            "TrainingJob": ("list_training_jobs", "TrainingJobSummaries"),
            "Model": ("list_models", "Models"),
            "EndpointConfig": ("list_endpoint_configs", "EndpointConfigs"),
            "Endpoint": ("list_endpoints", "Endpoints"),
        }
        client = self.client("sagemaker")
        lists = {
            kind: getattr(client, operation)(MaxResults=100)[member]
            for kind, (operation, member) in kinds.items()
        }
        return {kind: [each[f"{kind}Name"] for each in found] for kind, found in lists.items()}


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """Trained and packed here; what `make package` keeps is made, too."""
    root = Rehearsal(tmp_path_factory.mktemp("rehearsal"))
    root.cloud("local-train")
    root.local_job = (root.build / "jobs" / "latest").resolve()
    root.cloud("package")
    yield root
    root.stop()
    root.close()
    assert root.wait_until_quiet() == []


@contextlib.contextmanager
def running_account(project, limits=MINUTE):
    """An empty account; no action that is called in it may be beyond the caller's policy."""
    account = project.account(limits)
    yield account
    # Tests use names of their own, too: only the actions.
    calls = [(service, name, "*", count) for service, name, _, count in account.calls()]
    assert forbidden(calls) == set()


@pytest.fixture
def no_account(tmp_path):
    """A project whose emulator does not run."""
    return Project(tmp_path)


@pytest.fixture(scope="module")
def real(project):
    """Nothing that the module's tests start is a small program."""
    with project.real():
        yield


@pytest.fixture
def account(project):
    """An empty account for one test."""
    with running_account(project) as account:
        yield account


@pytest.fixture(scope="module")
def deployed(project):
    """An account with an endpoint of the article's burstable type."""
    with running_account(project) as account:
        done = project.run_tool("deploy")
        assert done.returncode == 0, done.stdout
        yield account


@contextlib.contextmanager
def another_model(project, scratch, change):
    """build/model.tar.gz is one whose unpacked directory `change` has been given."""
    archive, good = project.build / "model.tar.gz", scratch / "good.tar.gz"
    shutil.copyfile(archive, good)
    archives.unpack(good, scratch / "model")
    change(scratch / "model")
    files = [path for path in (scratch / "model").rglob("*") if path.is_file()]
    archives.pack(((path.relative_to(scratch / "model").as_posix(), path) for path in files),
                  archive)
    try:
        yield
    finally:
        shutil.copyfile(good, archive)


def kill(process):
    """As a power cut would."""
    process.send_signal(signal.SIGKILL)
    process.communicate()


@functools.lru_cache(maxsize=None)
def own_network():
    """A command's beginning that gives it a network of its own; [] where that is forbidden."""
    for command in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        with contextlib.suppress(OSError):
            if subprocess.run([*command, "true"], capture_output=True).returncode == 0:
                return command
    return []
