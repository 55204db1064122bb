"""runs.progress: plain lines in a log, and how long it will take."""

import subprocess
from pathlib import Path

import pytest

from train2deploy.runs import progress
from train2deploy.runs.plan import Run
from train2deploy.runs.progress import Progress
from train2deploy.runs.workers import Worker


def made(seed: int) -> Run:
    return Run(f"sample-v1-s{seed}-0", seed, "v1", {}, {}, Path("/"))


class Clock:
    """time.monotonic that a test turns on."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def worker(run: Run, directory: Path, epoch: str, clock: Clock) -> Worker:
    directory.mkdir(exist_ok=True)
    (directory / "train.log").write_text(epoch)
    return Worker(run, directory, subprocess.Popen, clock.now)  # type: ignore[arg-type]


def test_a_log_gets_a_line_from_time_to_time_and_the_time_left(tmp_path, clock, capsys):
    runs = [made(1), made(2), made(3)]
    with Progress(runs, limit=2) as shown:
        workers = [worker(run, tmp_path / run.id, "starting\n", clock) for run in runs[:2]]
        shown.training(workers)
        assert capsys.readouterr().out == "", "too early for a line"
        clock.now += 30
        for one in workers:
            (one.directory / "train.log").write_text("Epoch 1/11\n - 3s\nEpoch 2/11\n")
        shown.training(workers)
        # 30 s for 1 epoch of 11: 330 s a job. Two are 30 s on, one waits; three recordings.
        assert capsys.readouterr().out == (
            "seed 1 trains, epoch 2 of 11 at most; seed 2 trains, epoch 2 of 11 at most;"
            f" at most {(930 / 2 + 3 * progress.RECORDING_SECONDS) / 60:.0f} min left\n"
        )
        shown.trained(runs[0], 60.0)
        clock.now += 30
        shown.training([workers[1]])
        # Now a job is known to take 60 s: the second is through, the third waits.
        assert capsys.readouterr().out == (
            "seed 1: trained in 60 s\nseed 2 trains, epoch 2 of 11 at most; about 46 s left\n"
        )
        shown.recorded(runs[0], 9.0, 0.8125)
        assert capsys.readouterr().out == "seed 1: accuracy 0.812, recorded\n"


def test_a_failure_is_shown_with_its_last_words(clock, capsys):
    with Progress([made(1)], limit=1) as shown:
        shown.failed(made(1), "out of memory\nThe whole log: x")
    assert capsys.readouterr().out == "seed 1: failed\nout of memory\nThe whole log: x\n"
