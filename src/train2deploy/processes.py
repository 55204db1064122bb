"""Child processes: their lines as they come, and nothing left behind."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

GRACE_SECONDS = 5.0
PR_SET_PDEATHSIG = 1


def run_streaming(
    command: Sequence[str], env: Mapping[str, str], cwd: Path, on_line: Callable[[str], None]
) -> int:
    """Runs a command, gives each line of its output (both streams) to `on_line`.

    The command gets a process group of its own, which is ended when this process
    is interrupted (Ctrl-C, SIGTERM) or `on_line` raises.

    Returns:
        The exit status, negative for a signal.
    """
    process = subprocess.Popen(
        list(command),
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            on_line(line.rstrip("\n"))
        return process.wait()
    finally:
        end_group(process)
        process.stdout.close()
        process.wait()


def end_with_parent() -> None:
    """Has the kernel send this process SIGTERM when its parent dies (Linux; elsewhere nothing)."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def end_with(parent: int) -> None:
    """As end_with_parent; ends at once where the parent, by its process id, is dead already."""
    end_with_parent()
    if os.getppid() != parent:
        raise KeyboardInterrupt


def end_group(process: subprocess.Popen[str], grace_seconds: float = GRACE_SECONDS) -> None:
    """SIGTERM to the process' group, SIGKILL to what is left of it after the grace."""
    if not _signal_group(process.pid, signal.SIGTERM):
        return
    deadline = time.monotonic() + grace_seconds
    while time.monotonic() < deadline:
        process.poll()  # reaps the leader, which would count as a member
        if not _signal_group(process.pid, 0):
            return
        time.sleep(0.02)
    _signal_group(process.pid, signal.SIGKILL)


def _signal_group(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment for a runtime: the user's, without what would change a job in secret.

    Python's own variables and SM_*/SAGEMAKER_* of the caller do not reach it.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "SM_", "SAGEMAKER_", "VIRTUAL_ENV"))
        and name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
    }
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", **extra}
