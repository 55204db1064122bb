"""`make bench`: everything measured in one run, written to build/reports/bench.json."""

import contextlib
import os
import platform
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from train2deploy import (
    article_graph,
    bundles,
    console,
    endpoint,
    manifest,
    package,
    paths,
    plots,
    stack,
)
from train2deploy.bench import (
    aims,
    article,
    cost,
    measure,
    names,
    packages,
    peers,
    report,
    startup,
    subjects,
    workload,
)
from train2deploy.bench.options import Options
from train2deploy.bench.startup import Launch
from train2deploy.errors import JobFailed, MissingRequirement
from train2deploy.hashing import sha256_file
from train2deploy.runs import environment
from train2deploy.runtimes.host import HOST
from train2deploy.serving import EACH_ITS_OWN

SAME_PROCESSES = (names.UNMERGED, names.ALONE, names.BATCHED)
"""Endpoints that start as another subject does, and hold what that holds."""


def bench(options: Options) -> dict[str, Any]:
    """Measures, prints the tables, writes bench.json and the plot; returns what it wrote."""
    _check_environments()
    began = time.monotonic()
    model_dirs, contracts = (
        {names.INVOCATIONS: endpoint.unpacked_model()},
        {names.INVOCATIONS: stack.contract()},
    )
    if options.against:
        model_dirs[names.OTHER] = packages.opened(options.against)
        contracts[names.OTHER] = stack.contract(package.made_of(options.against))
    load_before = os.getloadavg()
    with contextlib.ExitStack() as opened:
        model_dir = model_dirs[names.INVOCATIONS]
        packed = opened.enter_context(subjects.Tool("bench.raw_session", str(model_dir)))
        versions, found = packages.ask_sentences(
            packed, list(model_dirs.values()), list(contracts.values())[1:]
        )
        sentences = dict(zip(model_dirs, found, strict=True))
        console.say(f"{len(found[0].texts)} sentences with distinct answers")
        is_articles = article.can_feed(found[0]) and contracts[names.INVOCATIONS] != stack.TODAYS
        graph = article_graph.model(model_dir) if is_articles else None
        sessions = _sessions(opened, packed, model_dir, graph, found[0], options)

        launches = {
            names.INVOCATIONS: Launch(model_dir, "endpoint"),
            names.ALONE: Launch(model_dir, "alone", EACH_ITS_OWN),
            names.BATCHED: Launch(model_dir, "batched", EACH_ITS_OWN | options.batching),
        }
        sentences |= dict.fromkeys((names.ALONE, names.BATCHED), found[0])
        if options.against:
            launches[names.OTHER] = Launch(
                model_dirs[names.OTHER], "other", contract=contracts[names.OTHER]
            )
        served_by_article = article_subject(
            {
                name: sentences[name]
                for name, contract in contracts.items()
                if contract != stack.TODAYS
            }
        )
        if served_by_article:
            folder = article.model(model_dirs[served_by_article], options.article_words)
            launches |= article_launches(folder, contracts[served_by_article])
            sentences |= dict.fromkeys(
                (names.ARTICLE, names.UNMERGED), sentences[served_by_article]
            )
        else:
            console.say(article.left_out(found[0]))

        console.say("starts")
        plan = options.plan(list(launches))
        request = workload.invocations(found[0]).requests[0]
        started = {name: one for name, one in launches.items() if name not in SAME_PROCESSES}
        starts = startup.measure(started, model_dir, request, plan.rounds)

        served = {
            subject: opened.enter_context(launch.start()) for subject, launch in launches.items()
        }
        for one in served.values():
            one.first_answer(request)
        others, left_out = _peers(opened, model_dir, found[0]) if options.peers else ({}, {})
        sentences |= dict.fromkeys(others, found[0])
        plan = options.plan([*launches, *others], list(sessions))
        running = _running(opened, served, others, sentences, model_dir, sessions)
        results = running.rounds(plan, console.say)
        left_out |= running.left_out
        measured = [*started, *(name for name in others if name not in left_out)]
        memory = running.memory(measured, aims.LOAD_CLIENTS, max(1.0, plan.seconds))

    entries = report.measurements(results, plan.batch)
    shares = sorted(row["median"]["foreign_cpu"] for row in entries)
    result = {
        "format": report.FORMAT,
        "command": options.command(),
        "settings": {
            "rounds": plan.rounds,
            "seconds": plan.seconds,
            "clients": list(plan.clients),
            "sentences": len(found[0].texts),
        },
        "measured": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "duration_s": round(time.monotonic() - began, 1),
        "git": manifest.git_state(),
        "machine": (machine := machine_facts(versions)),
        "load_average": {"before": list(load_before), "after": list(os.getloadavg())},
        "foreign_cpu": shares[len(shares) // 2],
        "model_sha256": sha256_file(paths.MODEL_ARCHIVE),
        "job": package.job_of(paths.MODEL_ARCHIVE),
        "made_of": package.described(paths.MODEL_ARCHIVE),
        "against": _against(options),
        "batching": options.batching,
        "peers": {
            **{
                name: peers.version(peers.PEERS[name].package)
                for name in peers.PEERS
                if options.peers
            },
            **({names.ONNX: peers.version(peers.ONNX_PACKAGE)} if names.ONNX in sessions else {}),
        },
        "left_out": left_out,
        "article": {
            "is_measured_model": is_articles,
            "serves": served_by_article,
            "words": options.article_words,
        },
        "subjects": {
            subject: what
            for subject, what in names.SUBJECTS.items()
            if any(cell.subject == subject for cell in results)
        },
        "measurements": entries,
        "startup": startup.summary(starts),
        "startup_rounds": {key: [round(s, 3) for s in values] for key, values in starts.items()},
        "memory": memory,
        "usd_per_million": cost.per_million(entries, machine["cores"]),
        "aims": [aim.as_json() for aim in aims.find(entries, starts, memory, is_articles)],
    }
    manifest.write_json(paths.REPORTS / "bench.json", result)
    report.print_report(result)
    drawn = plots.bench(result, paths.REPORTS)
    written = ", ".join(paths.relative(path) for path in (paths.REPORTS / "bench.json", *drawn))
    console.say(f"written: {written}")
    console.say(f"repeat it with: {result['command']}")
    return result


def article_subject(sentences: dict[str, workload.Sentences]) -> str | None:
    """The first subject whose model the article's handler can serve; None where it can none."""
    return next((subject for subject, one in sentences.items() if article.can_feed(one)), None)


def article_launches(folder: Path, contract: str) -> dict[str, Launch]:
    """The article's endpoint, and the one whose model server gives each request its own run."""
    variables = article.environment()
    return {
        names.ARTICLE: Launch(folder, "article", variables, contract),
        names.UNMERGED: Launch(folder, "unmerged", variables | EACH_ITS_OWN, contract),
    }


def _sessions(
    opened: contextlib.ExitStack,
    packed: subjects.Tool,
    model_dir: Path,
    graph: Path | None,
    asked: workload.Sentences,
    options: Options,
) -> dict[str, subjects.Tool]:
    """The subjects without a server. The baseline is the article's graph, where there is one."""
    sessions = {names.RAW: packed}
    if graph:
        baseline = subjects.Tool("bench.raw_session", str(graph), log="article_graph")
        sessions = {names.RAW: opened.enter_context(baseline), names.PACKED: packed}
    if options.peers:
        sessions[names.ONNX] = opened.enter_context(peers.onnx_session(model_dir, graph))
    for name, session in sessions.items():
        found = session.ask(sentences=asked.texts)["probabilities"]
        if not workload.agree(found, asked.probabilities):
            raise JobFailed(f"{name}: its probabilities are not those of the package.")
    return sessions


def _peers(
    opened: contextlib.ExitStack, model_dir: Path, asked: workload.Sentences
) -> tuple[dict[str, peers.Peer], dict[str, str]]:
    """(the peers that answer, why others do not)."""
    version = bundles.latest(model_dir)
    running, left_out = {}, {}
    for name in peers.PEERS:
        console.say(f"{name} {peers.version(peers.PEERS[name].package)}")
        with contextlib.ExitStack() as attempt:
            peer = attempt.enter_context(peers.Peer(name, version))
            try:
                peer.wait(asked)
            except JobFailed as error:
                console.say(str(error))
                left_out[name] = str(error)
                continue
            opened.enter_context(attempt.pop_all())
            running[name] = peer
    return running, left_out


def _running(
    opened: contextlib.ExitStack,
    served: dict[str, subjects.Served],
    others: dict[str, peers.Peer],
    sentences: dict[str, workload.Sentences],
    model_dir: Path,
    sessions: dict[str, subjects.Tool],
) -> measure.Bench:
    """The bench of running endpoints, with gRPC's clients, which know their requests."""
    name = bundles.model_names(model_dir)[0]
    port = served[names.INVOCATIONS].grpc_port
    grpc = opened.enter_context(subjects.Tool("bench.grpc_load", str(port), name))
    asked = sentences[names.INVOCATIONS]
    grpc.ask(
        inputs=asked.inputs,
        expected=asked.probabilities,
        output=asked.output,
        tolerance=workload.TOLERANCE,
    )
    return measure.Bench({**served, **others}, sentences, name, sessions, grpc)


def _against(options: Options) -> dict[str, Any] | None:
    """Which package the other one is; a directory has no hash of its own."""
    if options.against is None:
        return None
    digest = sha256_file(options.against) if options.against.is_file() else None
    return {"package": paths.relative(options.against), "model_sha256": digest}


def machine_facts(serving: dict[str, str]) -> dict[str, Any]:
    """CPU, cores, memory and versions; nothing that tells whose machine it is."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "cpu": environment.cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "serving": serving,
    }


def _check_environments() -> None:
    HOST.python("serve", [], {})
    if not stack.is_todays() and not paths.TRAIN_PYTHON.exists():
        raise MissingRequirement(
            f"{paths.relative(paths.TRAIN_PYTHON)}: expected an environment, found none."
            " Run `make setup`."
        )
