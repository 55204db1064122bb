"""`make soak`: load with known answers while the endpoint's processes are killed in turn.

What must hold (all of it, else the exit status is 1):

- every answer with status 200 is right; any other status is 502, 503 or 504;
- after each kill, a request that was sent after it is answered right within 3 s;
- no process grows.
"""

import os
import signal
import statistics
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from train2deploy import console, endpoint, manifest, paths
from train2deploy.bench import packages, proc, subjects, workload
from train2deploy.bench.figures import percentiles
from train2deploy.bench.http_load import NO_ANSWER, ClosedLoop, Observer
from train2deploy.errors import JobFailed
from train2deploy.hashing import sha256_file

CLIENTS = 32
KILL_EVERY_SECONDS = 20.0
BACK_WITHIN_SECONDS = 3.0
PATIENCE_SECONDS = 60.0  # an endpoint that is late is waited for, and then "not at all"
PAUSE_SECONDS = 0.1
"""After an answer that is none: a client that asked again at once would only add heat."""

VICTIMS = (proc.MODEL_SERVER, proc.GUNICORN, proc.MODEL_SERVER, proc.HANDLER)
EXCUSED = (502, 503, 504)

SAMPLE_SECONDS = 1.0
WARM_SECONDS = 8.0  # a process may grow for so long after its start: buffers, pools, caches
GROWTH_MB = 5.0
GROWTH_SHARE = 0.05
"""From there on it may hold so much more at most, for noise: the larger of the two."""


@dataclass
class Kill:
    """One kill and when the endpoint answered again."""

    role: str
    at: float  # seconds since the beginning
    # seconds until the first right answer to a request sent after the kill
    back: float | None = None
    moment: float = 0.0


@dataclass
class Life:
    """The resident memory of one process of a role, from its first look to its last."""

    role: str
    pid: int
    samples: list[tuple[float, float]] = field(default_factory=list)

    @property
    def warm(self) -> list[tuple[float, float]]:
        """(age, MB) after the warm-up."""
        return [(age, mb) for age, mb in self.samples if age >= WARM_SECONDS]


class Soak(Observer):
    """Kills, looks at memory and keeps account of every answer."""

    def __init__(self, served: subjects.Served, work: workload.Workload, seconds: float) -> None:
        self._served, self._work = served, work
        self.began = perf_counter()
        self._every = kill_interval(seconds)
        self._last_kill = self.began + seconds - BACK_WITHIN_SECONDS
        self._next_kill = self.began + self._every
        self._next_sample = self.began
        self.kills: list[Kill] = []
        self.lives: dict[int, Life] = {}
        self._births: dict[int, float] = {}
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []
        self.latencies_ms: list[float] = []

    def answered(self, turn: int, status: int, body: bytes, sent: float, now: float) -> float:
        self.statuses[status] += 1
        if status != 200:
            if status not in EXCUSED and len(self.wrong) < 20:
                self.wrong.append(f"status {status}: {body[:200]!r}")
            return PAUSE_SECONDS
        if not self._work.is_right(turn, body):
            self.wrong.append(f"wrong answer to request {turn}: {body[:200]!r}")
            return 0.0
        self.latencies_ms.append((now - sent) * 1e3)
        for kill in reversed(self.kills):
            if kill.back is not None or sent < kill.moment:
                break
            kill.back = now - kill.moment
        return 0.0

    def tick(self, now: float) -> None:
        if now >= self._next_sample:
            self._next_sample = now + SAMPLE_SECONDS
            self._look(now)
        if self._next_kill <= now < self._last_kill:
            self._kill(now)

    def is_waiting(self, now: float) -> bool:
        """Whether the endpoint may still come back from the last kill."""
        last = self.kills[-1:]
        return any(kill.back is None and now < kill.moment + PATIENCE_SECONDS for kill in last)

    def _look(self, now: float) -> None:
        for role, pid in self._served.pids.items():
            mb = proc.rss_mb(pid)
            life = self.lives.get(pid)
            if life is None or life.role != role:
                life = self.lives[pid] = Life(role, pid)
                self._births[pid] = now
            if mb is not None:
                life.samples.append((now - self._births[pid], mb))

    def _kill(self, now: float) -> None:
        role = VICTIMS[len(self.kills) % len(VICTIMS)]
        pid = self._served.pids.get(role)
        if pid is None:
            return  # still not there after the last kill: the next tick tries again
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            moment = perf_counter()
            self.kills.append(Kill(role, round(moment - self.began, 3), moment=moment))
            self._next_kill = now + self._every


def kill_interval(seconds: float) -> float:
    """Seconds between two kills: fewer in a soak that is too short for several."""
    return min(KILL_EVERY_SECONDS, seconds / 4)


