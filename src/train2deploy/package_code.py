"""The code/ of a package: the user's own, the model's own, or ours; and the packages it imports."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from train2deploy import disk, manifest, package_lint, partial, paths, processes, pythons, stack
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file, sha256_value
from train2deploy.model_path import Files, Found, below

ENCODING_FILES = ("labels.json", "vocabulary.json", "tokenizer.model")
SPECIFICATION = "encoding.json"
FURTHER_FILES = (SPECIFICATION, "encoder.model")  # only of a model that reads more than tokens
REQUIREMENTS = "requirements.txt"
OURS = "our inference.py"
INCLUDED = "include.txt"
"""A script's list of what it leaves for inference.py: a name a line, in SM_OUTPUT_DATA_DIR."""

CONTAINERS = {
    stack.ARTICLES: ("36", "cp36m", ("manylinux1_x86_64",)),
    stack.TODAYS: ("312", "cp312", ("manylinux2014_x86_64", "manylinux_2_28_x86_64")),
}
"""The serving containers, of Ubuntu 18.04 and of Amazon Linux 2023: CPython, ABI, and the platforms
whose wheels they take."""


@dataclass(frozen=True)
class Asked:
    """What the user asks of a package's code."""

    # a folder with inference.py; None takes the model's own, else ours where it fits
    code: Path | None = None
    # files of the job's output that go along; None takes what its include.txt names
    include: Sequence[str] | None = None
    # "lib" vendors the packages (nothing is installed when the endpoint starts),
    # "requirements" lets the container install them; never both, as the container ignores
    # requirements.txt beside lib/. "": lib for our code (where this machine cannot run what
    # today's container does: requirements), own code as it is.
    dependencies: str = ""


NOTHING_ASKED = Asked()


def ours_sha256() -> str:
    """Of our own code, as it becomes code/ in a package."""
    names = [*sorted(paths.PREDICT_CODE.glob("*.py")), _our_requirements()]
    return sha256_value({path.name: sha256_file(path) for path in [*names, paths.ENCODING]})


def files(found: Found, asked: Asked) -> tuple[Files, str]:
    """The files of code/, and in a few words where they are from."""
    theirs = {name: path for name, path in found.files.items() if name.startswith("code/")}
    if asked.code:
        chosen, origin = _of_folder(asked.code), f"inference.py of {asked.code}"
    elif "code/inference.py" in theirs:
        chosen, origin = theirs, "the model's own inference.py"
    elif all(name in found.output for name in ENCODING_FILES):
        return _ours(found, asked), OURS
    elif asked.include:
        raise UserError(
            f"INCLUDE={' '.join(asked.include)}: expected CODE=<folder with inference.py>, which"
            " would read these."
        )
    else:
        return theirs, "no inference.py, the model server's own JSON and CSV"
    package_lint.check_handler(chosen["code/inference.py"])
    return _vendored({**chosen, **_included(found, asked)}, asked.dependencies), origin


def _of_folder(folder: Path) -> Files:
    if not (folder / "inference.py").is_file():
        found = "a file" if folder.is_file() else "none" if folder.is_dir() else "nothing"
        raise UserError(f"CODE={folder}: expected a folder with inference.py, found {found}.")
    return below(folder, "code/")


def _ours(found: Found, asked: Asked) -> Files:
    sources = [*sorted(paths.PREDICT_CODE.glob("*.py")), paths.ENCODING]
    chosen = {f"code/{source.name}": source for source in sources}
    names = [*ENCODING_FILES, *(name for name in FURTHER_FILES if name in found.output)]
    chosen |= {f"code/{name}": found.output[name] for name in names}
    chosen |= _included(found, asked)
    requirements = _our_requirements()
    if asked.dependencies == "requirements" or not (asked.dependencies or _serves_wheels()):
        return {**chosen, f"code/{REQUIREMENTS}": requirements}
    return {**chosen, **below(vendored(), "code/lib/")}


def _our_requirements() -> Path:
    return (paths.PREDICT_TODAY if stack.is_todays() else paths.PREDICT_CODE) / REQUIREMENTS


def _serves_wheels() -> bool:
    """Whether this machine can serve what the container's wheels hold; of 2019 no other can."""
    return pythons.is_of_use() or not stack.is_todays()


def _included(found: Found, asked: Asked) -> Files:
    """What of the job's output goes along."""
    names, where = asked.include, "INCLUDE"
    if names is None and INCLUDED in found.output:
        lines = found.output[INCLUDED].read_text(encoding="utf-8-sig", errors="replace")
        names, where = [line.strip() for line in lines.splitlines() if line.strip()], INCLUDED
    chosen: Files = {}
    for name in names or ():
        folder = name.rstrip("/") + "/"
        taken = [one for one in found.output if one == name or one.startswith(folder)]
        if not taken:
            there = ", ".join(sorted(found.output)) or "nothing"
            raise UserError(
                f"{where}: expected {name} in what the script left in SM_OUTPUT_DATA_DIR, found"
                f" {there}."
            )
        chosen |= {f"code/{one}": found.output[one] for one in taken}
    return chosen


def _vendored(chosen: Files, dependencies: str) -> Files:
    """Own code with what its requirements.txt names in lib/, if that is asked for."""
    requirements = chosen.get(f"code/{REQUIREMENTS}")
    if dependencies != "lib" or not requirements:
        return chosen
    rest = {name: path for name, path in chosen.items() if path != requirements}
    return {**below(vendored(requirements), "code/lib/"), **rest}


def _container() -> list[str]:
    """What tells pip for which Python and system."""
    version, abi, platforms = CONTAINERS[stack.chosen()]
    words = ["--python-version", version, "--implementation", "cp", "--abi", abi]
    words += [word for each in platforms for word in ("--platform", each)]
    return [*words, "--only-binary", ":all:"]


def vendored(requirements: Path | None = None) -> Path:
    """The packages of a requirements.txt (ours) as the serving container needs them.

    Wheels for the container's Python, whatever Python and system runs this.
    """
    ours = _our_requirements()
    requirements = requirements or ours
    record = paths.BUILD / "code-lib.manifest.json"
    inputs = {"requirements_sha256": sha256_file(requirements), **stack.recorded()}
    if manifest.is_current(record, inputs) and paths.CODE_LIB.is_dir():
        return paths.CODE_LIB
    with partial.directory(paths.CODE_LIB) as fresh:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--no-compile", *_container(), "--target", str(fresh), "-r", str(requirements)]
        if requirements == ours:
            command += ["--no-deps", "--require-hashes"]
        done = processes.captured(command, processes.pip_environment())
        if done.returncode != 0:
            disk.check_output(done.stderr, fresh)
            raise UserError(
                f"{paths.relative(requirements)}: the packages for the endpoint could not be"
                f" fetched:\n{done.stderr.strip()}\nCheck the network, or use DEPS=requirements."
            )
        # Metadata that says how, not what, was installed differs between machines.
        for path in fresh.rglob("*"):
            if path.name in {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}:
                path.unlink()
    manifest.write(record, inputs, {})
    return paths.CODE_LIB
