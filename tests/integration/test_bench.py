"""make bench and make soak run through on a small model: all figures are there, nothing is left."""

import json
import re
import shutil

import pytest
from project import SMALL, SMALL_V2, Project

OURS = {"model server, REST", "model server, REST, MERGE=0", "model server, gRPC", "/invocations",
        "/invocations, MERGE=0", "/invocations, MERGE=0 BATCHING=1"}  # fmt: skip
SUBJECTS = {"session.run", "session.run, packed graph", *OURS, "other package's /invocations",
            "article's handler", "article's handler, unmerged"}  # fmt: skip
LITTLE = ("QUICK=1", "ROUNDS=1", "SECONDS=0.2")
"""So little of everything that the figures mean nothing."""


@pytest.fixture(scope="module")
def second(project, packed, data_set, tmp_path_factory):
    """A project of the same data and vectors with a package of v2."""
    root = Project(tmp_path_factory.mktemp("second"))
    for channel in ("data", "vectors"):
        shutil.copytree(project.build / channel, root.build / channel)
    root.make("local-train", f"DATASET={data_set}", f"CORPUS={data_set / 'features.csv'}",
              *SMALL[:3], *SMALL_V2)  # fmt: skip
    root.make("package")
    yield root
    assert root.wait_until_quiet() == []


@pytest.fixture(scope="module")
def bench(project, packed, second):
    """What a run with another package printed."""
    other = f"AGAINST={second.build / 'model.tar.gz'}"
    return project.make("bench", other, *LITTLE, "CLIENTS=4", "ARTICLE_WORDS=2000").stdout


@pytest.fixture(scope="module")
def alone(second):
    """What a run of a v2 package printed."""
    return second.make("bench", *LITTLE, "CLIENTS=2").stdout


def cells(result):
    """What was measured: {(subject, clients, sentences)}."""
    return {(row["subject"], row["clients"], row["sentences"]) for row in result["measurements"]}


def test_bench_measures_every_subject(project, bench):
    result = project.json("reports/bench.json")
    measured = cells(result)
    assert {subject for subject, _, _ in measured} == SUBJECTS == set(result["subjects"])
    served = SUBJECTS - {"session.run", "session.run, packed graph"}
    assert {(subject, 4, 1) for subject in served} <= measured
    assert ("/invocations", 1, 32) in measured
    for row in result["measurements"]:
        assert row["median"]["requests"] > 0
        assert 0 < row["median"]["p50_ms"] <= row["median"]["p95_ms"] <= row["median"]["p99_ms"]
        assert len(row["rounds"]) == 1


def test_bench_tells_starts_memory_and_the_machine(project, bench):
    result = project.json("reports/bench.json")
    started = {"/invocations", "other package's /invocations", "article's handler"}
    assert set(result["startup"]) == {"bare process", *started}
    assert result["startup"]["bare process"]["ratio"] == 1.0
    assert set(result["memory"]) == started
    for held in result["memory"].values():
        roles = {"supervisor", "edge", "gunicorn", "handler", "model server"}
        assert set(held) == {*roles, "total"}
        assert all(0 < found["pss"] <= found["rss"] for found in held.values())
        for kind in ("rss", "pss"):
            assert held["total"][kind] == pytest.approx(sum(held[r][kind] for r in roles))
    assert result["machine"]["cores"] >= 1
    assert result["machine"]["serving"]["tensorflow"].startswith("1.13")
    assert {aim["name"] for aim in result["aims"]} >= {
        "start to first answer / bare process", "handler's resident memory, MB",
        "start to first answer / other package's /invocations",
        "whole endpoint's resident memory, MB"}  # fmt: skip


def test_bench_says_which_package_it_was_compared_with(project, second, bench):
    result = project.json("reports/bench.json")
    package = second.build / "model.tar.gz"
    assert result["against"]["package"] == str(package)
    assert result["against"]["model_sha256"] != result["model_sha256"]
    assert result["article"] == {
        "is_measured_model": True, "serves": "/invocations", "words": 2000}  # fmt: skip


def test_a_model_with_two_inputs_is_measured_without_the_article_s_handler(second, alone):
    result = second.json("reports/bench.json")
    assert {(subject, 2, 1) for subject in OURS} <= cells(result)
    assert set(result["subjects"]) == {"session.run", *OURS}
    assert result["article"]["serves"] is None and result["against"] is None
    assert "left out: it feeds one input, this model has 2 (inputs, ngrams)" in alone


def test_bench_refuses_what_is_no_package(project, packed):
    missing = project.make("bench", f"AGAINST={project.root / 'none.tar.gz'}", check=False)
    assert missing.returncode == 2
    assert "none.tar.gz: expected a file or folder that is there" in missing.stdout
    job = project.build / "jobs" / "latest" / "model.tar.gz"
    unpacked = project.make("bench", f"AGAINST={job}", check=False)
    assert "expected a package of this project, found no code/" in unpacked.stdout


def test_bench_draws_a_plot_and_says_how_to_repeat_it(project, bench):
    reports = project.build / "reports"
    assert (reports / "bench.png").stat().st_size > 10_000
    assert "</svg>" in (reports / "bench.svg").read_text(encoding="utf-8")
    command = project.json("reports/bench.json")["command"]
    assert command.startswith("make bench AGAINST=")
    assert command.endswith("QUICK=1 ROUNDS=1 SECONDS=0.2 CLIENTS=4 ARTICLE_WORDS=2000")
    assert command in bench and "build/reports/bench.json" in bench


def test_bench_searches_the_settings_of_batching(project, packed):
    """Which of them are best is the machine's to say."""
    printed = project.make("bench", "TUNE=1", *LITTLE[::2]).stdout
    found = project.json("reports/tune.json")
    measured = [row["variables"] for row in found["measurements"]]
    assert measured[0] == {}
    assert {each.get("MAX_BATCH_SIZE") for each in measured} == {None, "8", "32"}
    assert [each.get("OMP_NUM_THREADS") for each in measured[-2:]] == ["1", "2"]
    assert set(found["best"]) == {"one client", "32 clients"}
    for who, best in found["best"].items():
        assert best in found["measurements"]
        (said,) = re.findall(rf"best for {who}: (.*) \(", printed)
        words = {f"{name}={value}" for name, value in best["variables"].items()}
        assert set(said.split()) == (words or {"no", "batching"})


def test_bench_leaves_no_process(project, bench):
    assert project.wait_until_quiet("bench") == []


def test_soak_survives_two_kills_with_right_answers_only(project, packed):
    output = project.make("soak", "SECONDS=8", check=False).stdout
    result = json.loads((project.build / "reports" / "soak.json").read_text(encoding="utf-8"))
    # How long it takes to be back, and to be warm, is a matter of the machine; here only whether
    # it is right.
    of_the_machine = ("expected answers within", "grew by")
    wrong = [text for text in result["problems"] if not any(one in text for one in of_the_machine)]
    assert wrong == [], output
    assert set(result["statuses"]) <= {"200", "502", "503", "504"}
    assert result["statuses"]["200"] > 0
    first, second = result["kills"]
    assert (first["role"], second["role"]) == ("model server", "gunicorn")
    assert first["back"] is not None and second["back"] is not None
