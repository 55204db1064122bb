"""Training jobs side by side: each a process of its own that dies with this one.

A job with REPRO=1 uses one thread, so as many jobs as there are cores lose nothing to each
other. A job is trained in a directory of its own, which gets its name when it is finished; what
an interrupted one left behind is removed.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from train2deploy import manifest, paths, processes
from train2deploy.runs.plan import Run

BYTES_OF_A_JOB = 1.5e9  # room that a job is given; the article's model on the sample takes 0.42 GB
BYTES_OF_A_PUBLISHED_JOB = 4e9
"""Of a published model: 356 units, 96 pieces and batches of 256 take 2.7 GB."""
POLL_SECONDS = 0.2
GRACE_SECONDS = 20.0  # a worker ends its own children first
LAST_LINES = 14
EPOCH = re.compile(r"^Epoch (\d+)/(\d+)$", re.M)


@dataclass
class Worker:
    """A job that is being trained."""

    run: Run
    directory: Path  # of the job, until it is finished
    process: "subprocess.Popen[str]"
    started: float  # time.monotonic()

    @property
    def log(self) -> Path:
        """What the command that trains said; the job's own log is in its directory."""
        return _log(self.directory)

    def seconds(self) -> float:
        return float((manifest.read(self.run.job / "manifest.json") or {})["seconds"])

    def epoch(self) -> tuple[int, int]:
        """The epoch it is in and the last one at most; (0, 0) before the first."""
        try:
            text = (self.directory / "train.log").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return 0, 0
        found = EPOCH.findall(text)
        return (int(found[-1][0]), int(found[-1][1])) if found else (0, 0)


class Workers:
    """Trains runs, at most `limit` at a time, for the length of a `with` block."""

    def __init__(self, runs: Sequence[Run], limit: int, options: Sequence[str], lock: int) -> None:
        """
        Args:
            options: of the host tool's command, which say the runtime.
            lock: an open file that the workers keep open: who waits for its lock waits for them.
        """
        self.pending = list(runs)
        self.running: list[Worker] = []
        self._limit, self._options, self._lock = limit, list(options), lock

    def __enter__(self) -> "Workers":
        self._fill()
        return self

    def __exit__(self, *exception: object) -> None:
        for worker in self.running:
            worker.process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for worker in self.running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(max(0.0, deadline - time.monotonic()))
            worker.process.kill()
            worker.process.wait()

    def ended(self) -> Worker | None:
        """A worker that has ended, its job finished or not, if one has; the next job starts."""
        done = next((one for one in self.running if one.process.poll() is not None), None)
        if done is not None:
            self.running.remove(done)
            if done.process.returncode == 0:
                done.directory.replace(done.run.job)
        self._fill()
        return done

    def _fill(self) -> None:
        while self.pending and len(self.running) < self._limit:
            self.running.append(self._start(self.pending.pop(0)))

    def _start(self, run: Run) -> Worker:
        run.workspace.mkdir(parents=True, exist_ok=True)
        for left in run.workspace.glob("training-*"):
            shutil.rmtree(left, ignore_errors=True)
        directory = run.workspace / f"training-{uuid.uuid4().hex[:8]}"
        directory.mkdir()
        command = [sys.executable, "-m", "train2deploy", *self._options, "train", "--repro"]
        command += ["--model-version", run.version, "--parent", str(os.getpid())]
        command += ["--directory", str(directory), "--channels", str(run.channels)]
        command += ["--hyperparameters", json.dumps(run.hyperparameters)]
        with _log(directory).open("w", encoding="utf-8") as log:
            environment = {**os.environ, "PYTHONPATH": str(paths.SRC)}
            process = processes.start(
                command, environment, paths.ROOT, stdout=log, pass_fds=[self._lock]
            )
        return Worker(run, directory, process, time.monotonic())


def last_words(worker: Worker) -> str:
    """What a worker said that ended without a finished job; its last line names the whole log."""
    lines = worker.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "\n".join(lines[-LAST_LINES:]) or f"exit status {worker.process.returncode}"


def how_many(asked: int | None, runs: Sequence[Run]) -> int:
    """How many jobs at a time: what is asked, else one a core as far as memory goes."""
    published = any(run.is_published for run in runs)
    room = BYTES_OF_A_PUBLISHED_JOB if published else BYTES_OF_A_JOB
    limit = asked or min(len(os.sched_getaffinity(0)), int(_available_bytes() // room))
    return max(1, min(limit, len(runs)))


def _available_bytes() -> float:
    try:
        text = Path("/proc/meminfo").read_text(encoding="utf-8")
    except OSError:
        return BYTES_OF_A_JOB
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", text, re.M)
    return int(found.group(1)) * 1024.0 if found else BYTES_OF_A_JOB


def _log(directory: Path) -> Path:
    return directory.with_name(f"{directory.name}.log")
