"""`make bench`: everything measured in one run, written to build/reports/bench.json."""

import contextlib
import json
import os
import platform
import shlex
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from train2deploy import console, endpoint, manifest, paths
from train2deploy.bench import measure, plot, report, startup, subjects, workload
from train2deploy.datasets import sample
from train2deploy.errors import MissingRequirement, UserError
from train2deploy.hashing import sha256_file

CANDIDATES = 600
"""Sentences of the shipped sample that are tried for distinct answers."""
MOST_CLIENTS = 512
MOST_RETRIES = 120
"""So many disturbed measurements are repeated: about as many as there are."""


@dataclass(frozen=True)
class Options:
    """What the user asked for; None: the default of a whole or of a quick run."""

    quick: bool = False
    rounds: int | None = None
    seconds: float | None = None
    clients: tuple[int, ...] = (1, 8, 32, 64)

    def plan(self) -> measure.Plan:
        """The default takes five minutes on a quiet machine, ten on another; quick about one."""
        return measure.Plan(
            rounds=self.rounds or (2 if self.quick else 5),
            seconds=self.seconds or (0.5 if self.quick else 1.5),
            clients=self.clients,
            retries=0 if self.quick else MOST_RETRIES,
        )

    def command(self) -> str:
        """The command that repeats this run."""
        words = ["make", "bench"]
        if self.quick:
            words.append("QUICK=1")
        if self.rounds:
            words.append(f"ROUNDS={self.rounds}")
        if self.seconds:
            words.append(f"SECONDS={self.seconds:g}")
        if self.clients != Options.clients:
            words.append("CLIENTS=" + ",".join(map(str, self.clients)))
        return shlex.join(words)


def options(quick: bool, rounds: int | None, seconds: float | None, clients: str | None) -> Options:
    """Options as the command line gives them.

    Raises:
        UserError: a number is not what it should be.
    """
    for name, number in (("ROUNDS", rounds), ("SECONDS", seconds)):
        if number is not None and number <= 0:
            raise UserError(f"{name}={number}: expected a number above 0.")
    if clients is None:
        return Options(quick, rounds, seconds)
    try:
        numbers = tuple(sorted({int(word) for word in clients.split(",")}))
    except ValueError as error:
        raise UserError(f"CLIENTS={clients}: expected numbers such as 1,8,32.") from error
    if numbers[0] < 1 or numbers[-1] > MOST_CLIENTS:
        raise UserError(f"CLIENTS={clients}: expected numbers from 1 to {MOST_CLIENTS}.")
    return Options(quick, rounds, seconds, numbers)


def bench(options: Options) -> dict[str, Any]:
    """Measures, prints the tables, writes bench.json and the plot; returns what it wrote."""
    _check_environments()
    began = time.monotonic()
    plan = options.plan()
    model_dir = endpoint.unpacked_model()
    load_before = os.getloadavg()
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(subjects.Tool("hosting.bench.raw_session", str(model_dir)))
        versions, sentences = ask_sentences(session, model_dir)
        console.say(f"{len(sentences.texts)} sentences with distinct answers")

        console.say("starts")
        models = {measure.INVOCATIONS: (model_dir, dict[str, str]())}
        article_dir = subjects.article_model(model_dir)
        models[measure.ARTICLE] = (article_dir, subjects.article_environment())
        request = workload.invocations(sentences).requests[0]
        starts = startup.measure(models, request, len(sentences.rows[0]), plan.rounds)

        further = subjects.article_environment()
        served = {
            subject: stack.enter_context(subjects.Served(folder, name, variables))
            for subject, folder, name, variables in (
                (measure.INVOCATIONS, model_dir, "endpoint", {}),
                (measure.ARTICLE, article_dir, "article", further),
                (measure.UNMERGED, article_dir, "unmerged", further | subjects.UNMERGED),
            )
        }
        for one in served.values():
            one.first_answer(request)
        name = model_name(model_dir)
        grpc = stack.enter_context(
            subjects.Tool(
                "hosting.bench.grpc_load", str(served[measure.INVOCATIONS].grpc_port), name
            )
        )
        grpc.ask(
            rows=sentences.rows,
            expected=sentences.probabilities,
            input=sentences.input,
            output=sentences.output,
            tolerance=workload.TOLERANCE,
        )
        running = measure.Bench(sentences, name, served, session, grpc)
        results = running.rounds(plan, console.say)
        memory = running.memory(max(plan.clients), max(1.0, plan.seconds))

    entries = report.measurements(results, plan.batch)
    started = startup.summary(starts)
    shares = sorted(row["median"]["foreign_cpu"] for row in entries)
    result = {
        "format": report.FORMAT,
        "command": options.command(),
        "settings": {
            "rounds": plan.rounds,
            "seconds": plan.seconds,
            "clients": list(plan.clients),
            "sentences": len(sentences.texts),
        },
        "measured": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "duration_s": round(time.monotonic() - began, 1),
        "git": manifest.git_state(),
        "machine": machine_facts(versions),
        "load_average": {"before": list(load_before), "after": list(os.getloadavg())},
        "foreign_cpu": shares[len(shares) // 2],
        "model_sha256": sha256_file(paths.MODEL_ARCHIVE),
        "subjects": measure.SUBJECTS,
        "measurements": entries,
        "startup": started,
        "startup_rounds": {key: [round(s, 3) for s in values] for key, values in starts.items()},
        "memory": memory,
        "aims": [aim.as_json() for aim in report.aims(entries, started, memory)],
    }
    paths.REPORTS.mkdir(parents=True, exist_ok=True)
    manifest.write_json(paths.REPORTS / "bench.json", result)
    report.print_report(result)
    plots = plot.draw(result, paths.REPORTS)
    written = ", ".join(paths.relative(path) for path in (paths.REPORTS / "bench.json", *plots))
    console.say(f"written: {written}")
    console.say(f"repeat it with: {result['command']}")
    return result


def ask_sentences(
    session: subjects.Tool, model_dir: Path
) -> tuple[dict[str, str], workload.Sentences]:
    """Sentences of the shipped sample whose answers can be told apart, and versions.

    Returns:
        (versions in the serving environment, the sentences)
    """
    texts = [row.text for row in sample.load().rows][:CANDIDATES]
    answer = session.ask(sentences=texts)
    labels = json.loads((model_dir / "code" / "labels.json").read_text(encoding="utf-8"))
    versions = {name: str(answer[name]) for name in ("python", "tensorflow", "numpy")}
    return versions, workload.choose(texts, answer, labels)


def model_name(model_dir: Path) -> str:
    """The name that the model is served under (contract A2)."""
    return sorted(model_dir.resolve().glob("*/saved_model.pb"))[0].parents[1].name


def machine_facts(serving: dict[str, str]) -> dict[str, Any]:
    """CPU, cores, memory and versions; nothing that tells whose machine it is."""
    cpu = "unknown"
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "serving": serving,
    }


def _check_environments() -> None:
    for python in (paths.SERVE_PYTHON, paths.TRAIN_PYTHON):
        if not python.exists():
            raise MissingRequirement(
                f"{paths.relative(python)}: expected an environment, found none. Run `make setup`."
            )
