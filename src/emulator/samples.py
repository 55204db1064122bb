"""How busy jobs and instances are: CPU and memory of their processes, sampled for CloudWatch."""

import threading
from collections.abc import Mapping

import psutil

from emulator.limits import Limits
from emulator.metrics import PERCENT, Metric, Metrics

EVERY_SECONDS = 15.0
"""Of AWS's time; a minute's statistic is of four samples."""
LEAST_SECONDS = 0.5
"""So that looking costs little where a minute is short."""


class Watched:
    """The processes of one instance: a process and all below it."""

    def __init__(self, pid: int, namespace: str, dimensions: Mapping[str, str]) -> None:
        self._process = psutil.Process(pid)
        self._namespace = namespace
        self._dimensions = dimensions
        self._known: dict[int, psutil.Process] = {}

    def sample(self) -> dict[Metric, float]:
        """Of CPU, 100 % is one core, as on AWS; {} once the process is gone."""
        processor = memory = 0.0
        try:
            if self._process.status() == psutil.STATUS_ZOMBIE:
                return {}
            found = [self._process, *self._process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return {}
        # A process object remembers what its CPU time was when it was asked last.
        self._known = {each.pid: self._known.get(each.pid, each) for each in found}
        for each in self._known.values():
            try:
                processor += each.cpu_percent()
                memory += each.memory_percent()
            except psutil.Error:
                continue
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
        watched.sample()  # what follows is measured from here
        if alone:
            threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while not self._stopping.wait(self._seconds):
            with self._lock:
                watched = list(self._watched)
            gone = []
            for each in watched:
                sample = each.sample()
                for metric, value in sample.items():
                    self._metrics.record(metric, [(value, 1)], PERCENT)
                if not sample:
                    gone.append(each)
            with self._lock:
                self._watched = [each for each in self._watched if each not in gone]
                if not self._watched:
                    return
