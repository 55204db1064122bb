"""processes: lines as they come, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
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


def test_a_conversation_gets_an_answer_a_line_and_none_of_a_process_that_has_ended():
    code = "for _ in range(2): print(input(), flush=True)"
    echo = processes.Conversation([sys.executable, "-c", code], os.environ, Path("/"))
    assert [echo.ask(one) for one in ({"q": "電波"}, 0, 1, 1)] == [{"q": "電波"}, 0, None, None]
    echo.end()
    assert gone(echo.pid)


def test_a_runtime_gets_the_users_environment_without_what_would_change_a_job(monkeypatch):
    for name in ("SM_HP_EPOCHS", "SAGEMAKER_BASE_DIR", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("MAKEFLAGS", "-j3")
    monkeypatch.setenv("MY_OWN", "kept")
    environment = processes.clean_environment(SAGEMAKER_BASE_DIR="given", PYTHONHASHSEED="0")
    assert environment["MY_OWN"] == "kept"
    assert environment["SAGEMAKER_BASE_DIR"] == "given"
    assert environment["PYTHONHASHSEED"] == "0"
    removed = {"SM_HP_EPOCHS", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "MAKEFLAGS"}
    assert removed.isdisjoint(environment)


USERS = (
    "http_proxy", "HTTPS_PROXY", "no_proxy", "ALL_PROXY", "LANGUAGE", "LC_ALL", "LC_CTYPE",
    "PIP_USER", "PIP_TARGET", "PYTHONPATH", "PYTHONHOME", "PYTHONWARNINGS", "MAKEFLAGS",
    "LD_PRELOAD", "REQUESTS_CA_BUNDLE", "WEB_CONCURRENCY", "SCRIPT_NAME", "CONDA_PREFIX",
)  # fmt: skip


def test_what_a_user_sets_for_other_programs_reaches_neither_endpoint_nor_job(monkeypatch):
    for name in USERS:
        monkeypatch.setenv(name, "users")
    monkeypatch.setenv("LANG", "ja_JP.eucJP")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    for environment in (processes.clean_environment(), processes.endpoint_environment()):
        assert [name for name in USERS if name in environment] == []
        assert (environment["LANG"], environment["TZ"]) == ("C.UTF-8", "UTC")


def test_pip_at_an_endpoints_start_reaches_the_index_that_this_machine_names(monkeypatch):
    for name in USERS:
        monkeypatch.setenv(name, "users")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index")
    told = json.loads(processes.endpoint_environment()["HOSTING_PIP_ENVIRONMENT"])
    assert told["PIP_INDEX_URL"] == "https://index"
    assert {"http_proxy", "HTTPS_PROXY", "REQUESTS_CA_BUNDLE"} <= told.keys()
    assert {"PIP_USER", "PIP_TARGET", "PYTHONPATH", "LC_ALL"}.isdisjoint(told)


@pytest.mark.parametrize(
    "name, value",
    [("PIP_USER", "1"), ("PIP_TARGET", "/x"), ("PIP_PREFIX", "/x"), ("PIP_ROOT", "/x"),
     ("PIP_CONFIG_FILE", "pip.conf"), ("PIP_CONSTRAINT", "/nowhere"), ("PIP_NO_DEPS", "no"),
     ("PYTHONHOME", "/nowhere")],
)  # fmt: skip
def test_pip_installs_into_the_folder_that_it_is_given_whatever_the_user_has_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
):
    with zipfile.ZipFile(tmp_path / "shipped-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("shipped.py", "")
        about = "shipped-1.0.dist-info/"
        wheel.writestr(about + "METADATA", "Metadata-Version: 2.1\nName: shipped\nVersion: 1.0\n")
        wheel.writestr(about + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        wheel.writestr(about + "RECORD", "")
    (tmp_path / "pip.conf").write_text("[global]\nuser = true\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", "."]
    subprocess.run(
        [*command, "--target", "lib", "shipped"], env=processes.pip_environment(), check=True
    )
    assert (tmp_path / "lib" / "shipped.py").exists()
