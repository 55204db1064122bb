"""Which packages the bench measures, and which of them the article's handler can serve."""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from train2deploy import archives, cli, paths
from train2deploy.bench import article, options, packages, peers, proc, run, tune, workload
from train2deploy.bench.names import INVOCATIONS, OTHER
from train2deploy.cloud_settings import config
from train2deploy.errors import MissingRequirement, UserError


def given(*words: str) -> options.Options:
    """What `bench` is asked with these options."""
    return options.of(cli._parser().parse_args(["bench", *words]))


FILES = ("1/saved_model.pb", "1/variables/variables.index", *(f"code/{n}" for n in packages.CODE))


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    """A model directory with everything that a package has, though none of it is real."""
    directory = tmp_path / "made" / "model"
    for name in FILES:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    return directory


def test_a_model_directory_is_taken_as_it_is(model_dir: Path):
    assert packages.opened(model_dir) == model_dir


def test_an_archive_is_unpacked(model_dir: Path, tmp_path: Path, monkeypatch):
    archive = tmp_path / "model.tar.gz"
    archives.pack(((name, model_dir / name) for name in FILES), archive)
    monkeypatch.setattr("train2deploy.paths.SERVED_MODELS", tmp_path / "served")
    opened = packages.opened(archive)
    assert opened.is_relative_to(tmp_path / "served")
    assert (opened / "code" / "encoding.py").read_text(encoding="utf-8") == "code/encoding.py"


@pytest.mark.parametrize("missing", ["1/saved_model.pb", "code/encoding.py", "code/labels.json"])
def test_what_this_project_did_not_pack_is_refused(model_dir: Path, missing: str):
    (model_dir / missing).unlink()
    named = missing.replace("1/", "<number>/")
    with pytest.raises(UserError, match=f"expected a package of this project, found no {named}"):
        packages.opened(model_dir)


def test_what_is_not_there_is_refused_by_name(tmp_path: Path):
    with pytest.raises(UserError, match=r"AGAINST=.*old\.tar\.gz: expected .*, found none"):
        packages.opened(tmp_path / "old.tar.gz")


def test_what_is_no_archive_is_refused(tmp_path: Path):
    path = tmp_path / "model.tar.gz"
    path.write_text("hello", encoding="utf-8")
    with pytest.raises(UserError, match="expected a tar archive"):
        packages.opened(path)
    with tarfile.open(path, "w:gz"):
        pass
    with pytest.raises(UserError, match=r"no saved_model\.pb"):
        packages.opened(path)


def sentences(*keys: str) -> workload.Sentences:
    return workload.Sentences([], {key: [] for key in keys}, [], "output", [])


ONE, TWO = sentences("inputs"), sentences("inputs", "ngrams")


@pytest.mark.parametrize(
    "asked, served",
    [
        ({INVOCATIONS: ONE}, INVOCATIONS),
        ({INVOCATIONS: ONE, OTHER: TWO}, INVOCATIONS),
        ({INVOCATIONS: TWO, OTHER: ONE}, OTHER),
        ({INVOCATIONS: TWO}, None),
        ({INVOCATIONS: TWO, OTHER: TWO}, None),
    ],
)
def test_the_article_s_handler_serves_the_first_model_with_one_input(asked, served):
    assert run.article_subject(asked) == served


def test_one_line_says_why_the_article_s_handler_is_left_out():
    line = article.left_out(TWO)
    assert "\n" not in line
    assert "one input, this model has 2 (inputs, ngrams)" in line


@pytest.fixture
def made_vectors(tmp_path: Path, monkeypatch) -> list[int]:
    """The numbers of words of the vectors that were made, instead of making them."""
    made: list[int] = []

    def write(model_dir: Path, path: Path, words: int) -> None:
        made.append(words)
        path.write_text(str(words), encoding="utf-8")

    monkeypatch.setattr(article, "ARTICLE_DIR", tmp_path / "article")
    monkeypatch.setattr(article, "_write", write)
    return made


def test_the_article_s_word_vectors_are_made_once_for_a_model(model_dir: Path, made_vectors):
    first = article.word_vectors(model_dir, 10)
    assert article.word_vectors(model_dir, 10) == first
    assert made_vectors == [10]
    assert [path.name for path in first.iterdir()] == [article.VECTORS]


@pytest.mark.parametrize("changed", ["code/vocabulary.json", "1/variables/variables.index"])
def test_another_model_gets_other_word_vectors_and_the_old_ones_go(
    model_dir: Path, made_vectors, changed: str
):
    first = article.word_vectors(model_dir, 10)
    (model_dir / changed).write_text("another", encoding="utf-8")
    second = article.word_vectors(model_dir, 10)
    assert made_vectors == [10, 10]
    assert not first.exists() and second.is_dir()


