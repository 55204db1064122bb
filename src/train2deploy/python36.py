"""Where CPython 3.6 is, the only version that TensorFlow 1.12 has wheels for.

    python -m train2deploy.python36 [PYTHON36]

prints its path, or one message with the ways to get one. Standard library alone: this
runs before any environment is made.
"""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from train2deploy import exits, paths
from train2deploy.errors import EXIT_ENVIRONMENT, MissingRequirement

PYENV = "~/.pyenv/versions/3.6.*/bin/python3.6"

MESSAGE = f"""\
Expected a CPython 3.6 (TensorFlow 1.12 has wheels for no later one), found none.
Looked for: PYTHON36=<path>, python3.6 on PATH, {PYENV}.
Any one of these commands gives one, and make then finds it:
  pyenv     pyenv install 3.6.15
  no pyenv  curl -fsSL https://pyenv.run | bash && ~/.pyenv/bin/pyenv install 3.6.15
  conda     conda create --yes --prefix ~/.pyenv/versions/3.6.15 -c conda-forge python=3.6.15
Without one: RUNTIME=docker make ... (containers bring their own; needs a Docker engine).
Debian, Ubuntu and uv no longer have a CPython 3.6."""

ELSEWHERE = """\
TensorFlow 1.12 runs on Linux on x86-64 alone, so a CPython 3.6 for {system} on {machine} is of
no use. {advice}"""
CONTAINERS = "With a Docker engine, RUNTIME=docker make ... runs everything in containers."
ANOTHER_MACHINE = "Use an x86-64 Linux machine: emulated x86-64 lacks the AVX that it needs."


def advice() -> str:
    """How to get a CPython 3.6, or that none would help on this machine."""
    machine = platform.machine()
    is_x86 = machine in ("x86_64", "AMD64")
    if sys.platform == "linux" and is_x86:
        return MESSAGE
    then = CONTAINERS if is_x86 else ANOTHER_MACHINE
    return ELSEWHERE.format(system=platform.system(), machine=machine, advice=then)


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
    if not ((paths.ROOT / ".stamps" / "train").exists() or find(named)):
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
