"""`make checklist`: results/CHECKLIST.md, what holds of the reproducibility check-lists.

Of the committed runs each line is looked up in their files, so that every clone finds the same.
What is a property of the repository is a test, which fails where the line does not hold.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from train2deploy import console, paths
from train2deploy.datasets import sample
from train2deploy.hashing import sha256_file
from train2deploy.report import matrix, recorded, reference
from train2deploy.runs import registry
from train2deploy.runs.registry import Run

FILE = "CHECKLIST.md"
TITLE = """# Check-list

What can be tested of the machine learning reproducibility check-list and of the code completeness
check-list, and what does not hold here, with the reason. `make checklist` writes this file: a
state is what the files of the committed runs say, or what the test that is named proves; a test
fails when the file is stale. The command is how a reader proves the same, or makes it so.
"""
SEEDS = 5
DURATIONS = ("training_s", "epoch_s", "package_s", "evaluate_s")
SHA256 = re.compile(r"[0-9a-f]{64}")

Finding = tuple[bool, str]
"""Whether it holds, and what was found."""


@dataclass(frozen=True)
class Item:
    """One line: what is asked, the command that proves it, and what finds its state."""

    asked: str
    command: str
    find: Callable[[], Finding]


def _runs() -> list[Run]:
    """The runs of the reference report on the sample."""
    return registry.load(folder=reference.folder() / paths.RUNS.name)


def _of_runs(what: str, holds: Callable[[Run], object]) -> Callable[[], Finding]:
    """Whether it holds of every run of the reference, of which there must be some."""

    def find() -> Finding:
        found = _runs()
        failing = [run.id for run in found if not holds(run)]
        if failing or not found:
            return False, f"not so: {', '.join(failing) or 'there are no runs'}"
        return True, f"{what}: all runs in {paths.relative(reference.folder())}"

    return find


def _tested(place: str) -> Callable[[], Finding]:
    return lambda: (True, f"`tests/unit/host/{place}`")


def _data_is_the_runs(run: Run) -> bool:
    named = run.manifest["dataset"]["inputs"]
    return bool(
        named.get("sentences_sha256") == sha256_file(sample.SENTENCES)
        and named.get("test_ids_sha256") == sha256_file(sample.TEST_IDS)
    )


def _seed_decides(run: Run) -> bool:
    given = run.manifest["hyperparameters"]
    return bool(run.seed and run.manifest["repro"] and given.get("seed", run.seed) == run.seed)


def _chosen_by_validation(run: Run) -> bool:
    """The weights that were kept are of the epoch best on validation sentences, or of the last."""
    validation = run.manifest["metrics"]["validation"]
    if validation["monitor"] is None:  # v3 has no epoch to choose
        return True
    values = run.history[validation["monitor"]]
    best = min(values) if validation["monitor"] == "val_loss" else max(values)
    return bool(values.index(best) + 1 == validation["epoch"])


def _held_out(run: Run) -> bool:
    ids = set(sample.TEST_IDS.read_text(encoding="utf-8").split())
    return set(run.evaluation["test_ids"]) == ids


def _hardware(run: Run) -> bool:
    environment, durations = run.manifest["environment"], run.manifest["durations"]
    machine = all(environment.get(name) for name in ("cpu", "cores", "platform"))
    return machine and all(durations.get(name) is not None for name in DURATIONS)


def _versions(run: Run) -> bool:
    locks = {name: sha256_file(paths.REQUIREMENTS / name) for name in ("train.lock", "serve.lock")}
    named = run.manifest["environment"].get("tensorflow")
    return bool(named and run.manifest["inputs"]["locks"] == locks)


def _by_sha256(run: Run) -> bool:
    """Inputs and outputs; the model that was scored is the one that was packed."""
    outputs, inputs = run.manifest["outputs"], run.manifest["inputs"]
    digests = [*outputs.values(), *inputs["channels"].values(), *inputs["locks"].values()]
    scored = run.evaluation["model_sha256"]
    return all(map(SHA256.fullmatch, digests)) and scored == outputs["model.tar.gz"]


def _several() -> Finding:
    seeds = {v: {run.seed for run in _runs() if run.version == v} for v in reference.VERSIONS}
    few = [
        f"{version}: {len(one)} of {SEEDS}" for version, one in seeds.items() if len(one) < SEEDS
    ]
    what = f"{SEEDS} seeds of each version, mean ± standard deviation, minimum, maximum"
    return not few, what if not few else f"not so: {', '.join(few)}"


def _on_the_corpus() -> Finding:
    """Every published model that can be had was run on the KNB corpus; the others are counted."""
    content: Any = recorded.read_json(reference.folder(matrix.DATASET) / "report.json")
    if not content:
        return False, "results/knbc/report.json is not there"
    rows = content["matrix"]["rows"]
    able = [row for row in rows if row["command"]]
    missing = [row["id"] for row in able if not row["runs"]]
    found = f"{len(able) - len(missing)} of {len(rows)} published models"
    lost = f"; {len(rows) - len(able)} cannot be run, their weights are no longer published"
    return not missing, found + lost + (f"; no runs yet: {', '.join(missing)}" if missing else "")


def _several_splits() -> Finding:
    """The runs of a version on the corpus were made with more than one split."""
    splits: dict[str, set[int]] = {}
    for run in registry.load(folder=reference.folder(matrix.DATASET) / paths.RUNS.name):
        splits.setdefault(run.version, set()).add(run.split_seed)
    most = max(map(len, splits.values()), default=0)
    if most < 2:
        return False, "one split (SPLIT_SEED=1): ± is the spread of training alone"
    few = sorted(version for version, seeds in splits.items() if len(seeds) < 2)
    but = f"; on one alone: {', '.join(few)}" if few else ""
    return True, f"results/knbc: up to {most} splits of a version, a seed each{but}"


def _on_aws() -> Finding:
    found: Any = recorded.read_json(reference.folder() / "cloud" / "parity.json") or {}
    if "aws" in found.get("runtimes", []):
        return True, "the same answers from SageMaker"
    return False, "run against the emulator only: no AWS account was used for this report"


def _trained_weights() -> Finding:
    if found := list(paths.RESULTS.rglob("model.tar.gz")):
        return True, f"{len(found)} packages in results/"
    return False, "no weights in the repository: training takes under a minute"


REPOSITORY = "test_repository.py"
LISTS = {
    "Code": (
        Item("Dependencies pinned, with hashes", "make setup", _tested(REPOSITORY)),
        Item("Base images by digest", "make images", _tested(REPOSITORY)),
        Item("A command for training, one for evaluation, one for all", "make help",
             _tested("test_readmes.py")),
        Item("Results table in the README, as the files give it",
             "make reference DATASET=knbc KEEP=1", _tested("test_report_reference.py")),
        Item("Licence of code and data", "make test-unit", _tested(REPOSITORY)),
        Item("How to cite", "make test-unit", _tested(REPOSITORY)),
    ),
    "Data": (
        Item("The data is described as it is", "make data", _tested(REPOSITORY)),
        Item("Data identified by sha256", "make data",
             _of_runs("sample: the files that the runs name", _data_is_the_runs)),
        Item("Training and test sentences are disjoint", "make data",
             _tested("test_sample_data.py")),
        Item("What was fetched is taken again without a network", "make dry-run",
             _tested("test_downloads.py")),
    ),
    "Experiments": (
        Item("Every hyperparameter recorded", "make runs", _of_runs(
             "every hyperparameter in the manifest", lambda run: run.manifest["hyperparameters"])),
        Item("Seeds recorded and deciding", "make reproduce SEEDS=5",
             _of_runs("a seed, recorded and deciding (REPRO)", _seed_decides)),
        Item("Several runs, with their spread", "make report", _several),
        Item("Weights chosen without the test sentences", "make report", _of_runs(
             "the epoch kept: the best on validation sentences, not on test",
             _chosen_by_validation)),
        Item("Evaluation on held-out data, by a command of its own", "make evaluate",
             _of_runs("scored on data/sample/test_ids.txt and nothing else", _held_out)),
        Item("Compared with simple models on the same split", "make evaluate", _of_runs(
             "compared with two linear models", lambda run: len(run.evaluation["yardsticks"]) > 1)),
        Item("Hardware and durations", "make report",
             _of_runs("processor, cores, system, seconds of each step", _hardware)),
        Item("Cost", "make report", _of_runs("cost in USD", lambda run: run.manifest["cost"])),
        Item("Every published model trained again, on the published corpus",
             "make report DATASET=knbc", _on_the_corpus),
        Item("Spread over several splits, too", "make reproduce DATASET=knbc SPLITS=5",
             _several_splits),
        Item("Measured on AWS itself", "make parity A=host B=cloud", _on_aws),
    ),
    "Artifacts": (
        Item("Software versions, as locked at this commit", "make report",
             _of_runs("versions, and the locks of this commit", _versions)),
        Item("A manifest for each run: what went in, what came out", "make runs", _of_runs(
             "inputs and outputs by sha256, the scored model among them", _by_sha256)),
        Item("Trained models to download", "make reproduce", _trained_weights),
        Item("Archives are the same byte for byte", "make reproduce-check",
             _tested("test_archives.py")),
    ),
}  # fmt: skip


def render() -> str:
    """The file's text: looks everything up."""
    parts = [f"## {name}\n\n" + "\n".join(_table(items)) + "\n" for name, items in LISTS.items()]
    return "\n".join([TITLE, *parts])


def _table(items: Sequence[Item]) -> list[str]:
    rows = ["| | asked | found | command |", "| --- | --- | --- | --- |"]
    for item in items:
        holds, found = item.find()
        state = "yes" if holds else "**no**"
        rows.append(f"| {state} | {item.asked} | {found} | `{item.command}` |")
    return rows


def write() -> None:
    """Writes results/CHECKLIST.md and says what does not hold."""
    text, path = render(), paths.RESULTS / FILE
    path.write_text(text, encoding="utf-8")
    failing = [line for line in text.splitlines() if line.startswith("| **no**")]
    for line in failing:
        console.say(line)
    total = sum(map(len, LISTS.values()))
    console.say(f"{paths.relative(path)}: {total - len(failing)} of {total} hold")
