"""The rounds of the bench: every subject in turn, in an order that changes from round to round."""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from train2deploy.bench import figures, names, proc, workload
from train2deploy.bench.figures import Round
from train2deploy.bench.http_load import ClosedLoop, Observer
from train2deploy.bench.peers import Peer
from train2deploy.bench.subjects import Served, Tool
from train2deploy.errors import JobFailed

WARM_UP_SECONDS = 0.2
LONGEST_SECONDS = 30.0  # of a measurement that was too short for an answer
QUIET_SHARE = 0.05  # more foreign CPU than this, and the figures are those of a disturbed machine
PAUSE_SECONDS = 1.0  # before a measurement is repeated: what disturbed it may be over then


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
    """How long and how often."""

    rounds: int
    seconds: float
    clients: Sequence[int]  # numbers of clients at once, each subject with each
    # the subjects with an endpoint of their own, peers among them
    endpoints: Sequence[str] = (
        names.INVOCATIONS,
        names.ALONE,
        names.BATCHED,
        names.ARTICLE,
        names.UNMERGED,
    )
    sessions: Sequence[str] = (names.RAW,)  # the subjects without a server; RAW is one
    batch: int = 32  # sentences a request where there are many
    batch_clients: Sequence[int] = (1, 4)  # numbers of clients that send so many
    seed: int = 1
    threads: Sequence[int] = (1, 2)
    retries: int = 0  # measurements that may be repeated because others disturbed them

    def cells(self) -> list[Cell]:
        """Everything that a round measures."""
        cells = [
            Cell(subject, threads, size)
            for subject in self.sessions
            for threads in self.threads
            for size in (1, self.batch)
        ]
        alone = [names.REST_ALONE] if names.ALONE in self.endpoints else []
        for subject in (names.REST, *alone, names.GRPC, *self.endpoints):
            cells += [Cell(subject, clients) for clients in self.clients]
        cells += [Cell(names.INVOCATIONS, clients, self.batch) for clients in self.batch_clients]
        return cells


class Checked(Protocol):
    """Whole requests, and whether an answer to one is right."""

    requests: list[bytes]

    def is_right(self, turn: int, body: bytes) -> bool:
        """Whether `body` answers request number `turn`."""


class _Recorder(Observer):
    """Keeps the latencies of a window and refuses wrong answers."""

    def __init__(self, work: Checked, begin: float, end: float) -> None:
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


