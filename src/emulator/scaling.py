"""Application Auto Scaling, for variants of endpoints: what it takes, and what comes of it.

The records are moto's, and so are other services than SageMaker; `scaler` is what AWS does with
the records by itself.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from werkzeug.wrappers import Request, Response

from emulator import calls, schedules
from emulator.account import Account, Record
from emulator.hosting_api import Endpoints
from emulator.policies import DIMENSION, INVOCATIONS, NAMESPACE, VARIANT
from emulator.protocol import ApiError, invalid, parse, serialise
from emulator.scaler import NO_BOUNDS, Scaler

SERVICE = "application-autoscaling"
BURSTABLE = re.compile(r"ml\.t\d")
WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Scaling:
    """The service in one region."""

    def __init__(self, account: Account, endpoints: Endpoints) -> None:
        self._account = account
        self._endpoints = endpoints
        self._scaler = Scaler(account, endpoints)
        self._scaler.start()
        self._checks: dict[str, Callable[[Record], None]] = {
            "RegisterScalableTarget": self._check_target,
            "DeregisterScalableTarget": self._check_registered,
            "PutScalingPolicy": self._check_policy,
            "DeleteScalingPolicy": self._check_policy_is_there,
            "PutScheduledAction": self._check_action,
            "DeleteScheduledAction": self._check_action_is_there,
        }

    def complete(self) -> None:
        """Has what the journal brought back what AWS adds by itself."""
        self._scaler.complete()

    def answer(self, operation: str, request: Request, moto: WsgiApplication) -> Any:
        """A WSGI application that says what the service says to a request.

        Raises:
            ApiError: the request is none that it takes.
        """
        body = request.get_data()
        calls.rewind(request.environ, body)
        wanted = parse(operation, body, SERVICE)
        if wanted.get("ServiceNamespace") != NAMESPACE:
            return moto
        if operation == "DescribeScalingActivities":
            return _json(operation, self._activities(wanted))
        with self._account.lock:
            if check := self._checks.get(operation):
                check(wanted)
            resource = wanted.get("ResourceId", "")
            answer = Response.from_app(moto, request.environ)
            if answer.status_code != 200:
                return answer
            self._scaler.complete()
            if operation == "RegisterScalableTarget":
                self._scaler.keep_bounds(self._scaler.target(resource))
            elif operation == "DeregisterScalableTarget":
                self._scaler.forget(resource)
            elif operation == "PutScalingPolicy":
                policy: Any = self._scaler.policy(resource, wanted["PolicyName"])
                alarms = [
                    {"AlarmName": each.name, "AlarmARN": each.alarm_arn} for each in policy.alarms
                ]
                return _json(operation, {"PolicyARN": policy.policy_arn, "Alarms": alarms})
            elif operation == "DescribeScalingPolicies" and "PolicyNames" in wanted:
                found = json.loads(answer.get_data())
                held = found.pop("ScalingPolicies")
                named = [each for each in held if each["PolicyName"] in wanted["PolicyNames"]]
                return _json(operation, {**found, "ScalingPolicies": named})
        return answer

    def check_update(self, request: Record) -> None:
        """Raises ApiError for an UpdateEndpoint that changes a scaled variant's instance type."""
        counts = self._endpoints.counts(request["EndpointName"])
        config = self._account.configs.find(request["EndpointConfigName"]) or {}
        for variant in config.get("ProductionVariants", []):
            name = variant["VariantName"]
            kind, _ = counts.get(name, (variant.get("InstanceType"), 0))
            scaled = self._scaler.target(f"endpoint/{request['EndpointName']}/variant/{name}")
            if scaled is not None and kind != variant.get("InstanceType"):
                raise invalid(
                    f'Cannot change the instance type of variant "{name}" while it is registered'
                    " with Application Auto Scaling. Deregister it first."
                )

    def _check_target(self, request: Record) -> None:
        resource = request["ResourceId"]
        match = VARIANT.fullmatch(resource)
        counts = self._endpoints.counts(match.group(1)) if match else {}
        if match is None or match.group(2) not in counts:
            raise invalid(f"{resource}: no such endpoint or variant.")
        kind, _ = counts[match.group(2)]
        if BURSTABLE.match(kind):
            raise invalid(
                f"{resource}: {kind} is a burstable performance instance, which cannot be scaled"
                " automatically."
            )
        known = self._scaler.target(resource)
        low = request.get("MinCapacity", known and known.min_capacity)
        high = request.get("MaxCapacity", known and known.max_capacity)
        if low is None or high is None:
            raise invalid("MinCapacity and MaxCapacity are required to register a scalable target")
        _check_bounds(low, high)

    def _check_registered(self, request: Record) -> None:
        target = self._scaler.target(request["ResourceId"])
        if target is None or request["ScalableDimension"] != DIMENSION:
            raise _not_found("scalable target", request)

    def _check_policy(self, request: Record) -> None:
        self._check_registered(request)
        kind = request.get("PolicyType")
        configuration = request.get("TargetTrackingScalingPolicyConfiguration")
        if kind != "TargetTrackingScaling" or configuration is None:
            raise ApiError(
                "NotImplemented",
                f"PolicyType {kind}: not emulated. Expected TargetTrackingScaling with its"
                " TargetTrackingScalingPolicyConfiguration.",
                501,
            )
        if configuration["TargetValue"] <= 0:
            raise invalid("TargetValue must be greater than 0")
        ready = configuration.get("PredefinedMetricSpecification")
        own = configuration.get("CustomizedMetricSpecification")
        if (ready is None) == (own is None):
            raise invalid(
                "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification"
                " must be specified"
            )
        if ready and ready["PredefinedMetricType"] != INVOCATIONS:
            kind = ready["PredefinedMetricType"]
            raise ApiError("NotImplemented", f"{kind}: not emulated. Expected {INVOCATIONS}.", 501)
        if own and not all(own.get(name) for name in ("Namespace", "MetricName", "Statistic")):
            raise ApiError(
                "NotImplemented",
                "CustomizedMetricSpecification: metric math is not emulated. Expected Namespace,"
                " MetricName and Statistic.",
                501,
            )

    def _check_policy_is_there(self, request: Record) -> None:
        if self._scaler.policy(request["ResourceId"], request["PolicyName"]) is None:
            raise _not_found("scaling policy", request, f", policy name: {request['PolicyName']}")

    def _check_action(self, request: Record) -> None:
        self._check_registered(request)
        known = request["ScheduledActionName"] in self._actions(request["ResourceId"])
        bounds = request.get("ScalableTargetAction")
        if not known and (not request.get("Schedule") or bounds is None):
            raise invalid("Schedule and ScalableTargetAction are required")
        try:
            if "Schedule" in request:
                schedules.parse(request["Schedule"])
            ZoneInfo(request.get("Timezone", "UTC"))
        except (ValueError, OSError, ZoneInfoNotFoundError) as error:
            raise invalid(f"Invalid schedule: {error}") from error
        if bounds is not None:
            low, high = bounds.get("MinCapacity"), bounds.get("MaxCapacity")
            if low is None and high is None:
                raise invalid("ScalableTargetAction: MinCapacity or MaxCapacity must be specified")
            _check_bounds(1 if low is None else low, max(low or 1, 1) if high is None else high)

    def _check_action_is_there(self, request: Record) -> None:
        name = request["ScheduledActionName"]
        if name not in self._actions(request["ResourceId"]):
            raise _not_found("scheduled action", request, f", scheduled action name: {name}")

    def _actions(self, resource: str) -> set[str]:
        held = self._scaler.records.scheduled_actions
        return {each.scheduled_action_name for each in held if each.resource_id == resource}

    def _activities(self, request: Record) -> Record:
        wanted = {key: request.get(key) for key in ("ResourceId", "ScalableDimension")}
        found = [
            activity
            for activity in list(self._scaler.activities)
            if all(value in (None, activity[key]) for key, value in wanted.items())
        ]
        start = int(request.get("NextToken", 0))
        end = start + request.get("MaxResults", 50)
        more = {"NextToken": str(end)} if end < len(found) else {}
        return {"ScalingActivities": found[start:end], **more}


def _check_bounds(low: int, high: int) -> None:
    if low < 1:
        raise invalid("Minimum capacity cannot be less than 1")
    if high < low:
        raise invalid(NO_BOUNDS)


def _not_found(kind: str, request: Record, more: str = "") -> ApiError:
    return ApiError(
        "ObjectNotFoundException",
        f"No {kind} found for service namespace: {NAMESPACE}, resource ID:"
        f" {request['ResourceId']}, scalable dimension: {request['ScalableDimension']}{more}",
    )


def _json(operation: str, answer: Record) -> Response:
    body = serialise(operation, answer, SERVICE)
    return Response(body, content_type="application/x-amz-json-1.1")
