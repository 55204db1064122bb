"""`make bench` of a package whose code is not ours: one request, asked again and again.

It is compared with the model's session.run in a process of its own, as far as it is known what the
model reads.
"""

from pathlib import Path
from typing import Any

from rich.table import Table

from train2deploy import answers, bundles, console, endpoint, golden, manifest, paths, runtimes
from train2deploy import signature as signatures
from train2deploy.bench import figures, measure
from train2deploy.bench.measure import Cell, Sample
from train2deploy.bench.names import INVOCATIONS, RAW
from train2deploy.bench.options import Options
from train2deploy.hashing import sha256_file
from train2deploy.requests import Request
from train2deploy.runtimes.host import HOST
from train2deploy.verify import OTHER_TOLERANCE

RESULT = paths.REPORTS / "bench-other.json"


class Same:
    """A workload of one request, whose right answer is the first one."""

    def __init__(self, request: Request, answer: bytes) -> None:
        head = f"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {request.accept or '*/*'}"
        head += f"\r\nContent-Type: {request.content_type}\r\nContent-Length: {len(request.body)}"
        self.requests = [head.encode() + b"\r\n\r\n" + request.body]
        self._first, self._known = answer, {answer}

    def is_right(self, turn: int, body: bytes) -> bool:
        """Whether its numbers are those of the first answer."""
        if body not in self._known:
            if answers.compared(body, self._first) > OTHER_TOLERANCE:
                return False
            self._known.add(body)
        return True


def bench(options: Options, request: Request | None) -> None:
    """Measures, prints a table and writes build/reports/bench-other.json."""
    model_dir, plan = endpoint.unpacked_model(), options.plan([])
    asked = golden.comparable(model_dir, request)
    digest = sha256_file(paths.MODEL_ARCHIVE)
    rows = {}
    session = _session(model_dir, asked, plan.seconds * plan.rounds)
    if session:
        rows[Cell(RAW, 1)] = figures.summarize(session.latencies_ms, session.seconds, 0.0, {})
    else:
        console.say(f"{RAW} is left out: what the model reads of this request is not known")
    with endpoint.temporary(model_dir, digest, HOST) as running:
        chosen, answer = golden.first_answer(asked, lambda one: endpoint.invocations(running, one))
        work = Same(chosen, answer)
        for clients in plan.clients:
            cell, latencies = Cell(INVOCATIONS, clients), []
            for _ in range(plan.rounds):
                latencies += measure.load(cell, running.port, work, plan.seconds).latencies_ms
            seconds = plan.seconds * plan.rounds
            rows[cell] = figures.summarize(latencies, seconds, 0.0, {})
    found = [{"subject": cell.subject, "clients": cell.clients, **vars(row)} for cell, row
             in rows.items()]  # fmt: skip
    facts = {"model_sha256": digest, "command": options.command(), "measurements": found}
    manifest.write_json(RESULT, facts)
    console.print_table(_table(rows))
    console.say(f"written: {paths.relative(RESULT)}")


def _session(model_dir: Path, asked: list[Request], seconds: float) -> Sample | None:
    """session.run of what the endpoint is asked; None where that is not known."""
    models = bundles.newest(model_dir)
    if len(models) > 1 or (model_dir / "code" / "inference.py").exists():
        return None
    (version,) = models.values()
    signature = signatures.read(version)
    choice = [inputs for inputs in (signature.given(one.body) for one in asked) if inputs]
    question: dict[str, Any] = {"signature": signature.name, "requests": choice}
    if not choice:
        return None
    found = runtimes.ask(
        HOST, "hosting.direct_session", [version], {**question, "seconds": seconds}
    )
    return Sample(found["latencies_ms"], seconds) if "latencies_ms" in found else None


def _table(rows: dict[Cell, figures.Round]) -> Table:
    return console.table(
        "one request, again and again; every answer was that of the first",
        ("subject", "clients", "p50 ms", "p95", "p99", "requests/s"),
        [
            (
                cell.subject,
                str(cell.clients),
                *(f"{value:.2f}" for value in (row.p50_ms, row.p95_ms, row.p99_ms)),
                f"{row.per_second:.0f}",
            )
            for cell, row in rows.items()
        ],
    )
