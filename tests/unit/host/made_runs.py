"""Runs made up for tests: records of the registry's schema, without a training."""

from typing import Any

from train2deploy import paths
from train2deploy.hashing import sha256_value
from train2deploy.runs import registry

LABELS = ["グルメ", "携帯電話"]


def run(
    version: str = "v1",
    seed: int = 1,
    accuracy: float = 0.9,
    dataset: str = "sample",
    validation: float | None = 0.9,
    predicted: list[str] | None = None,
    truth: list[str] | None = None,
    test_sha256: str = "of-the-same-sentences",
    **hyperparameters: object,
) -> dict[str, Any]:
    """Records a run and gives its manifest."""
    truth = truth or ["グルメ", "携帯電話"]
    hyperparameters = {"seed": seed, "hidden": 32, **hyperparameters}
    scores = {"accuracy": accuracy, "f1_weighted": accuracy - 0.01, "f1_macro": accuracy - 0.02}
    inputs = {
        "channels": {"train": "aa", "test": "bb", "vectors": "cc"},
        "sources": {"train": f"source of {version}"},
        "locks": {"train.lock": "dd"},
        "hyperparameters": hyperparameters,
    }
    record = {
        "id": f"{dataset}-{version}-s{seed}-{sha256_value([inputs, accuracy])[:8]}",
        "status": "completed",
        "dataset": {"name": dataset, "inputs": {}, "sha256": "ee"},
        "version": version,
        "seed": seed,
        "hyperparameters": hyperparameters,
        "inputs": inputs,
        "outputs": {"saved_model.pb": "ff"},
        "metrics": {
            **scores,
            "n": len(truth),
            "validation": {"accuracy": validation, "epoch": 2, "epochs": 3},
        },
        "durations": {"training_s": 10.0 * seed, "epoch_s": 1.0},
        "environment": {"runtime": "host", "git": {}},
        "started": f"2026-01-0{seed}T00:00:00+00:00",
    }
    evaluation = {
        "truth": truth,
        "predicted": predicted or truth,
        "labels": LABELS,
        "test_sha256": test_sha256,
    }
    archive = paths.BUILD / "model.tar.gz"
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(str(record["id"]).encode())
    files = {registry.MANIFEST: record, "evaluation.json": evaluation}
    files |= {"history.json": {"epoch": [1]}, "golden.json": {"ranking": []}}
    registry.save(str(record["id"]), files, archive)
    archive.unlink()
    return record
