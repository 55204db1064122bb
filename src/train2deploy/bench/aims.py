"""What README and issues promise of these figures, and whether it holds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from train2deploy.bench import processes, statistics
from train2deploy.bench.measure import ARTICLE, INVOCATIONS, OTHER, REST, UNMERGED
from train2deploy.bench.startup import BARE

LOAD_CLIENTS = 32
UNDER_LOAD = f"/invocations, {LOAD_CLIENTS} clients: throughput"
ENDPOINT_MB = 600.0
"""What a whole endpoint may hold."""

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Aim:
    """A figure and its limit.

    Attributes:
        wish: what it had better be, beyond the limit that it must keep.
    """

    name: str
    value: float
    limit: float
    at_most: bool
    wish: float | None = None

    @property
    def holds(self) -> bool:
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "holds": self.holds}


def find(
    entries: Sequence[Entry],
    starts: Mapping[str, Sequence[float]],
    memory: Mapping[str, Mapping[str, Mapping[str, float]]],
    article_model: bool,
) -> list[Aim]:
    """The aims that these figures can tell of.

    Args:
        entries: see report.measurements.
        starts: seconds of each round, by name.
        memory: MB by endpoint, role and kind.
        article_model: whether it is the article's model that was measured. Nothing is
            promised of another beside session.run: v2's run takes less time than the
            exchange of a request and its answer.
    """
    found = _beside_session(entries) if article_model else []
    return [*found, *_beside_endpoints(entries), *_of_starts(starts), *_of_memory(memory)]


def _entry(entries: Sequence[Entry], subject: str, clients: int) -> Entry | None:
    """Of one sentence a request; None where it was not measured."""
    cell = (subject, clients, 1)
    found = (row for row in entries if (row["subject"], row["clients"], row["sentences"]) == cell)
    return next(found, None)


def _beside_session(entries: Sequence[Entry]) -> list[Aim]:
    aims = []
    for subject, name, limit in ((REST, "REST", 1.2), (INVOCATIONS, "/invocations", 1.35)):
        if lone := _entry(entries, subject, 1):
            aims.append(
                Aim(f"{name}, 1 client: p50 / session.run", lone["p50_ratio"], limit, at_most=True)
            )
    if loaded := _entry(entries, INVOCATIONS, LOAD_CLIENTS):
        ratio = loaded["throughput_ratio"]
        aims.append(Aim(f"{UNDER_LOAD} / session.run", ratio, 2.5, at_most=False, wish=3.5))
    batches = [row for row in entries if row["subject"] == INVOCATIONS and row["sentences"] > 1]
    if batches:
        best = max(batches, key=lambda row: float(row["throughput_ratio"]))
        name = f"/invocations, {best['sentences']} sentences, clients: {best['clients']}"
        ratio = best["throughput_ratio"]
        aims.append(Aim(f"{name}: throughput / session.run", ratio, 0.8, at_most=False))
    return aims


def _beside_endpoints(entries: Sequence[Entry]) -> list[Aim]:
    """Throughput under load; a ratio is taken within each round."""
    loaded = _entry(entries, INVOCATIONS, LOAD_CLIENTS)
    aims = []
    for subject, limit, wish in ((UNMERGED, 4.0, None), (ARTICLE, 4.0, None), (OTHER, 1.0, 1.5)):
        other = _entry(entries, subject, LOAD_CLIENTS)
        if loaded and other:
            ratio = statistics.median_ratio(
                [one["per_second"] for one in loaded["rounds"]],
                [one["per_second"] for one in other["rounds"]],
            )
            aims.append(Aim(f"{UNDER_LOAD} / {subject}", ratio, limit, at_most=False, wish=wish))
    return aims


def _of_starts(starts: Mapping[str, Sequence[float]]) -> list[Aim]:
    aims = []
    for name, limit in ((BARE, 1.6), (OTHER, 1.0)):
        if INVOCATIONS in starts and name in starts:
            ratio = statistics.median_ratio(starts[INVOCATIONS], starts[name])
            aims.append(Aim(f"start to first answer / {name}", ratio, limit, at_most=True))
    return aims


def _of_memory(memory: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[Aim]:
    """Resident memory; of the whole endpoint, what processes share counts for each of them."""
    held = memory.get(INVOCATIONS, {})
    limits = (
        (processes.HANDLER, "handler's resident memory, MB", 90.0),
        (processes.TOTAL, "whole endpoint's resident memory, MB", ENDPOINT_MB),
    )
    return [
        Aim(name, held[role]["rss"], limit, at_most=True)
        for role, name, limit in limits
        if role in held
    ]
