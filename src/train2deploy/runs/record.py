"""The end of a run: the trained job is packed, served, evaluated and recorded."""

import csv
import re
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

from train2deploy import (
    archives,
    bundles,
    endpoint,
    evaluate,
    golden,
    manifest,
    package,
    paths,
    versions,
)
from train2deploy.datasets import directory
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file, sha256_tree, sha256_value
from train2deploy.runs import registry
from train2deploy.runs.plan import Run
from train2deploy.runs.registry import SCORES
from train2deploy.runtimes import Runtime

EPOCH_SECONDS = re.compile(r"^ - (\d+)s - loss: ", re.M)  # Keras' line of an epoch: whole seconds


def record(run: Run, runtime: Runtime, environment: dict[str, Any]) -> dict[str, Any]:
    """Makes build/runs/<id> of the run's finished job, and removes its workspace.

    Raises:
        UserError: the job was not made from what the run's id stands for.
    """
    job = manifest.read(run.job / "manifest.json") or {}
    _check_inputs(run, job, runtime)
    package_seconds = None if run.is_published else _pack(run)
    started = time.monotonic()
    evaluation, further = _scored_by_job(run) if run.is_published else _score(run, runtime)
    evaluate_seconds = round(time.monotonic() - started, 1)
    history = read_history(run.job / "output" / "data" / "history.csv")
    data = manifest.read(run.channels / paths.DATASET.name / "manifest.json") or {}
    described = {
        "id": run.id,
        "status": "completed",
        "dataset": {
            "name": run.inputs["data"]["dataset"],
            "inputs": run.inputs["data"],
            "sha256": sha256_value(data["outputs"]),
            "counts": data["counts"],
        },
        "version": run.inputs["version"],
        **_script(run),
        "seed": run.seed,
        "repro": True,
        "hyperparameters": job["metrics"].get("hyperparameters", run.hyperparameters),
        "inputs": run.inputs,
        "outputs": _outputs(run),
        "metrics": {
            **{name: evaluation["model"][name] for name in SCORES},
            "n": evaluation["model"]["n"],
            "yardsticks": {
                name: {score: scores[score] for score in SCORES}
                for name, scores in evaluation["yardsticks"].items()
            },
            "validation": validation(history, job["metrics"]),
            **_authors_figure(run, job["metrics"], evaluation),
        },
        "durations": {
            "training_s": job["seconds"],
            "epoch_s": median_epoch_seconds(run.job / "train.log"),
            "package_s": package_seconds,
            "evaluate_s": evaluate_seconds,
        },
        "environment": environment,
        "started": job["started"],
        "cost": {"local_usd": 0},
    }
    files = {
        registry.MANIFEST: described,
        "evaluation.json": evaluation,
        "history.json": history,
        **further,
    }
    registry.save(run.id, files, None if run.is_published else run.archive)
    shutil.rmtree(run.workspace, ignore_errors=True)
    return described


def _check_inputs(run: Run, job: dict[str, Any], runtime: Runtime) -> None:
    """The id says what went in; a source that was edited meanwhile must not go by it."""
    found = [job["inputs"]["channels"], job["inputs"]["source_sha256"]]
    expected = [run.inputs["channels"], run.inputs["sources"]["train"]]
    if runtime.instance(run.job).modules_beside:  # other people's modules are in the source, too
        found, expected = found[:1], expected[:1]
    if found != expected:
        shutil.rmtree(run.job)
        raise UserError(
            f"{run.id}: src/train or the data changed while it was trained."
            " Run `make reproduce` again."
        )


def _pack(run: Run) -> float:
    """Seconds that packing took, now or before an interruption."""
    beside = run.archive.with_name(run.archive.name + ".manifest.json")
    done = manifest.read(beside) or {}
    whole = run.archive.exists() and done.get("outputs") == {
        run.archive.name: sha256_file(run.archive)
    }
    made_of_this_job = done.get("inputs", {}).get("model_sha256") == sha256_file(
        run.job / "model.tar.gz"
    )
    if not (whole and made_of_this_job):
        package.package(run.job, archive=run.archive)
    return float((manifest.read(beside) or {})["seconds"])


