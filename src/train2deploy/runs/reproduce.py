"""`make reproduce`: data, vectors, and for each seed train, pack, serve, evaluate, record.

Every step puts its result in place by a rename, so it can be stopped at any moment, even by
SIGKILL, and resumes when it is started again: what is complete is kept, the rest is made again.
build/data, build/jobs and build/model.tar.gz are not touched.
"""

import contextlib
import fcntl
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence

from rich.table import Table

from train2deploy import console, paths, uncertainty
from train2deploy.errors import JobFailed, UserError
from train2deploy.runs import environment, plan, registry, table, workers
from train2deploy.runs.plan import Plan, Run
from train2deploy.runs.progress import Progress
from train2deploy.runs.record import record
from train2deploy.runs.registry import SCORES
from train2deploy.runtimes import Runtime

LOCK_TIMEOUT_SECONDS = 30.0


def reproduce(asked: Plan, runtime: Runtime, options: Sequence[str], jobs: int | None) -> None:
    """Makes the runs of a plan that are not there yet; prints all of them.

    Args:
        options: of the host tool's command, which say the runtime to the workers.
        jobs: how many are trained at a time; None: as many as the machine bears.

    Raises:
        JobFailed: a job failed; the others were made.
    """
    with _alone() as lock:
        runs = []
        for split_seed in dict.fromkeys(split_seed for _, split_seed in asked.draws):
            place, lines = plan.prepare(asked, split_seed, runtime)
            for line in lines:
                console.say(line)
            runs += plan.runs(asked, split_seed, place)
        missing = [run for run in runs if not registry.is_recorded(run.id)]
        for run in runs:
            if run not in missing:
                console.say(f"seed {run.seed}: recorded already, {run.id}")
                shutil.rmtree(run.workspace, ignore_errors=True)  # killed right after recording
        if missing:
            _make(missing, runtime, options, workers.how_many(jobs, missing), lock)
    records = [registry.get(run.id) for run in runs]
    table.show(records)
    console.print_table(spread(records, len({split_seed for _, split_seed in asked.draws})))
    scored = [record.manifest["metrics"] for record in records]
    mean = statistics.mean(float(one["accuracy"]) for one in scored)
    if said := uncertainty.caveat(mean, min(int(one["n"]) for one in scored)):
        console.say(said)


def _make(runs: list[Run], runtime: Runtime, options: Sequence[str], limit: int, lock: int) -> None:
    described = environment.describe(runtime)
    trained = [run for run in runs if run.job.is_dir()]
    to_train = [run for run in runs if run not in trained]
    at_a_time = min(limit, len(to_train))
    if to_train:
        console.say(f"{len(to_train)} to train, {at_a_time} at a time, one thread each")
    failed = []
    with (
        Progress(runs, limit) as progress,
        workers.Workers(to_train, limit, options, lock) as pool,
    ):

        def finish(run: Run) -> None:
            started = time.monotonic()
            packed = "is packed, served and evaluated"
            progress.say(run, "is scored" if run.is_published else packed)
            accuracy = record(run, runtime, described)["metrics"]["accuracy"]
            progress.recorded(run, time.monotonic() - started, accuracy)

        for run in trained:
            finish(run)
        while pool.running or pool.pending:
            progress.training(pool.running)
            worker = pool.ended()
            if worker is None:
                time.sleep(workers.POLL_SECONDS)
            elif worker.process.returncode == 0:
                progress.trained(worker.run, worker.seconds())
                finish(worker.run)
            else:
                failed.append(f"seed {worker.run.seed}")
                progress.failed(worker.run, workers.last_words(worker))
    if failed:
        raise JobFailed(
            f"{len(failed)} of {len(runs)} runs failed: {', '.join(failed)}. What succeeded is"
            " recorded; `make reproduce` tries the others again."
        )


def spread(records: Sequence[registry.Run], splits: int = 1) -> Table:
    """Mean, standard deviation (n - 1), lowest and highest of each score over the runs.

    Args:
        splits: of the data set; with several, each run has a seed and a split of its own.
    """
    over = f"{splits} splits, a seed each" if splits > 1 else f"{len(records)} seeds"
    rows = []
    for score in SCORES:
        values = [float(record.manifest["metrics"][score]) for record in records]
        deviation = f"{statistics.stdev(values):.3f}" if len(values) > 1 else "-"
        numbers = [f"{value:.3f}" for value in (statistics.mean(values), min(values), max(values))]
        rows.append((score, numbers[0], deviation, *numbers[1:]))
    title = "over 1 seed" if len(records) == 1 else f"over {over}"
    return console.table(title, ("", "mean", "sd", "min", "max"), rows, title_justify="left")


@contextlib.contextmanager
def _alone() -> Iterator[int]:
    """An open file with a lock that no second `make reproduce` of this project gets.

    The training processes keep it open, too: after this process was killed the lock is free as
    soon as the last of them has ended.
    """
    paths.REPRODUCTIONS.mkdir(parents=True, exist_ok=True)
    with (paths.REPRODUCTIONS / "lock").open("w") as lock:
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise UserError(
                        "`make reproduce` is already running in this project. Wait for it,"
                        " or end it."
                    ) from error
            time.sleep(workers.POLL_SECONDS)
        yield lock.fileno()
