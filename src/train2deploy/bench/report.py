"""What the bench says: figures as JSON, a table on the terminal, the aims and whether they hold."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from train2deploy import console
from train2deploy.bench import processes, statistics
from train2deploy.bench.measure import (
    ARTICLE,
    INVOCATIONS,
    OTHER,
    QUIET_SHARE,
    RAW,
    REST,
    UNMERGED,
    Cell,
)
from train2deploy.bench.startup import BARE

FORMAT = 2
LOAD_CLIENTS = 32
ENDPOINT_MB = 600.0
"""What a whole endpoint may hold: ml.t2.medium has 4 GB, the article's had to leave it."""


@dataclass(frozen=True)
class Aim:
    """A figure that issue and README promise.

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


def measurements(
    results: Mapping[Cell, Sequence[statistics.Round]], batch: int
) -> list[dict[str, Any]]:
    """For each cell its rounds, their medians and the ratios to the raw session.

    `p50_ratio`: latency, to one thread. `throughput_ratio`: sentences a second, to two
    threads. Both with as many sentences a run as the cell has in a request.
    """
    entries = []
    for cell, rounds in results.items():
        size = batch if cell.sentences > 1 else 1
        alone = results[Cell(RAW, 1, size)]
        limit = _best(results, size)
        entries.append(
            {
                **asdict(cell),
                "median": statistics.median_of(rounds),
                "p50_ratio": statistics.median_ratio(
                    [one.p50_ms for one in rounds], [one.p50_ms for one in alone]
                ),
                "throughput_ratio": statistics.median_ratio(
                    [one.per_second for one in rounds], limit
                ),
                "rounds": [asdict(one) for one in rounds],
            }
        )
    return entries


def _best(results: Mapping[Cell, Sequence[statistics.Round]], size: int) -> list[float]:
    """Requests a second of the raw session with the most threads, round by round."""
    threads = max(cell.clients for cell in results if cell.subject == RAW)
    return [one.per_second for one in results[Cell(RAW, threads, size)]]


def aims(
    entries: Sequence[dict[str, Any]],
    starts: Mapping[str, Sequence[float]],
    memory: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> list[Aim]:
    """The promises that these figures can tell of.

    Args:
        starts: seconds of each round, by name.
    """
    by_cell = {(row["subject"], row["clients"], row["sentences"]): row for row in entries}
    found: list[Aim] = []

    def add(
        name: str, value: float | None, limit: float, at_most: bool, wish: float | None = None
    ) -> None:
        if value is not None:
            found.append(Aim(name, round(value, 3), limit, at_most, wish))

    def figure(key: tuple[str, int, int], name: str) -> float | None:
        return float(by_cell[key][name]) if key in by_cell else None

    load = (INVOCATIONS, LOAD_CLIENTS, 1)
    under_load = f"/invocations, {LOAD_CLIENTS} clients: throughput"

    def faster_than(other: str) -> float | None:
        return _throughput_ratio(by_cell.get(load), by_cell.get((other, LOAD_CLIENTS, 1)))

    add("REST, 1 client: p50 / session.run", figure((REST, 1, 1), "p50_ratio"), 1.2, True)
    add("/invocations, 1 client: p50 / session.run",
        figure((INVOCATIONS, 1, 1), "p50_ratio"), 1.35, True)  # fmt: skip
    add(f"{under_load} / session.run", figure(load, "throughput_ratio"), 2.5, False, 3.5)
    for handler in (UNMERGED, ARTICLE):
        add(f"{under_load} / {handler}", faster_than(handler), 4.0, False)
    add(f"{under_load} / {OTHER}", faster_than(OTHER), 1.0, False, 1.5)
    batches = [row for row in entries if row["subject"] == INVOCATIONS and row["sentences"] > 1]
    if batches:
        best = max(batches, key=lambda row: float(row["throughput_ratio"]))
        add(f"/invocations, {best['sentences']} sentences, clients: {best['clients']}:"
            " throughput / session.run", best["throughput_ratio"], 0.8, False)  # fmt: skip
    for base, limit in ((BARE, 1.6), (OTHER, 1.0)):
        if INVOCATIONS in starts and base in starts:
            ratio = statistics.median_ratio(starts[INVOCATIONS], starts[base])
            add(f"start to first answer / {base}", ratio, limit, True)
    held = memory.get(INVOCATIONS, {})
    add("handler's resident memory, MB", held.get(processes.HANDLER, {}).get("rss"), 90.0, True)
    add(f"whole endpoint's resident memory, {LOAD_CLIENTS} clients, MB",
        held.get(processes.TOTAL, {}).get("rss"), ENDPOINT_MB, True)  # fmt: skip
    return found


def _throughput_ratio(
    entry: Mapping[str, Any] | None, other: Mapping[str, Any] | None
) -> float | None:
    """How many times as many requests a second, round by round; None where one was not measured."""
    if entry is None or other is None:
        return None
    return statistics.median_ratio(
        [one["per_second"] for one in entry["rounds"]],
        [one["per_second"] for one in other["rounds"]],
    )


def print_report(result: Mapping[str, Any]) -> None:
    """The tables; `result` is what bench.json holds."""
    if result["against"]:
        console.say(f"the other package: {result['against']['package']}")
    console.print_table(_figures_table(result["measurements"]))
    console.print_table(_start_table(result["startup"]))
    console.print_table(_memory_table(result["memory"]))
    console.print_table(_aims_table(result["aims"]))
    if result["foreign_cpu"] > QUIET_SHARE:
        console.say(
            f"the machine was not quiet: others used {result['foreign_cpu']:.0%} of it."
            " Measure again when it is."
        )


def _figures_table(entries: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="latency and throughput (× is the ratio to session.run)")
    table.add_column("subject")
    for column in ("clients", "sentences", "p50 ms", "p95", "p99", "×", "requests/s", "×"):
        table.add_column(column, justify="right")
    subject = None
    for row in entries:
        if row["subject"] != subject:
            table.add_section()
        median = row["median"]
        table.add_row(
            row["subject"] if row["subject"] != subject else "",
            str(row["clients"]),
            str(row["sentences"]),
            *(f"{median[name]:.2f}" for name in ("p50_ms", "p95_ms", "p99_ms")),
            f"{row['p50_ratio']:.2f}",
            f"{median['per_second']:.0f}",
            f"{row['throughput_ratio']:.2f}",
        )
        subject = row["subject"]
    return table


def _start_table(started: Mapping[str, Mapping[str, float]]) -> Table:
    table = Table(title="from the start of the process to the first answer")
    for column in ("", "s", "× bare process"):
        table.add_column(column, justify="right" if column else "left")
    for name, row in started.items():
        table.add_row(name, f"{row['seconds']:.2f}", f"{row['ratio']:.2f}")
    return table


def _memory_table(memory: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    table = Table(title=f"memory under load of {LOAD_CLIENTS} clients, MB: RSS (PSS)")
    table.add_column("")
    roles = sorted({role for processes_ in memory.values() for role in processes_})
    for role in roles:
        table.add_column(role, justify="right")
    for subject, found in memory.items():
        cells = [found.get(role) for role in roles]
        table.add_row(subject, *(f"{c['rss']:.0f} ({c['pss']:.0f})" if c else "" for c in cells))
    return table


def _aims_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title="aims")
    for column in ("", "measured", "aim", ""):
        table.add_column(column, justify="left" if not column else "right")
    for aim in rows:
        relation = "≤" if aim["at_most"] else "≥"
        wish = "" if aim["wish"] is None else f" (better {aim['wish']:g})"
        table.add_row(
            aim["name"], f"{aim['value']:g}", f"{relation} {aim['limit']:g}{wish}",
            "ok" if aim["holds"] else "missed",
        )  # fmt: skip
    return table
