"""Blue/green updates: how the traffic goes over to the new fleet, and when it all goes back.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from emulator.account import Account, Record, now
from emulator.alarms import ALARM
from emulator.protocol import invalid

LOOKED_SECONDS = 5.0  # between two looks at the alarms, of AWS's time


@dataclass(frozen=True)
class Rollout:
    """What a DeploymentConfig asks for."""

    shares: tuple[float, ...] = (1.0,)  # of the traffic that the new fleet gets, step by step
    wait: float = 0.0  # seconds of AWS's that each step bakes
    termination: float = 0.0  # and that the old fleet is kept after the last
    timeout: float | None = None  # after which the update is rolled back; None: never
    alarms: tuple[str, ...] = ()  # any of which rolls it back

    def reasons(self, account: Account, begun: float) -> Iterator[str]:
        """Why to roll back, looked for again and again during a step; "" as long as nothing does.

        Args:
            begun: when the update began, by time.monotonic().
        """
        seconds = account.limits.seconds
        over = time.monotonic() + seconds(self.wait)
        while not account.stopping.is_set():
            for name in self.alarms:
                alarm = account.alarms.get(name)
                if alarm is not None and alarm.state_value == ALARM:
                    yield f"the alarm {name} is in state ALARM: {alarm.state_reason}"
            now = time.monotonic()
            if self.timeout is not None and now - begun > seconds(self.timeout):
                yield f"it took longer than MaximumExecutionTimeoutInSeconds={self.timeout:g}"
            yield ""
            if now >= over:
                return
            account.stopping.wait(min(seconds(LOOKED_SECONDS), over - now))

    def carry_out(self, account: Account, begun: float, show: Callable[[float], None]) -> str:
        """Shifts the traffic step by step; why it must go back, "" where it need not.

        Args:
            show: gives the new fleet a share of the traffic.
        """
        for share in self.shares:
            show(share)
            for reason in self.reasons(account, begun):
                if reason:
                    return f"The update was rolled back: {reason}"
        return ""


def wanted(account: Account, config: Record | None, instances: int) -> Rollout:
    """What an UpdateEndpoint asks for.

    Args:
        config: the request's DeploymentConfig, if it has one.
        instances: of the new fleet.

    Raises:
        ApiError: AWS would not begin such an update.
    """
    if not config:
        return Rollout()
    alarms = tuple(
        each["AlarmName"] for each in config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    )
    _check_alarms(account, alarms)
    blue_green, rolling = config.get("BlueGreenUpdatePolicy"), config.get("RollingUpdatePolicy")
    if blue_green and rolling:
        raise invalid("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified.")
    policy = blue_green or rolling or {}
    if rolling:
        share = _share("MaximumBatchSize", rolling["MaximumBatchSize"], instances, 0.05)
        shares, wait = _steps(share), rolling["WaitIntervalInSeconds"]
    elif blue_green:
        routing = blue_green["TrafficRoutingConfiguration"]
        shares, wait = _shares(routing, instances), routing["WaitIntervalInSeconds"]
    else:
        shares, wait = (1.0,), 0
    termination = policy.get("TerminationWaitInSeconds", 0)
    timeout = policy.get("MaximumExecutionTimeoutInSeconds")
    whole = wait * len(shares) + termination
    if timeout is not None and timeout < whole:
        raise invalid(
            f"MaximumExecutionTimeoutInSeconds {timeout} must be larger than the total waiting time"
            f" of WaitIntervalInSeconds and TerminationWaitInSeconds, {whole}."
        )
    return Rollout(shares, wait, termination, timeout, alarms)


def _check_alarms(account: Account, names: tuple[str, ...]) -> None:
    for name in names:
        alarm = account.alarms.get(name)
        if alarm is None:
            raise invalid(f"Could not find the CloudWatch alarm {name}.")
        if alarm.state_value == ALARM:
            raise invalid(
                f"The CloudWatch alarm {name} is in state ALARM ({alarm.state_reason}). An update"
                " cannot begin before it is in state OK."
            )


def _shares(routing: Record, instances: int) -> tuple[float, ...]:
    sizes = {"ALL_AT_ONCE": None, "CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
    kind, needed = routing["Type"], sizes[routing["Type"]]
    for size in ("CanarySize", "LinearStepSize"):
        if size != needed and size in routing:
            raise invalid(f"{size} cannot be specified with the traffic routing type {kind}.")
    if needed is None:
        return (1.0,)
    if needed not in routing:
        raise invalid(f"{needed} is required with the traffic routing type {kind}.")
    share = _share(needed, routing[needed], instances, 0.1 if kind == "LINEAR" else 0.0)
    return (share, 1.0) if kind == "CANARY" else _steps(share)


def _share(name: str, size: Record, instances: int, least: float) -> float:
    percent = size["Type"] == "CAPACITY_PERCENT"
    share = float(size["Value"]) / (100 if percent else max(1, instances))
    if not least <= share <= 0.5:
        low = f"between {least:.0%} and" if least else "less than or equal to"
        of = "" if percent else f" of {instances} instance{'' if instances == 1 else 's'}"
        raise invalid(
            f"{name} {size['Value']}{'%' if percent else of} must be {low} 50% of the variant's"
            " total instance count."
        )
    return share


def _steps(share: float) -> tuple[float, ...]:
    """
    >>> _steps(0.4)
    (0.4, 0.8, 1.0)
    """
    shares = [share]
    while shares[-1] < 1 - 1e-9:
        shares.append(min(1.0, shares[-1] + share))
    return tuple(shares)


def instances(config: Record, retained: dict[str, Any]) -> int:
    """How many the smallest variant of a configuration will have."""
    return min(
        int(retained.get(each["VariantName"], (None, None))[1] or each["InitialInstanceCount"])
        for each in config["ProductionVariants"]
    )


def show_pending(record: Record, config: Record, status: str, message: str | None = None) -> None:
    """What DescribeEndpoint says of an update."""
    state = {"Status": status, "StatusMessage": message, "StartTime": now()}
    record["PendingDeploymentSummary"] = {
        "EndpointConfigName": config["EndpointConfigName"],
        "ProductionVariants": [
            {
                "VariantName": each["VariantName"],
                "InstanceType": each["InstanceType"],
                "DesiredInstanceCount": each["InitialInstanceCount"],
                "VariantStatus": [state],
            }
            for each in config["ProductionVariants"]
        ],
        "StartTime": record["LastModifiedTime"],
    }
