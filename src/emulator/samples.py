"""How busy jobs and instances are: CPU and memory of their processes, sampled for CloudWatch."""

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping

import psutil

from emulator.limits import Limits
from emulator.metrics import PERCENT, Metric, Metrics

EVERY_SECONDS = 15.0  # of AWS's time; a minute's statistic is of four samples
LEAST_SECONDS = 1.0  # so that looking costs little where a minute is short


Children = Mapping[int, list[int]]
"""Of every process on this machine; listing them is most of the work, and done once for all."""


def children() -> Children:
    found = defaultdict(list)
    for each in psutil.process_iter(["ppid"]):
        found[each.info["ppid"]].append(each.pid)
    return found


def tree(pid: int, below: Children) -> Iterator[int]:
    """A process and all below it.

    >>> list(tree(1, {1: [2, 3], 3: [4], 5: [6]}))
    [1, 2, 3, 4]
    """
    yield pid
    for child in below.get(pid, []):
        yield from tree(child, below)


class Watched:
    """The processes of one instance: a process and all below it."""

    def __init__(self, pid: int, namespace: str, dimensions: Mapping[str, str]) -> None:
        self._process = psutil.Process(pid)
        self._namespace = namespace
        self._dimensions = dimensions
        self._known: dict[int, psutil.Process] = {}

    def sample(self, below: Children) -> dict[Metric, float]:
        """Of CPU, 100 % is one core, as on AWS; {} once the process is gone."""
        processor = memory = 0.0
        try:
            if self._process.status() == psutil.STATUS_ZOMBIE:
                return {}
        except psutil.NoSuchProcess:
            return {}
        # A process object remembers what its CPU time was when it was asked last.
        known, self._known = self._known, {}
        for pid in tree(self._process.pid, below):
            try:
                each = known.get(pid) or psutil.Process(pid)
                processor += each.cpu_percent()
                memory += each.memory_percent()
            except psutil.Error:
                continue
            self._known[pid] = each
        values = {"CPUUtilization": processor, "MemoryUtilization": memory}
        return {
            Metric.of(self._namespace, name, self._dimensions): value
            for name, value in values.items()
        }


class Sampler:
    """Samples what it is told to watch until that has ended."""

    def __init__(self, metrics: Metrics, limits: Limits, stopping: threading.Event) -> None:
        self._metrics = metrics
        self._seconds = max(LEAST_SECONDS, limits.seconds(EVERY_SECONDS))
        self._stopping = stopping
        self._lock = threading.Lock()
        self._watched: list[Watched] = []

    def watch(self, pid: int, namespace: str, dimensions: Mapping[str, str]) -> None:
        try:
            watched = Watched(pid, namespace, dimensions)
        except psutil.NoSuchProcess:
            return
        with self._lock:
            self._watched.append(watched)
            alone = len(self._watched) == 1
        watched.sample(children())  # what follows is measured from here
        if alone:
            threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while not self._stopping.wait(self._seconds):
            with self._lock:
                watched = list(self._watched)
            gone, below = [], children()
            for each in watched:
                sample = each.sample(below)
                for metric, value in sample.items():
                    self._metrics.record(metric, [(value, 1)], PERCENT)
                if not sample:
                    gone.append(each)
            with self._lock:
                self._watched = [each for each in self._watched if each not in gone]
                if not self._watched:
                    return
