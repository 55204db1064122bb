"""Child processes: their lines as they come, and nothing left behind."""

import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

USERS = re.compile(
    r".*_proxy|LANG|LANGUAGE|LC_.*|TZ|PYTHON.*|PIP_.*|UV_.*|PYENV_.*|VIRTUAL_ENV.*|CONDA_.*"
    r"|MAKE.*|MFLAGS|GNUMAKEFLAGS|LD_PRELOAD|LD_AUDIT|LD_DEBUG.*|MALLOC_.*|GLIBC_TUNABLES"
    r"|SSL_CERT_.*|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NETRC|GEVENT.*"
    r"|WEB_CONCURRENCY|SCRIPT_NAME|LISTEN_FDS|LISTEN_PID|FORWARDED_ALLOW_IPS|SENDFILE",
    re.IGNORECASE,
)
"""What a user sets for other programs and no container of SageMaker's has (hosting.environment
has the same)."""

PIPS = re.compile(
    r".*_proxy|SSL_CERT_.*|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NETRC"
    r"|PIP_(CONFIG_FILE|(EXTRA_)?INDEX_URL|NO_INDEX|FIND_LINKS|TRUSTED_HOST|(CLIENT_)?CERT|PROXY"
    r"|(DEFAULT_)?TIMEOUT|RETRIES|(NO_)?CACHE_DIR|KEYRING_PROVIDER|NO_INPUT|USE_FEATURE"
    r"|USE_DEPRECATED)",
    re.IGNORECASE,
)
"""What tells pip how to reach an index, and not what to do with what it gets there."""

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
    process = start(command, env, cwd)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            on_line(line.rstrip("\n"))
        return process.wait()
    finally:
        end_group(process)
        process.stdout.close()
        process.wait()


def start(
    command: Sequence[str], env: Mapping[str, str], cwd: Path | None = None, **further: Any
) -> "subprocess.Popen[str]":
    """A process in a group of its own, without input; its `stdout` is both outputs, as text.

    Args:
        further: what Popen is to do otherwise.
    """
    streams = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        **further,
    }
    return subprocess.Popen(
        list(command),
        env=dict(env),
        cwd=cwd,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
        **streams,
    )


class Conversation:
    """A process that answers each line of JSON with one.

    Args:
        further: what Popen is to do otherwise.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path, **further: Any):
        self._process = start(command, env, cwd, stdin=subprocess.PIPE, **further)
        self.pid = self._process.pid

    def ask(self, question: Any) -> Any:
        """Its answer; None where it has ended without one."""
        assert self._process.stdin and self._process.stdout
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        return json.loads(line) if line else None

    def end(self) -> None:
        """Ends it, and all that it has started."""
        end_group(self._process)
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with contextlib.suppress(OSError):  # what it never read
                    stream.close()
        self._process.wait()


def captured(
    command: Sequence[str],
    env: Mapping[str, str] | None = None,
    given: str = "",
    seconds: float | None = None,
    cwd: Path | None = None,
) -> "subprocess.CompletedProcess[str]":
    """A command, run to its end; its exit status is the caller's to look at.

    Args:
        given: on its standard input.
    """
    return subprocess.run(
        list(command),
        env=env,
        cwd=cwd,
        input=given,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )


def last_line(output: str) -> str:
    """What a program that failed said last, which is its reason as a rule."""
    return (output.strip().splitlines() or ["no reason given"])[-1]


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


def is_running(pid: int, *words: str) -> bool:
    """Whether a process is there, and ours by a word of its command line: no later one.

    Where the system does not tell command lines, the number alone counts.
    """
    try:
        found = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return not Path("/proc").is_dir() and is_alive(pid)
    return not set(words).isdisjoint(found)


def is_alive(pid: int) -> bool:
    """Whether there is a process of this number; a child of ours that has ended is none."""
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def container_environment() -> dict[str, str]:
    """The user's environment without what SageMaker's containers do not have."""
    kept = {name: value for name, value in os.environ.items() if not USERS.fullmatch(name)}
    own = {"LANG": "C.UTF-8", "TZ": "UTC", "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    return {**kept, **own}


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment for a job: the container's, and no SM_*/SAGEMAKER_* of the caller."""
    kept = {
        name: value
        for name, value in container_environment().items()
        if not name.startswith(("SM_", "SAGEMAKER_"))
    }
    return {**kept, **extra}


def endpoint_environment(**extra: str) -> dict[str, str]:
    """The environment for src/hosting: the container's, and apart from it what pip is given."""
    pips = json.dumps(pip_settings())
    return {**container_environment(), "HOSTING_PIP_ENVIRONMENT": pips, **extra}


def pip_settings() -> dict[str, str]:
    """How pip reaches an index from this machine, as far as variables say so."""
    return {name: value for name, value in os.environ.items() if PIPS.fullmatch(name)}


def pip_environment() -> dict[str, str]:
    """The environment for pip: a user's PIP_TARGET, or `user = true` in pip.conf, is not ours."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))
    }
    return {**kept, **pip_settings(), "PIP_USER": "0"}