class Bench:
    """The running subjects and their measurement.

    Args:
        served: the endpoints, by subject; the model servers of the project's own ones are
            REST's and gRPC's subjects too.
        sentences: what each endpoint is asked and what its model answers.
        model_name: of the project's own one.
        sessions: the tools that run sessions, by subject.
        grpc: the tool that knows its requests already, None where GRPC is not measured.
    """

    def __init__(
        self,
        served: Mapping[str, Served | Peer],
        sentences: Mapping[str, workload.Sentences],
        model_name: str,
        sessions: Mapping[str, Tool],
        grpc: Tool | None,
    ) -> None:
        self._served = {
            names.REST: served[names.INVOCATIONS],
            names.GRPC: served[names.INVOCATIONS],
            **served,
        }
        if names.ALONE in served:
            self._served[names.REST_ALONE] = served[names.ALONE]
        self._sessions, self._grpc = sessions, grpc
        self._rest = workload.predict(sentences[names.INVOCATIONS], model_name)
        self._sentences = sentences
        self._works: dict[tuple[str, int], workload.Workload] = {}
        self.left_out: dict[str, str] = {}

    def rounds(self, plan: Plan, progress: Callable[[str], None]) -> dict[Cell, list[Round]]:
        """Measures each cell once a round; the sessions come first in each.

        What others disturbed is measured again, as often as the plan allows; of several
        measurements the least disturbed one counts, whatever its figures are. A peer that
        fails is left out, and `left_out` says why.
        """
        shuffled = random.Random(plan.seed)
        cells = plan.cells()
        results: dict[Cell, list[Round]] = {cell: [] for cell in cells}
        retries = plan.retries
        for number in range(1, plan.rounds + 1):
            progress(f"round {number} of {plan.rounds}")
            bare = [cell for cell in cells if cell.subject in plan.sessions]
            order = [cell for cell in cells if cell not in bare]
            shuffled.shuffle(order)
            for cell in bare + order:
                if cell.subject in self.left_out:
                    continue
                try:
                    best = self.measure(cell, plan.seconds)
                except JobFailed as error:
                    if cell.subject not in names.PEERS:
                        raise
                    self.left_out[cell.subject] = str(error)
                    continue
                while best.foreign_cpu > QUIET_SHARE and retries > 0:
                    retries -= 1
                    time.sleep(PAUSE_SECONDS)
                    again = self.measure(cell, plan.seconds)
                    best = min(best, again, key=lambda one: one.foreign_cpu)
                results[cell].append(best)
        return {cell: found for cell, found in results.items() if cell.subject not in self.left_out}

    def measure(self, cell: Cell, seconds: float) -> Round:
        """One measurement; a longer one where the time was too short for a single answer.

        Raises:
            JobFailed: an answer was wrong, or there was none.
        """
        meter = proc.CpuMeter(self._pids(cell))
        sample = self._run(cell, seconds)
        used, foreign = meter.read()
        if not sample.latencies_ms:
            if seconds < LONGEST_SECONDS:
                return self.measure(cell, min(4 * seconds, LONGEST_SECONDS))
            raise JobFailed(
                f"{cell.subject}, {cell.clients} clients: no answer within {seconds:g} s."
            )
        # The meter also counts the warm-up and the last answers, the latencies do not.
        warm_up = 0.0 if cell.subject in self._sessions else _warm_up(seconds)
        share = sample.seconds / (sample.seconds + warm_up)
        cpu = {role: value * share for role, value in used.items() if value}
        return figures.summarize(sample.latencies_ms, sample.seconds, foreign, cpu)

    def _pids(self, cell: Cell) -> dict[str, int]:
        if cell.subject in self._sessions:
            return {"session": self._sessions[cell.subject].pid}
        pids = self._served[cell.subject].pids
        if cell.subject == names.GRPC and self._grpc:
            return {**pids, "gRPC client": self._grpc.pid}
        return pids

    def _run(self, cell: Cell, seconds: float) -> Sample:
        if session := self._sessions.get(cell.subject):
            answer = session.ask(batch=cell.sentences, threads=cell.clients, seconds=seconds)
            return Sample(answer["latencies_ms"], answer["seconds"])
        if cell.subject == names.GRPC and self._grpc:
            answer = self._grpc.ask(
                clients=cell.clients, seconds=seconds, warm_up=_warm_up(seconds)
            )
            _refuse(cell, answer["failures"])
            return Sample(answer["latencies_ms"], answer["seconds"])
        served = self._served[cell.subject]
        if cell.subject in (names.REST, names.REST_ALONE):
            assert isinstance(served, Served)
            return load(cell, served.rest_port, self._rest, seconds)
        work = self._work(cell.subject, cell.sentences)
        return load(cell, served.port, work, seconds)

    def _work(self, subject: str, size: int = 1) -> workload.Workload:
        if (subject, size) not in self._works:
            served = self._served[subject]
            make = served.workload if isinstance(served, Peer) else workload.invocations
            self._works[subject, size] = make(self._sentences[subject], size)
        return self._works[subject, size]

    def memory(
        self, endpoints: Sequence[str], clients: int, seconds: float
    ) -> dict[str, dict[str, dict[str, float]]]:
        """RSS and PSS of each process in the middle of a load, by endpoint and role."""
        result = {}
        for subject in endpoints:
            served = self._served[subject]
            with ThreadPoolExecutor(1) as beside:
                found = beside.submit(_memory_after, seconds / 2, served.supervisor)
                load(Cell(subject, clients), served.port, self._work(subject), seconds)
            result[subject] = found.result()
        return result


def load(cell: Cell, port: int, work: Checked, seconds: float) -> Sample:
    """The cell's clients send for so many seconds, after a warm-up.

    Raises:
        JobFailed: an answer was wrong.
    """
    loop = ClosedLoop(port, work.requests, cell.clients)
    begin = perf_counter() + _warm_up(seconds)
    recorder = _Recorder(work, begin, begin + seconds)
    loop.run(seconds + _warm_up(seconds), recorder)
    _refuse(cell, recorder.failures)
    return Sample(recorder.latencies_ms, seconds)


def _memory_after(seconds: float, supervisor: int) -> dict[str, dict[str, float]]:
    time.sleep(seconds)
    return proc.endpoint_memory_mb(supervisor)


def _warm_up(seconds: float) -> float:
    return min(WARM_UP_SECONDS, seconds)


def _refuse(cell: Cell, failures: dict[str, int] | Counter[str]) -> None:
    """Figures of an endpoint that answers wrongly are worth nothing."""
    if failures:
        kinds = "; ".join(f"{count} × {failure}" for failure, count in failures.items())
        raise JobFailed(f"{cell.subject}, {cell.clients} clients: expected right answers: {kinds}")
