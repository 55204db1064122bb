"""The make interface: help, doctor, and what a missing Python 3.6 says."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from project import REPOSITORY, Project

TARGETS = {
    "help", "setup", "doctor", "data", "vectors", "local-train", "package", "local-serve",
    "local-stop", "invoke", "verify", "evaluate", "dry-run", "test", "lint", "lock", "clean",
}


def test_help_is_the_default_and_lists_every_target(project):
    text = project.make().stdout
    assert text == project.make("help").stdout
    listed = re.findall(r"^  ([a-z-]+)", text, re.M)
    assert set(listed) >= TARGETS


def test_every_phony_target_has_a_line_of_help():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    lines = re.findall(r"^\.PHONY: (.*)$", makefile, re.M)
    # A name with a dot is a step of others', not for users.
    phony = {name for line in lines for name in line.split() if not name.startswith(".")}
    described = set(re.findall(r"^([a-z0-9-]+):.*## ", makefile, re.M))
    assert phony == described


def test_doctor_names_each_requirement_and_what_to_do(project):
    text = project.make("doctor").stdout
    for requirement in ("Python 3.10", "CPython 3.6", "x86-64", "AVX", "C compiler", "Docker"):
        assert requirement in text


def test_a_missing_python_36_ends_with_one_message_and_three_ways_on(project):
    (project.root / ".stamps").unlink()
    (project.root / ".venvs").unlink()
    try:
        done = project.make(".stamps/train", "PYTHON36=/nonexistent/python3.6", check=False)
    finally:
        import shutil

        shutil.rmtree(project.root / ".stamps", ignore_errors=True)
        shutil.rmtree(project.root / ".venvs", ignore_errors=True)
        for name in (".stamps", ".venvs"):
            (project.root / name).symlink_to(REPOSITORY / name)
    assert done.returncode != 0
    assert "PYTHON36=/nonexistent/python3.6 is no Python 3.6" in done.stdout
    assert "Three ways on" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("target", [
    "local-train", "dry-run", "reproduce", "parity", "cloud-plan", "cloud-train", "cloud-tune",
    "tune",
])
def test_what_a_version_has_not_is_refused_before_anything_is_made(tmp_path, target):
    fresh = Project(tmp_path)
    said = fresh.make("--no-print-directory", target, "MEMBERS=3", check=False)
    assert said.returncode == 2
    first, last = said.stdout.strip().splitlines()
    assert first.startswith("train2deploy: MEMBERS=3: v1 has no such hyperparameter")
    assert last.startswith("make: ***")
    assert not fresh.build.exists()


def test_package_before_training_and_serving_before_packing_lead_to_the_step_before(project):
    plan = project.make("--dry-run", "local-serve", "-o", ".stamps/host").stdout
    assert "serve --port 8080" in plan


def test_the_readme_shows_the_help_that_make_gives(project):
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert project.make("--silent", "help").stdout.strip() in readme
