"""pythons: which interpreter is taken, and what is said where there is none."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from train2deploy import machine, paths, pythons
from train2deploy.errors import MissingRequirement

PYENV_VERSIONS = Path.home() / ".pyenv" / "versions"
"""Of this machine; tests have a home of their own."""


def interpreter(path: Path, version: str = "3.6", body: str = "") -> Path:
    """A script that answers as a Python of that version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\necho {version}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def pyenv(tmp_path: Path, version: str) -> Path:
    return interpreter(
        tmp_path / "home" / ".pyenv" / "versions" / version / "bin" / "python3.6",
        ".".join(version.split(".")[:2]),
    )


def test_nothing_is_found_where_nothing_is():
    assert pythons.find() is None


def test_the_named_one_is_taken_before_all_others(tmp_path: Path):
    named = interpreter(tmp_path / "elsewhere" / "python")
    interpreter(tmp_path / "bin" / "python3.6")
    assert pythons.find(str(named)) == named


def test_a_named_one_that_is_another_version_is_not_replaced_in_silence(tmp_path: Path):
    named = interpreter(tmp_path / "python", "3.8")
    interpreter(tmp_path / "bin" / "python3.6")
    assert pythons.find(str(named)) is None


@pytest.mark.parametrize("kind", ["missing", "folder", "no program", "fails"])
def test_a_named_one_that_does_not_run_is_refused(tmp_path: Path, kind: str):
    path = tmp_path / "python"
    if kind == "folder":
        path.mkdir()
    if kind == "no program":
        path.write_text("text")
    if kind == "fails":
        interpreter(path, body="exit 1")
    assert pythons.find(str(path)) is None


def test_one_on_path_is_found(tmp_path: Path):
    on_path = interpreter(tmp_path / "bin" / "python3.6")
    pyenv(tmp_path, "3.6.15")
    assert pythons.find() == on_path


def test_a_shim_that_fails_is_passed_over(tmp_path: Path):
    interpreter(tmp_path / "bin" / "python3.6", body="exit 127")
    assert pythons.find() is None
    expected = pyenv(tmp_path, "3.6.8")
    assert pythons.find() == expected


def test_the_newest_of_pyenv_is_taken_by_number(tmp_path: Path):
    for version in ("3.6.2", "3.6.15", "3.6.9", "3.7.1"):
        pyenv(tmp_path, version)
    found = pythons.find()
    assert found is not None
    assert found.parents[1].name == "3.6.15"


