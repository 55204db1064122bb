"""processes: lines as they come, and nothing left behind."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from train2deploy import processes

PATIENCE_SECONDS = 60
PARENT_AND_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', {child!r}])
print(child.pid, flush=True)
time.sleep(600)
"""


def run(code: str, on_line=lambda line: None, **variables: str) -> int:
    command = [sys.executable, "-c", code]
    return processes.run_streaming(command, {**os.environ, **variables}, Path("/"), on_line)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def gone(pid: int) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_alive(pid)


def test_both_streams_come_line_by_line():
    lines = []
    run("import sys; print('a', flush=True); print('b', file=sys.stderr); print()", lines.append)
    assert lines == ["a", "b", ""]


def test_bytes_that_are_no_utf_8_do_not_end_it():
    lines = []
    run(r"import sys; sys.stdout.buffer.write(b'\xff\n')", lines.append)
    assert lines == ["\ufffd"]


@pytest.mark.parametrize("code, status", [("pass", 0), ("exit(3)", 3)])
def test_the_exit_status_is_given(code: str, status: int):
    assert run(code) == status


def test_a_signals_status_is_negative():
    assert run("import os; os.kill(os.getpid(), 9)") == -signal.SIGKILL


def test_nothing_can_be_read_from_standard_input():
    lines = []
    run("import sys; print(repr(sys.stdin.read()))", lines.append)
    assert lines == ["''"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interruption_ends_the_process_and_its_children(error: type[BaseException]):
    pids = []

    def on_line(line: str) -> None:
        pids.append(int(line))
        raise error

    started = time.monotonic()
    with pytest.raises(error):
        run(PARENT_AND_CHILD.format(child="import time; time.sleep(600)"), on_line)
    assert time.monotonic() - started < PATIENCE_SECONDS
    assert gone(pids[0])


def test_a_child_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(processes.end_group, "__defaults__", (0.2,))
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('x'); time.sleep(600)"
    lines = []

    def on_line(line: str) -> None:
        lines.append(line)
        if len(lines) == 2:
            raise KeyboardInterrupt

    code = PARENT_AND_CHILD.format(
        child="import sys; sys.stdout.reconfigure(line_buffering=1);" + deaf
    )
    with pytest.raises(KeyboardInterrupt):
        run(code, on_line)
    pid = next(int(line) for line in lines if line != "x")
    assert gone(pid)


def test_what_a_finished_process_left_is_ended():
    quiet = "import os, time; os.close(1); os.close(2); time.sleep(600)"
    code = PARENT_AND_CHILD.format(child=quiet).replace("time.sleep(600)\n", "")
    lines = []
    assert run(code, lines.append) == 0
    assert gone(int(lines[0]))


def test_a_runtime_gets_the_users_environment_without_what_would_change_a_job(
    monkeypatch: pytest.MonkeyPatch,
):
    for name in ("SM_HP_EPOCHS", "SAGEMAKER_BASE_DIR", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("MAKEFLAGS", "-j3")
    monkeypatch.setenv("HTTPS_PROXY", "kept")
    environment = processes.clean_environment(SAGEMAKER_BASE_DIR="given", PYTHONHASHSEED="0")
    assert environment["HTTPS_PROXY"] == "kept"
    assert environment["SAGEMAKER_BASE_DIR"] == "given"
    assert environment["PYTHONHASHSEED"] == "0"
    removed = {"SM_HP_EPOCHS", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "MAKEFLAGS"}
    assert removed.isdisjoint(environment)
