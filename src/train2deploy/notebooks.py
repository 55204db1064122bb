"""The article as a notebook: notebooks/article.<language>.ipynb, both of notebooks/article.py.

    python -m train2deploy.notebooks [folder]

runs the code once and writes both notebooks with its outputs (`make notebooks`). An emulator that
this starts ends with it. The source is a script in jupytext's percent format, so that it is linted
and reads well in a diff: a text cell says which language it is in (`lang="ja"`), a code cell is in
both.
"""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbclient
import nbformat

from train2deploy import console, manifest, next_step, paths, processes
from train2deploy.make import ending

LANGUAGES = ("ja", "en")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


WRAPPED = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef])\n *(?![-*>#|\n ]|\d+\. |$)")
"""The end of a line within a paragraph, after a Japanese character: it would show as a blank."""


def source(language: str) -> Any:
    """The notebook of a language, without outputs."""
    cells: list[Any] = []
    for cell in jupytext.read(paths.NOTEBOOK_SOURCE).cells:
        if cell.metadata.pop("lang", language) == language and cell.cell_type != "raw":
            cell.metadata = nbformat.from_dict({})
            if cell.cell_type == "markdown":
                cell.source = WRAPPED.sub("", cell.source)
            cell.id = f"cell-{len(cells) + 1}"
            cells.append(cell)
    return nbformat.v4.new_notebook(cells=cells, metadata=METADATA)


def run(notebook: Any) -> Any:
    """The notebook with the outputs of a run from its first cell to its last.

    Raises:
        CellExecutionError: a cell raised; with its code and traceback.
    """
    # What the shell says of a display or of AWS is not the notebook's.
    for name in [name for name in os.environ if name.startswith(("AWS_", "MPL"))]:
        del os.environ[name]
    resources = {"metadata": {"path": str(paths.NOTEBOOK_SOURCE.parent)}}
    nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=None, record_timing=False,
        coalesce_streams=True, resources=resources,
    ).execute()  # fmt: skip
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook


def with_outputs(notebook: Any, ran: Any) -> Any:
    """The notebook with the outputs of one in another language: the code is the same."""
    for cell, other in zip(
        (cell for cell in notebook.cells if cell.cell_type == "code"),
        (cell for cell in ran.cells if cell.cell_type == "code"),
        strict=True,
    ):
        cell.execution_count, cell.outputs = other.execution_count, other.outputs
    return notebook


@contextlib.contextmanager
def emulator_as_it_was() -> Iterator[None]:
    """Ends an emulator that the notebook starts; one that runs already stays."""
    state = manifest.read(paths.EMULATOR_STATE)
    ran_before = state is not None and processes.is_running(state["pid"], "emulator")
    try:
        yield
    finally:
        if not ran_before:
            processes.captured([sys.executable, "-m", "emulator", "--stop"], cwd=paths.ROOT)


def main(folder: Path) -> None:
    with emulator_as_it_was():
        ran = run(source(LANGUAGES[0]))
    for language in LANGUAGES:
        path = folder / f"article.{language}.ipynb"
        nbformat.write(with_outputs(source(language), ran), path)
        console.say(f"{paths.relative(path)}: written, with the outputs of a run")


if __name__ == "__main__":
    target = ending.taken()
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else paths.NOTEBOOK_SOURCE.parent)
    next_step.said(target, 0)
