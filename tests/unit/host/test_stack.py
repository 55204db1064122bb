"""STACK: 2019 or today; what it chooses, and what one stack refuses of the other."""

import ast
import os

import pytest

from train2deploy import (
    declaration,
    job_source,
    machine,
    package_code,
    paths,
    pythons,
    stack,
    versions,
)
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_tree
from train2deploy.make import check
from train2deploy.make.variables import Values
from train2deploy.runs import plan
from train2deploy.runtimes import default


@pytest.fixture
def today(monkeypatch):
    monkeypatch.setenv("STACK", "today")


@pytest.fixture
def bare_machine(monkeypatch, tmp_path):
    """Without engine, environments and CPython 3.6."""
    monkeypatch.setattr(machine, "succeeds", lambda *_: False)
    monkeypatch.setattr(paths, "TRAIN_PYTHON", tmp_path / "none")
    monkeypatch.setattr(paths, "STAMPS", tmp_path)
    monkeypatch.setattr(pythons, "is_of_use", lambda: True)
    found = {pythons.TODAYS: tmp_path / "python3.12"}
    monkeypatch.setattr(pythons, "find", lambda named="", version="3.6": found.get(version))
    return found


def test_without_cpython_36_and_engine_todays_stack_is_taken(bare_machine):
    assert default.choice().startswith("today (TensorFlow 2.21, CPython 3.12: no CPython 3.6")


def test_an_engine_comes_before_todays_stack_and_cpython_36_before_both(bare_machine, monkeypatch):
    monkeypatch.setattr(machine, "engine_answers", lambda: True)
    assert default.choice().startswith("docker (no CPython 3.6 here")
    bare_machine[pythons.ARTICLES] = paths.STAMPS / "python3.6"
    assert default.choice().startswith("host (no engine that has our images")


def test_an_engine_is_of_no_use_where_the_images_cannot_run(bare_machine, monkeypatch):
    monkeypatch.setattr(machine, "engine_answers", lambda: True)
    monkeypatch.setattr(pythons, "is_of_use", lambda: False)
    assert default.choice().startswith("today (")


def test_what_is_asked_for_is_not_chosen_otherwise(bare_machine):
    assert default.choice("2019") == "host (no engine answers)"
    bare_machine[pythons.ARTICLES] = paths.STAMPS / "python3.6"
    assert default.choice("today") == "today (TensorFlow 2.21, CPython 3.12 on this machine)"


def test_without_any_of_them_there_is_a_way_to_get_either(bare_machine):
    del bare_machine[pythons.TODAYS]
    assert default.choice() == "host (no engine answers)"
    assert "STACK=today" in pythons.advice() and machine.get_python312() in pythons.advice()


@pytest.mark.parametrize("runtime", ["docker", "sdk"])
def test_todays_stack_has_no_containers_here(runtime):
    values = Values({"STACK": "today", "RUNTIME": runtime}, {})
    with pytest.raises(UserError, match=f"STACK=today RUNTIME={runtime}: expected RUNTIME=host"):
        check.check(["local-train"], values)


def test_the_article_s_models_are_the_same_files_as_before_there_was_another_stack():
    """Recorded runs have these; whoever changes one makes them all again."""
    recorded = {
        "v1": "8d95f08c0fa9114ba561c1f9e22173b05a05ea935a30e2e3d623429a7d07202e",
        "v2": "4786f92b05b7ea1ac146a24480174f84dfe6d63fc763b87c9e96843dffedd961",
    }
    assert {version: plan._training_sha256(version) for version in recorded} == recorded


