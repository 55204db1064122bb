"""`make cloud-load CLIENTS=4,12,4 SECONDS=180`: clients of the deployed endpoint, by boto3.

Each sends its next request when its answer has come, PAUSE seconds later. Several numbers of
clients follow one another, each for an equal part of the time. What they saw is written to
build/cloud/load.json and drawn: load, instances, latency.
"""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from train2deploy import console, manifest, paths
from train2deploy.bench.figures import percentiles
from train2deploy.cloud import endpoints, invocations, load_plot, plan, scale, session
from train2deploy.cloud.session import Cloud, CloudError, code
from train2deploy.cloud_settings import prices
from train2deploy.errors import UserError
from train2deploy.requests import Request

FORMAT = 1
CLIENTS = (8,)
SECONDS = 60.0
LINES = 12  # of progress, in the whole time
POINTS = 120  # of the plot, at most


@dataclass(frozen=True)
class Wish:
    """What the user asks for."""

    clients: Sequence[int] = CLIENTS  # at once, in each part of the time
    seconds: float = SECONDS
    pause: float = 0.0  # seconds between an answer and the client's next request

    def at(self, second: float) -> int:
        """The clients at a time.

        >>> [Wish((4, 12), 60).at(second) for second in (0, 29, 30, 60)]
        [4, 4, 12, 0]
        """
        if second >= self.seconds:
            return 0
        return self.clients[int(second / self.seconds * len(self.clients))]


@dataclass(frozen=True)
class Answer:
    """A request that has ended: when it was sent, how long it took, and what went wrong."""

    sent: float
    seconds: float
    error: str = ""


@dataclass
class Seen:
    """What came of the load; times are seconds from its start."""

    seconds: float = 0.0  # that it lasted
    answers: list[Answer] = field(default_factory=list)
    # (time, in service, desired), whenever that was looked for
    instances: list[tuple[float, int, int]] = field(default_factory=list)

    def between(self, start: float, end: float) -> list[Answer]:
        """Those that were sent in a stretch of time."""
        return [each for each in list(self.answers) if start <= each.sent < end]

    def count(self, second: float, desired: bool = False) -> int:
        """The instances at a time: those in service, or those that are to be."""
        known = [each for each in self.instances if each[0] <= second] or self.instances[:1]
        if not known:
            return 0
        _, current, wanted = known[-1]
        return wanted if desired else current


def load(cloud: Cloud, wish: Wish, request: Request, approval: plan.Approval) -> None:
    """Loads the endpoint, and says what it answered. Ctrl-C ends the load, not the report.

    Raises:
        UserError: there is no endpoint, or nobody agreed to what it may cost.
        CloudError: requests failed.
    """
    if max(wish.clients) > session.CONNECTIONS:
        raise UserError(f"CLIENTS={max(wish.clients)}: expected at most {session.CONNECTIONS}.")
    endpoint, kind = endpoints.in_service(cloud)
    name = endpoint["EndpointName"]
    target = endpoints.scalable_target(cloud, name)
    count = endpoint["ProductionVariants"][0]["CurrentInstanceCount"]
    most = max(count, target["MaxCapacity"] if target else 0)
    planned = plan.Plan("cloud-load", replaces=name)
    clients = ", ".join(map(str, wish.clients))
    planned.add("load", f"{clients} clients", f"{wish.seconds:g} s, {count} × {kind} now")
    planned.costs.append(prices.cost(cloud.config, kind, most, wish.seconds / 3600))
    plan.ask(cloud, planned, approval)
    invocations.ask(cloud, request)  # one that is answered, before there are many
    run = _Run(cloud, wish, request)
    began = time.time()
    run.run()
    found = {
        "format": FORMAT,
        "endpoint": name,
        "instance_type": kind,
        "emulator_minute_s": session.emulator_minute() if cloud.is_emulator else None,
        "bounds": [target["MinCapacity"], target["MaxCapacity"]] if target else None,
        "target_per_minute": scale.tracked_target(cloud, name) if target else None,
        **report(wish, run.seen),
        "activities": scale.activities(cloud, target, began) if target else [],
    }
    manifest.write_json(paths.CLOUD_LOAD, found)
    drawn = load_plot.write(found, paths.CLOUD_LOAD)
    say(found)
    console.say(", ".join(paths.relative(path) for path in (paths.CLOUD_LOAD, *drawn)))
    if found["errors"]:
        failed = sum(found["errors"].values())
        kinds = ", ".join(f"{error}: {number}" for error, number in found["errors"].items())
        raise CloudError(
            f"endpoint {name}: {failed} of {found['requests']} requests failed: {kinds}"
        )


