"""`make checklist`: results/CHECKLIST.md, what holds of the reproducibility check-lists.

A line that holds names the test which fails where it does not; what may or may not be there yet is
looked up in the committed files, so that every clone finds the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from train2deploy import console, paths
from train2deploy.hashing import sha256_file
from train2deploy.report import matrix, recorded, reference
from train2deploy.runs import registry

FILE = "CHECKLIST.md"
TITLE = """# Check-list

What can be tested of the machine learning reproducibility check-list and of the code completeness
check-list, and what does not hold here, with the reason. `make checklist` writes this file: a
state is what the files of the committed runs say, or what the test that is named proves; a test
fails when the file is stale. The command is how a reader proves the same, or makes it so.
"""

Finding = tuple[bool, str]  # whether it holds, and what was found


@dataclass(frozen=True)
class Item:
    """One line: what is asked, the command that proves it, and what finds its state."""

    asked: str
    command: str
    find: Callable[[], Finding]


def _tested(place: str, what: str = "") -> Callable[[], Finding]:
    named = f"`tests/unit/host/{place}`"
    return lambda: (True, f"{what}: {named}" if what else named)


def _of_runs(what: str) -> Callable[[], Finding]:
    """What a test proves of every run of the sample's reference."""
    return _tested("test_committed_runs.py", what)


def _on_the_corpus() -> Finding:
    """Every published model still available was run on the KNB corpus; the others are counted."""
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


def _versions() -> Finding:
    locks = {name: sha256_file(paths.REQUIREMENTS / name) for name in ("train.lock", "serve.lock")}
    runs = registry.load(folder=reference.folder() / paths.RUNS.name)
    others = [run.id for run in runs if run.manifest["inputs"]["locks"] != locks]
    if others or not runs:
        return False, f"not so: {', '.join(others) or 'there are no runs'}"
    return True, "versions, and the locks of this commit: all runs in results/sample"


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
             _of_runs("the files that the runs name")),
        Item("Training and test sentences are disjoint", "make data",
             _tested("test_sample_data.py")),
        Item("What was fetched is taken again without a network", "make dry-run",
             _tested("test_downloads.py")),
    ),
    "Experiments": (
        Item("Every hyperparameter recorded", "make runs",
             _of_runs("every hyperparameter in the manifest")),
        Item("Seeds recorded and deciding", "make reproduce SEEDS=5",
             _of_runs("a seed, recorded and deciding (REPRO)")),
        Item("Several runs, with their spread", "make report", _of_runs(
             "5 seeds of each version, mean ± standard deviation, minimum, maximum")),
        Item("Weights chosen without the test sentences", "make report",
             _of_runs("the epoch kept: the best on validation sentences, not on test")),
        Item("Evaluation on held-out data, by a command of its own", "make evaluate",
             _of_runs("scored on data/sample/test_ids.txt and nothing else")),
        Item("Compared with simple models on the same split", "make evaluate",
             _of_runs("compared with two linear models")),
        Item("Hardware and durations", "make report",
             _of_runs("processor, cores, system, seconds of each step")),
        Item("Cost", "make report", _of_runs("cost in USD")),
        Item("Every published model trained again, on the published corpus",
             "make report DATASET=knbc", _on_the_corpus),
        Item("Spread over several splits, too", "make reproduce DATASET=knbc SPLITS=5",
             _several_splits),
        Item("Measured on AWS itself", "make parity A=host B=cloud", _on_aws),
    ),
    "Artifacts": (
        Item("Software versions, as locked at this commit", "make report", _versions),
        Item("A manifest for each run: what went in, what came out", "make runs",
             _of_runs("inputs and outputs by sha256, the scored model among them")),
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
