"""Where CPython 3.6 is, the only version that TensorFlow 1.12 has wheels for.

    python -m train2deploy.python36 [PYTHON36]

prints its path, or one message with the ways on. Standard library alone: this
runs before any environment is made.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PYENV = "~/.pyenv/versions/3.6.*/bin/python3.6"

MESSAGE = f"""\
Expected a CPython 3.6 (TensorFlow 1.12 has wheels for no later one), found none.
Looked for: PYTHON36=<path>, python3.6 on PATH, {PYENV}.
Three ways on:
  1. pyenv install 3.6.15        then run make again; it is found by itself
  2. PYTHON36=/path/to/python3.6 make ...
  3. RUNTIME=docker make ...     the containers bring their own (needs a Docker engine)"""


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


if __name__ == "__main__":
    wanted = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PYTHON36", "")
    found = find(wanted)
    if found is None:
        prefix = f"PYTHON36={wanted} is no Python 3.6.\n" if wanted else ""
        print(prefix + MESSAGE, file=sys.stderr)
        sys.exit(3)
    print(found)
