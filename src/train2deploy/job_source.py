"""The source directory of a training job: a version's script and the modules that it imports.

Nothing else is in it: a change to one version leaves the runs of the others as they are.
"""

import ast
import shutil
from pathlib import Path

from train2deploy import paths, versions


def program(version: str) -> str:
    """The script's name in the source directory, where all files lie side by side."""
    return Path(versions.SCRIPTS[version]).name


def stage(version: str, target: Path) -> None:
    """Makes the new directory `target` the source directory of a job."""
    target.mkdir(parents=True)
    for path in modules(version):
        shutil.copyfile(path, target / path.name)


def modules(version: str) -> list[Path]:
    """The script, then the modules of ours that it imports, and those that they import."""
    script = paths.TRAIN_SOURCE / versions.SCRIPTS[version]
    found = [script]
    for path in found:
        for name in _imported(path):
            for folder in (script.parent, paths.TRAIN_SOURCE, paths.ENCODING.parent):
                module = folder / f"{name}.py"
                if module.is_file() and module not in found:
                    found.append(module)
                    break
    return found


def _imported(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return names