def test_word_vectors_that_could_not_be_made_are_not_kept(model_dir, made_vectors, monkeypatch):
    def fail(model_dir: Path, path: Path, words: int) -> None:
        path.write_text("half of it", encoding="utf-8")
        raise UserError("no")

    with monkeypatch.context() as broken, pytest.raises(UserError, match="no"):
        broken.setattr(article, "_write", fail)
        article.word_vectors(model_dir, 10)
    kept = article.word_vectors(model_dir, 10)
    assert (kept / article.VECTORS).read_text(encoding="utf-8") == "10"


def test_the_endpoint_s_total_counts_every_process_below_the_supervisor():
    child = "print('here', flush=True); input()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == b"here\n"
        pids = proc.tree(process.pid)
        memory = proc.endpoint_memory_mb(process.pid)
        process.communicate(b"\n")
    assert len(pids) == 2 and pids[0] == process.pid
    # The supervisor's role is the parent's; the child has none, but counts.
    for kind in ("rss", "pss"):
        assert memory["total"][kind] > memory["supervisor"][kind] + 1
    assert memory["supervisor"]["pss"] <= memory["supervisor"]["rss"]


def test_the_command_that_repeats_a_run_holds_what_was_asked():
    assert given().command() == "make bench"
    asked = given(
        "--quick", "--rounds=3", "--seconds=0.5", "--clients=32,1",
        "--against=my models/old.tar.gz", "--article-words=2000",
    )  # fmt: skip
    assert asked.command() == (
        "make bench 'AGAINST=my models/old.tar.gz' QUICK=1 ROUNDS=3 SECONDS=0.5 CLIENTS=1,32"
        " ARTICLE_WORDS=2000"
    )
    tuned = given("--peers", "--set", "BATCHING=1", "--set", "MAX_BATCH_SIZE=16")
    assert tuned.command() == "make bench PEERS=1 BATCHING=1 MAX_BATCH_SIZE=16"
    plan = asked.plan((INVOCATIONS,))
    assert (plan.clients, plan.endpoints) == ((1, 32), (INVOCATIONS,))


def test_settings_of_batching_are_those_of_the_cloud():
    assert given("--set", "BATCHING=1", "--set", "MAX_BATCH_SIZE=16").batching == {
        "SAGEMAKER_TFS_ENABLE_BATCHING": "true",
        "SAGEMAKER_TFS_MAX_BATCH_SIZE": "16",
    }
    assert given().batching == options.BATCHED
    with pytest.raises(UserError, match="MAX_BATCH_SIZE=x: expected a whole number"):
        given("--set", "MAX_BATCH_SIZE=x")


def rows_a_second(variables):
    """The larger a batch the better, but for one: it refuses requests."""
    if variables.get("MAX_BATCH_SIZE") == "64":
        return None
    return {
        "p50_ms": 1.0 + float(variables.get("BATCH_TIMEOUT_MICROS", "0")) / 1e3,
        "per_second": float(variables.get("MAX_BATCH_SIZE", "1"))
        + float(variables.get("OMP_NUM_THREADS", "0")),
    }


def test_a_search_finds_the_best_settings_for_one_client_and_for_many():
    said: list[str] = []
    rows = tune.search(tune.candidates(), rows_a_second, said.append)
    found = tune.best(rows)
    assert found["one client"]["variables"] == {}
    assert found["32 clients"]["variables"]["MAX_BATCH_SIZE"] == "32"
    assert found["32 clients"]["variables"]["OMP_NUM_THREADS"] == "2"
    assert said[0] == "no batching"
    assert len(rows) < len(said) == len(tune.candidates()) + len(tune.OMP)


def test_every_candidate_is_a_setting_that_the_cloud_takes(tmp_path: Path):
    for variables in tune.candidates():
        config.load(variables, tmp_path / "cloud.toml", needs=())


@pytest.mark.parametrize("package", ["mlflow", "bentoml", "simple-tensorflow-serving"])
def test_a_peer_s_version_is_that_of_its_lock(package: str):
    wanted = {"mlflow": "1.14.1", "bentoml": "0.13.2", "simple-tensorflow-serving": "0.8.2"}
    assert peers.version(package) == wanted[package]
    assert package in {kind.package for kind in peers.PEERS.values()}


def test_a_peer_that_is_not_installed_is_named(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(paths, "VENVS", tmp_path)
    with pytest.raises(MissingRequirement, match="make bench PEERS=1"):
        peers.python("mlflow")


def test_the_article_s_handler_has_as_many_words_as_its_own_file():
    assert given().article_words == 171_000


def test_more_clients_than_a_machine_bears_are_refused():
    with pytest.raises(UserError, match="CLIENTS=9999: expected numbers from 1 to 512"):
        given("--clients=9999")
