"""Where CPython 3.6 is, the only version that TensorFlow 1.12 has wheels for.

    python -m train2deploy.python36 [PYTHON36]

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

PYENV = "~/.pyenv/versions/3.6.*/bin/python3.6"

MISSING = (
    f"Expected a CPython 3.6 (TensorFlow 1.12 has wheels for no later one) as PYTHON36=<path>,"
    f" python3.6 on PATH or {PYENV}, found none."
)
ELSEWHERE = (
    "TensorFlow 1.12 runs on Linux on x86-64 alone, so a CPython 3.6 for {system} on {machine} is"
    " of no use."
)
CONTAINERS = "RUNTIME=docker make … runs everything in containers; a Docker engine answers here."
ANOTHER_MACHINE = "Use an x86-64 Linux machine: emulated x86-64 lacks the AVX that it needs."


X86 = ("x86_64", "AMD64")


def is_of_use() -> bool:
    """Whether TensorFlow 1.12 could run in one here."""
    return sys.platform == "linux" and platform.machine() in X86


def advice() -> str:
    """The way on from here without a CPython 3.6, in one line."""
    processor = platform.machine()
    answers = machine.engine_answers()
    if is_of_use():
        return f"{MISSING} {CONTAINERS if answers else f'This gets one: {machine.get_python36()}'}"
    then = ANOTHER_MACHINE
    if processor in X86:
        then = CONTAINERS if answers else f"Run it in containers: {machine.get_docker()}"
    return f"{ELSEWHERE.format(system=platform.system(), machine=processor)} {then}"


def find(named: str = "") -> Path | None:
    """The first that is there and is 3.6: `named`, python3.6 on PATH, pyenv's newest 3.6."""
    pattern = Path(PYENV).expanduser()
    anchor = Path(pattern.anchor)
    from_pyenv = sorted(anchor.glob(str(pattern.relative_to(anchor))), key=_numbers, reverse=True)
    on_path = shutil.which("python3.6")
    candidates = [named] if named else [*([on_path] if on_path else []), *map(str, from_pyenv)]
    return next((Path(path) for path in candidates if _is_36(path)), None)


def _numbers(path: Path) -> list[int]:
    return [int(part) for part in path.parents[1].name.split(".") if part.isdigit()]


def _is_36(path: str) -> bool:
    # A pyenv shim on PATH exists for versions that are not active, and then fails.
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run(
            [path, "-c", code], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.strip() == "3.6"


def check(named: str) -> None:
    """Raises MissingRequirement where there are no environments of 3.6, and can be none."""
    if not ((paths.STAMPS / "train").exists() or find(named)):
        raise MissingRequirement(explained(named))


def explained(named: str) -> str:
    """What is said where there is none."""
    return (f"PYTHON36={named} is not a Python 3.6.\n" if named else "") + advice()


def main() -> int:
    """Prints the path, or what to do."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PYTHON36", "")
    found = find(wanted)
    if found is None:
        print(explained(wanted), file=sys.stderr)
        return EXIT_ENVIRONMENT
    print(found)
    return 0


if __name__ == "__main__":
    sys.exit(exits.run(main))
