"""Endpoints that answer."""

import contextlib
import functools
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from emulator import rollout, shadows
from emulator.account import ACCOUNT_ID, Account, Record, now
from emulator.metrics import INSTANCES
from emulator.protocol import ApiError, invalid
from emulator.serving import Gone, Instance, StartFailed
from emulator.training import NO_CAPACITY, limit_exceeded
from emulator.variants import Variant
from train2deploy.runtimes import Runtime

LOG_GROUP = "/aws/sagemaker/Endpoints"
BUSY = ("Creating", "Updating", "Deleting", "RollingBack")


class Endpoints:
    """The operations on endpoints, and their invocation."""

    def __init__(self, account: Account, runtime: Runtime) -> None:
        self._account = account
        self._runtime = runtime
        self._running: dict[str, dict[str, Variant]] = {}
        self._shifting: dict[str, tuple[dict[str, Variant], float]] = {}
        self._generation = 0

    def create(self, request: Record) -> Record:
        name = request["EndpointName"]
        with self._account.lock:
            endpoints = self._account.endpoints
            arn = endpoints.arn(name)
            if endpoints.find(name):
                raise invalid(f'Cannot create already existing endpoint "{arn}".')
            config = self._account.configs.get(request["EndpointConfigName"])
            self._check_limits(config)
            self._account.tag(arn, request.pop("Tags", None))
            deployment = request.pop("DeploymentConfig", None)
            record = {
                **request,
                "LastDeploymentConfig": deployment,
                "EndpointArn": arn,
                "EndpointStatus": "Creating",
                "CreationTime": now(),
                "LastModifiedTime": now(),
            }
            endpoints.add(name, record)
        self._in_background(self._bring_up, record, config)
        return {"EndpointArn": arn}

    def update(self, request: Record) -> Record:
        with self._account.lock:
            record = self._idle(request["EndpointName"])
            config = self._account.configs.get(request["EndpointConfigName"])
            self._check_limits(config)
            asked = request.get("DeploymentConfig")
            if request.get("RetainDeploymentConfig"):
                asked = asked or record.get("LastDeploymentConfig")
            keep = request.get("RetainAllVariantProperties")
            retained = self._retained(record["EndpointName"], request) if keep else {}
            wish = rollout.wanted(self._account, asked, rollout.instances(config, retained))
            _begin(record)
            record["LastDeploymentConfig"] = asked
        if keep:
            running = self._running.get(record["EndpointName"], {})
            config = shadows.with_capture_retained(running, request, config)
        self._in_background(self._change, record, config, retained, wish)
        return {"EndpointArn": record["EndpointArn"]}

    def update_weights(
        self, request: Record, then: Callable[[str], None] = lambda failure: None
    ) -> Record:
        """UpdateEndpointWeightsAndCapacities; `then` is told why it failed, or "", at its end."""
        wishes = {each["VariantName"]: each for each in request["DesiredWeightsAndCapacities"]}
        with self._account.lock:
            record = self._idle(request["EndpointName"])
            running = shadows.with_them(self._running.get(record["EndpointName"], {}))
            for name, wish in wishes.items():
                if name not in running:
                    raise invalid(f'The variant name(s) "{name}" do not exist.')
                more = wish.get("DesiredInstanceCount", 0) > running[name].count
                if more and running[name].instance_type in self._account.faults.types("limit"):
                    raise limit_exceeded(running[name].instance_type, "endpoint")
            for summary in shadows.described(record):
                wish = wishes.get(summary["VariantName"], {})
                if "DesiredInstanceCount" in wish:
                    summary["DesiredInstanceCount"] = wish["DesiredInstanceCount"]
            _begin(record)
        self._in_background(self._resize, record, wishes, then)
        return {"EndpointArn": record["EndpointArn"]}

    def delete(self, request: Record) -> Record:
        name = request["EndpointName"]
        with self._account.lock:
            record = self._account.endpoints.get(name)
            if record["EndpointStatus"] in ("Updating", "Deleting", "RollingBack"):
                raise invalid(f'Cannot update in-progress endpoint "{record["EndpointArn"]}".')
            record["EndpointStatus"] = "Deleting"
        self._in_background(self._tear_down, record)
        return {}

    def resume(self) -> None:
        """The endpoints that were there when the last emulator was ended, as they were then.

        Returns when each that was in service answers again, or has failed.
        """
        threads = []
        for record in self._account.endpoints:
            status = record["EndpointStatus"]
            if status == "Deleting":
                self._tear_down(record)
            elif status == "Creating":
                config = self._account.configs.find(record["EndpointConfigName"])
                self._in_background(self._bring_up, record, config or {"ProductionVariants": []})
            elif "_deployed" in record and status != "Failed":
                threads.append(self._in_background(self._bring_back, record))
        for thread in threads:
            thread.join()

    def end_all(self) -> None:
        shifting = [fleet for fleet, _ in self._shifting.values()]
        for running in [*self._running.values(), *shifting]:
            _stop(running, gently=False)

    def invoke(
        self, name: str, body: bytes, headers: dict[str, str], target: str, received: float
    ) -> Any:
        """(status, body, content type, variant) of an invocation.

        Args:
            received: when the request came, by time.perf_counter().

        Raises:
            ApiError: there is no such endpoint, or it is not in service.
        """
        record = self._account.endpoints.find(name)
        # Capitals count here, and only here: AWS says so of InvokeEndpoint.
        if record is None or record["EndpointName"] != name:
            raise ApiError("ValidationError", f"Endpoint {name} of account not found.")
        while True:
            running = self._running.get(name)
            if not running:
                raise ApiError(
                    "ValidationError", f"Endpoint {name} is in status {record['EndpointStatus']}."
                )
            fresh, share = self._shifting.get(name, (running, 0.0))
            if random.random() < share:
                running = fresh
            if target and target not in running:
                text = f"Variant {target} not found for Endpoint {name}."
                raise ApiError("ValidationError", text)
            weights = [variant.weight for variant in running.values()]
            some = weights if any(weights) else None
            chosen = target or random.choices(list(running), some)[0]
            # An update may have taken the variant out of service at this very moment.
            with contextlib.suppress(Gone):
                variant = running[chosen]
                count = functools.partial(self._account.metrics.invocation, name, chosen)
                return (*variant.invoke_counted(body, headers, received, count), chosen)

    def counts(self, name: str) -> dict[str, tuple[str, int]]:
        """(instance type, how many) of each variant in service."""
        running = self._running.get(name, {})
        return {key: (variant.instance_type, variant.count) for key, variant in running.items()}

    def log_stream_arn(self, name: str) -> str:
        place = f"{self._account.partition}:logs:{self._account.region}:{ACCOUNT_ID}"
        return f"arn:{place}:log-group:{LOG_GROUP}/{name}"

    def _idle(self, name: str) -> Record:
        record = self._account.endpoints.get(name)
        if record["EndpointStatus"] in BUSY:
            raise invalid(f'Cannot update in-progress endpoint "{record["EndpointArn"]}".')
        return record

    def _check_limits(self, config: Record) -> None:
        for variant in shadows.all_of(config):
            if variant.get("InstanceType") in self._account.faults.types("limit"):
                raise limit_exceeded(variant["InstanceType"], "endpoint")

    def _in_background(self, action: Any, *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=action, args=arguments, daemon=True)
        thread.start()
        return thread

    def _start(
        self, name: str, config: Record, retained: dict[str, Any], models: Record | None = None
    ) -> dict[str, Variant]:
        """All variants of a configuration, or none of them; `models`: instead of the account's."""
        started: dict[str, Variant] = {}
        try:
            for variant in shadows.all_of(config):
                key = variant["VariantName"]
                model = (models or {}).get(key) or self._account.models.get(variant["ModelName"])
                weight, count = retained.get(key, (None, None))
                started[key] = Variant(
                    self._starter(name, key, variant["InstanceType"], model),
                    variant["InitialInstanceCount"] if count is None else count,
                    variant.get("InitialVariantWeight", 1.0) if weight is None else weight,
                    model["PrimaryContainer"]["Image"],
                    variant["InstanceType"],
                    config["EndpointConfigName"],
                )
            shadows.attach(self._account, name, config, started)
        except BaseException as error:
            _stop(started)
            if isinstance(error, (StartFailed, ApiError)):
                raise StartFailed(str(error)) from error
            raise StartFailed(f"{type(error).__name__}: {error}") from error
        return started

    def _starter(
        self, endpoint: str, variant: str, instance_type: str, model: Record
    ) -> Callable[[], Instance]:
        def start() -> Instance:
            if instance_type in self._account.faults.types("capacity"):
                raise StartFailed(NO_CAPACITY)
            with self._account.lock:
                self._generation += 1
                number = self._generation
            # Not by name: with one of 63 characters, paths below it might become too long.
            directory = self._account.directory / "endpoints" / str(number)
            log = (f"{LOG_GROUP}/{endpoint}", f"{variant}/i-{number:017x}")
            instance = Instance(self._account, self._runtime, model, directory, log)
            place = {"EndpointName": endpoint, "VariantName": variant}
            instance.watch(INSTANCES, place)
            return instance

        return start

    def _bring_up(self, record: Record, config: Record) -> None:
        try:
            started = self._start(record["EndpointName"], config, {})
        except StartFailed as failure:
            self._end(record, "Failed", _reason(config, failure))
            return
        self._put_into_service(record, config, started)

    def _bring_back(self, record: Record) -> None:
        """What was deployed, though its configuration and models may have been deleted since."""
        config, models = record["_deployed"]["config"], record["_deployed"]["models"]
        retained = {
            each["VariantName"]: (each["DesiredWeight"], each["DesiredInstanceCount"])
            for each in shadows.described(record)
        }
        interrupted = record["EndpointStatus"] in BUSY
        try:
            started = self._start(record["EndpointName"], config, retained, models)
        except StartFailed as failure:
            self._end(record, "Failed", _reason(config, failure))
            return
        self._running[record["EndpointName"]] = started
        undone = "The emulator was ended during an update: it is undone."
        self._end(record, "InService", undone if interrupted else "")

    def _change(
        self, record: Record, config: Record, retained: dict[str, Any], wish: rollout.Rollout
    ) -> None:
        """Blue/green: the old variants answer until the new ones are healthy and baked, or on."""
        begun, name = time.monotonic(), record["EndpointName"]
        old = self._running.get(name, {})
        rollout.show_pending(record, config, "Creating")
        try:
            started = self._start(record["EndpointName"], config, retained)
        except StartFailed as failure:
            self._end(record, "InService" if old else "Failed", _reason(config, failure))
            return

        def show(share: float) -> None:
            self._shifting[name] = (started, share)
            rollout.show_pending(record, config, "Baking", f"{share:.0%} of the traffic")

        reason = wish.carry_out(self._account, begun, show) if old else ""
        if reason:
            with self._account.lock:
                record["EndpointStatus"] = "RollingBack"
            self._shifting.pop(name)
            _stop(started)
            self._end(record, "InService", reason)
            return
        self._account.stopping.wait(self._account.limits.seconds(wish.termination))
        self._put_into_service(record, config, started)
        self._shifting.pop(name, None)
        _stop(old)

    def _resize(
        self, record: Record, wishes: dict[str, Record], then: Callable[[str], None]
    ) -> None:
        """Where an instance does not start, the endpoint stays in service as it was."""
        running = self._running[record["EndpointName"]]
        variants = shadows.with_them(running)
        try:
            for name, wish in wishes.items():
                variant = variants[name]
                variant.weight = wish.get("DesiredWeight", variant.weight)
                variant.resize(wish.get("DesiredInstanceCount", variant.count))
        except StartFailed as failure:
            record["FailureReason"] = str(failure)[:1024]
        with self._account.lock:
            record.update(shadows.summaries(running))
            record["EndpointStatus"] = "InService"
        then(record.get("FailureReason", ""))

    def _put_into_service(
        self, record: Record, config: Record, started: dict[str, Variant]
    ) -> None:
        with self._account.lock:
            gone = record["EndpointStatus"] == "Deleting"
            if not gone:
                self._running[record["EndpointName"]] = started
                record["EndpointConfigName"] = config["EndpointConfigName"]
                record["_deployed"] = {"config": config, "models": self._models(config)}
                shadows.describe(record, config, started)
                record["LastModifiedTime"] = now()
                self._end(record, "InService")
        if gone:
            _stop(started)

    def _end(self, record: Record, status: str, reason: str = "") -> None:
        """What was going on with an endpoint has ended."""
        with self._account.lock:
            record["EndpointStatus"] = status
            record.pop("PendingDeploymentSummary", None)
            if reason:
                record["FailureReason"] = reason[:1024]

    def _models(self, config: Record) -> Record:
        """The models of a configuration's variants, as far as they are still there."""
        found = {
            variant["VariantName"]: self._account.models.find(variant["ModelName"])
            for variant in shadows.all_of(config)
        }
        return {name: model for name, model in found.items() if model is not None}

    def _retained(self, endpoint: str, request: Record) -> dict[str, Any]:
        """(weight, count) of each variant; None where the new configuration's counts."""
        excluded = shadows.excluded(request)
        return {
            name: (
                None if "DesiredWeight" in excluded else variant.weight,
                None if "DesiredInstanceCount" in excluded else variant.count,
            )
            for name, variant in self._running.get(endpoint, {}).items()
        }

    def _tear_down(self, record: Record) -> None:
        _stop(self._running.pop(record["EndpointName"], {}))
        with self._account.lock:
            self._account.endpoints.remove(record["EndpointName"])
            self._account.tags.pop(record["EndpointArn"], None)


def _begin(record: Record) -> None:
    """An update of an endpoint begins."""
    record["EndpointStatus"] = "Updating"
    record["LastModifiedTime"] = now()
    record.pop("FailureReason", None)


def _stop(variants: dict[str, Variant], gently: bool = True) -> None:
    for variant in variants.values():
        variant.stop(gently)


def _reason(config: Record, failure: StartFailed) -> str:
    names = ", ".join(variant["VariantName"] for variant in config["ProductionVariants"])
    if "ping" not in str(failure):
        return str(failure)[:1024]
    return (
        f"The primary container for production variant {names} did not pass the ping health"
        " check. Please check CloudWatch logs for this endpoint."
    )
