"""Made-up runs in the layout of build/runs, and the other files that a report shows."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from train2deploy import manifest, versions
from train2deploy.evaluate import scores
from train2deploy.report.recorded import read_json

LABELS = ["グルメ", "スポーツ", "京都", "携帯電話"]
GOLDEN = {"携帯電話": 0.95, "京都": 0.03, "グルメ": 0.01, "スポーツ": 0.01}


def write_run(
    folder: Path,
    version: str = "v1",
    seed: int = 1,
    dataset: str = "sample",
    accuracy: float = 0.8,
    sentences: int = 60,
    epochs: int = 5,
    data: Mapping[str, Any] | None = None,
    vectors: str | None = None,
    **hyperparameters: Any,
) -> Path:
    """A completed run whose numbers depend on nothing but the arguments.

    Args:
        data: of how the data set was split, where it was not at random by seed 1.
    """
    generator = random.Random(f"{version}{seed}{dataset}")
    truth = [LABELS[number % 4] for number in range(sentences)]
    right = round(accuracy * sentences)
    predicted = [
        label if number < right else LABELS[(LABELS.index(label) + 1) % 4]
        for number, label in enumerate(truth)
    ]
    probabilities = []
    for label in predicted:
        highest = generator.uniform(0.4, 0.99)
        probabilities.append([highest if one == label else (1 - highest) / 3 for one in LABELS])
    data = {"dataset": dataset, "seed": 1, "split": "random", **(data or {})}
    inputs = {
        "data": data,
        "version": version,
        "hyperparameters": {"epochs": epochs, **hyperparameters, "seed": seed},
        **({"vectors": vectors} if vectors else {}),
    }
    name = f"{dataset}-{version}-s{seed}-{manifest.sha256_value(inputs)[:8]}"
    yardstick = scores(truth, [*truth[:-3], *[LABELS[0]] * 3])
    evaluation = {
        "model_sha256": "a" * 64,
        "data": data,
        "test_sha256": "b" * 64,
        "model": scores(truth, predicted),
        "yardsticks": {"characters 1-3, logistic regression": yardstick},
        "predicted": predicted,
        "truth": truth,
        "labels": LABELS,
        "probabilities": probabilities,
        "test_ids": [str(number) for number in range(sentences)],
    }
    rising = [round(accuracy - 0.3 * 0.6**epoch, 4) for epoch in range(epochs)]
    history = {
        "epoch": list(range(1, epochs + 1)),
        "acc": [min(1.0, value + 0.05) for value in rising],
        "val_acc": rising,
        "loss": [1 - value for value in rising],
        "val_loss": [1.1 - value for value in rising],
    }
    described = {
        "id": name,
        "status": "completed",
        "dataset": {
            "name": dataset,
            "inputs": data,
            "sha256": "c" * 64,
            "counts": {"train": {}, "test": {}},
        },
        "version": version,
        "seed": seed,
        "repro": True,
        "hyperparameters": inputs["hyperparameters"],
        "inputs": inputs,
        "outputs": {"model.tar.gz": "a" * 64},
        "metrics": {
            "accuracy": evaluation["model"]["accuracy"],
            "validation": {
                "accuracy": rising[-1],
                "epoch": epochs,
                "epochs": epochs,
                "monitor": "val_acc",
            },
        },
        "durations": {
            "training_s": 40.0 + seed,
            "epoch_s": 2.0,
            "package_s": 1.5,
            "evaluate_s": 2.5,
        },
        "environment": {
            "runtime": "host",
            "python": {"host": "3.11.7", "train": "3.6.15", "serve": "3.6.15"},
            "tensorflow": "1.12.0",
            "keras-self-attention": "0.41.0",
            "text-vectorian": "0.1.10",
            "numpy": "1.16.4",
            "tensorflow_serving": "1.13.1",
            "cpu": "a processor",
            "cores": 2,
            "platform": "Linux x86_64, glibc 2.36",
            "git": {"commit": "e" * 40, "dirty": False},
            "locks": {"train.lock": "f" * 64},
        },
        "started": f"2026-11-23T08:00:{seed:02d}+00:00",
        "cost": {"local_usd": 0},
    }
    ranking = [
        {"label": label, "prob": round(value - 0.001 * seed, 4)} for label, value in GOLDEN.items()
    ]
    target = folder / name
    target.mkdir(parents=True)
    manifest.write_json(target / "manifest.json", described)
    manifest.write_json(target / "evaluation.json", evaluation)
    manifest.write_json(target / "history.json", history)
    manifest.write_json(target / "golden.json", {"sentence": "電波が悪い", "ranking": ranking})
    return target


def write_published(
    folder: Path, version: str, number: int, accuracy: float, gain: float = 0.02, **options: Any
) -> Path:
    """A run of a published model on the split of its own number.

    Args:
        gain: what the author's rule, which looks at the test sentences, adds.
    """
    data = {"split": "published", "seed": number}
    options = {"vectors": "wikipedia", "sentences": 419, **options}
    target = write_run(folder, version, number, "knbc", accuracy, data=data, **options)
    with edited(target / "manifest.json") as described:
        best = described["metrics"]["accuracy"] + gain
        author = {"rule": "best-on-test", "epoch": 5, "accuracy": best}
        parameters = {"all": 4_413_444, "trainable": 4_413_444}
        described["metrics"] |= {"author": author, "parameters": parameters}
    with edited(target / "history.json") as history:
        history["test_acc"] = [*(round(best - 0.1 * 0.6**n, 4) for n in range(4)), best]
    (target / "golden.json").unlink()
    return target


def write_corpus(folder: Path, runs: int = 3) -> None:
    """Runs on the KNB corpus with which every finding has its number."""
    for number in range(1, runs + 1):
        part = {"split": "published", "seed": number}
        for version, accuracy in (("v1", 0.73), ("v2", 0.77), ("v3", 0.8)):
            here = {"folder": folder, "version": version, "seed": number, "dataset": "knbc",
                    "sentences": 419}  # fmt: skip
            here["vectors"] = versions.vectors_of(version)
            write_run(**here, accuracy=accuracy + 0.01 * number, data=part)
            for data in ({"split": "fold", "seed": number}, {**part, "titles": False}):
                write_run(**here, accuracy=accuracy - 0.05, data=data)
        for kind, accuracy in (("random", 0.65), ("characters", 0.68), ("wikipedia", 0.71)):
            write_run(folder, "v1", number, "knbc", accuracy, 419, data=part, vectors=kind)
        write_published(folder, "bilstm", number, 0.74 + 0.01 * number)
        write_published(folder, "mymodel-tuned", number, 0.65)
        write_published(folder, "word-or-character-both", number, 0.77 + 0.01 * number)
        write_published(folder, "comp-corpus", number, 0.76)


def write_todays(
    folder: Path, version: str, seed: int, accuracy: float, dataset: str = "knbc", **options: Any
) -> Path:
    """A run of today's stack; on the KNB corpus on the published split of its own seed."""
    if dataset == "knbc":
        data = {"split": "published", "seed": seed}
        options = {"data": data, "sentences": 419, "vectors": "chive", **options}
    target = write_run(folder, f"{version}-today", seed, dataset, accuracy, **options)
    with edited(target / "manifest.json") as described:
        described["inputs"]["stack"] = "today"
        described["environment"] |= {"tensorflow": "2.21.0", "keras": "3.15.1"}
    return target


