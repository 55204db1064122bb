"""`make clean`: build/ goes, unless something that runs keeps its state there."""

import os
import shutil
from pathlib import Path

from train2deploy import manifest, paths
from train2deploy.errors import UserError

WORDS = (b"hosting", b"emulator")
"""Of their command lines; a container's is its name."""


def main() -> None:
    """Raises UserError where something runs."""
    for state, name, target in (
        (paths.ENDPOINT_STATE, "an endpoint", "local-stop"),
        (paths.EMULATOR_STATE, "the emulator", "emulator-stop"),
    ):
        record = manifest.read(state)
        if record and _is_alive(int(record["pid"]), str(record.get("container", ""))):
            raise UserError(
                f"{paths.relative(state)}: {name} (pid {record['pid']}) runs and keeps its state"
                f" in build/. Run `make {target} clean`."
            )
    shutil.rmtree(paths.BUILD, ignore_errors=True)


def _is_alive(pid: int, container: str) -> bool:
    """Whether a process is there and is ours, not a later one of the same number."""
    try:
        os.kill(pid, 0)
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return bool({*WORDS, container.encode()} & set(words))
