"""What this machine runs, and the one command that gets a thing there.

Standard library alone: it is asked before any environment is made.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

OS_RELEASE = Path("/etc/os-release")
SECONDS = 5.0  # for a Docker engine to answer
INSTALL = {
    "debian": "{sudo}apt-get update && {sudo}apt-get install -y {}",
    "fedora": "{sudo}dnf install -y {}",
    "suse": "{sudo}zypper install -y {}",
    "arch": "{sudo}pacman -S --needed --noconfirm {}",
    "macos": "brew install {}",
}
"""By system; Windows' WSL is the distribution in it."""
LIKE = {"ubuntu": "debian", "rhel": "fedora", "centos": "fedora", "opensuse": "suse"}
"""What a distribution says that it is like, where that is none of the above."""
PACKAGES = {
    "compiler": {"debian": "gcc libc6-dev", "suse": "gcc", "arch": "gcc", "fedora": "gcc"},
    "venv": {"debian": "python3-venv"},
    "docker": {
        "debian": "docker.io",
        "fedora": "moby-engine",
        "suse": "docker",
        "arch": "docker",
        "macos": "colima docker",
    },
    "aws": {
        "debian": "awscli",
        "fedora": "awscli2",
        "suse": "aws-cli",
        "arch": "aws-cli",
        "macos": "awscli",
    },
    "python build": {
        "debian": "build-essential curl git libbz2-dev libffi-dev libreadline-dev libsqlite3-dev"
        " libssl-dev zlib1g-dev",
        "fedora": "gcc make patch curl git bzip2-devel libffi-devel openssl-devel readline-devel"
        " sqlite-devel zlib-devel",
        "suse": "gcc make patch curl git libbz2-devel libffi-devel libopenssl-devel readline-devel"
        " sqlite3-devel zlib-devel",
        "arch": "base-devel curl git openssl zlib libffi",
    },
}
STARTS_DOCKER = {"macos": "colima start", "wsl": "{sudo}service docker start"}
"""Where it is not a service of systemd."""
PYTHON36 = "3.6.15"
UV = "curl -fsSL https://astral.sh/uv/install.sh | sh && ~/.local/bin/uv python install {}"
PYENV = "curl -fsSL https://pyenv.run | bash && ~/.pyenv/bin/pyenv install {}"


def system() -> str:
    """A key of INSTALL, or "" for a system that is not known here."""
    if sys.platform == "darwin":
        return "macos"
    said = _os_release()
    for name in [said.get("ID", ""), *said.get("ID_LIKE", "").split()]:
        family = LIKE.get(name.partition("-")[0], name)
        if family in INSTALL:
            return family
    return ""


def is_wsl() -> bool:
    return "microsoft" in platform.release().lower()


def _os_release() -> dict[str, str]:
    try:
        lines = OS_RELEASE.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name: "".join(shlex.split(value)[:1]).lower() for name, _, value in pairs}


def _sudo() -> str:
    return "" if os.geteuid() == 0 else "sudo "


def install(thing: str) -> str:
    """The command that installs a thing of PACKAGES here; "" where none is known."""
    here = system()
    packages = PACKAGES[thing].get(here)
    return INSTALL[here].format(packages, sudo=_sudo()) if packages else ""


def get_compiler() -> str:
    if system() == "macos":
        return "xcode-select --install"
    return install("compiler") or "install gcc by your system's package manager"


def get_docker() -> str:
    """Installs a Docker engine if there is none, and starts it."""
    kind = "wsl" if is_wsl() and not Path("/run/systemd/system").exists() else system()
    start = STARTS_DOCKER.get(kind, "{sudo}systemctl start docker").format(sudo=_sudo())
    if shutil.which("docker"):
        return start
    get = install("docker")
    return f"{get} && {start}" if get else "install Docker Engine and start it"


def get_python36() -> str:
    """By what is here: pyenv, conda or one of its kind; else pyenv, with what it builds with."""
    if shutil.which("pyenv"):
        return f"pyenv install {PYTHON36}"
    own = Path("~/.pyenv/bin/pyenv")
    if own.expanduser().exists():
        return f"{own} install {PYTHON36}"
    for conda in ("conda", "mamba", "micromamba"):
        if shutil.which(conda):
            place = f"~/.pyenv/versions/{PYTHON36}"
            return f"{conda} create --yes --prefix {place} -c conda-forge python={PYTHON36}"
    get, pyenv = install("python build"), PYENV.format(PYTHON36)
    return f"{get} && {pyenv}" if get else pyenv


def get_python312() -> str:
    """By what is here: uv, Homebrew, pyenv; else uv, which downloads one that needs no compiler."""
    if shutil.which("uv"):
        return "uv python install 3.12"
    if shutil.which("brew"):
        return "brew install python@3.12"
    if shutil.which("pyenv"):
        return "pyenv install 3.12"
    return UV.format("3.12")


def engine_answers() -> bool:
    return succeeds("docker", "info")


def succeeds(*command: str) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
