"""A project root for tests: this repository's sources and environments, a build/ of its own."""

import csv
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import iam

from train2deploy import versions
from train2deploy.cloud_settings import config
from train2deploy.make import targets
from train2deploy.make.variables import VARIABLES

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = (
    "Makefile", "make-help.awk", "docker", "notebooks", "src", "requirements", "results", ".venvs",
    ".stamps",
)  # fmt: skip
LABELS = ("グルメ", "携帯電話", "京都")
SMALL = ("VECTORS=corpus", "VOCABULARY=2000", "EPOCHS=1", "BATCH_SIZE=32")
SMALL_V2 = ("VERSION=v2", "MEMBERS=1", "HIDDEN=4", "NGRAM_DIMENSIONS=2", "REFIT=0")
"""With these, a job takes seconds."""
TIMEOUT_SECONDS = 1800
PATIENCE_SECONDS = 120.0
"""For what must come: on a slow machine it comes later, and waiting costs nothing else."""


class Project:
    """Runs make in a root whose data/ and build/ are its own.

    The environments are the repository's, so they must have been made (`make test` does).
    """

    command = ("make",)

    def __init__(self, root: Path, runtime: str = "host") -> None:
        self.root = root
        self.runtime = runtime
        for name in SHARED:
            (root / name).symlink_to(REPOSITORY / name)
        (root / "data").mkdir()
        (root / "data" / "sample").symlink_to(REPOSITORY / "data" / "sample")
        (REPOSITORY / "data" / "raw").mkdir(exist_ok=True)
        (root / "data" / "raw").symlink_to(REPOSITORY / "data" / "raw")
        self.build = root / "build"

    def environment(self) -> dict[str, str]:
        """The tests' environment without what an outer make put there."""
        outer = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "Q"}
        kept = {name: value for name, value in os.environ.items() if name not in outer}
        return {**kept, "RUNTIME": self.runtime, "TRAIN2DEPLOY_ROOT": str(self.root)}

    def taken(self, target: str, *words: str) -> list[str]:
        """Those of the words NAME=VALUE that a target takes: make refuses the others."""
        chosen = dict(word.split("=", 1) for word in words)
        version = chosen.get("VERSION", "v1")
        names, made = targets.known([target])
        if targets.trains(made):
            script = self.root / "models" / version / "train.py"
            declared = versions.declared(str(script) if script.exists() else version)
            its_own = {one.variable for one in declared.hyperparameters.values()}
            names = names & VARIABLES.keys() | its_own
        return [f"{name}={value}" for name, value in chosen.items() if name in names]

    def add_failing_model(self) -> str:
        """A model whose script ends at once, as a variable of make."""
        script = self.root / "models" / "failing" / "train.py"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text("import sys\nsys.exit('on purpose')\n", encoding="utf-8")
        return "VERSION=failing"

    def make(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`make <arguments>` to its end; both streams in `stdout`."""
        done = subprocess.run(
            [*self.command, *arguments], timeout=TIMEOUT_SECONDS, check=False, **self._how)
        assert not check or done.returncode == 0, done.stdout
        return done

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """`make <arguments>` in the background, in a process group of its own."""
        return subprocess.Popen([*self.command, *arguments], start_new_session=True, **self._how)

    @property
    def _how(self) -> dict[str, Any]:
        return {
            "cwd": self.root,
            "env": self.environment(),
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            "text": True,
        }

    def json(self, name: str) -> dict:
        """A JSON file of build/."""
        return json.loads((self.build / name).read_text(encoding="utf-8"))

    def processes(self) -> list[str]:
        """Command lines of running processes that name this root or run in it."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                environment = (entry / "environ").read_bytes().decode("utf-8", "replace")
                command = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
            if f"TRAIN2DEPLOY_ROOT={self.root}" in environment.split("\0") and command:
                found.append(command.replace("\0", " "))
        return found

    def wait_until_quiet(self, naming: str = "") -> list[str]:
        """The processes of this root that do not end: all, or those whose command line names it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            left = [command for command in self.processes() if naming in command]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.05)


def forbidden(calls: list, **others: str) -> set[tuple[str, str]]:
    """(action, resource) of the emulator's calls that the caller's policy does not allow."""
    given = {"role": "train2deploy-execution", "bucket": "train2deploy-emulator", **others}
    settings = config.Config(**given)
    needed = {(iam.action(service, name), resource) for service, name, resource, _ in calls}
    return {each for each in needed if not iam.allows("caller", settings, *each)}


def sentences() -> list[tuple[str, str]]:
    """(sentence, label) of the shipped data, as far as they stand in a CSV file as they are."""
    with (REPOSITORY / "data" / "sample" / "sentences.csv").open(encoding="utf-8") as source:
        rows = [(row["feature"], row["label"]) for row in csv.DictReader(source)]
    return [row for row in rows if "," not in row[0] and '"' not in row[0]]


def small_data_set(directory: Path, per_label: int = 60) -> Path:
    """A data set as a user would give it: some of the shipped sentences, of three topics."""
    rows = sentences()
    chosen = [row for label in LABELS for row in [r for r in rows if r[1] == label][:per_label]]
    return write_data_set(directory, chosen)


def write_data_set(directory: Path, rows: list[tuple[str, str]]) -> Path:
    """features.csv and labels.csv of (sentence, label) rows."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, column, index in (("features", "feature", 0), ("labels", "label", 1)):
        lines = [column, *(row[index] for row in rows)]
        (directory / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return directory
