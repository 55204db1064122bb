"""A small job trained and packed here, and an account to take it to."""

import csv
import functools
import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from project import REPOSITORY, TIMEOUT_SECONDS, Project, write_data_set

LABELS = ("グルメ", "携帯電話", "京都")
PYTHON = REPOSITORY / ".venvs" / "cloud" / "bin" / "python"
HYPERPARAMETERS = ["--epochs", "1", "--batch-size", "32", "--hidden", "8", "--repro"]


class Rehearsal(Project):
    """A project whose cloud is the emulator."""

    def __init__(self, root):
        super().__init__(root)
        with (REPOSITORY / "data" / "sample" / "sentences.csv").open(encoding="utf-8") as source:
            rows = [(row["feature"], row["label"]) for row in csv.DictReader(source)]
        rows = [row for row in rows if "," not in row[0] and '"' not in row[0]]
        chosen = [row for label in LABELS for row in [r for r in rows if r[1] == label][:60]]
        self.sentences = [row[0] for row in rows]
        self.data_set = write_data_set(root / "mine", chosen)
        text = self.data_set / "features.csv"
        self.variables = [
            "CLOUD=emulator", f"DATASET={self.data_set}", "VECTORS=corpus",
            f"CORPUS={text}", "VOCABULARY=2000", "EPOCHS=1", "BATCH_SIZE=32", "HIDDEN=8", "REPRO=1"]

    def cloud(self, target, *variables, check=True):
        """A make target with this data set's variables."""
        return self.make("--no-print-directory", target, *self.variables, *variables, check=check)

    def tool(self, *arguments):
        """The cloud tool itself, started in the background."""
        command = [str(PYTHON), "-m", "train2deploy.cloud", "--cloud", "emulator", *arguments]
        return subprocess.Popen(
            command, cwd=self.root, env={**self.environment(), "PYTHONPATH": "src"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run_tool(self, *arguments):
        process = self.tool(*arguments)
        output, _ = process.communicate(timeout=TIMEOUT_SECONDS)
        return subprocess.CompletedProcess(arguments, process.returncode, output)


class Account:
    """The running emulator, from outside."""

    def __init__(self, url):
        self.url = url

    def client(self, service):
        return boto3.client(
            service, endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}))

    def _request(self, path, body=None):
        request = urllib.request.Request(f"{self.url}/emulator/{path}", data=body)
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.read().decode()

    def faults(self, text):
        assert self._request("faults", text.encode()) == "ok"

    def calls(self):
        """{(service, operation): how often}"""
        return {(s, o): count for s, o, count in json.loads(self._request("calls"))}

    def count(self, operation):
        return sum(count for (_, name), count in self.calls().items() if name == operation)

    def wait_for_call(self, operation, before, seconds=90):
        deadline = time.monotonic() + seconds
        while self.count(operation) <= before:
            assert time.monotonic() < deadline, operation
            time.sleep(0.05)

    def names(self):
        """Everything in SageMaker, by kind."""
        kinds = {
            "TrainingJob": ("list_training_jobs", "TrainingJobSummaries"),
            "Model": ("list_models", "Models"),
            "EndpointConfig": ("list_endpoint_configs", "EndpointConfigs"),
            "Endpoint": ("list_endpoints", "Endpoints"),
        }
        client = self.client("sagemaker")
        return {
            kind: [entry[f"{kind}Name"] for entry in getattr(client, operation)()[member]]
            for kind, (operation, member) in kinds.items()
        }


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """Trained and packed here; what `make package` keeps is made, too."""
    root = Rehearsal(tmp_path_factory.mktemp("rehearsal"))
    root.cloud("local-train")
    root.local_job = (root.build / "jobs" / "latest").resolve()
    root.cloud("package")
    yield root
    root.cloud("emulator-stop")
    assert root.wait_until_quiet() == []


@pytest.fixture
def account(project):
    """An empty account for one test."""
    project.cloud("emulator", "DETACH=1")
    yield Account(project.json("emulator.json")["url"])
    project.cloud("emulator-stop")


def kill(process):
    """As a power cut would."""
    process.send_signal(signal.SIGKILL)
    process.communicate()


@functools.lru_cache(maxsize=None)
def can_have_its_own_network():
    """Whether this user may make a network namespace (root may, outside of most containers)."""
    try:
        done = subprocess.run(["unshare", "--net", "true"], capture_output=True)
    except OSError:
        return False
    return done.returncode == 0
