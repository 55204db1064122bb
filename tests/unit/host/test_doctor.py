"""doctor: what is there, what is not, and what to do."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from train2deploy import doctor, machine, paths, pythons
from train2deploy.doctor import Finding


def finding(name: str) -> Finding:
    (found,) = [one for one in doctor.findings() if name in one.requirement]
    return found


def test_each_finding_says_what_to_do():
    for one in doctor.findings():
        assert one.requirement
        assert one.advice
        assert one.found is None or one.found


@pytest.mark.parametrize(
    "findings, status, last",
    [
        ([Finding("a", "1", True, "x")], 0, "This machine can run everything"),
        ([Finding("a", None, False, "x")], 0, "This machine can run everything"),
        (
            [Finding("a", None, True, "x"), Finding("b", "1", True, "y")],
            3,
            "1 of what RUNTIME=host",
        ),
    ],
    ids=["all there", "an optional one is absent", "a required one is missing"],
)
def test_the_exit_status_is_3_where_something_required_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], findings, status, last
):
    monkeypatch.setattr(doctor, "findings", lambda: findings)
    assert doctor.main() == status
    assert capsys.readouterr().out.strip().splitlines()[-1].startswith(last)


def test_a_line_shows_state_requirement_and_what_was_found_or_what_to_do(monkeypatch, capsys):
    findings = [
        Finding("there", "1.2", True, "no"),
        Finding("gone", None, True, "get it"),
        Finding("extra", None, False, "not needed"),
    ]
    monkeypatch.setattr(doctor, "findings", lambda: findings)
    doctor.main()
    assert capsys.readouterr().out.splitlines()[:3] == [
        "ok       there  1.2",
        "MISSING  gone   get it",
        "absent   extra  not needed",
    ]


def test_an_arm_machine_is_told_of_wheels_and_of_avx(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "_has_todays", lambda: False)
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    found = finding("x86-64")
    assert found.found is None
    assert found.required
    assert "no wheels for arm64" in found.advice
    assert "AVX" in found.advice


def test_with_cpython_312_neither_cpython_36_nor_x86_64_is_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setattr(pythons, "find", lambda _, version="3.6": version == "3.12" or None)
    for name in ("CPython 3.6", "x86-64"):
        found = finding(name)
        assert (found.found, found.required) == (None, False)
        assert "STACK=today is taken" in found.advice


def test_another_system_is_told_to_use_linux(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "_has_todays", lambda: False)
    monkeypatch.setattr(sys, "platform", "darwin")
    found = finding("x86-64")
    assert found.found is None
    assert "use Linux on x86-64" in found.advice


def test_a_processor_without_avx_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "flags : fpu sse4_2 avx2x\n")
    assert finding("AVX").found is None
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "flags : fpu avx avx2\n")
    assert finding("AVX").found == "yes"


def test_little_memory_and_disk_are_told_with_what_was_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 250_000}.get)
    assert finding("memory").found is None
    assert finding("memory").advice == "1.0 GB found"
    usage = doctor.shutil.disk_usage(".")._replace(free=1_500_000_000)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    assert finding("disk").found is None
    assert finding("disk").advice.startswith("1.5 GB found")


def test_a_missing_compiler_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    found = finding("C compiler")
    assert found.found is None
    assert found.advice == machine.get_compiler()


def test_an_interpreter_named_by_python36_is_looked_at(monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr(pythons, "find", lambda named, *_: asked.append(named))
    monkeypatch.setenv("PYTHON36", "/opt/python3.6")
    finding("CPython 3.6")
    assert "/opt/python3.6" in asked


@pytest.mark.parametrize("status, found", [(0, "answers"), (1, None)])
def test_a_docker_engine_counts_when_it_answers(tmp_path, monkeypatch, status, found):
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\nexit {status}\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert finding("Docker").found == found
    assert not finding("Docker").required


def test_credentials_are_seen_in_the_environment_or_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert finding("AWS").found is None
    monkeypatch.setenv("AWS_PROFILE", "mine")
    assert finding("AWS").found == "configured"
    monkeypatch.delenv("AWS_PROFILE")
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").touch()
    assert finding("AWS").found == "configured"


def test_without_python_36_the_way_to_get_one_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pythons, "find", lambda named="", version="3.6": None)
    monkeypatch.setenv("PATH", str(tmp_path))  # no engine either
    assert doctor.main() == 3
    said = f"MISSING  CPython 3.6 (TensorFlow 1.x)      {machine.get_python36()}\n"
    assert said in capsys.readouterr().out


def test_a_python_without_venv_is_told(monkeypatch: pytest.MonkeyPatch):
    """As Debian has it before python3-venv is installed."""
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    found = finding("venv")
    assert (found.found, found.required) == (None, True)
    assert found.advice == (machine.install("venv") or "give PYTHON= a Python that has ensurepip")


def test_with_an_engine_python_36_and_a_compiler_are_not_needed(tmp_path, monkeypatch):
    (tmp_path / "docker").write_text("#!/bin/sh\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pythons, "find", lambda named="", version="3.6": None)
    for name in ("CPython 3.6", "C compiler"):
        found = finding(name)
        assert (found.found, found.required) == (None, False)
    assert "RUNTIME=docker is taken" in finding("CPython 3.6").advice


@pytest.mark.parametrize("module", [
    "doctor", "pythons", "versions", "bare", "make.__main__", "make.check",
])  # fmt: skip
def test_it_runs_before_any_package_is_installed(module: str):
    """-S: without site-packages."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import train2deploy.{module}"],
        env={"PYTHONPATH": str(paths.SRC), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
