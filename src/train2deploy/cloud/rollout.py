"""`ROLLOUT=all|canary:10|linear:25` of `make cloud-deploy`: how an update takes over traffic."""

import re
from dataclasses import dataclass
from typing import Any

from train2deploy.errors import UserError

KINDS = {"all": "ALL_AT_ONCE", "canary": "CANARY", "linear": "LINEAR"}
LEAST = {"canary": 1, "linear": 10}
MOST = 50  # percent of the traffic that a first step may be, by AWS's rule
BAKE_SECONDS = {"all": 60, "canary": 300, "linear": 300}
MOST_BAKE, MOST_SECONDS, STARTING_SECONDS = 3600, 28800, 1800
EXPECTED = "expected all, canary:1 to canary:50 or linear:10 to linear:50 (percent of the traffic)."


@dataclass(frozen=True)
class Rollout:
    """How the traffic shifts."""

    kind: str = "all"  # all, canary or linear
    percent: int = 100  # of the traffic, in the first step (canary) or in each (linear)
    bake: int = BAKE_SECONDS["all"]  # seconds that each step is watched before the next

    @property
    def steps(self) -> int:
        return {"all": 1, "canary": 2, "linear": -(-100 // self.percent)}[self.kind]

    def __str__(self) -> str:
        """
        >>> str(parse("canary:10")), str(parse("all"))
        ('10 % of the traffic, then all of it; watched for 300 s each', 'all of the traffic at \
once; watched for 60 s')
        """
        shares = {
            "all": "all of the traffic at once",
            "canary": f"{self.percent} % of the traffic, then all of it",
            "linear": f"{self.percent} % more of the traffic in each of {self.steps} steps",
        }
        each = "" if self.kind == "all" else " each"
        return f"{shares[self.kind]}; watched for {self.bake} s{each}"

    def deployment_config(self, alarms: list[str]) -> dict[str, Any]:
        """UpdateEndpoint's DeploymentConfig."""
        routing: dict[str, Any] = {"Type": KINDS[self.kind], "WaitIntervalInSeconds": self.bake}
        size = {"canary": "CanarySize", "linear": "LinearStepSize"}.get(self.kind)
        if size:
            routing[size] = {"Type": "CAPACITY_PERCENT", "Value": self.percent}
        return {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": routing,
                "TerminationWaitInSeconds": 0,
                "MaximumExecutionTimeoutInSeconds": self.steps * self.bake + STARTING_SECONDS,
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]},
        }


def parse(text: str, bake: int | None = None) -> Rollout:
    """
    >>> parse("linear:25"), parse("all", 120)
    (Rollout(kind='linear', percent=25, bake=300), Rollout(kind='all', percent=100, bake=120))

    Raises:
        UserError: AWS would not take it.
    """
    match = re.fullmatch(r"all|(canary|linear):([0-9]{1,3})", text)
    if match is None:
        raise UserError(f"ROLLOUT={text}: {EXPECTED}")
    kind = match.group(1) or "all"
    percent = int(match.group(2) or 100)
    if kind != "all" and not LEAST[kind] <= percent <= MOST:
        raise UserError(f"ROLLOUT={text}: {EXPECTED}")
    rollout = Rollout(kind, percent, BAKE_SECONDS[kind] if bake is None else bake)
    most = min(MOST_BAKE, (MOST_SECONDS - STARTING_SECONDS) // rollout.steps)
    if not 0 <= rollout.bake <= most:
        raise UserError(f"BAKE={rollout.bake}: expected 0 to {most} seconds with ROLLOUT={text}.")
    return rollout
