"""What the bench says: figures as JSON, tables on the terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from train2deploy import console
from train2deploy.bench import cost, figures
from train2deploy.bench.aims import LOAD_CLIENTS
from train2deploy.bench.measure import QUIET_SHARE, Cell
from train2deploy.bench.names import RAW

FORMAT = 3


def measurements(
    results: Mapping[Cell, Sequence[figures.Round]], batch: int
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
                "median": figures.median_of(rounds),
                "p50_ratio": figures.median_ratio(
                    [one.p50_ms for one in rounds], [one.p50_ms for one in alone]
                ),
                "throughput_ratio": figures.median_ratio([one.per_second for one in rounds], limit),
                "rounds": [asdict(one) for one in rounds],
            }
        )
    return entries


def _best(results: Mapping[Cell, Sequence[figures.Round]], size: int) -> list[float]:
    """Requests a second of the raw session with the most threads, round by round."""
    threads = max(cell.clients for cell in results if cell.subject == RAW)
    return [one.per_second for one in results[Cell(RAW, threads, size)]]


def print_report(result: Mapping[str, Any]) -> None:
    """The tables; `result` is what bench.json holds."""
    if result["against"]:
        console.say(f"the other package: {result['against']['package']}")
    console.print_table(_figures_table(result["measurements"]))
    console.print_table(_start_table(result["startup"]))
    console.print_table(_memory_table(result["memory"]))
    if result["usd_per_million"]:
        console.print_table(_cost_table(result["usd_per_million"]))
        console.say(cost.note(result["machine"]["cores"]))
    for name, version in result["peers"].items():
        console.say(f"{name}: {version}")
    for name, why in result["left_out"].items():
        console.say(f"{name} is left out: {why}")
    console.say(
        "AWS gives what MERGE=0 does; with BATCHING=1 what MERGE=0 BATCHING=1 does"
        f" ({console.assignments(result['batching'])})"
    )
    console.print_table(_aims_table(result["aims"]))
    if not result["article"]["is_measured_model"]:
        console.say(
            f"no aim beside {RAW}: those are the article's model's, whose run takes milliseconds"
        )
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
    return console.table(
        "from the start of the process to the first answer",
        ("", "s", "× bare process"),
        [(name, f"{row['seconds']:.2f}", f"{row['ratio']:.2f}") for name, row in started.items()],
    )


def _memory_table(memory: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    roles = sorted({role for found in memory.values() for role in found})

    def cell(found: Mapping[str, float] | None) -> str:
        return f"{found['rss']:.0f} ({found['pss']:.0f})" if found else ""

    return console.table(
        f"memory under load of {LOAD_CLIENTS} clients, MB: RSS (PSS)",
        ("", *roles),
        [(name, *(cell(found.get(role)) for role in roles)) for name, found in memory.items()],
    )


def _cost_table(found: Mapping[str, Mapping[str, float]]) -> Table:
    subjects = list(next(iter(found.values())))
    return console.table(
        "USD per million requests on SageMaker, estimated by core count",
        ("", *subjects),
        [(kind, *(f"{row[subject]:.3f}" for subject in subjects)) for kind, row in found.items()],
    )


def _aims_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    def row(aim: Mapping[str, Any]) -> tuple[str, ...]:
        relation = "≤" if aim["at_most"] else "≥"
        wish = "" if aim["wish"] is None else f" (better {aim['wish']:g})"
        limit = f"{relation} {aim['limit']:g}{wish}"
        return aim["name"], f"{aim['value']:g}", limit, "ok" if aim["holds"] else "missed"

    return console.table("aims", ("", "measured", "aim", ""), map(row, rows))