def soak(seconds: float) -> dict[str, Any]:
    """Runs it, prints the tables, writes build/reports/soak.json.

    Raises:
        JobFailed: something did not hold.
    """
    model_dir = endpoint.unpacked_model()
    with subjects.Tool("bench.raw_session", str(model_dir)) as session:
        _, (sentences,) = packages.ask_sentences(session, [model_dir])
    work = workload.invocations(sentences)
    console.say(
        f"{seconds:g} s of load from {CLIENTS} clients;"
        f" a process is killed every {kill_interval(seconds):g} s"
    )
    with subjects.Served(model_dir, "soak") as served:
        served.first_answer(work.requests[0])
        watch = Soak(served, work, seconds)
        load = ClosedLoop(served.port, work.requests, CLIENTS)
        load.run(seconds, watch)
        while watch.is_waiting(perf_counter()):  # it fails, but not without its figure
            load.run(SAMPLE_SECONDS, watch)
        left = served.pids
    problems = find_problems(watch, set(proc.ROLES) - left.keys())
    result = {
        "command": f"make soak SECONDS={seconds:g}",
        "git": manifest.git_state(),
        "model_sha256": sha256_file(paths.MODEL_ARCHIVE),
        "measured": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "seconds": seconds,
        "clients": CLIENTS,
        "statuses": {str(status): count for status, count in sorted(watch.statuses.items())},
        "latency_ms": _latencies(watch.latencies_ms),
        "kills": [
            {"role": kill.role, "at": kill.at, "back": kill.back and round(kill.back, 3)}
            for kill in watch.kills
        ],
        "memory": {role: memory(watch, role) for role in proc.ROLES},
        "problems": problems,
    }
    manifest.write_json(paths.REPORTS / "soak.json", result)
    _print(result)
    if problems:
        raise JobFailed("; ".join(problems))
    console.say(f"all of it holds; written: {paths.relative(paths.REPORTS / 'soak.json')}")
    return result


def find_problems(watch: Soak, missing: set[str]) -> list[str]:
    """What did not hold, in words."""
    problems = list(watch.wrong[:5])
    if not watch.statuses[200]:
        problems.append("no request was answered")
    if missing:
        problems.append(f"not running at the end: {', '.join(sorted(missing))}")
    for kill in watch.kills:
        if kill.back is None or kill.back > BACK_WITHIN_SECONDS:
            when = "not at all" if kill.back is None else f"after {kill.back:.1f} s"
            problems.append(
                f"{kill.role}, killed at {kill.at:.0f} s: expected answers within"
                f" {BACK_WITHIN_SECONDS:g} s, found {when}"
            )
    for role in proc.ROLES:
        found = memory(watch, role)
        if found.get("growth_mb", 0.0) > found.get("allowed_mb", 0.0):
            problems.append(
                f"{role}: grew by {found['growth_mb']:.1f} MB,"
                f" expected at most {found['allowed_mb']:.1f} MB"
            )
    return problems


def memory(watch: Soak, role: str) -> dict[str, float]:
    """How a role's memory went.

    `growth_mb`: the most that one process of the role grew after its warm-up (medians of
    the first and the last third of the time), or that the last process of the role grew
    beyond the first, if there were several.
    """
    lives = [life for life in watch.lives.values() if life.role == role and len(life.warm) >= 6]
    if not lives:
        return {}
    growths = []
    for life in lives:
        values = [mb for _, mb in life.warm]
        third = len(values) // 3
        growths.append(_middle(values[-third:]) - _middle(values[:third]))
    middles = [_middle([mb for _, mb in life.warm]) for life in lives]
    growths.append(middles[-1] - middles[0])
    trends = [statistics.linear_regression(*zip(*life.warm, strict=True)).slope for life in lives]
    return {
        "processes": float(len(lives)),
        "rss_mb": round(_middle(middles), 1),
        "growth_mb": round(max(growths), 2),
        "allowed_mb": round(max(GROWTH_MB, GROWTH_SHARE * middles[0]), 2),
        "slope_mb_per_minute": round(_middle(trends) * 60, 3),
    }


def _middle(values: list[float]) -> float:
    return float(statistics.median(values))


def _latencies(values: list[float]) -> dict[str, float]:
    names = (50, 95, 99, 100)
    found = percentiles(values, names, 2) if values else ()
    return {f"p{name}": value for name, value in zip(names, found, strict=False)}


def _print(result: dict[str, Any]) -> None:
    answers = [
        ("none" if int(status) == NO_ANSWER else status, f"{count:,}")
        for status, count in result["statuses"].items()
    ]
    console.print_table(console.table("answers", ("status", "requests"), answers))

    kills = []
    for role in dict.fromkeys(VICTIMS):
        backs = [kill["back"] for kill in result["kills"] if kill["role"] == role]
        if backs:
            found = [back for back in backs if back is not None]
            figures = [f"{_middle(found):.2f}", f"{max(found):.2f}"] if found else ["never", ""]
            kills.append((role, str(len(backs)), *figures))
    columns = ("killed", "times", "back after, median s", "longest s")
    console.print_table(console.table("kills", columns, kills))

    memory = [
        (
            role,
            f"{found['processes']:.0f}",
            f"{found['rss_mb']:.1f}",
            f"{found['growth_mb']:+.1f}",
            f"{found['allowed_mb']:.1f}",
            f"{found['slope_mb_per_minute']:+.2f}",
        )
        for role, found in result["memory"].items()
        if found
    ]
    names = ("process", "lives", "RSS", "growth", "allowed", "a minute")
    console.print_table(console.table("memory, MB", names, memory))
