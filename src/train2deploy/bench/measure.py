"""The rounds of the bench: every subject in turn, in an order that changes from round to round."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

from train2deploy.bench import processes, statistics, workload
from train2deploy.bench.http_load import ClosedLoop
from train2deploy.bench.subjects import Served, Tool
from train2deploy.errors import JobFailed

WARM_UP_SECONDS = 0.2
QUIET_SHARE = 0.05
"""More foreign CPU than this, and the figures are those of a disturbed machine."""
PAUSE_SECONDS = 1.0
"""Before a measurement is repeated: what disturbed it may be over then."""

RAW = "session.run"
REST = "model server, REST"
GRPC = "model server, gRPC"
INVOCATIONS = "/invocations"
OTHER = "other package's /invocations"
ARTICLE = "article's handler"
UNMERGED = "article's handler, unmerged"

SUBJECTS = {
    RAW: "TensorFlow's own session, no server; clients are threads",
    REST: "POST /v1/models/…:predict to the model server",
    GRPC: "PredictionService.Predict to the model server",
    INVOCATIONS: "POST /invocations, the project's handler",
    OTHER: "the same of the package that AGAINST names",
    ARTICLE: "POST /invocations, a handler written as the article's",
    UNMERGED: "the same, and the model server gives each request a run of its own, as"
    " TensorFlow Serving does unless batching is asked for",
}


@dataclass(frozen=True)
class Cell:
    """One thing to measure: a subject with so many clients and sentences a request."""

    subject: str
    clients: int
    sentences: int = 1


@dataclass(frozen=True)
class Sample:
    """What one measurement of a cell gave, before it is summarized."""

    latencies_ms: list[float]
    seconds: float


@dataclass
class Plan:
    """How long and how often.

    Attributes:
        clients: numbers of clients at once, each subject with each.
        endpoints: the subjects with an endpoint of their own.
        batch: sentences a request where there are many.
        batch_clients: numbers of clients that send so many.
        retries: measurements that may be repeated because others disturbed them.
    """

    rounds: int
    seconds: float
    clients: Sequence[int]
    endpoints: Sequence[str] = (INVOCATIONS, ARTICLE, UNMERGED)
    batch: int = 32
    batch_clients: Sequence[int] = (1, 4)
    seed: int = 1
    threads: Sequence[int] = (1, 2)
    retries: int = 0

    def cells(self) -> list[Cell]:
        """Everything that a round measures."""
        cells = [Cell(RAW, threads, size) for threads in self.threads for size in (1, self.batch)]
        for subject in (REST, GRPC, *self.endpoints):
            cells += [Cell(subject, clients) for clients in self.clients]
        cells += [Cell(INVOCATIONS, clients, self.batch) for clients in self.batch_clients]
        return cells


class _Recorder:
    """An Observer that keeps the latencies of a window and refuses wrong answers."""

    def __init__(self, work: workload.Workload, begin: float, end: float) -> None:
        self._work = work
        self._begin, self._end = begin, end
        self.latencies_ms: list[float] = []
        self.failures: Counter[str] = Counter()

    def answered(self, turn: int, status: int, body: bytes, sent: float, now: float) -> float:
        if status != 200:
            self.failures[f"status {status}: {body[:200]!r}"] += 1
            return 0.05
        if not self._work.is_right(turn, body):
            self.failures[f"wrong answer: {body[:200]!r}"] += 1
        elif self._begin <= now < self._end:
            self.latencies_ms.append((now - sent) * 1e3)
        return 0.0

    def tick(self, now: float) -> None:
        pass


class Bench:
    """The running subjects and their measurement.

    Args:
        served: the endpoints, by subject; the model server of the project's own one is
            REST's and gRPC's subject too.
        sentences: what each endpoint is asked and what its model answers.
        model_name: of the project's own one.
        session, grpc: the tools; `grpc` knows its requests already.
    """

    def __init__(
        self,
        served: Mapping[str, Served],
        sentences: Mapping[str, workload.Sentences],
        model_name: str,
        session: Tool,
        grpc: Tool,
    ) -> None:
        self._served = {REST: served[INVOCATIONS], GRPC: served[INVOCATIONS], **served}
        self._session, self._grpc = session, grpc
        self._rest = workload.predict(sentences[INVOCATIONS], model_name)
        self._sentences = sentences
        self._invocations: dict[tuple[str, int], workload.Workload] = {}

    def rounds(
        self, plan: Plan, progress: Callable[[str], None]
    ) -> dict[Cell, list[statistics.Round]]:
        """Measures each cell once a round; the raw session comes first in each.

        What others disturbed is measured again, as often as the plan allows; of several
        measurements the least disturbed one counts, whatever its figures are.
        """
        shuffled = random.Random(plan.seed)
        cells = plan.cells()
        results: dict[Cell, list[statistics.Round]] = {cell: [] for cell in cells}
        retries = plan.retries
        for number in range(1, plan.rounds + 1):
            progress(f"round {number} of {plan.rounds}")
            order = [cell for cell in cells if cell.subject != RAW]
            shuffled.shuffle(order)
            for cell in [cell for cell in cells if cell.subject == RAW] + order:
                best = self._measure(cell, plan.seconds)
                while best.foreign_cpu > QUIET_SHARE and retries > 0:
                    retries -= 1
                    time.sleep(PAUSE_SECONDS)
                    again = self._measure(cell, plan.seconds)
                    best = min(best, again, key=lambda one: one.foreign_cpu)
                results[cell].append(best)
        return results

    def _measure(self, cell: Cell, seconds: float) -> statistics.Round:
        meter = processes.CpuMeter(self._pids(cell))
        sample = self._run(cell, seconds)
        used, foreign = meter.read()
        if not sample.latencies_ms:
            raise JobFailed(
                f"{cell.subject}, {cell.clients} clients: no answer within {seconds:g} s;"
                " give more SECONDS."
            )
        # The meter also counts the warm-up and the last answers, the latencies do not.
        share = sample.seconds / (sample.seconds + _warm_up(cell, seconds))
        cpu = {role: value * share for role, value in used.items() if value}
        return statistics.summarize(sample.latencies_ms, sample.seconds, foreign, cpu)

    def _pids(self, cell: Cell) -> dict[str, int]:
        if cell.subject == RAW:
            return {"session": self._session.pid}
        pids = self._served[cell.subject].pids
        return {**pids, "gRPC client": self._grpc.pid} if cell.subject == GRPC else pids

    def _run(self, cell: Cell, seconds: float) -> Sample:
        if cell.subject == RAW:
            answer = self._session.ask(batch=cell.sentences, threads=cell.clients, seconds=seconds)
            return Sample(answer["latencies_ms"], answer["seconds"])
        if cell.subject == GRPC:
            answer = self._grpc.ask(
                clients=cell.clients, seconds=seconds, warm_up=_warm_up(cell, seconds)
            )
            _refuse(cell, answer["failures"])
            return Sample(answer["latencies_ms"], answer["seconds"])
        if cell.subject == REST:
            return self._load(cell, self._served[REST].rest_port, self._rest, seconds)
        work = self._invocation_work(cell.subject, cell.sentences)
        return self._load(cell, self._served[cell.subject].port, work, seconds)

    def _invocation_work(self, subject: str, size: int = 1) -> workload.Workload:
        if (subject, size) not in self._invocations:
            self._invocations[subject, size] = workload.invocations(self._sentences[subject], size)
        return self._invocations[subject, size]

    def _load(self, cell: Cell, port: int, work: workload.Workload, seconds: float) -> Sample:
        loop = ClosedLoop(port, work.requests, cell.clients)
        begin = perf_counter() + _warm_up(cell, seconds)
        recorder = _Recorder(work, begin, begin + seconds)
        loop.run(seconds + _warm_up(cell, seconds), recorder)
        _refuse(cell, recorder.failures)
        return Sample(recorder.latencies_ms, seconds)

    def memory(
        self, endpoints: Sequence[str], clients: int, seconds: float
    ) -> dict[str, dict[str, dict[str, float]]]:
        """RSS and PSS of each process in the middle of a load, by endpoint and role."""
        result = {}
        for subject in endpoints:
            served = self._served[subject]
            found: dict[str, dict[str, float]] = {}

            def look(served: Served = served, found: dict[str, dict[str, float]] = found) -> None:
                found.update(processes.endpoint_memory_mb(served.supervisor))

            timer = threading.Timer(seconds / 2, look)
            timer.start()
            self._load(Cell(subject, clients), served.port, self._invocation_work(subject), seconds)
            timer.join()
            result[subject] = found
        return result


def _warm_up(cell: Cell, seconds: float) -> float:
    return 0.0 if cell.subject == RAW else min(WARM_UP_SECONDS, seconds)


def _refuse(cell: Cell, failures: dict[str, int] | Counter[str]) -> None:
    """Figures of an endpoint that answers wrongly are worth nothing."""
    if failures:
        kinds = "; ".join(f"{count} × {failure}" for failure, count in failures.items())
        raise JobFailed(f"{cell.subject}, {cell.clients} clients: expected right answers: {kinds}")