class _Run:
    def __init__(self, cloud: Cloud, wish: Wish, request: Request) -> None:
        self._cloud = cloud
        self._wish = wish
        self._request = request
        self._over = threading.Event()
        self._begin = time.monotonic()
        self.seen = Seen()

    def _now(self) -> float:
        return time.monotonic() - self._begin

    def run(self) -> None:
        """Returns when the last answer is there."""
        wish = self._wish
        self._begin = time.monotonic()
        threads = [
            threading.Thread(target=self._ask_on, args=(number,), daemon=True)
            for number in range(max(wish.clients))
        ]
        watch = threading.Thread(target=self._watch, daemon=True)
        for thread in (watch, *threads):
            thread.start()
        try:
            self._say_progress()
        except KeyboardInterrupt:
            console.say("the load ends here")
        self._over.set()
        self.seen.seconds = min(self._now(), wish.seconds)
        for thread in (*threads, watch):
            thread.join()

    def _ask_on(self, number: int) -> None:
        wish = self._wish
        # Those that pause do not all ask at the same moment.
        self._over.wait(wish.pause * number / max(wish.clients))
        while not self._over.is_set() and (now := self._now()) < wish.seconds:
            if number >= wish.at(now):
                self._over.wait(0.1)
                continue
            error = self._ask()
            self.seen.answers.append(Answer(now, self._now() - now, error))
            self._over.wait(wish.pause)

    def _ask(self) -> str:
        """What went wrong with a request, "" where it was answered."""
        try:
            answer = invocations.call(self._cloud, self._request)
            answer["Body"].read()
        except ClientError as error:
            status = error.response.get("OriginalStatusCode", "")
            return f"{code(error)} {status}".strip()
        except Exception as error:  # whatever it is, it is a request that failed
            return type(error).__name__
        return ""

    def _watch(self) -> None:
        """Notes how many instances there are, as long as the load goes on."""
        name = self._cloud.config.endpoint_name
        while True:
            found: dict[str, Any] = {}
            with contextlib.suppress(BotoCoreError, ClientError):
                found = endpoints.describe(self._cloud, name) or {}
            for variant in found.get("ProductionVariants", [])[:1]:
                counts = variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]
                self.seen.instances.append((self._now(), *counts))
            if self._over.wait(self._cloud.poll_seconds):
                return

    def _say_progress(self) -> None:
        wish, before = self._wish, 0.0
        step = max(1.0, wish.seconds / LINES)
        while before < wish.seconds:
            self._over.wait(max(0.0, min(before + step, wish.seconds) - self._now()))
            now = self._now()
            row = figures(self.seen.between(before, now), now - before)
            count = self.seen.count(now)
            console.say(
                f"{now:5.0f} s  {wish.at(before):3d} clients  {row['per_second']:7.1f} requests/s"
                f"  p50 {_ms(row['p50_ms'])}  p95 {_ms(row['p95_ms'])}  errors {row['errors']}"
                f"  instances {count}"
            )
            before = now


def figures(answers: Sequence[Answer], seconds: float) -> dict[str, Any]:
    """Requests a second and latencies of those that were answered; how many were not."""
    good = [each.seconds * 1e3 for each in answers if not each.error]
    p50, p95, p99 = percentiles(good, (50, 95, 99), 1) if good else (None, None, None)
    return {
        "per_second": round(len(good) / seconds, 2) if seconds else 0.0,
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "errors": len(answers) - len(good),
    }


def report(wish: Wish, seen: Seen) -> dict[str, Any]:
    """What load.json says of a load: the whole of it, and as it went."""
    answers = seen.answers
    span = seen.seconds
    step = max(min(1.0, span), span / POINTS)
    starts = [step * number for number in range(max(1, round(span / step)))]
    kinds = Counter(each.error for each in answers if each.error)
    return {
        "clients": list(wish.clients),
        "seconds": round(span, 1),
        "pause_s": wish.pause,
        "requests": len(answers),
        **figures(answers, span),
        "errors": dict(kinds.most_common()),
        "timeline": [
            {
                "at_s": round(start, 2),
                "clients": wish.at(start),
                **figures(seen.between(start, start + step), step),
                "instances": seen.count(start + step),
                "desired": seen.count(start + step, desired=True),
            }
            for start in starts
        ],
    }


def say(found: dict[str, Any]) -> None:
    """The figures of load.json, in two lines."""
    console.say(
        f"{found['requests']} requests in {found['seconds']:g} s: {found['per_second']:g} a second,"
        f" p50 {_ms(found['p50_ms'])}, p95 {_ms(found['p95_ms'])}, p99 {_ms(found['p99_ms'])};"
        f" {sum(found['errors'].values())} failed; instances"
        f" {' → '.join(load_plot.steps(found['timeline']))}"
    )
    for activity in found["activities"]:
        console.say(f"{activity['at_s']:5.0f} s  {activity['status']}: {activity['description']}")


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"
