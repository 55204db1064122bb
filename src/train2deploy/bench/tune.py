"""`make bench TUNE=1`: which settings of batching are best on this machine."""

import contextlib
import os
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

from rich.table import Table

from train2deploy import console, endpoint, manifest, paths
from train2deploy.bench import measure, packages, startup, subjects, workload
from train2deploy.bench.measure import Cell
from train2deploy.bench.names import INVOCATIONS
from train2deploy.bench.options import Options
from train2deploy.cloud_settings import config
from train2deploy.errors import JobFailed
from train2deploy.serving import EACH_ITS_OWN

CLIENTS = (1, 32)
SIZES = (8, 16, 32, 64)
TIMEOUTS = (0, 1000, 5000)  # microseconds; the container's default is 1000
THREADS = (1, 2)
ENQUEUED = 100
"""Never the bottleneck: a queue that is full refuses requests, which makes nothing faster."""
OMP = (1, 2)

FILE = paths.REPORTS / "tune.json"


def candidates(quick: bool = False) -> list[dict[str, str]]:
    """The make variables of each setting: none, then every combination (quick: a few)."""
    choices = ((8, 32), (0,), (2,)) if quick else (SIZES, TIMEOUTS, THREADS)
    batched = [
        {
            "BATCHING": "1",
            "MAX_BATCH_SIZE": str(size),
            "BATCH_TIMEOUT_MICROS": str(timeout),
            "MAX_ENQUEUED_BATCHES": str(ENQUEUED),
            "NUM_BATCH_THREADS": str(threads),
        }
        for size, timeout, threads in product(*choices)
    ]
    return [{}, *batched]


def search(
    variants: Sequence[dict[str, str]],
    measured: Callable[[dict[str, str]], dict[str, Any] | None],
    progress: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Every variant's figures; then the best for many clients again, by OMP threads.

    Args:
        measured: p50_ms with one client and per_second with many; None where requests failed.
    """
    rows: list[dict[str, Any]] = []

    def look(variables: dict[str, str]) -> None:
        progress(console.assignments(variables) or "no batching")
        if found := measured(variables):
            rows.append({"variables": variables, **found})

    for variables in variants:
        look(variables)
    if rows:
        best = max(rows, key=lambda row: float(row["per_second"]))["variables"]
        for threads in OMP:
            look({**best, "OMP_NUM_THREADS": str(threads)})
    return rows


def best(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """For one client the lowest latency, for many the most requests a second."""
    return {
        "one client": min(rows, key=lambda row: float(row["p50_ms"])),
        f"{CLIENTS[-1]} clients": max(rows, key=lambda row: float(row["per_second"])),
    }


def tune(options: Options) -> dict[str, Any]:
    """Searches, prints and writes build/reports/tune.json."""
    model_dir = endpoint.unpacked_model()
    with subjects.Tool("bench.raw_session", str(model_dir)) as session:
        _, found = packages.ask_sentences(session, [model_dir])
    request = workload.invocations(found[0]).requests[0]
    seconds = options.seconds or (0.5 if options.quick else 1.5)

    def measured(variables: dict[str, str]) -> dict[str, Any] | None:
        settings = config.load(variables, needs=()).serving_variables
        launch = startup.Launch(model_dir, "tune", EACH_ITS_OWN | settings)
        with launch.start() as served:
            served.first_answer(request)
            bench = measure.Bench({INVOCATIONS: served}, {INVOCATIONS: found[0]}, "", {}, None)
            with contextlib.suppress(JobFailed):  # refused: the queue was full
                lone, loaded = (
                    bench.measure(Cell(INVOCATIONS, clients), seconds) for clients in CLIENTS
                )
                return {"p50_ms": lone.p50_ms, "per_second": loaded.per_second}
        return None

    rows = search(candidates(options.quick), measured, console.say)
    result = {"cores": len(os.sched_getaffinity(0)), "measurements": rows, "best": best(rows)}
    manifest.write_json(FILE, result)
    console.print_table(_table(rows))
    for who, row in best(rows).items():
        console.say(
            f"best for {who}: {console.assignments(row['variables']) or 'no batching'}"
            f" ({row['p50_ms']:.2f} ms alone, {row['per_second']:.0f} requests/s of {CLIENTS[-1]})"
        )
    console.say(f"written: {paths.relative(FILE)}")
    return result


def _table(rows: list[dict[str, Any]]) -> Table:
    return console.table(
        "settings, as AWS runs requests (MERGE=0)",
        ("", "1 client, p50 ms", f"{CLIENTS[-1]} clients, requests/s"),
        [
            (
                console.assignments(row["variables"]) or "none",
                f"{row['p50_ms']:.2f}",
                f"{row['per_second']:.0f}",
            )
            for row in rows
        ],
    )
