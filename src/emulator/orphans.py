"""What an emulator that was killed left running is ended by the next command."""

import contextlib
import os
import shutil
import signal
from pathlib import Path

from train2deploy.runtimes import engine


def end(directory: Path) -> int:
    """Kills jobs and endpoints that live in `directory`; how many."""
    groups = _process_groups(directory)
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    names = _containers(directory)
    for name in names:
        engine.remove(name)
    return len(groups) + len(names)


def _process_groups(directory: Path) -> set[int]:
    groups = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            # A job names its tree in the environment, an endpoint on its command line.
            command = (entry / "cmdline").read_bytes().split(b"\0")
            variables = (entry / "environ").read_bytes().split(b"\0")
            place = f"{directory}/".encode()
            job = any(each.startswith(b"SAGEMAKER_BASE_DIR=" + place) for each in variables)
            endpoint = b"hosting" in command and any(each.startswith(place) for each in command)
            if job or endpoint:
                groups.add(os.getpgid(int(entry.name)))
    return groups - {os.getpgid(0)}


def _containers(directory: Path) -> list[str]:
    """Those of this project that have something of `directory` mounted."""
    if shutil.which("docker") is None:
        return []
    mounts = "{{range .Mounts}}{{println .Source}}{{end}}"
    place = f"{directory.resolve()}/"
    return [
        name
        for name in engine.ours()  # none where no engine answers
        if any(
            source.startswith(place)
            for source in engine.docker("inspect", "--format", mounts, name).stdout.splitlines()
        )
    ]
