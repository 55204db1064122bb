"""What a report says, as one JSON value: all numbers, where each came from, and no prose."""

from pathlib import Path
from typing import Any

from train2deploy import paths
from train2deploy.datasets import directory
from train2deploy.errors import UserError
from train2deploy.report import findings, machine, matrix, published, recorded, scores, todays
from train2deploy.runs import registry
from train2deploy.runs.registry import Run

FORMAT = 2
OF_A_RUN = ("id", "version", "seed", "split", "split_seed", "titles", "vectors", "accuracy")
OF_ITS_MANIFEST = ("repro", "started", "durations", "hyperparameters")


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
    runs = registry.load(folder=folder)
    of_dataset = [run for run in runs if run.dataset == dataset]
    usual, beside = recorded.by_stack(of_dataset)
    versions = {
        version: recorded.of_one_configuration(recorded.matching(usual, dataset, version))
        for version in recorded.packed(usual)
    }
    shown = {version: members for version, members in versions.items() if members}
    if not of_dataset:
        known = sorted({run.dataset for run in runs}) or ["none"]
        raise UserError(
            f"DATASET={dataset}: expected completed runs of it in"
            f" {paths.relative(folder)}, found runs of: {', '.join(known)}."
            f" `make reproduce DATASET={dataset} SEEDS=3` makes some."
        )
    figures = published.read()
    on_corpus, own = dataset == matrix.DATASET, dataset not in directory.RESERVED
    rows = matrix.build(figures, usual, start) if on_corpus else None
    found = findings.build(figures, usual) if on_corpus else {}
    today = todays.build(beside, usual, start)
    used = {run.id for members in shown.values() for run in members}
    tables = [table for table in (rows, today) if table]
    used |= {name for table in tables for row in table["rows"] for name in row["runs"]}
    used |= {name for one in found.values() for name in one["runs"]}
    first = next((members[0] for members in shown.values()), usual[0])
    told = [run for run in of_dataset if run.id in used]
    return {
        "format": FORMAT,
        "dataset": {
            "name": dataset,
            "description": first.manifest["dataset"],
            "test_sentences": first.evaluation["model"]["n"],
            "source": recorded.link(first.folder / "manifest.json", start),
        },
        "published_file": recorded.link(paths.PUBLISHED, start),
        "matrix": rows,
        **({"today": today} if today else {}),
        "findings": found,
        "scores": scores.table(shown, start),
        "versions": {version: scores.detail(runs, start) for version, runs in shown.items()},
        "golden": scores.golden(shown, figures, start) if shown and not own else None,
        "runs": [_run(run, start) for run in told],
        "left_out": [run.id for run in of_dataset if run.id not in used],
        "environment": machine.environment([r for r in usual if r.id in used] or [first], start),
        "bench": machine.bench(source, start, shown),
        "parity": machine.parity(source, start, shown),
    }


def _run(run: Run, start: Path) -> dict[str, Any]:
    manifest = run.manifest
    return {
        **{name: getattr(run, name) for name in OF_A_RUN},
        **{name: manifest[name] for name in OF_ITS_MANIFEST},
        "f1_weighted": run.evaluation["model"]["f1_weighted"],
        "author": manifest["metrics"].get("author"),
        "cost_usd": sum(manifest.get("cost", {}).values()),
        "model_sha256": run.evaluation.get("model_sha256"),
        "manifest": recorded.link(run.folder / "manifest.json", start),
        "evaluation": recorded.link(run.folder / "evaluation.json", start),
    }
