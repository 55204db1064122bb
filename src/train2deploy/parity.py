"""`make parity A=host B=docker`: the same seed in two runtimes, weights and answers compared."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from train2deploy import answers, bundles, console, endpoint, golden, jobs, manifest, package, paths
from train2deploy.datasets import channels
from train2deploy.errors import JobFailed
from train2deploy.hashing import sha256_file, sha256_tree
from train2deploy.requests import Request
from train2deploy.runtimes import Runtime
from train2deploy.verify import OTHER_TOLERANCE

SENTENCES = 50
TOLERANCE = 1.5e-6
"""Between probabilities of six digits, as the model server prints them: one unit of the last
digit, which is what numbers that are all but equal may be rounded apart."""
SHOWN = 10  # rows of the table of differences

Ask = Callable[[Request], bytes]  # what an endpoint answers to a request
Answer = dict[str, float]  # what an endpoint says of one sentence: probability by label


@dataclass(frozen=True)
class Side:
    """What one runtime made of the job."""

    weights_sha256: str
    archive_sha256: str
    answers: list[Answer]


def parity(a: Runtime, b: Runtime, job: jobs.TrainingJob) -> dict[str, Any]:
    """Trains, packs and serves in both runtimes; prints and writes build/parity.json.

    Args:
        job: with repro=True, else nothing can be expected to be equal.

    Raises:
        JobFailed: the weights differ, or a probability by more than TOLERANCE.
    """
    sentences = [row.text for row in channels.read(paths.DATASET / "test") if row.text.strip()]
    sentences = sentences[:SENTENCES]
    first, second = (_side(runtime, job, sentences) for runtime in (a, b))
    differences = [
        difference(one, other) for one, other in zip(first.answers, second.answers, strict=True)
    ]
    worst = max(differences)
    equal = first.weights_sha256 == second.weights_sha256
    result = {
        "runtimes": [a.name, b.name],
        "version": job.version,
        "hyperparameters": job.hyperparameters,
        "made_of": {
            "version": job.version,
            "data": channels.facts(paths.DATASET),
            "hyperparameters": package.comparable(job.hyperparameters),
        },
        "weights_sha256": [first.weights_sha256, second.weights_sha256],
        "archive_sha256": [first.archive_sha256, second.archive_sha256],
        "sentences": len(sentences),
        "max_abs_difference": worst,
        "tolerance": TOLERANCE,
    }
    for name, side in ((a.name, first), (b.name, second)):
        console.say(f"{name:<8} weights {side.weights_sha256}  archive {side.archive_sha256[:16]}…")
    line = f"{a.name} against {b.name}: weights {'equal' if equal else 'DIFFER'},"
    if worst > TOLERANCE:
        console.print_table(_table(a.name, b.name, sentences, first.answers, second.answers))
    conclude(f"{line} {len(sentences)} sentences: max |Δp|", result, paths.PARITY, equal)
    return result


def parity_of_package(a: Runtime, b: Runtime, request: Request | None) -> None:
    """Serves build/model.tar.gz in both runtimes and compares what they answer to a request."""
    model_dir, digest = endpoint.unpacked_model(), sha256_file(paths.MODEL_ARCHIVE)

    def side(runtime: Runtime) -> Ask:
        def ask(asked: Request) -> bytes:
            with endpoint.temporary(model_dir, digest, runtime) as running:
                return endpoint.invocations(running, asked)

        return ask

    compare((a.name, side(a)), (b.name, side(b)), request, paths.PARITY)


def compare(a: tuple[str, Ask], b: tuple[str, Ask], request: Request | None, result: Path) -> None:
    """Asks two endpoints of build/model.tar.gz the same; prints and writes `result`.

    Args:
        request: the user's own; None takes one that fits the package.

    Raises:
        JobFailed: none was answered, or the answers differ.
    """
    (one, first), (other, second) = a, b
    asked = golden.comparable(endpoint.unpacked_model(), request)
    try:
        found, answer = golden.first_answer(asked, first)
    except JobFailed as error:
        raise JobFailed(f"{one}: no answer to compare ({error}); {golden.ASK}") from error
    worst = answers.compared(answer, second(found))
    facts: dict[str, Any] = {"max_abs_difference": worst, "tolerance": OTHER_TOLERANCE}
    facts |= {"runtimes": [one, other], "model_sha256": sha256_file(paths.MODEL_ARCHIVE)}
    conclude(f"{one} against {other}: the same request: max |Δ|", facts, result)


def conclude(line: str, facts: dict[str, Any], result: Path, is_equal: bool = True) -> None:
    """Writes the facts of a comparison and says how it ended.

    Raises:
        JobFailed: the difference is above the tolerance, or `is_equal` is false.
    """
    worst, tolerance = facts["max_abs_difference"], facts["tolerance"]
    manifest.write_json(result, facts)
    line += f" = {worst:.2g}, tolerance {tolerance:g}"
    if not (worst <= tolerance and is_equal):  # NaN is no agreement
        raise JobFailed(f"{line}. Written: {paths.relative(result)}")
    console.say(f"{line}: ok")


def difference(one: Answer, other: Answer) -> float:
    """The largest difference of a label's probability; a label that only one has counts whole.

    >>> difference({"a": 0.75, "b": 0.25}, {"a": 0.5, "b": 0.5})
    0.25
    """
    return max(abs(one.get(label, 0.0) - other.get(label, 0.0)) for label in one | other)


def _side(runtime: Runtime, job: jobs.TrainingJob, sentences: list[str]) -> Side:
    console.say(f"-- {runtime.name}")
    directory = paths.PARITY_JOBS / runtime.name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    jobs.run(job, directory, runtime)
    archive = directory / "package" / paths.MODEL_ARCHIVE.name
    package.package(directory, archive=archive)
    with endpoint.temporary(endpoint.unpacked_model(archive), None, runtime) as running:
        rankings = endpoint.classify(running, sentences)
    said = [answers.by_label(ranking) for ranking in rankings]
    variables = bundles.latest(directory / "model") / "variables"
    return Side(sha256_tree(variables), sha256_file(archive), said)


def _table(
    a: str, b: str, sentences: list[str], first: list[Answer], second: list[Answer]
) -> Table:
    """The sentences that differ most, each with both sides' probabilities."""
    table = Table(title=f"the {SHOWN} largest differences", title_justify="left")
    for column in ("sentence", a, b, "max |Δp|"):
        table.add_column(column)
    rows = sorted(
        zip(sentences, first, second, strict=True),
        key=lambda row: difference(row[1], row[2]),
        reverse=True,
    )
    for sentence, one, other in rows[:SHOWN]:
        table.add_row(sentence, _best(one), _best(other), f"{difference(one, other):.2g}")
    return table


def _best(answer: Answer) -> str:
    label = max(answer, key=lambda name: answer[name])
    return f"{console.shown(label)} {answer[label]:.6f}"
