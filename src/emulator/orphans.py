"""What an emulator that was killed left running is ended by the next command."""

import contextlib
import os
import signal
from pathlib import Path


def end(directory: Path) -> int:
    """Kills the process groups of jobs and endpoints that live in `directory`; how many."""
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
    for group in groups - {os.getpgid(0)}:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    return len(groups)
