"""machine: the command that gets a thing, for the system that is here and no other."""

import os
import platform
import sys
from pathlib import Path

import pytest

from train2deploy import doctor, machine, pythons

RELEASES = {
    "debian": 'PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n',
    "ubuntu": "ID=ubuntu\nID_LIKE=debian\n",
    "mint": 'ID=linuxmint\nID_LIKE="ubuntu debian"\n',
    "fedora": '# a comment\nNAME="Fedora Linux"\nID=fedora\n',
    "rocky": 'ID="rocky"\nID_LIKE="rhel centos fedora"\n',
    "leap": 'ID="opensuse-leap"\nID_LIKE="suse opensuse"\n',
    "arch": "ID=arch\n",
    "other": "ID=void\n",
}
COMPILERS = {
    "debian": "sudo apt-get update && sudo apt-get install -y gcc libc6-dev",
    "ubuntu": "sudo apt-get update && sudo apt-get install -y gcc libc6-dev",
    "mint": "sudo apt-get update && sudo apt-get install -y gcc libc6-dev",
    "fedora": "sudo dnf install -y gcc",
    "rocky": "sudo dnf install -y gcc",
    "leap": "sudo zypper install -y gcc",
    "arch": "sudo pacman -S --needed --noconfirm gcc",
    "other": "install gcc by your system's package manager",
}


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has nothing, of a user who is not root."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(machine, "OS_RELEASE", tmp_path / "os-release")
    monkeypatch.setattr(platform, "release", lambda: "6.1.0-13-amd64")
    return tmp_path


@pytest.mark.parametrize("name", RELEASES)
def test_the_package_manager_is_that_of_the_distribution(bare: Path, name: str):
    (bare / "os-release").write_text(RELEASES[name])
    assert machine.get_compiler() == COMPILERS[name]


@pytest.mark.parametrize("name", ["debian", "fedora"])
def test_wsl_is_its_distribution(bare: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    (bare / "os-release").write_text(RELEASES[name])
    monkeypatch.setattr(platform, "release", lambda: "5.15.153.1-microsoft-standard-WSL2")
    assert machine.is_wsl()
    assert machine.get_compiler() == COMPILERS[name]


def test_on_macos_it_is_brew(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert machine.get_compiler() == "xcode-select --install"
    assert machine.get_docker() == "brew install colima docker && colima start"
    assert machine.install("aws") == "brew install awscli"


def test_root_needs_no_sudo(bare: Path, monkeypatch: pytest.MonkeyPatch):
    (bare / "os-release").write_text(RELEASES["debian"])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert machine.install("venv") == "apt-get update && apt-get install -y python3-venv"


def test_an_engine_that_is_installed_is_started_only(bare: Path):
    (bare / "os-release").write_text(RELEASES["fedora"])
    start = "sudo systemctl start docker"
    assert machine.get_docker() == f"sudo dnf install -y moby-engine && {start}"
    (bare / "bin").mkdir()
    (bare / "bin" / "docker").touch(0o755)
    assert machine.get_docker() == start


@pytest.mark.parametrize("name", ["debian", "fedora", "leap", "arch"])
def test_python_36_comes_with_what_it_is_built_with(bare: Path, name: str):
    (bare / "os-release").write_text(RELEASES[name])
    command = machine.get_python36()
    manager = COMPILERS[name].rpartition(" gcc")[0].split()[-2]
    assert f"sudo {COMPILERS[name].split()[1]} " in command and manager in command
    assert command.endswith("&& ~/.pyenv/bin/pyenv install 3.6.15")
    (bare / ".pyenv" / "bin").mkdir(parents=True)
    (bare / ".pyenv" / "bin" / "pyenv").touch(0o755)
    assert machine.get_python36() == "~/.pyenv/bin/pyenv install 3.6.15"


@pytest.mark.parametrize("name", ["debian", "fedora"])
def test_whatever_is_missing_has_one_command_of_this_system_alone(bare, monkeypatch, name):
    (bare / "os-release").write_text(RELEASES[name])
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(pythons, "find", lambda named="", version="": None)
    advice = " ".join(one.advice for one in doctor.findings() if not one.found)
    mine, other = ("apt-get", "dnf") if name == "debian" else ("dnf", "apt-get")
    assert advice.count(f"{mine} install") >= 4 - (name == "fedora")
    assert f"{other} " not in advice and "brew" not in advice
