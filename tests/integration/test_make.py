"""The make interface: help, doctor, and what a missing Python 3.6 says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from project import REPOSITORY, Project

from train2deploy.make import targets

TARGETS = {
    "help", "setup", "doctor", "status", "data", "vectors", "local-train", "package", "local-serve",
    "local-stop", "invoke", "verify", "evaluate", "dry-run", "test", "lint", "lock", "clean",
}


def test_make_alone_says_where_one_is_and_then_what_help_says(bare):
    opening, _, text = bare.make().stdout.partition("\n\n")
    names = ["train2deploy", "one command", "here", "next", "more"]
    assert [line.partition(": ")[0] for line in opening.splitlines()] == names
    assert "\nhere: nothing made yet" in opening
    assert text == bare.make("help").stdout
    listed = re.findall(r"^  ([a-z-]+)", text, re.M)
    assert set(listed) >= TARGETS


def test_every_target_has_a_line_of_help_and_its_variables_in_the_tool():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8").replace("\\\n", "")
    lines = re.findall(r"^(?:\.PHONY:|TARGETS :=) (.*)$", makefile, re.M)
    # A name with a dot is a step of others', not for users.
    phony = {name for line in lines for name in line.split() if name[0] not in ".$"}
    described = re.findall(r"^([a-z0-9-]+):.*## ", makefile, re.M)
    assert phony == set(described) == set(targets.TARGETS)
    assert len(described) == len(set(described))


def test_doctor_names_each_requirement_and_what_to_do(project):
    text = project.make("doctor").stdout
    for requirement in ("Python 3.10", "CPython 3.6", "x86-64", "AVX", "C compiler", "Docker"):
        assert requirement in text


@pytest.fixture
def bare(tmp_path):
    """A project without environments, as a fresh clone is."""
    project = Project(tmp_path)
    for name in (".stamps", ".venvs"):
        (project.root / name).unlink()
    return project


@pytest.mark.parametrize("target", [
    ".stamps/train", "setup", "dry-run", "local-train", "local-serve", "playground", "verify",
    "evaluate", "reproduce", "bench", "soak", "test",
])
def test_a_missing_python_36_is_told_once_and_before_anything_is_installed(bare, target):
    done = bare.make(target, "PYTHON36=/nonexistent/python3.6", check=False)
    assert done.returncode == 2
    assert done.stdout.count("PYTHON36=/nonexistent/python3.6 is not a Python 3.6") == 1
    assert done.stdout.count("Expected a CPython 3.6") == 1
    assert "setup: host tool" not in done.stdout
    assert "Traceback" not in done.stdout
    assert not (bare.root / ".venvs").exists()


@pytest.mark.parametrize("inspects, informs, runtime", [
    (0, 0, "docker (an engine answers and has our images"),
    (1, 0, "docker (no CPython 3.6 here, but an engine answers; its images are built first)"),
    (1, 1, "host (no engine answers)"),
])
def test_without_python_36_the_containers_are_taken_where_an_engine_answers(
    bare, inspects, informs, runtime
):
    client = bare.root / "bin" / "docker"
    client.parent.mkdir()
    client.write_text(f"#!/bin/sh\n[ $1 = image ] && exit {inspects}\nexit {informs}\n")
    client.chmod(0o755)
    environment = {**bare.environment(), "PATH": f"{client.parent}:{os.environ['PATH']}"}
    del environment["RUNTIME"]
    done = subprocess.run(
        ["make", "--dry-run", "setup", "PYTHON36=/nonexistent", "PYTHON312=/nonexistent"],
        cwd=bare.root, env=environment, capture_output=True, text=True)
    assert f"runtime: {runtime}" in done.stdout
    builds_images = "train2deploy" in done.stdout and " images" in done.stdout
    assert builds_images == runtime.startswith("docker")


@pytest.mark.parametrize("target", ["doctor", "dry-run", "local-train", "setup", "cloud-status"])
def test_an_older_python_is_told_in_one_line(bare, target):
    older = sorted((Path.home() / ".pyenv" / "versions").glob("3.9.*/bin/python"))
    if not older:
        pytest.skip("no Python 3.9 on this machine")
    done = bare.make("--silent", target, f"PYTHON={older[0]}", check=False)
    assert done.returncode == 2
    said = [line for line in done.stdout.splitlines() if not line.startswith(("make", "setup:"))]
    (line,) = said
    assert "train2deploy: expected Python 3.10 or newer as PYTHON, found 3.9." in line


@pytest.mark.parametrize("target", ["setup", "local-serve", "dry-run"])
def test_an_unknown_runtime_is_refused_before_anything_is_made(bare, target):
    said = bare.make("--no-print-directory", target, "RUNTIME=podman", check=False)
    assert said.returncode == 2
    assert "RUNTIME=podman: expected host or docker (to train: or sdk)." in said.stdout
    assert not bare.build.exists() and not (bare.root / ".venvs").exists()


def test_an_empty_runtime_is_one_that_was_not_given(bare):
    assert "RUNTIME=" not in bare.make("--dry-run", "data", "RUNTIME=").stdout


TEXTS = [
    "価格は$5です", "$(shell touch evil) ${HOME} $$ $@", "`touch evil`", "a \\ b\\\\", "it's \"x\"",
    "# no comment", "100% %", "trailing  ", "a=b:=c", "-圏外", "two\nlines",
]
AT_ONCE = f"-{' '.join(TEXTS)}  "  # for the targets that hand it on as `invoke` does


@pytest.fixture
def recorded(tmp_path):
    """A project whose interpreters write down the commands that they are to run, a line each."""
    project = Project(tmp_path)
    (project.root / ".venvs").unlink()
    seen = tmp_path / "seen.jsonl"
    for name in ("host", "cloud"):
        python = project.root / ".venvs" / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(
            f"#!{sys.executable}\nimport json, os, sys\n"
            "if sys.argv[2].startswith('train2deploy.make'):\n"  # what stands behind make's targets
            "    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n"
            f"print(json.dumps(sys.argv[1:]), file=open({str(seen)!r}, 'a'))\n")
        python.chmod(0o755)
    return project, seen


def test_a_target_ends_with_what_comes_next_unless_a_program_reads_or_calls_it(project):
    def said(*words, **further):
        done = subprocess.run(
            ["make", *words], cwd=project.root, env={**project.environment(), **further},
            capture_output=True, text=True)
        assert "next:" not in done.stdout
        return done.stderr

    fitting = said("help", "local-stop")
    assert fitting.startswith("next: make ") and len(fitting.splitlines()) == 1
    assert said("local-stop", "runs", "JSON=1") == ""
    assert said("local-stop", MAKELEVEL="1") == ""
    assert "next:" not in said("invoke", "PORT=1")  # fails
    assert said("runs", "local-stop").count("next:") == 1


@pytest.mark.parametrize("target, text", [
    *(("invoke", text) for text in TEXTS), ("cloud-invoke", AT_ONCE), ("dry-run", AT_ONCE)])
def test_a_sentence_is_passed_on_as_it_is_and_nothing_in_it_is_run(recorded, text, target):
    project, seen = recorded
    for way in ("argument", "variable"):
        environment = {**project.environment(), **({"Q": text} if way == "variable" else {})}
        given = [f"Q={text}"] if way == "argument" else []
        subprocess.run(
            ["make", "--silent", target, "MAKE=true", *given],
            cwd=project.root, env=environment, capture_output=True, check=True)
        assert json.loads(seen.read_text().splitlines()[-1])[-1] == text
        seen.unlink()
    assert not (project.root / "evil").exists()


def test_what_goals_have_in_common_is_done_once(recorded):
    project, seen = recorded
    project.make("data", "vectors", "local-train", "reproduce", "REPORT=0", "MAKE=true")
    words = [json.loads(line) for line in seen.read_text().splitlines()]
    names = ("data", "vectors", "train", "reproduce", "report")
    assert [next(name for name in names if name in line) for line in words] == list(names[:4])


def test_goals_run_in_their_order_whatever_is_told_to_run_at_once(project):
    """And the environments, which do not depend on one another, side by side."""
    for options in ((), ("--jobs=4",)):
        goals = project.make(*options, "--print-data-base", "--question", "package", "local-serve",
                             check=False).stdout
        assert re.search(r"^\.NOTPARALLEL:", goals, re.M)
    environments = project.make("--print-data-base", "--question", ".stamps/host", ".stamps/train",
                                check=False).stdout
    assert not re.search(r"^\.NOTPARALLEL:", environments, re.M)


def test_what_is_up_to_date_is_not_told(project):
    for options in ((), ("--jobs=4",)):
        said = project.make(*options, "setup").stdout
        assert "up to date" not in said and "warning" not in said and "Entering" not in said


def test_what_is_made_first_is_told_with_its_target(recorded):
    project, _ = recorded
    said = project.make("local-serve", "MAKE=true").stdout
    first = "build/model.tar.gz is not there yet: make package comes first"
    before = "build/jobs/latest/model.tar.gz is not there yet: make local-train comes first"
    assert said.index(first) < said.index(before)


def test_the_documentation_shows_the_help_that_make_gives(project):
    page = (REPOSITORY / "docs" / "usage.md").read_text(encoding="utf-8")
    assert project.make("--silent", "help").stdout.strip() in page
