"""What README and issues promise of these figures, and whether it holds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from train2deploy.bench import figures, names, proc
from train2deploy.bench.startup import BARE

LOAD_CLIENTS = 32
BATCH = 32  # sentences a run, of the packed graph
UNDER_LOAD = f"/invocations, {LOAD_CLIENTS} clients: throughput"
ENDPOINT_MB = 350.0  # what a whole endpoint may hold: as much as with the graph before

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Aim:
    """A figure and its limit."""

    name: str
    value: float
    limit: float
    at_most: bool
    wish: float | None = None  # what it had better be, beyond the limit that it must keep

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


def _entry(
    entries: Sequence[Entry], subject: str, clients: int, sentences: int = 1
) -> Entry | None:
    """None where it was not measured."""
    cell = (subject, clients, sentences)
    found = (row for row in entries if (row["subject"], row["clients"], row["sentences"]) == cell)
    return next(found, None)


def _beside_session(entries: Sequence[Entry]) -> list[Aim]:
    """The package's graph and our endpoint against session.run of the article's graph."""
    aims = []
    for sentences, limit, wish in ((1, 0.32, 0.20), (BATCH, 0.50, 0.35)):
        if bare := _entry(entries, names.PACKED, 1, sentences):
            name = f"packed graph, {sentences} a run: p50 / session.run"
            aims.append(Aim(name, bare["p50_ratio"], limit, at_most=True, wish=wish))
    for subject, limit in ((names.REST_ALONE, 0.45), (names.ALONE, 0.65)):
        if lone := _entry(entries, subject, 1):
            name = f"{subject}, 1 client: p50 / session.run"
            aims.append(Aim(name, lone["p50_ratio"], limit, at_most=True))
    for subject, limit in ((names.BATCHED, 6.0), (names.INVOCATIONS, 8.0)):
        if loaded := _entry(entries, subject, LOAD_CLIENTS):
            name = f"{subject}, {LOAD_CLIENTS} clients: throughput / session.run, 2 threads"
            aims.append(Aim(name, loaded["throughput_ratio"], limit, at_most=False))
    batches = [
        row for row in entries if row["subject"] == names.INVOCATIONS and row["sentences"] > 1
    ]
    if batches:
        best = max(batches, key=lambda row: float(row["throughput_ratio"]))
        name = f"/invocations, {best['sentences']} sentences, clients: {best['clients']}"
        ratio = best["throughput_ratio"]
        aims.append(Aim(f"{name}: throughput / session.run", ratio, 0.8, at_most=False))
    return aims


def _beside_endpoints(entries: Sequence[Entry]) -> list[Aim]:
    """Throughput under load and, compared with peers, latency alone.

    A ratio is taken within each round. Peers get sentences that are encoded already. So does the
    model server, run as AWS runs it; /invocations encodes the text too, and is held to the same.
    """
    aims = []
    limits = [(names.UNMERGED, 4.0, None), (names.ARTICLE, 4.0, None), (names.OTHER, 1.0, 1.5)]
    limits += [(name, 1.0, None) for name in names.PEERS]
    for subject, limit, wish in limits:
        ratio = _ratio(entries, names.INVOCATIONS, subject, LOAD_CLIENTS, "per_second")
        if ratio is not None:
            aims.append(Aim(f"{UNDER_LOAD} / {subject}", ratio, limit, at_most=False, wish=wish))
    for subject in names.PEERS:
        for ours in (names.INVOCATIONS, names.REST_ALONE):
            ratio = _ratio(entries, ours, subject, 1, "p50_ms")
            if ratio is not None:
                aims.append(Aim(f"{ours}, 1 client: p50 / {subject}", ratio, 1.0, at_most=True))
        ratio = _ratio(entries, names.REST_ALONE, subject, LOAD_CLIENTS, "per_second")
        if ratio is not None:
            name = f"{names.REST_ALONE}, {LOAD_CLIENTS} clients: throughput / {subject}"
            aims.append(Aim(name, ratio, 1.0, at_most=False))
    return aims


def _ratio(
    entries: Sequence[Entry], subject: str, other: str, clients: int, value: str
) -> float | None:
    """One subject to another; None where either was not measured."""
    ours, theirs = (_entry(entries, name, clients) for name in (subject, other))
    if not ours or not theirs:
        return None
    return figures.median_ratio(
        [one[value] for one in ours["rounds"]], [one[value] for one in theirs["rounds"]]
    )


def _of_starts(starts: Mapping[str, Sequence[float]]) -> list[Aim]:
    aims = []
    for name, limit in ((BARE, 0.75), (names.OTHER, 1.0)):
        if names.INVOCATIONS in starts and name in starts:
            ratio = figures.median_ratio(starts[names.INVOCATIONS], starts[name])
            aims.append(Aim(f"start to first answer / {name}", ratio, limit, at_most=True))
    return aims


def _of_memory(memory: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[Aim]:
    """Resident memory; of the whole endpoint, what processes share counts for each of them."""
    held = memory.get(names.INVOCATIONS, {})
    limits = (
        (proc.HANDLER, "handler's resident memory, MB", 90.0),
        (proc.TOTAL, "whole endpoint's resident memory, MB", ENDPOINT_MB),
    )
    return [
        Aim(name, held[role]["rss"], limit, at_most=True)
        for role, name, limit in limits
        if role in held
    ]
