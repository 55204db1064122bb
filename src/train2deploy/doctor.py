"""`make doctor`: what the machine must have, whether it has it, what to do if not."""

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from train2deploy import exits, python36
from train2deploy.errors import EXIT_ENVIRONMENT
from train2deploy.runtimes import default

PYTHON36 = "CPython 3.6 (TensorFlow 1.x)"
DISK_GB = 4.0
MEMORY_GB = 3.0


@dataclass(frozen=True)
class Finding:
    """One requirement.

    Attributes:
        required: without it the host runtime cannot work.
        advice: what to do when it is not there.
    """

    requirement: str
    found: str | None
    required: bool
    advice: str


def findings() -> list[Finding]:
    """Looks at the machine; changes nothing."""
    return [check() for check in CHECKS]


def _python() -> Finding:
    version = platform.python_version() if sys.version_info >= (3, 10) else None
    return Finding("Python 3.10 or newer (host tool)", version, True, "give PYTHON=<python3.1x>")


def _python36() -> Finding:
    path = python36.find(os.environ.get("PYTHON36", ""))
    needed = not default.engine_answers()
    advice = "see below" if needed else "not needed: RUNTIME=docker is taken, which brings its own"
    return Finding(PYTHON36, str(path) if path else None, needed, advice)


def _machine() -> Finding:
    machine = platform.machine()
    suits = machine in {"x86_64", "AMD64"} and sys.platform == "linux"
    advice = f"TensorFlow 1.x has no wheels for {sys.platform} on {machine}; use Linux on x86-64"
    if machine in {"arm64", "aarch64"}:
        advice = (
            "TensorFlow 1.x has no wheels for arm64, and emulated x86-64 (Rosetta, qemu) lacks the"
            " AVX that its wheels need; use an x86-64 Linux machine"
        )
    return Finding("x86-64 Linux", f"{sys.platform} {machine}" if suits else None, True, advice)


def _avx() -> Finding:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        flags = []
    found = "yes" if "avx" in flags else None
    advice = "TensorFlow's wheels end with an illegal instruction here; use another machine"
    return Finding("AVX (TensorFlow's wheels)", found, True, advice)


def _compiler() -> Finding:
    found = shutil.which("gcc") or shutil.which("cc")
    advice = "install it, for instance: apt-get install gcc (the AWS toolkit has a small C part)"
    return Finding("C compiler", found, not default.engine_answers(), advice)


def _memory() -> Finding:
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    found = f"{size:.0f} GB" if size >= MEMORY_GB else None
    return Finding(f"{MEMORY_GB:.0f} GB of memory", found, True, f"{size:.1f} GB found")


def _disk() -> Finding:
    free = shutil.disk_usage(".").free / 1e9
    found = f"{free:.0f} GB free" if free >= DISK_GB else None
    return Finding(f"{DISK_GB:.0f} GB of disk", found, True, f"{free:.1f} GB found; free some")


def _docker() -> Finding:
    answers = default.engine_answers()
    advice = "not needed for RUNTIME=host; start the engine for RUNTIME=docker"
    return Finding("Docker engine", "answers" if answers else None, False, advice)


def _credentials() -> Finding:
    named = "AWS_ACCESS_KEY_ID" in os.environ or "AWS_PROFILE" in os.environ
    files = Path.home() / ".aws" / "credentials"
    found = "configured" if named or files.exists() else None
    return Finding("AWS credentials", found, False, "not needed on this machine; for cloud-* only")


def _japanese_terminal() -> Finding:
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    found = encoding if encoding == "utf8" else None
    return Finding("UTF-8 terminal", found, False, "set LANG=C.UTF-8 to read Japanese answers")


CHECKS: tuple[Callable[[], Finding], ...] = (
    _python,
    _python36,
    _machine,
    _avx,
    _compiler,
    _memory,
    _disk,
    _japanese_terminal,
    _docker,
    _credentials,
)


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
        if any(finding.requirement == PYTHON36 for finding in missing):
            print(f"\n{python36.advice()}")
        print(f"\n{len(missing)} of what RUNTIME=host needs is missing.")
        return EXIT_ENVIRONMENT
    print("\nThis machine can run everything that needs no Docker and no AWS account.")
    return 0


if __name__ == "__main__":
    sys.exit(exits.run(main))
