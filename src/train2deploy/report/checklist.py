"""`make checklist`: results/CHECKLIST.md, each state found by a check, never typed."""

from collections.abc import Sequence
from dataclasses import dataclass

from train2deploy import console, paths
from train2deploy.report import checks

FILE = "CHECKLIST.md"

TITLE = """# Check-list

What can be tested of the machine learning reproducibility check-list and of the code completeness
check-list, and what does not hold here, with the reason. `make checklist` writes this file: every
state is what a check in `src/train2deploy/report/checks.py` found in this repository, and a test
fails when the file is stale. The command is how a reader proves the same, or makes it so.
"""


@dataclass(frozen=True)
class Item:
    """One line: what is asked, the command that proves it, and the check."""

    asked: str
    command: str
    check: checks.Check


CODE = (
    Item("Dependencies pinned, with hashes", "make setup", checks.pins),
    Item("Base images by digest", "make images", checks.images),
    Item("A command for training, one for evaluation, one for all", "make help", checks.commands),
    Item("Results table in the README, as the files give it", "make reference DATASET=knbc KEEP=1",
         checks.results_table),
    Item("Licence of code and data", "make checklist", checks.licence),
    Item("How to cite", "make checklist", checks.citation),
)  # fmt: skip

DATA = (
    Item("The data is described as it is", "make data", checks.sample_counts),
    Item("Data identified by sha256", "make data", checks.data_hashes),
    Item("Training and test sentences are disjoint", "make data", checks.disjoint),
    Item("What was fetched is taken again without a network", "make dry-run", checks.offline),
)

EXPERIMENT = (
    Item("Every hyperparameter recorded", "make runs", checks.hyperparameters),
    Item("Seeds recorded and deciding", "make reproduce SEEDS=5", checks.seeds),
    Item("Several runs, with their spread", "make report", checks.several),
    Item("Weights chosen without the test sentences", "make report", checks.chosen_by_validation),
    Item("Evaluation on held-out data, by a command of its own", "make evaluate", checks.held_out),
    Item("Compared with simple models on the same split", "make evaluate", checks.yardsticks),
    Item("Hardware and durations", "make report", checks.hardware),
    Item("Cost", "make report", checks.cost),
    Item("Every published model trained again, on the published corpus",
         "make report DATASET=knbc", checks.on_the_published_corpus),
    Item("Spread over several splits, too", "make reproduce DATASET=knbc SPLITS=5",
         checks.several_splits),
    Item("Measured on AWS itself", "make parity A=host B=cloud", checks.on_aws),
)  # fmt: skip

ARTIFACTS = (
    Item("Software versions, as locked at this commit", "make report", checks.versions),
    Item("A manifest for each run: what went in, what came out", "make runs", checks.manifests),
    Item("Trained models to download", "make reproduce", checks.trained_weights),
    Item("Archives are the same byte for byte", "make reproduce-check", checks.byte_identical),
)

LISTS = {"Code": CODE, "Data": DATA, "Experiments": EXPERIMENT, "Artifacts": ARTIFACTS}


def render() -> str:
    """The file's text: runs every check."""
    parts = [TITLE]
    for name, items in LISTS.items():
        parts.append(f"## {name}\n\n" + "\n".join(_table(items)) + "\n")
    return "\n".join(parts)


def _table(items: Sequence[Item]) -> list[str]:
    rows = ["| | asked | found | command |", "| --- | --- | --- | --- |"]
    for item in items:
        holds, found = item.check()
        rows.append(
            f"| {'yes' if holds else '**no**'} | {item.asked} | {found} | `{item.command}` |"
        )
    return rows


def write() -> None:
    """Writes results/CHECKLIST.md and says what does not hold."""
    text = render()
    path = paths.RESULTS / FILE
    path.write_text(text, encoding="utf-8")
    failing = [line for line in text.splitlines() if line.startswith("| **no**")]
    for line in failing:
        console.say(line)
    total = sum(map(len, LISTS.values()))
    console.say(f"{paths.relative(path)}: {total - len(failing)} of {total} hold")