def run(
    tmp_path: Path, *arguments: str, version: str = "3.6", **variables: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "train2deploy.pythons", version, *arguments],
        env={**os.environ, "PYTHONPATH": str(paths.SRC), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_prints_the_path_alone(tmp_path: Path):
    on_path = interpreter(tmp_path / "bin" / "python3.6")
    done = run(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{on_path}\n", "")


@pytest.mark.parametrize("way", ["argument", "variable"])
def test_the_command_takes_a_named_one(tmp_path: Path, way: str):
    named = interpreter(tmp_path / "elsewhere" / "python")
    done = run(tmp_path, str(named)) if way == "argument" else run(tmp_path, PYTHON36=str(named))
    assert done.stdout == f"{named}\n"


@pytest.mark.parametrize("there, way", [
    ("", "curl -fsSL https://pyenv.run | bash && ~/.pyenv/bin/pyenv install 3.6.15"),
    ("pyenv", "This gets one: pyenv install 3.6.15"),
    ("micromamba", "micromamba create --yes --prefix ~/.pyenv/versions/3.6.15"),
    ("docker", "RUNTIME=docker make … runs everything in containers"),
])  # fmt: skip
def test_without_one_the_command_names_what_was_looked_for_and_the_one_way_on(tmp_path, there, way):
    if there:
        interpreter(tmp_path / "bin" / there, body="exit 0")
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    (line,) = done.stderr.splitlines()
    for words in ("PYTHON36=", "python3.6 on PATH", "~/.pyenv/versions/3.6.*", way):
        assert words in line
    others = {"pyenv install", "create --yes", "RUNTIME=docker"}
    assert sum(one in line for one in others) == 1


@pytest.mark.parametrize(
    "system, processor", [("darwin", "arm64"), ("linux", "aarch64"), ("darwin", "x86_64")]
)
def test_where_no_python_36_would_help_none_is_offered(monkeypatch, system, processor):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: processor)
    advice = pythons.advice()
    assert "STACK=today does without it" in advice and "pyenv" not in advice
    containers = "In containers: brew install colima docker && colima start"
    assert (containers in advice) == (processor == "x86_64")


def test_a_prefix_made_by_conda_where_pyenv_keeps_its_own_is_found(tmp_path: Path):
    """As the message says: conda create --prefix ~/.pyenv/versions/3.6.15."""
    interpreter(tmp_path / "bin" / "conda")
    assert "--prefix ~/.pyenv/versions/3.6.15 " in machine.get_python36()
    expected = pyenv(tmp_path, "3.6.15")
    assert pythons.find() == expected


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.8", "3.9"])
@pytest.mark.parametrize("module", ["doctor", "versions", "pythons", "make", "make.check"])
def test_an_older_python_is_told_in_one_line_by_whatever_it_starts(version: str, module: str):
    python = next(PYENV_VERSIONS.glob(f"{version}.*/bin/python"), None)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    done = subprocess.run(
        [str(python), "-m", f"train2deploy.{module}"],
        env={"PYTHONPATH": str(paths.SRC), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "")
    (line,) = done.stderr.splitlines()
    expected = "train2deploy: expected Python 3.10 or newer as PYTHON, found "
    assert line.startswith(expected + version)
    assert str(python) in line


def test_a_wrong_named_one_is_named(tmp_path: Path):
    named = interpreter(tmp_path / "python", "3.8")
    done = run(tmp_path, str(named))
    assert done.returncode == 3
    assert done.stderr.startswith(f"PYTHON36={named} is not a Python 3.6.\n")


@pytest.mark.parametrize("place", [
    "bin/python3.12",
    "home/.pyenv/versions/3.12.1/bin/python3.12",
    "home/.local/share/uv/python/cpython-3.12.7-linux-x86_64-gnu/bin/python3.12",
])  # fmt: skip
def test_that_of_todays_containers_is_found_where_it_may_be(tmp_path, monkeypatch, place):
    monkeypatch.setattr(sys, "executable", "")
    interpreter(tmp_path / "bin" / "python3.6")
    assert pythons.find(version="3.12") is None
    expected = interpreter(tmp_path / place, "3.12")
    interpreter(tmp_path / "home/.pyenv/versions/3.13.0/bin/python3.12", "3.13")
    assert pythons.find(version="3.12") == expected


def test_the_newest_of_uv_is_taken_by_number(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    for release in ("3.12.9", "3.12.12", "3.12.2"):
        folder = tmp_path / f"home/.local/share/uv/python/cpython-{release}-macos-aarch64-none"
        interpreter(folder / "bin" / "python3.12", "3.12")
    found = pythons.find(version="3.12")
    assert found is not None and "cpython-3.12.12-" in str(found)


def test_this_very_python_is_taken_where_it_is_the_one(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(interpreter(tmp_path / "mine", "3.12")))
    assert pythons.find(version="3.12") == tmp_path / "mine"


@pytest.mark.parametrize("there, way", [
    ("", "curl -fsSL https://astral.sh/uv/install.sh | sh && ~/.local/bin/uv python install 3.12"),
    ("uv", "This gets one: uv python install 3.12"),
    ("brew", "This gets one: brew install python@3.12"),
    ("pyenv", "This gets one: pyenv install 3.12"),
])  # fmt: skip
def test_without_the_one_of_today_the_one_way_on_is_named(tmp_path, monkeypatch, there, way):
    if there:
        interpreter(tmp_path / "bin" / there, body="exit 0")
    monkeypatch.setattr(pythons, "find", lambda *_: None)
    with pytest.raises(MissingRequirement) as raised:
        pythons.check("", "3.12", "serve-today of nobody")
    line = str(raised.value)
    assert line.startswith("Expected a CPython 3.12 (that of today's containers) as PYTHON312=")
    assert "python3.12 on PATH" in line and line.endswith(way) and "\n" not in line
