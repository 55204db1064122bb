"""Where each seed is and how long it will take: a live table on a terminal, lines in a log."""

import sys
import time
from collections.abc import Sequence

from rich.live import Live
from rich.table import Table

from train2deploy import console
from train2deploy.runs.plan import Run
from train2deploy.runs.workers import Worker

LINE_EVERY_SECONDS = 20.0
RECORDING_SECONDS = 8.0  # what packing, serving and evaluating take, until one run has shown it
WAITING = ("waits", "trains")  # how the states begin in which a run is not trained yet


class Progress:
    """Shows the state of the runs for the length of a `with` block."""

    def __init__(self, runs: Sequence[Run], limit: int) -> None:
        self._states = {run.id: "waits" for run in runs}
        self._seeds = {run.id: run.seed for run in runs}
        self._fractions = dict.fromkeys(self._states, 0.0)
        self._limit = limit
        self._trained: list[float] = []
        self._recorded: list[float] = []
        self._spent: dict[str, float] = {}
        self._last_line = time.monotonic()
        self._live = Live(console=console.make_console()) if sys.stdout.isatty() else None

    def __enter__(self) -> "Progress":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live:
            self._live.stop()

    def training(self, workers: Sequence[Worker]) -> None:
        """What the running jobs are at."""
        self._spent = {}
        for worker in workers:
            epoch, last = worker.epoch()
            self._spent[worker.run.id] = time.monotonic() - worker.started
            at = f"epoch {epoch} of {last} at most" if last else "starts"
            self._states[worker.run.id] = f"trains, {at}"
            self._fractions[worker.run.id] = (epoch - 1) / last if last else 0.0
        self._show()

    def trained(self, run: Run, seconds: float) -> None:
        self._trained.append(seconds)
        self._fractions[run.id] = 1.0
        self.say(run, f"trained in {seconds:.0f} s")

    def recorded(self, run: Run, seconds: float, accuracy: float) -> None:
        self._recorded.append(seconds)
        self.say(run, f"accuracy {accuracy:.3f}, recorded")

    def failed(self, run: Run, words: str) -> None:
        """A job has come to a bad end; `words` say why."""
        self.say(run, "failed")
        console.say(words)

    def say(self, run: Run, state: str) -> None:
        """The run's state, at once."""
        self._states[run.id] = state
        if self._live is None:
            console.say(f"seed {run.seed}: {state}")
        self._show()

    def _estimate(self) -> float | None:
        """Seconds left, as far as one can tell: early stopping may make it less."""
        open_runs = [name for name, state in self._states.items() if state.startswith(WAITING)]
        whole = [
            seconds / self._fractions[name]
            for name, seconds in self._spent.items()
            if self._fractions[name] > 0
        ]
        known = self._trained or whole
        if not (known and open_runs):
            return None
        one = sum(known) / len(known)
        record = sum(self._recorded) / len(self._recorded) if self._recorded else RECORDING_SECONDS
        training = sum(max(0.0, one - self._spent.get(name, 0.0)) for name in open_runs)
        return training / self._limit + record * len(open_runs)

    def _show(self) -> None:
        if self._live:
            self._live.update(self._table())
        elif time.monotonic() - self._last_line >= LINE_EVERY_SECONDS:
            self._last_line = time.monotonic()
            if any(state.startswith("trains") for state in self._states.values()):
                console.say(self._line())

    def _line(self) -> str:
        parts = [
            f"seed {self._seeds[name]} {state}"
            for name, state in self._states.items()
            if state.startswith("trains")
        ]
        return "; ".join(filter(None, [*parts, self._time_left()]))

    def _time_left(self) -> str:
        """Until a job has ended nobody knows how early: its last epoch is taken."""
        about, left = "about" if self._trained else "at most", self._estimate()
        return "" if left is None else f"{about} {readable(left)} left"

    def _table(self) -> Table:
        table = Table(title=self._time_left(), title_justify="left", show_header=False, box=None)
        for name, state in self._states.items():
            fraction = self._fractions[name]
            table.add_row(f"seed {self._seeds[name]}", console.bar(fraction, 20), state)
        return table


def readable(seconds: float) -> str:
    """Minutes, or seconds where it is less than two minutes.

    >>> readable(80), readable(400)
    ('80 s', '7 min')
    """
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