@contextmanager
def edited(path: Path) -> Iterator[Any]:
    """The JSON value of a file, written back as the block leaves it."""
    value = read_json(path)
    yield value
    manifest.write_json(path, value)


def write_both(folder: Path, seeds: int = 3, dataset: str = "sample") -> None:
    """Runs of v1 and v2, each seed a little better than the one before."""
    for version, accuracy in (("v1", 0.7), ("v2", 0.85)):
        for seed in range(1, seeds + 1):
            write_run(folder, version, seed, dataset, accuracy + 0.02 * seed)


def write_measurements(build: Path, against: str | None = None) -> None:
    """bench.json, verification.json and parity.json as their commands write them."""
    subjects = ["session.run", "model server, REST", "/invocations", "article's handler"]
    if against:
        subjects.append("other package's /invocations")
    measurements = [
        {
            "subject": subject,
            "clients": clients,
            "sentences": size,
            "p50_ratio": 1.0,
            "throughput_ratio": 1.0,
            "median": {"p50_ms": 5.0 * place * clients, "per_second": 200.0 * clients / place},
            "rounds": [],
        }
        for place, subject in enumerate(subjects, start=1)
        for clients in (1, 8, 32)
        for size in (1, 32)
        if subject != "session.run" or clients == 1
    ]
    (build / "reports").mkdir(parents=True)
    manifest.write_json(
        build / "reports" / "bench.json",
        {
            "machine": {"cpu": "a processor", "cores": 2, "serving": {"tensorflow": "1.13.1"}},
            "measured": "2026-11-23T08:25:55+00:00",
            "command": "make bench QUICK=1",
            "job": "v1-20261123-080000",
            "against": against and {"package": against, "model_sha256": "c" * 64},
            "foreign_cpu": 0.0,
            "subjects": {subject: subject for subject in subjects},
            "startup": {"/invocations": {"seconds": 0.6}, "bare process": {"seconds": 0.9}},
            "memory": {"/invocations": {"edge": {"rss": 23.6}, "handler": {"rss": 37.0}}},
            "measurements": measurements,
        },
    )
    check = {"sentences": 20, "max_abs_difference": 1.4e-8, "tolerance": 1e-6}
    manifest.write_json(build / "verification.json", check)
    weights = {"runtimes": ["host", "docker"], "version": "v2", "weights_sha256": ["a", "a"]}
    manifest.write_json(build / "parity.json", {**check, **weights})


def write_cloud_parity(build: Path, account: str) -> None:
    """cloud/parity.json as `make parity B=cloud` writes it; the account: aws or emulator."""
    (build / "cloud").mkdir(parents=True, exist_ok=True)
    check = {"sentences": 20, "same_label": 20, "max_abs_difference": 3e-7, "tolerance": 1e-5}
    facts = {"runtimes": ["host", account], "model_sha256": "b" * 64}
    manifest.write_json(build / "cloud" / "parity.json", {**check, **facts})
