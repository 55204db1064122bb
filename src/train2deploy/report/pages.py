"""`make report`: writes the files of a report."""

import json
from pathlib import Path

from train2deploy import console, datasets, paths, stack
from train2deploy.report import content, labels, render, wording
from train2deploy.texts import load

JSON = "report.json"


def report(dataset: str, language: str, runs: Path | None = None) -> Path:
    """Writes build/reports/<dataset>/ in every language; prints the three lines in one.

    Args:
        dataset: sample, knbc, or a directory, as DATASET= names it.
        runs: None: build/runs.

    Returns:
        The page in `language`.
    """
    t = load(language)
    name = datasets.name_of(dataset)
    folder = paths.REPORTS / name
    files = make(name, runs or paths.RUNS, paths.BUILD, folder)
    write(files, folder)
    built = json.loads(files[JSON])
    for line in wording.summary(built, t):
        console.say(line)
    page = folder / f"report{render.suffix(language)}.html"
    console.say(f"{paths.relative(page)}, and the same as .md and {JSON}")
    return page


@stack.under(stack.ARTICLES, stack.VARIABLE)
def make(dataset: str, runs: Path, source: Path, folder: Path) -> dict[str, str]:
    """Every file of a report in `folder`, by relative name; nothing is written.

    What versions declare is that of 2019's, whatever the stack: today's has no published models.
    """
    built = content.build(dataset, runs, source, folder)
    text = json.dumps(built, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    # The pages are made of what report.json holds, not of more.
    built = labels.readable(json.loads(text))
    return {JSON: text, **render.files(built)}


def write(files: dict[str, str], folder: Path) -> None:
    """Writes files by name; of an earlier report nothing else is left in plots/."""
    (folder / "plots").mkdir(parents=True, exist_ok=True)
    for old in (folder / "plots").glob("*.svg"):
        if f"plots/{old.name}" not in files:
            old.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
