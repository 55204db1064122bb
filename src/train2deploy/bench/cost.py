"""What a million requests would cost on SageMaker: an estimate from the rate measured here.

By the number of cores alone: a core of another CPU is faster or slower, and the ml.t2
types give their whole speed only as long as their CPU credits last.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from train2deploy.bench.names import ALONE, BATCHED, UNMERGED
from train2deploy.cloud_settings import prices

CLIENTS = 32
AS_ON_AWS = (ALONE, BATCHED, UNMERGED)  # the endpoints that run requests as TensorFlow Serving does


def per_million(entries: Sequence[Mapping[str, Any]], cores: int) -> dict[str, dict[str, float]]:
    """USD per million requests: by instance type, then by subject."""
    rates = {
        row["subject"]: row["median"]["per_second"] / cores
        for row in entries
        if (row["clients"], row["sentences"]) == (CLIENTS, 1) and row["subject"] in AS_ON_AWS
    }
    table = prices.table()
    return (
        {
            kind: {
                subject: round(table["hour"][kind] / 3600 / (rate * cpus) * 1e6, 3)
                for subject, rate in rates.items()
            }
            for kind, cpus in table["cpus"].items()
        }
        if rates
        else {}
    )


def note(cores: int) -> str:
    """What the figures are worth, in one line."""
    return (
        f"an estimate by core count, from {CLIENTS} clients on the {cores} cores here;"
        f" {prices.source(prices.table()['region'])}"
    )