def _score(run: Run, runtime: Runtime) -> tuple[dict[str, Any], dict[str, Any]]:
    """The evaluation by an endpoint, and as a file the ranking of the article's sentence.

    A user's own data has no article.
    """
    model = run.workspace / "served" / "model"
    shutil.rmtree(model.parent, ignore_errors=True)
    archives.unpack(run.archive, model)
    data = run.channels / paths.DATASET.name
    with endpoint.temporary(model, sha256_file(run.archive), runtime) as running:
        evaluation = evaluate.result_of(running, data, run.archive)
        if run.inputs["data"]["dataset"] not in directory.RESERVED:
            return evaluation, {}
        ranking = endpoint.classify(running, [golden.FIRST_SENTENCE])[0]
    found = {"sentence": golden.FIRST_SENTENCE, "ranking": ranking}
    return evaluation, {"golden.json": found}


def _scored_by_job(run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same of a published model: the evaluation from the answers that its job left."""
    answers = _answers(run, "probabilities")
    data = run.channels / paths.DATASET.name
    return evaluate.result_of_answers(answers, data, run.job / "model.tar.gz"), {}


def _authors_figure(
    run: Run, metrics: dict[str, Any], evaluation: dict[str, Any]
) -> dict[str, Any]:
    """What the author's own rule makes of a published model's training, its size, and answers."""
    if not run.is_published:
        return {}
    predicted = [next(iter(ranking)) for ranking in _answers(run, "author_probabilities")]
    scores = evaluate.scores(evaluation["truth"], predicted)
    found = {name: scores[name] for name in SCORES}
    given: dict[str, Any] = {
        name: metrics[name] for name in ("parameters", "answers") if name in metrics
    }
    return {"author": {**metrics["author"], **found}, **given}


def _answers(run: Run, key: str) -> list[dict[str, float]]:
    """Of each test sentence, probability by label, the most probable first."""
    left = manifest.read(run.job / "output" / "data" / "predictions.json") or {}
    return [
        dict(sorted(zip(left["labels"], row, strict=True), key=lambda pair: -pair[1]))
        for row in left[key]
    ]


def _script(run: Run) -> dict[str, str]:
    """Where the script is, of one that has no name to find it by."""
    found = versions.find(run.version)
    return {} if found in versions.known() else {"script": paths.relative(found.script)}


def _outputs(run: Run) -> dict[str, str]:
    """Everything that was made, by sha256: the job's archives, what is in them, the package."""
    job = manifest.read(run.job / "manifest.json") or {}
    version = bundles.latest(run.job / "model")
    data = run.job / "output" / "data"
    packed = {} if run.is_published else {run.archive.name: sha256_file(run.archive)}
    return {
        **{f"job/{name}": digest for name, digest in job["outputs"].items()},
        **packed,
        "saved_model.pb": sha256_file(version / "saved_model.pb"),
        "variables": sha256_tree(version / "variables"),
        **{path.name: sha256_file(path) for path in sorted(data.iterdir()) if path.is_file()},
    }


def read_history(path: Path) -> dict[str, list[float]]:
    """Keras' history.csv by column; `epoch` counts from 1. Empty of a script that left none."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    columns = rows[0].keys() if rows else []
    return {
        name: [int(row[name]) if name == "epoch" else float(row[name]) for row in rows]
        for name in columns
    }


def validation(history: dict[str, list[float]], metrics: dict[str, Any]) -> dict[str, Any]:
    """The epoch whose weights were kept, and its validation accuracy; None without validation.

    Args:
        history: by column, see read_history.
        metrics: the job's metrics.json: what the script monitored, and the epoch it kept.

    >>> history = {"epoch": [1, 2, 3], "val_acc": [0.5, 0.75, 0.75]}
    >>> validation(history, {"monitor": "val_acc", "best_epoch": 2})
    {'accuracy': 0.75, 'epoch': 2, 'epochs': 3, 'monitor': 'val_acc'}
    """
    found = {"accuracy": None, "epoch": None, "epochs": len(history.get("epoch", []))}
    if "val_acc" not in history or "best_epoch" not in metrics:
        return {**found, "monitor": None}
    kept = metrics["best_epoch"]
    return {
        **found,
        "accuracy": history["val_acc"][kept - 1],
        "epoch": kept,
        "monitor": metrics["monitor"],
    }


def median_epoch_seconds(log: Path) -> float | None:
    """Of the epochs in a job's log, in whole seconds as Keras prints them; None of no epoch."""
    seconds = [int(text) for text in EPOCH_SECONDS.findall(log.read_text(encoding="utf-8"))]
    return float(statistics.median(seconds)) if seconds else None
