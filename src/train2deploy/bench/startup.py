"""From the start of a process to the first answer: the endpoint beside a bare process."""

import subprocess
from pathlib import Path
from statistics import median
from time import perf_counter

from train2deploy import paths
from train2deploy.bench import subjects
from train2deploy.errors import JobFailed

BARE = "bare process"


def measure(
    models: dict[str, tuple[Path, dict[str, str]]], request: bytes, positions: int, rounds: int
) -> dict[str, list[float]]:
    """Starts each of them in turn, `rounds` times.

    Args:
        models: by name, a model directory and the variables that its endpoint needs.
        request: the first request; it is repeated until it is answered.
        positions: of the model's input.

    Returns:
        Seconds of each round by name; BARE is the process without a server.
    """
    seconds: dict[str, list[float]] = {BARE: [], **{name: [] for name in models}}
    bare_model, _ = next(iter(models.values()))
    for _ in range(rounds):
        seconds[BARE].append(_bare(bare_model, positions))
        for name, (model_dir, further) in models.items():
            with subjects.Served(model_dir, f"start-{name.replace(' ', '-')}", further) as served:
                seconds[name].append(served.first_answer(request))
    return seconds


def summary(seconds: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """By name the median of the seconds and of the ratio to the bare process of the same round."""
    return {
        name: {
            "seconds": round(median(values), 3),
            "ratio": round(median(a / b for a, b in zip(values, seconds[BARE], strict=True)), 3),
        }
        for name, values in seconds.items()
    }


def _bare(model_dir: Path, positions: int) -> float:
    """Import TensorFlow, load the model, run it once."""
    started = perf_counter()
    command = [str(paths.SERVE_PYTHON), "-m", "hosting.bench.first_run", str(model_dir)]
    with subprocess.Popen(
        [*command, str(positions)],
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
