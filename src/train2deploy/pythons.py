"""Where the containers' CPythons are: 3.6 for TensorFlow 1.x, 3.12 for those of today.

    python -m train2deploy.pythons 3.6|3.12 [path]

prints its path, or one line with the way to get one here. Standard library alone: this
runs before any environment is made.
"""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from train2deploy import exits, machine, paths
from train2deploy.errors import EXIT_ENVIRONMENT, MissingRequirement

ARTICLES, TODAYS = "3.6", "3.12"
VARIABLES = {ARTICLES: "PYTHON36", TODAYS: "PYTHON312"}
PLACES = {
    ARTICLES: ["~/.pyenv/versions/3.6.*/bin/python3.6"],
    TODAYS: [
        "~/.pyenv/versions/3.12.*/bin/python3.12",
        "~/.local/share/uv/python/cpython-3.12.*/bin/python3.12",
    ],
}
MISSING = "Expected a CPython {version} ({reason}) as {variable}=<path>, {places}, found none."
REASONS = {
    ARTICLES: "TensorFlow 1.12 has wheels for no later one",
    TODAYS: "that of today's containers",
}
ELSEWHERE = (
    "TensorFlow 1.12 runs on Linux on x86-64 alone, so a CPython 3.6 for {system} on {machine} is"
    " of no use."
)
CONTAINERS = "RUNTIME=docker make … runs everything in containers; a Docker engine answers here."
OTHERWISE = "STACK=today does without it, and {}"
X86 = ("x86_64", "AMD64")


def is_of_use() -> bool:
    """Whether TensorFlow 1.12 could run in a CPython 3.6 here."""
    return sys.platform == "linux" and platform.machine() in X86


def advice(version: str = ARTICLES, containers: bool = True) -> str:
    """The way on from here without that CPython, in one line.

    Args:
        containers: whether the images of 2019 can be built, as far as is known.
    """
    places = " or ".join([f"python{version} on PATH", *PLACES[version]])
    missing = MISSING.format(
        version=version, reason=REASONS[version], variable=VARIABLES[version], places=places
    )
    if version == TODAYS:
        return f"{missing} This gets one: {machine.get_python312()}"
    processor = platform.machine()
    answers = containers and machine.engine_answers()
    todays = find(os.environ.get(VARIABLES[TODAYS], ""), TODAYS)
    needs = f"needs a CPython 3.12: {machine.get_python312()}"
    otherwise = OTHERWISE.format(f"has the CPython 3.12 {todays}." if todays else needs)
    if is_of_use():
        this = CONTAINERS if answers else f"This gets one: {machine.get_python36()}. {otherwise}"
        return f"{missing} {this}"
    then = otherwise
    if containers and processor in X86:
        then = CONTAINERS if answers else f"{otherwise} In containers: {machine.get_docker()}"
    return f"{ELSEWHERE.format(system=platform.system(), machine=processor)} {then}"


def find(named: str = "", version: str = ARTICLES) -> Path | None:
    """The first that is there and is of that version.

    `named`, else the one on PATH, this very Python, the newest of pyenv's and of uv's.
    """
    on_path = shutil.which(f"python{version}")
    found = [*([on_path] if on_path else []), sys.executable]
    for place in PLACES[version]:
        pattern = Path(place).expanduser()
        anchor = Path(pattern.anchor)
        there = anchor.glob(str(pattern.relative_to(anchor)))
        found += map(str, sorted(there, key=_numbers, reverse=True))
    return next((Path(path) for path in ([named] if named else found) if _is(path, version)), None)


def _numbers(path: Path) -> list[int]:
    release = path.parents[1].name.removeprefix("cpython-").partition("-")[0]
    return [int(part) for part in release.split(".") if part.isdigit()]


def _is(path: str, version: str) -> bool:
    # A pyenv shim on PATH exists for versions that are not active, and then fails.
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run(
            [path, "-c", code], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.strip() == version


def check(named: str, version: str, environment: str) -> None:
    """Raises MissingRequirement where an environment is not there, and its CPython neither."""
    if not ((paths.STAMPS / environment).exists() or find(named, version)):
        raise MissingRequirement(explained(named, version))


def explained(named: str, version: str) -> str:
    """What is said where there is none."""
    wrong = f"{VARIABLES[version]}={named} is not a Python {version}.\n" if named else ""
    return wrong + advice(version)


def main() -> int:
    """Prints the path, or what to do."""
    version, *given = sys.argv[1:]
    named = given[0] if given else os.environ.get(VARIABLES[version], "")
    found = find(named, version)
    if found is None:
        print(explained(named, version), file=sys.stderr)
        return EXIT_ENVIRONMENT
    print(found)
    return 0


if __name__ == "__main__":
    sys.exit(exits.run(main))
