"""Brings the instances of scaled variants to what load, bounds and schedules ask for.

The records are moto's: scalable targets, policies and scheduled actions. Here is what AWS does by
itself with them, once a minute (limits.minute) for the load and within a second for a schedule.
"""

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timezone
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from moto.applicationautoscaling.models import applicationautoscaling_backends

from emulator import schedules
from emulator.account import ACCOUNT_ID, Account, Record
from emulator.hosting_api import BUSY, Endpoints
from emulator.policies import (
    DIMENSION,
    NAMESPACE,
    alarm_names,
    complete,
    invocations,
    names,
    rule,
    tracked,
)
from emulator.protocol import ApiError
from emulator.target_tracking import MINUTES_BELOW, Cooldown, decided, proposal

logger = logging.getLogger("emulator")

KEPT_ACTIVITIES = 1000
ROLE = (
    f"arn:{{partition}}:iam::{ACCOUNT_ID}:role/aws-service-role/"
    "sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)
NOT_SUSPENDED = {
    f"{kind}Suspended": False
    for kind in ("DynamicScalingIn", "DynamicScalingOut", "ScheduledScaling")
}
NO_BOUNDS = "Maximum capacity cannot be less than minimum capacity"


@dataclass
class Cooling:
    """When a variant's cool-downs end."""

    before: int = 0  # the capacity that the last scale-out began from
    out_until: float = 0.0
    in_until: float = 0.0

    def at(self, now: float) -> Cooldown:
        return Cooldown(self.before if now < self.out_until else None, now < self.in_until)


class Scaler:
    """One region's."""

    def __init__(self, account: Account, endpoints: Endpoints) -> None:
        self._account = account
        self._endpoints = endpoints
        self._cooling: dict[str, Cooling] = {}
        self._seen: set[str] = set()
        self._minute = account.metrics.minute(account.metrics.now())
        self._looked = account.metrics.now()
        self.activities: deque[Record] = deque(maxlen=KEPT_ACTIVITIES)

    @cached_property
    def _moto(self) -> Any:
        """A client, so that what is done here by itself is kept as what is asked for is."""
        return self._account.client("application-autoscaling")

    @property
    def records(self) -> Any:
        """What moto holds."""
        return applicationautoscaling_backends[ACCOUNT_ID][self._account.region]

    def targets(self) -> list[Any]:
        return list(self.records.targets.get(DIMENSION, {}).values())

    def target(self, resource: str) -> Any | None:
        return self.records.targets.get(DIMENSION, {}).get(resource)

    def policies(self, resource: str) -> list[Any]:
        held = list(self.records.policies.values())
        return [each for each in held if each.resource_id == resource]

    def policy(self, resource: str, name: str) -> Any | None:
        held = self.policies(resource)
        return next((each for each in held if each.policy_name == name), None)

    def complete(self) -> None:
        """Has moto's records what AWS adds to them, also those that come from the journal."""
        for target in self.targets():
            target.role_arn = target.role_arn or ROLE.format(partition=self._account.partition)
            target.suspended_state = {**NOT_SUSPENDED, **(target.suspended_state or {})}
        for policy in list(self.records.policies.values()):
            if policy.service_namespace == NAMESPACE and not policy.alarms:
                complete(policy)

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        pause = min(1.0, self._account.limits.minute / 10)
        while not self._account.stopping.wait(pause):
            try:
                self._look()
            except Exception:
                logger.exception("scaling")

    def _look(self) -> None:
        now = self._account.metrics.now()
        self.complete()
        for action in list(self.records.scheduled_actions):
            if action.service_namespace == NAMESPACE and self._is_due(action, now):
                self._act(action)
        self._looked = now
        minute = self._account.metrics.minute(now)
        if minute != self._minute:
            for target in self.targets():
                self._publish_zeros(target, minute)
            self._minute = minute
            for target in self.targets():
                self._follow(target, now)

    def _publish_zeros(self, target: Any, until: int) -> None:
        """Of a scaled variant that nobody asked AWS says so, which scales it in."""
        metrics, metric = self._account.metrics, invocations(target.resource_id)
        if not self.policies(target.resource_id):
            return
        for minute in range(max(self._minute, until - MINUTES_BELOW), until):
            if metrics.statistic(metric, "Sum", minute, 1) is None:
                metrics.record(metric, [(0.0, 1)], at=metrics.begin(minute))

    def _is_due(self, action: Any, now: float) -> bool:
        begin, end = action.start_time or 0, action.end_time or float("inf")
        if not begin <= now <= end:
            return False
        return schedules.is_due(
            schedules.parse(action.schedule),
            ZoneInfo(action.timezone) if action.timezone else timezone.utc,
            begin or action.creation_time,
            (self._looked, now),
            self._account.limits.minute,
        )

    def _act(self, action: Any) -> None:
        target = self.target(action.resource_id)
        if target is None or target.suspended_state["ScheduledScalingSuspended"]:
            return
        bounds = action.scalable_target_action
        low = bounds.get("MinCapacity", target.min_capacity)
        high = bounds.get("MaxCapacity", target.max_capacity)
        words = f"min capacity to {low} and max capacity to {high}"
        activity = self._begin(
            target.resource_id,
            f"Setting {words}",
            f"scheduled action name {action.scheduled_action_name} was triggered",
        )
        if low > high:
            _end(activity, f"Failed to set {words}. Reason: {NO_BOUNDS}", "Failed")
            return
        self._moto.register_scalable_target(
            ServiceNamespace=NAMESPACE,
            ResourceId=target.resource_id,
            ScalableDimension=DIMENSION,
            MinCapacity=low,
            MaxCapacity=high,
        )
        _end(activity, f"Successfully set {words}")
        self.keep_bounds(target)

    def keep_bounds(self, target: Any) -> None:
        """Brings a variant's count between its bounds at once."""
        found = self._free(target)
        if found is None:
            return
        wanted = min(max(found, target.min_capacity), target.max_capacity)
        if wanted != found:
            kind, bound = ("minimum", "min") if wanted > found else ("maximum", "max")
            limit = getattr(target, f"{bound}_capacity")
            self._resize(target.resource_id, wanted, f"{kind} capacity was set to {limit}")

    def _free(self, target: Any) -> int | None:
        """How many instances a variant has; None while it is being changed, or is not there."""
        name, variant = names(target.resource_id)
        record = self._account.endpoints.find(name)
        if record is None:
            if target.resource_id in self._seen:
                self.forget(target.resource_id)
            return None
        self._seen.add(target.resource_id)
        counts = self._endpoints.counts(name)
        if record["EndpointStatus"] in BUSY or variant not in counts:
            return None
        return counts[variant][1]

    def forget(self, resource: str) -> None:
        """A target that is no more: as AWS does by itself once its endpoint is deleted."""
        self._seen.discard(resource)
        self._cooling.pop(resource, None)
        place = {"ServiceNamespace": NAMESPACE, "ResourceId": resource}
        place["ScalableDimension"] = DIMENSION
        for policy in self.policies(resource):
            self._moto.delete_scaling_policy(PolicyName=policy.policy_name, **place)
        for action in list(self.records.scheduled_actions):
            if action.resource_id == resource:
                name = action.scheduled_action_name
                self._moto.delete_scheduled_action(ScheduledActionName=name, **place)
        if self.target(resource) is not None:
            self._moto.deregister_scalable_target(**place)

    def _follow(self, target: Any, now: float) -> None:
        """What the last minutes ask for."""
        count = self._free(target)
        if count is None:
            return
        if not target.min_capacity <= count <= target.max_capacity:
            self.keep_bounds(target)
            return
        cooling = self._cooling.setdefault(target.resource_id, Cooling())
        policies = self.policies(target.resource_id)
        rules = [rule(policy) for policy in policies]
        wishes = [
            proposal(each, self._minutes(policy), count, cooling.at(now))
            for policy, each in zip(policies, rules, strict=True)
        ]
        wanted = decided(count, wishes, target.min_capacity, target.max_capacity)
        side = "Out" if wanted > count else "In"
        if wanted == count or target.suspended_state[f"DynamicScaling{side}Suspended"]:
            return
        chosen = policies[max(range(len(wishes)), key=lambda place: wishes[place] or 0)]
        high, low = alarm_names(chosen)
        cause = (
            f"monitor alarm {high if side == 'Out' else low} in state ALARM triggered policy"
            f" {chosen.policy_name}"
        )

        def cool() -> None:
            now, seconds = self._account.metrics.now(), self._account.limits.seconds
            if side == "Out":
                cooling.before, cooling.in_until = count, 0.0
                cooling.out_until = now + seconds(max(each.out_cooldown for each in rules))
            else:
                cooling.in_until = now + seconds(max(each.in_cooldown for each in rules))

        self._resize(target.resource_id, wanted, cause, cool)

    def _minutes(self, policy: Any) -> list[float]:
        """A policy's metric in the last whole minutes, back to the first without a value."""
        metrics = self._account.metrics
        metric, statistic, unit = tracked(policy)
        found: list[float] = []
        for ago in range(1, MINUTES_BELOW + 1):
            value = metrics.statistic(metric, statistic, self._minute - ago, 1, unit)
            if value is None:
                break
            found.append(value)
        return found[::-1]

    def _resize(
        self, resource: str, count: int, cause: str, then: Callable[[], None] | None = None
    ) -> None:
        name, variant = names(resource)
        words = f"set desired instance count to {count}."
        activity = self._begin(resource, f"Setting desired instance count to {count}.", cause)

        def done(failure: str) -> None:
            if failure:
                _end(activity, f"Failed to {words} Reason: {failure}", "Failed")
                return
            _end(activity, f"Successfully {words} Change successfully fulfilled by sagemaker.")
            if then is not None:
                then()

        wish = {"VariantName": variant, "DesiredInstanceCount": count}
        request = {"EndpointName": name, "DesiredWeightsAndCapacities": [wish]}
        try:
            self._endpoints.update_weights(request, done)
        except ApiError as error:
            done(error.message)

    def _begin(self, resource: str, description: str, cause: str) -> Record:
        activity: Record = {
            "ActivityId": str(uuid.uuid4()),
            "ServiceNamespace": NAMESPACE,
            "ResourceId": resource,
            "ScalableDimension": DIMENSION,
            "Description": description,
            "Cause": cause,
            "StartTime": time.time(),
            "StatusCode": "InProgress",
        }
        self.activities.appendleft(activity)
        logger.info("%s: %s Cause: %s", resource, description, cause)
        return activity


def _end(activity: Record, message: str, code: str = "Successful") -> None:
    activity.update(EndTime=time.time(), StatusMessage=message[:1024], StatusCode=code)
