"""`make cloud-scale RPM=30000`: how many instances would run, and what a day would cost.

An estimate without any account: from what `make bench` measured here, by target tracking's rule,
at the prices of prices.toml. Nothing is changed.
"""

import math
from typing import Any

from rich.table import Table

from train2deploy import console, manifest, paths
from train2deploy.bench import cost, names
from train2deploy.cloud_settings import prices
from train2deploy.cloud_settings.config import Config
from train2deploy.errors import UserError
from train2deploy.report.machine import BENCH

SHARE = 0.5  # of what an instance can do at most, the target: AWS's own advice for an endpoint


def measured() -> tuple[float, dict[str, Any]]:
    """Requests a minute of one core, each with a run of its own as on AWS; and the bench's result.

    Raises:
        UserError: a bench without these figures.
    """
    own = paths.BUILD / BENCH
    file = own if own.is_file() else paths.RESULTS / "sample" / BENCH
    found = manifest.read(file) or {}
    for row in found.get("measurements", []):
        if (row["subject"], row["clients"], row["sentences"]) == (names.ALONE, cost.CLIENTS, 1):
            rate = row["median"]["per_second"] * 60 / found["machine"]["cores"]
            return rate, {**found, "file": paths.relative(file)}
    raise UserError(
        f"{paths.relative(file)}: expected a bench with {cost.CLIENTS} clients. Run `make bench`."
    )


def instances(per_minute: float, target: float) -> int:
    """As many as target tracking settles on: none gets more than the target.

    >>> instances(30_000, 10_000), instances(30_001, 10_000), instances(1, 600)
    (3, 4, 1)
    """
    return max(1, math.ceil(per_minute / target))


def rows(config: Config, per_minute: float, target: float | None) -> list[dict[str, Any]]:
    """A row for each type whose CPUs are known: what it can do, and what the load takes of it.

    Args:
        target: invocations a minute of each instance; None: half of what it can do.
    """
    of_core, _ = measured()
    found = []
    for kind, cpus in prices.table()["cpus"].items():
        most = of_core * cpus
        wanted = most * SHARE if target is None else target
        count = instances(per_minute, wanted)
        day = prices.cost(config, kind, count, 24)
        found.append(
            {"type": kind, "cpus": cpus, "most": most, "target": wanted, "count": count, "day": day}
        )
    return found


def show(config: Config, per_minute: float, target: float | None) -> None:
    """Prints it, with what it rests on."""
    _, bench = measured()
    found = rows(config, per_minute, target)
    table = Table(box=None)
    for heading in (
        "instance type",
        "vCPUs",
        "can do /min",
        "target /min",
        "instances",
        "USD a day",
    ):
        table.add_column(heading, justify="left" if heading == "instance type" else "right")
    for row in found:
        usd = "?" if row["day"].usd is None else f"{row['day'].usd:.2f}"
        figures = (f"{row['most']:,.0f}", f"{row['target']:,.0f}", str(row["count"]), usd)
        table.add_row(row["type"], str(row["cpus"]), *figures)
    console.say(f"{per_minute:,.0f} requests a minute, one sentence each; nothing is changed:")
    console.print_table(table)
    if any(row["target"] > row["most"] for row in found):
        console.say(f"TARGET={target:g} is more than some of these can do.")
    machine = bench["machine"]
    console.say(
        f"measured: {names.ALONE}, {cost.CLIENTS} clients, {machine['cores']} cores"
        f" ({machine['cpu']}), {bench['measured'][:10]}: {bench['file']}"
    )
    console.say(
        "assumed: a vCPU does as much as a core of that machine, and n vCPUs n times as much."
        " A vCPU of AWS is half a core and of another CPU: measure it with `make cloud-load`."
    )
    if target is None:
        console.say("target: half of what an instance can do. ml.t2 types are not scaled by load.")
    console.say(prices.source(config.region))
