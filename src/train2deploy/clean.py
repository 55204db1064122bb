"""`make clean`: build/ goes, unless something that runs keeps its state there."""

import shutil

from train2deploy import manifest, paths, processes
from train2deploy.errors import UserError


def main() -> None:
    """Raises UserError where something runs."""
    for state, name, word, target in (
        (paths.ENDPOINT_STATE, "an endpoint", "hosting", "local-stop"),
        (paths.EMULATOR_STATE, "the emulator", "emulator", "emulator-stop"),
    ):
        record = manifest.read(state)
        if record and processes.is_running(int(record["pid"]), record.get("container") or word):
            raise UserError(
                f"{paths.relative(state)}: {name} (pid {record['pid']}) runs and keeps its state"
                f" in build/. Run `make {target} clean`."
            )
    shutil.rmtree(paths.BUILD, ignore_errors=True)
