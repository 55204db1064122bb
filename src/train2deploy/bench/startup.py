"""From the start of a process to the first answer: the endpoints beside a bare process."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter

from train2deploy import paths, stack
from train2deploy.bench import figures, subjects
from train2deploy.errors import JobFailed
from train2deploy.runtimes.host import HOST

BARE = "bare process"


@dataclass(frozen=True)
class Launch:
    """An endpoint to start."""

    model_dir: Path
    log: str  # name of its log, build/bench/<log>.log
    further: dict[str, str] = field(default_factory=dict)  # variables beside the endpoint's own
    contract: str = field(default_factory=stack.contract)  # HOSTING_CONTRACT

    def start(self, prefix: str = "") -> subjects.Served:
        """The endpoint, started; see Served."""
        with stack.under(self.contract):
            return subjects.Served(self.model_dir, prefix + self.log, self.further)


def measure(
    launches: Mapping[str, Launch], bare: Path, request: bytes, rounds: int
) -> dict[str, list[float]]:
    """Starts each of them in turn, `rounds` times.

    Args:
        launches: by name.
        bare: the model directory that the bare process runs.
        request: the first request; it is repeated until it is answered.

    Returns:
        Seconds of each round by name; BARE is the process without a server.
    """
    seconds: dict[str, list[float]] = {BARE: [], **{name: [] for name in launches}}
    for _ in range(rounds):
        seconds[BARE].append(_bare(bare))
        for name, launch in launches.items():
            with launch.start("start-") as served:
                seconds[name].append(served.first_answer(request))
    return seconds


def summary(seconds: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """By name the median of the seconds and of the ratio to the bare process of the same round."""
    return {
        name: {
            "seconds": round(median(values), 3),
            "ratio": round(figures.median_ratio(values, seconds[BARE]), 3),
        }
        for name, values in seconds.items()
    }


def _bare(model_dir: Path) -> float:
    """Import TensorFlow, load the model, run it once."""
    started = perf_counter()
    with subprocess.Popen(
        HOST.python("serve", ["-m", "bench.first_run", str(model_dir)], {}).arguments,
        env=subjects.environment(),
        cwd=paths.ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        elapsed = perf_counter() - started
    if not line:
        raise JobFailed("the SavedModel could not be run by a bare process; try `make verify`.")
    return elapsed
