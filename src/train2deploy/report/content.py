"""What a report says, as one JSON value: all numbers, where each came from, and no prose."""

from pathlib import Path
from typing import Any

from train2deploy import paths
from train2deploy.errors import UserError
from train2deploy.report import comparison, machine, published, recorded, scores
from train2deploy.report.recorded import Run

FORMAT = 1


def build(dataset: str, folder: Path, source: Path, start: Path) -> dict[str, Any]:
    """The content of the report of a data set.

    Args:
        dataset: name, as in the runs' manifests.
        folder: holds the runs.
        source: holds what else was measured: build/, or a reference in results/.
        start: the folder of the page; every link is relative to it.

    Raises:
        UserError: there is no completed run of the data set.
    """
    runs = recorded.read(folder)
    versions = {v: recorded.of_one_configuration(runs, dataset, v) for v in recorded.VERSIONS}
    shown = {version: members for version, members in versions.items() if members}
    if not shown:
        known = sorted({run.dataset for run in runs}) or ["none"]
        raise UserError(
            f"DATASET={dataset}: expected completed runs of it in"
            f" {paths.relative(folder)}, found runs of: {', '.join(known)}."
            f" `make reproduce DATASET={dataset} SEEDS=3` makes some."
        )
    together = [run for members in shown.values() for run in members]
    used = {run.id for run in together}
    values = published.load()
    rows = comparison.rows(values, runs, start)
    for members in shown.values():
        rows += comparison.unpublished(members, start)
    return {
        "format": FORMAT,
        "dataset": {
            "name": dataset,
            "description": together[0].manifest["dataset"],
            "test_sentences": together[0].evaluation["model"]["n"],
            "source": recorded.link(together[0].folder / "manifest.json", start),
        },
        "published_file": recorded.link(paths.PUBLISHED, start),
        "figures": {value.figure.id: _figure(value.figure) for value in values},
        "comparison": [row.as_json() for row in rows],
        "scores": scores.table(shown, start),
        "versions": {version: scores.detail(runs, start) for version, runs in shown.items()},
        "golden": scores.golden(shown, values, start),
        "runs": [_run(run, start) for run in together],
        "left_out": [run.id for run in runs if run.dataset == dataset and run.id not in used],
        "environment": machine.environment(together, start),
        "bench": machine.bench(source, start),
        "parity": machine.parity(source, start),
    }


def _figure(figure: published.Figure) -> dict[str, Any]:
    return {
        "published_in": figure.published_in,
        "url": figure.url,
        "date": figure.date,
        "model": figure.model,
        "why": figure.why,
        "note": figure.note,
        **figure.compare,
    }


def _run(run: Run, start: Path) -> dict[str, Any]:
    manifest = run.manifest
    return {
        "id": run.id,
        "version": run.version,
        "seed": run.seed,
        "repro": manifest["repro"],
        "started": manifest["started"],
        "accuracy": run.evaluation["model"]["accuracy"],
        "f1_weighted": run.evaluation["model"]["f1_weighted"],
        "durations": manifest["durations"],
        "cost_usd": sum(manifest.get("cost", {}).values()),
        "model_sha256": run.evaluation.get("model_sha256"),
        "hyperparameters": manifest["hyperparameters"],
        "manifest": recorded.link(run.folder / "manifest.json", start),
        "evaluation": recorded.link(run.folder / "evaluation.json", start),
        "history": recorded.link(run.folder / "history.json", start),
        "golden": recorded.link(run.folder / "golden.json", start),
    }