def test_todays_source_has_the_shared_modules_and_none_of_tensorflow_1(today, tmp_path):
    shared = {"arguments.py", "batches.py", "channels.py", "encoding.py", "export.py"}
    job_source.stage("v1", tmp_path / "v1")
    staged = {path.name for path in (tmp_path / "v1").iterdir()}
    assert staged == shared | {
        "layers.py", "networks.py", "train_v1.py", "training.py", "vectors.py",
    }  # fmt: skip
    assert (tmp_path / "v1" / "vectors.py").read_bytes() == (
        paths.TODAYS_SOURCE / "vectors.py"
    ).read_bytes()


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_both_stacks_take_the_same_hyperparameters(version, monkeypatch):
    articles = versions.declared(version)
    monkeypatch.setenv("STACK", "today")
    todays = versions.declared(version)

    def without_text(found):
        return {name: (one.kind, one.default) for name, one in found.hyperparameters.items()}

    assert without_text(todays) == without_text(articles)
    assert todays.further["given" if version == "v1" else "title"]
    assert todays.given("knbc") == articles.given("knbc")
    assert todays.given("sample") == articles.given("sample")


def test_both_scripts_of_v2_hash_n_grams_alike():
    def ngrams(folder):
        constants = declaration._constants(declaration.parse(folder / "train_v2.py"))
        return ast.unparse(constants["NGRAMS"])

    assert ngrams(paths.TODAYS_SOURCE) == ngrams(paths.TRAIN_SOURCE)


def test_only_models_of_the_stack_are_known(today):
    assert [one.name for one in versions.known()] == ["v1", "v2"]
    with pytest.raises(UserError, match=r"VERSION=v3: expected one of v1, v2 \(STACK=today\)"):
        versions.find("v3")


def test_runs_of_todays_stack_are_listed_by_themselves(today):
    assert plan.recorded_version("v1") == "v1-today"
    assert stack.environment("v1-today") == "v1-today"
    assert stack.recorded() == {"stack": "today"}


def test_what_the_other_stack_made_is_refused_with_the_way_on(today):
    stack.check({"stack": "today"}, "build/model.tar.gz")
    stack.check({}, "build/model.tar.gz")
    with pytest.raises(UserError, match=r"made with STACK=2019\. Give STACK=2019, or train on"):
        stack.check({"job": "v1-2026"}, "build/model.tar.gz")


def test_the_archive_gets_wheels_for_the_python_of_its_container(today):
    assert package_code._container()[:6] == [
        "--python-version", "312", "--implementation", "cp", "--abi", "cp312",
    ]  # fmt: skip


def test_a_machine_that_cannot_run_the_container_s_wheels_lets_pip_choose(today, monkeypatch):
    monkeypatch.setattr(pythons, "is_of_use", lambda: False)
    assert not package_code._serves_wheels()
    monkeypatch.setenv("STACK", "2019")
    assert package_code._serves_wheels()


def test_the_source_directory_for_todays_container_names_its_modules(today, tmp_path):
    job_source.pack("v1", tmp_path / "sourcedir.tar.gz")
    from train2deploy import archives

    archives.unpack(tmp_path / "sourcedir.tar.gz", tmp_path / "source")
    named = (tmp_path / "source" / "requirements.txt").read_text(encoding="utf-8")
    assert "gensim==" in named and "sentencepiece==" in named
    locked = stack.lock("train").read_text(encoding="utf-8")
    assert all(line in locked for line in named.splitlines() if "==" in line)
    assert not (tmp_path / "source" / "gensim").exists()
    assert sha256_tree(tmp_path / "source") and os.environ["STACK"] == "today"


def test_a_package_of_the_other_stack_is_served_as_its_own_container_does(monkeypatch):
    of_2019, of_today = {"job": "v1"}, {"job": "v1", "stack": "today"}
    monkeypatch.setenv("STACK", "today")
    monkeypatch.setenv("HOSTING_CONTRACT", "today")
    assert [stack.contract(one) for one in (None, of_today, of_2019)] == ["today", "today", "2019"]
    monkeypatch.delenv("STACK")
    monkeypatch.setenv("HOSTING_CONTRACT", "head")
    assert [stack.contract(one) for one in (None, of_2019, of_today)] == ["head", "head", "today"]
