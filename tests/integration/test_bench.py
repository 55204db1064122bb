"""make bench and make soak run through on a small model: all figures are there, nothing is left."""

import json

import pytest

SUBJECTS = {"session.run", "model server, REST", "model server, gRPC", "/invocations",
            "article's handler", "article's handler, unmerged"}  # fmt: skip


@pytest.fixture(scope="module")
def bench(project, packed):
    """A run with so little of everything that its figures mean nothing; what it printed."""
    return project.make("bench", "QUICK=1", "ROUNDS=1", "SECONDS=0.5", "CLIENTS=1,4").stdout


def test_bench_measures_every_subject_with_every_number_of_clients(project, bench):
    result = project.json("reports/bench.json")
    measured = {(row["subject"], row["clients"], row["sentences"])
                for row in result["measurements"]}  # fmt: skip
    assert {subject for subject, _, _ in measured} == SUBJECTS == set(result["subjects"])
    served = SUBJECTS - {"session.run"}
    assert {(subject, clients, 1) for subject in served for clients in (1, 4)} <= measured
    assert ("/invocations", 1, 32) in measured
    for row in result["measurements"]:
        assert row["median"]["requests"] > 0
        assert 0 < row["median"]["p50_ms"] <= row["median"]["p95_ms"] <= row["median"]["p99_ms"]
        assert len(row["rounds"]) == 1


def test_bench_tells_starts_memory_and_the_machine(project, bench):
    result = project.json("reports/bench.json")
    assert set(result["startup"]) == {
        "bare process", "/invocations", "article's handler"}
    assert result["startup"]["bare process"]["ratio"] == 1.0
    for subject in ("/invocations", "article's handler"):
        roles = result["memory"][subject]
        assert set(roles) == {"supervisor", "edge", "gunicorn", "handler", "model server"}
        assert all(0 < found["pss"] <= found["rss"] for found in roles.values())
    assert result["machine"]["cores"] >= 1
    assert result["machine"]["serving"]["tensorflow"].startswith("1.13")
    assert {aim["name"] for aim in result["aims"]} >= {
        "REST, 1 client: p50 / session.run", "/invocations, 1 client: p50 / session.run",
        "start to first answer / bare process", "handler's resident memory, MB"}  # fmt: skip


def test_bench_draws_a_plot_and_says_how_to_repeat_it(project, bench):
    reports = project.build / "reports"
    assert (reports / "bench.png").stat().st_size > 10_000
    assert "</svg>" in (reports / "bench.svg").read_text(encoding="utf-8")
    command = "make bench QUICK=1 ROUNDS=1 SECONDS=0.5 CLIENTS=1,4"
    assert command == project.json("reports/bench.json")["command"]
    assert command in bench and "build/reports/bench.json" in bench


def test_bench_leaves_no_process(project, bench):
    left = [line for line in project.wait_until_quiet() if "bench" in line]
    assert left == []


def test_soak_survives_two_kills_with_right_answers_only(project, packed):
    output = project.make("soak", "SECONDS=12", check=False).stdout
    result = json.loads((project.build / "reports" / "soak.json").read_text(encoding="utf-8"))
    # How long it takes to be back is a matter of the machine; here only whether it is right.
    wrong = [text for text in result["problems"] if "expected answers within" not in text]
    assert wrong == [], output
    assert set(result["statuses"]) <= {"200", "502", "503", "504"}
    assert result["statuses"]["200"] > 0
    assert [kill["role"] for kill in result["kills"]] == ["model server", "gunicorn"]
    assert all(kill["back"] is not None for kill in result["kills"])
