"""What instances cost at most: the table that is shipped, and the user's own."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from train2deploy.cloud_settings import arns
from train2deploy.cloud_settings.config import Config
from train2deploy.errors import UserError
from train2deploy.toml import tomllib

FILE = Path(__file__).with_name("prices.toml")


@cache
def table() -> dict[str, Any]:
    shipped: dict[str, Any] = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return shipped


def source(region: str) -> str:
    """One line that says where the figures come from, and what they are not."""
    said = f"prices: {table()['source']}, {table()['date']}"
    if region == table()["region"]:
        return said
    currency = ", and are billed in CNY" if arns.partition(region) == "aws-cn" else ""
    return (
        f"{said}. Those of {region} differ{currency}: give them in USD an hour under [prices] in"
        " cloud.toml, or as PRICES=<type>=<USD>"
    )


def span(hours: float) -> str:
    """
    >>> span(24), span(0.5), span(1 / 12), span(1 / 360)
    ('24 h', '0.5 h', '5 min', '10 s')
    """
    if hours >= 0.1:
        return f"{hours:.3g} h"
    return f"{hours * 60:.3g} min" if hours * 60 >= 1 else f"{hours * 3600:.0f} s"


@dataclass(frozen=True)
class Cost:
    """An upper bound: instances × hours × price."""

    instance_type: str
    count: int
    hours: float
    per_hour: float | None  # USD of one instance, None where no price is known
    # "" or the region whose instances these are, when the price is another region's
    foreign: str = ""

    @property
    def usd(self) -> float | None:
        return None if self.per_hour is None else self.count * self.hours * self.per_hour

    def __str__(self) -> str:
        most = f"{self.count} × {self.instance_type} for at most {span(self.hours)}"
        if self.usd is None:
            return f"{most}: no price known"
        return f"{most}: {self.usd:.2f} USD{self.caveat}"

    @property
    def caveat(self) -> str:
        """What is to be said behind the figure, "" where it is the region's own."""
        if not self.foreign:
            return ""
        return f" at the price of {table()['region']}; {self.foreign} has another"


def cost(config: Config, instance_type: str, count: int, hours: float) -> Cost:
    """
    >>> str(cost(Config(), "ml.c5.xlarge", 2, 0.5))
    '2 × ml.c5.xlarge for at most 0.5 h: 0.20 USD'
    """
    own = config.prices.get(instance_type)
    if own is not None:
        return Cost(instance_type, count, hours, own)
    foreign = "" if config.region == table()["region"] else config.region
    return Cost(instance_type, count, hours, table()["hour"].get(instance_type), foreign)


def total(costs: list[Cost]) -> float:
    """The sum.

    Raises:
        UserError: a price is not known, so that no limit could be kept.
    """
    for each in costs:
        if each.usd is None:
            raise UserError(
                f"{each.instance_type}: no price is known, so MAX_USD cannot be checked. Give its"
                " USD an hour under [prices] in cloud.toml, or leave MAX_USD out."
            )
    return sum(each.usd or 0.0 for each in costs)


def alternatives(kind: str) -> str:
    """Instance types to try instead of one that was refused."""
    if kind == "endpoint":
        return "ml.m5.large, ml.c5.large, ml.t2.medium"
    return "ml.c5.xlarge, ml.m5.xlarge, ml.g4dn.xlarge (a GPU)"
