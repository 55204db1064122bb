"""The source directory of a training job: a version's script and what travels with it.

Of a script of ours, the modules that it imports: a change to one version leaves the runs of the
others as they are. Of a script in a folder of its own, the whole folder, as SageMaker's
source_dir, and the modules of ours that it imports.
"""

import ast
import shutil
from collections.abc import Sequence
from pathlib import Path

from train2deploy import archives, declaration, modules_beside, paths, stack, versions
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file

REQUIREMENTS, SETUP = "requirements.txt", "setup.py"
MOST_BYTES = 100_000_000
"""Of a folder: more is a data set, or a folder that is not the script's own."""


def program(version: str) -> str:
    """The script's name in the source directory."""
    return versions.find(version).script.name


def stage(version: str, target: Path) -> None:
    """Makes the new directory `target` the source directory of a job."""
    check(version)
    target.mkdir(parents=True)
    for name, path in files(version).items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / name)


def stage_modules_beside(target: Path) -> None:
    """Lays the third-party modules beside the script; what lies there already stays."""
    for name, path in modules_beside.files().items():
        if not (target / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / name)


def pack(version: str, archive: Path) -> str:
    """Packs the source directory, the SDK's sourcedir.tar.gz: third-party modules included, or
    named for today's toolkit to install.

    Returns:
        Its sha256, the same for the same sources and lock.
    """
    check(version)
    found = files(version)
    if stack.is_todays():
        found[REQUIREMENTS] = paths.TODAYS_SOURCE / REQUIREMENTS
    else:
        found = {**modules_beside.files(), **found}
    archives.pack(found.items(), archive)
    return sha256_file(archive)


def check(version: str) -> None:
    """Raises UserError where SageMaker would not install what the script's folder asks for."""
    found = versions.find(version)
    if not found.is_folder:
        return
    requirements, setup = (found.script.with_name(name) for name in (REQUIREMENTS, SETUP))
    environment = f".venvs/{stack.environment('train')}"
    container = f"the TensorFlow {'2.21' if stack.is_todays() else '1.12'} container"
    must_stay = f"here into {environment}, which must stay what its lock says."
    advice = (
        "Lay what the script imports beside it:"
        f" {environment}/bin/pip install --no-deps --target {paths.relative(found.script.parent)} …"
    )
    if setup.is_file():
        raise UserError(
            f"{paths.relative(setup)}: {container} would install this folder and its"
            f" {REQUIREMENTS}, {must_stay} {advice}"
        )
    if requirements.is_file() and _asks_for_something(requirements):
        if stack.is_todays():
            raise UserError(
                f"{paths.relative(requirements)}: {container} would install it, {must_stay}"
                f" {advice}, and remove it."
            )
        raise UserError(
            f"{paths.relative(requirements)}: {container} does not install it for a"
            f" plain script (docs/contract.md#b2). {advice}, and remove it."
        )


def _asks_for_something(requirements: Path) -> bool:
    lines = requirements.read_text(encoding="utf-8", errors="replace").splitlines()
    return any(line.partition("#")[0].strip() for line in lines)


def files(version: str) -> dict[str, Path]:
    """What is in the source directory, by name: the script first."""
    found = versions.find(version)
    own = _folder(found.script.parent) if found.is_folder else {}
    neighbours = [path for path in own.values() if path.suffix == ".py" and path != found.script]
    imported = modules(found.script, neighbours)
    ours = {path.name: path for path in imported if path not in neighbours}
    return {**ours, **own}


def _folder(folder: Path) -> dict[str, Path]:
    """All of a folder but what is hidden or compiled."""
    if folder in (paths.ROOT.resolve(), Path.home()) or (folder / ".git").exists():
        raise UserError(
            f"SCRIPT: all of its folder, {folder}, would be sent along. Move it to one of its own."
        )
    found, size = {}, 0
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") or part == "__pycache__" for part in parts):
            continue
        if path.is_file() and path.suffix != ".pyc":
            found["/".join(parts)] = path
            size += path.stat().st_size
        if size > MOST_BYTES:
            raise UserError(
                f"{paths.relative(folder)}: all of it would be sent along with the script, and it"
                f" has more than {MOST_BYTES // 1_000_000} MB. Move the script to a folder of its"
                " own."
            )
    return found


def modules(script: Path, neighbours: Sequence[Path] = ()) -> list[Path]:
    """The script and its neighbours, then the modules that they import, and those import."""
    found = [script, *neighbours]
    for path in found:
        for name in _imported(path, path == script):
            for folder in (script.parent, paths.TRAIN_SOURCE, paths.ENCODING.parent):
                module = folder / f"{name}.py"
                if module.is_file() or (folder / name / "__init__.py").is_file():
                    if module.is_file() and module not in found:
                        found.append(module)
                    break
    return found


def _imported(path: Path, is_script: bool) -> list[str]:
    try:
        tree = declaration.parse(path)
    except UserError:
        if is_script or path.parent in (paths.TRAIN_SOURCE, paths.ENCODING.parent):
            raise
        return []  # a neighbour that is not for this Python: maybe nobody imports it
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return names
