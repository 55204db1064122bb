"""What a command would create, by name, and what that costs at most; and the approval to do it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from train2deploy import console
from train2deploy.cloud import guards
from train2deploy.cloud.session import Cloud, say_account
from train2deploy.cloud_settings import prices
from train2deploy.cloud_settings.prices import Cost
from train2deploy.errors import UserError


@dataclass(frozen=True)
class Approval:
    """What the user has said beforehand."""

    yes: bool = False  # do it without asking (YES=1)
    max_usd: float | None = None  # nothing whose highest cost is above this


@dataclass
class Plan:
    """Resources in order of creation, and their cost."""

    title: str
    # (kind, name or URI, remark) of each
    resources: list[tuple[str, str, str]] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    replaces: str = ""  # the endpoint whose present cost is in these costs; "" where none is

    def add(self, kind: str, name: str, remark: str = "") -> None:
        self.resources.append((kind, name, remark))

    def show(self) -> None:
        console.say(f"{self.title}:")
        for kind, name, remark in self.resources:
            console.say(f"  {kind:22} {name}" + (f"  ({remark})" if remark else ""))
        for cost in self.costs:
            console.say(f"  {'highest cost':22} {cost}")


def show_all(cloud: Cloud, plans: Sequence[Plan], max_usd: float | None) -> None:
    """`make cloud-plan`: calls nothing that creates.

    Raises:
        UserError: one of them costs more than MAX_USD.
    """
    say_account(cloud)
    for plan in plans:
        plan.show()
    console.say(prices.source(cloud.config.region))
    for plan in plans:
        _check(cloud, plan, max_usd)


def ask(cloud: Cloud, plan: Plan, approval: Approval) -> None:
    """Shows a plan and returns when it may be carried out.

    Raises:
        UserError: it costs more than MAX_USD, or nobody agreed.
    """
    say_account(cloud)
    plan.show()
    if not plan.costs:
        return
    _check(cloud, plan, approval.max_usd)
    console.say(prices.source(cloud.config.region))
    if approval.yes or cloud.is_emulator:
        return
    if not sys.stdin.isatty():
        raise UserError("this costs money: give YES=1 (there is no terminal to ask on).")
    console.say("This costs money. Type yes to go on:")
    if sys.stdin.readline().strip().lower() != "yes":
        raise UserError("nothing was created.")


def _check(cloud: Cloud, plan: Plan, max_usd: float | None) -> None:
    """Raises UserError where a plan and what runs already cost more than MAX_USD."""
    if max_usd is None:
        return
    running = guards.running(cloud, but=plan.replaces)
    for name, costs in running.items():
        for cost in costs:
            console.say(f"  {'runs already':22} endpoint {name}, {cost}")
    already = prices.total([cost for costs in running.values() for cost in costs])
    highest = prices.total(plan.costs)
    if highest + already > max_usd:
        caveat = next((cost.caveat for cost in plan.costs if cost.caveat), "")
        more = f", and {', '.join(running)} that runs already {already:.2f} USD" if already else ""
        raise UserError(
            f"MAX_USD={max_usd:g}: {plan.title} may cost {highest:.2f} USD{caveat}{more}, so"
            " nothing was created. Choose a smaller instance or a shorter limit, or a higher"
            " MAX_USD."
        )
