"""The packages that are measured: build/model.tar.gz, and the one that AGAINST names."""

import json
from collections.abc import Sequence
from pathlib import Path

from train2deploy import endpoint, stack
from train2deploy.bench import subjects, workload
from train2deploy.datasets import sample
from train2deploy.errors import UserError

CANDIDATES = 600  # sentences of the shipped sample that are tried for distinct answers

CODE = ("encoding.py", "inference.py", "labels.json", "vocabulary.json")
"""What code/ of this project's packages holds at least."""


def opened(given: Path) -> Path:
    """The model directory of a packed archive, or `given` if it is such a directory.

    Raises:
        UserError: there is none, or it was not packed by this project.
    """
    if not given.exists():
        raise UserError(
            f"AGAINST={given}: expected a model.tar.gz or a model directory, found none."
            " Give one that `make package` made."
        )
    directory = given if given.is_dir() else endpoint.unpacked_model(given)
    missing = [f"code/{name}" for name in CODE if not (directory / "code" / name).is_file()]
    if not list(directory.glob("*/saved_model.pb")):
        missing.insert(0, "<number>/saved_model.pb")
    if missing:
        raise UserError(
            f"AGAINST={given}: expected a package of this project, found no {missing[0]}."
            " Give a model.tar.gz that `make package` made."
        )
    return directory.resolve()


def ask_sentences(
    session: subjects.Tool, model_dirs: list[Path], contracts: Sequence[str] = ()
) -> tuple[dict[str, str], list[workload.Sentences]]:
    """Sentences of the shipped sample that every model tells apart, with each one's answers.

    Args:
        session: runs the first model; the others are run by one that ends here.
        contracts: HOSTING_CONTRACT of each of the others, which says in which Python.

    Returns:
        (versions in the serving environment, the same sentences for each model)
    """
    texts = [row.text for row in sample.load().rows][:CANDIDATES]
    answers = [session.ask(sentences=texts)]
    for model_dir, contract in zip(model_dirs[1:], contracts, strict=True):
        with stack.under(contract), subjects.Tool("bench.raw_session", str(model_dir)) as other:
            answers.append(other.ask(sentences=texts))
    chosen = workload.distinct(answers)
    versions = {name: str(answers[0][name]) for name in ("python", "tensorflow", "numpy")}
    return versions, [
        workload.pick(texts, answer, _labels(model_dir), chosen)
        for answer, model_dir in zip(answers, model_dirs, strict=True)
    ]


def _labels(model_dir: Path) -> list[str]:
    labels: list[str] = json.loads((model_dir / "code" / "labels.json").read_text("utf-8"))
    return labels
