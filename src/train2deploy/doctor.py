"""`make doctor`: what the machine must have, whether it has it, what to do if not."""

import importlib.util
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from train2deploy import machine, pythons
from train2deploy.errors import EXIT_ENVIRONMENT

PYTHON36 = "CPython 3.6 (TensorFlow 1.x)"
DISK_GB = 4.0
MEMORY_GB = 3.0


@dataclass(frozen=True)
class Finding:
    """One requirement."""

    requirement: str
    found: str | None
    required: bool  # without it the host runtime cannot work
    advice: str  # what to do when it is not there


def findings() -> list[Finding]:
    """Looks at the machine; changes nothing."""
    answers = machine.engine_answers()
    has_todays = _has_todays()
    return [
        _python(),
        _venv(),
        _python36(answers, has_todays),
        _machine(has_todays),
        _avx(),
        _compiler(answers),
        _memory(),
        _disk(),
        _japanese_terminal(),
        _docker(answers),
        _credentials(),
    ]


def _python() -> Finding:
    """An older one has been refused by the package's __init__."""
    advice = "give PYTHON=<python3.1x>"
    return Finding("Python 3.10 or newer (host tool)", platform.python_version(), True, advice)


def _venv() -> Finding:
    """Debian's Python has it in a package of its own."""
    found = "there" if importlib.util.find_spec("ensurepip") else None
    advice = machine.install("venv") or "give PYTHON= a Python that has ensurepip"
    return Finding("venv and pip of this Python", found, True, advice)


def _python36(engine: bool, has_todays: bool) -> Finding:
    path = pythons.find(os.environ.get("PYTHON36", ""))
    advice = machine.get_python36()
    if engine:
        advice = "not needed: RUNTIME=docker is taken, which brings its own"
    elif has_todays:
        advice = "not needed: STACK=today is taken, in the CPython 3.12 here"
    elif not pythons.is_of_use():
        advice = "of no use on this machine"
    return Finding(PYTHON36, str(path) if path else None, not (engine or has_todays), advice)


def _has_todays() -> bool:
    return pythons.find(os.environ.get("PYTHON312", ""), pythons.TODAYS) is not None


def _machine(has_todays: bool) -> Finding:
    processor = platform.machine()
    advice = f"TensorFlow 1.x has no wheels for {sys.platform} on {processor}; use Linux on x86-64"
    if processor in {"arm64", "aarch64"}:
        advice = (
            "TensorFlow 1.x has no wheels for arm64, and emulated x86-64 (Rosetta, qemu) lacks the"
            " AVX that its wheels need; use an x86-64 Linux machine"
        )
    found = f"{sys.platform} {processor}" if pythons.is_of_use() else None
    if has_todays:
        advice = "not needed: STACK=today is taken, in the CPython 3.12 here"
    return Finding("x86-64 Linux", found, not has_todays, advice)


def _avx() -> Finding:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        flags = []
    found = "yes" if "avx" in flags else None
    advice = "TensorFlow's wheels end with an illegal instruction here; use another machine"
    return Finding("AVX (TensorFlow's wheels)", found, True, advice)


def _compiler(engine: bool) -> Finding:
    """The AWS toolkit has a small C part."""
    found = shutil.which("gcc") or shutil.which("cc")
    return Finding("C compiler", found, not engine, machine.get_compiler())


def _memory() -> Finding:
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    found = f"{size:.0f} GB" if size >= MEMORY_GB else None
    advice = f"{size:.1f} GB found"
    if machine.is_wsl():
        advice += "; in Windows, give memory= in %UserProfile%\\.wslconfig, then wsl --shutdown"
    return Finding(f"{MEMORY_GB:.0f} GB of memory", found, True, advice)


def _disk() -> Finding:
    free = shutil.disk_usage(".").free / 1e9
    found = f"{free:.0f} GB free" if free >= DISK_GB else None
    return Finding(f"{DISK_GB:.0f} GB of disk", found, True, f"{free:.1f} GB found; free some")


def _docker(engine: bool) -> Finding:
    advice = f"for RUNTIME=docker alone: {machine.get_docker()}"
    return Finding("Docker engine", "answers" if engine else None, False, advice)


def _credentials() -> Finding:
    named = "AWS_ACCESS_KEY_ID" in os.environ or "AWS_PROFILE" in os.environ
    files = Path.home() / ".aws" / "credentials"
    found = "configured" if named or files.exists() else None
    get = "" if shutil.which("aws") else machine.install("aws")
    configure = f"{get} && aws configure" if get else "aws configure"
    return Finding("AWS credentials", found, False, f"for cloud-* on AWS alone: {configure}")


def _japanese_terminal() -> Finding:
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    found = encoding if encoding == "utf8" else None
    language = "en_US.UTF-8" if machine.system() == "macos" else "C.UTF-8"
    advice = f"to read Japanese answers: export LANG={language}"
    return Finding("UTF-8 terminal", found, False, advice)


def main() -> int:
    """Prints the table. Plain text, since it must run before any environment is made.

    Returns:
        0 when everything required is there, else EXIT_ENVIRONMENT.
    """
    found = findings()
    width = max(len(finding.requirement) for finding in found)
    for finding in found:
        state = "ok     " if finding.found else ("MISSING" if finding.required else "absent ")
        print(f"{state}  {finding.requirement:<{width}}  {finding.found or finding.advice}")
    missing = [finding for finding in found if finding.required and not finding.found]
    if missing:
        print(f"\n{len(missing)} of what RUNTIME=host needs is missing.")
        return EXIT_ENVIRONMENT
    print("\nThis machine can run everything that needs no Docker and no AWS account.")
    return 0
