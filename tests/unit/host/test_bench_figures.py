"""The bench's figures: percentiles, medians over rounds, ratios, and the form they are kept in."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train2deploy import plots
from train2deploy.bench import aims, cost, figures, measure, report, startup
from train2deploy.bench.figures import Round
from train2deploy.bench.measure import Cell, Plan
from train2deploy.bench.names import (
    ALONE,
    ARTICLE,
    BATCHED,
    GRPC,
    INVOCATIONS,
    ONNX,
    OTHER,
    PACKED,
    PEERS,
    RAW,
    REST,
    REST_ALONE,
    SUBJECTS,
    UNMERGED,
)
from train2deploy.errors import JobFailed

VALUES = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=60)


@pytest.mark.parametrize(
    "percent, expected", [(1, 1.0), (20, 1.0), (21, 2.0), (50, 3.0), (95, 5.0), (100, 5.0)]
)
def test_a_percentile_is_the_nearest_rank(percent, expected):
    assert figures.percentiles([5.0, 3.0, 1.0, 4.0, 2.0], [percent], 4) == [expected]


@given(VALUES, st.integers(1, 100))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(values, percent):
    (found,) = figures.percentiles(values, [percent], 20)
    assert found in values
    assert sum(value <= found for value in values) >= percent / 100 * len(values)
    assert sum(value < found for value in values) < percent / 100 * len(values)


def a_round(p50, per_second, **changes):
    return Round(
        **{
            "p50_ms": p50,
            "p95_ms": 2 * p50,
            "p99_ms": 3 * p50,
            "per_second": per_second,
            "requests": 10,
            "foreign_cpu": 0.0,
            "cpu_ms": {},
            **changes,
        }
    )


def test_a_round_tells_latency_rate_and_cpu_of_a_request():
    found = figures.summarize([3.0, 1.0, 2.0, 10.0], 2.0, 0.25, {"edge": 0.02, "client": 0.001})
    assert found == Round(2.0, 10.0, 10.0, 2.0, 4, 0.25, {"client": 0.25, "edge": 5.0})


def test_the_median_over_rounds_is_taken_of_each_figure():
    rounds = [
        a_round(1.0, 30.0, cpu_ms={"edge": 1.0}),
        a_round(9.0, 10.0, cpu_ms={"edge": 3.0}),
        a_round(2.0, 20.0),
    ]
    middle = figures.median_of(rounds)
    assert (middle["p50_ms"], middle["p95_ms"], middle["per_second"]) == (2.0, 4.0, 20.0)
    assert middle["requests"] == 30
    assert middle["cpu_ms"] == {"edge": 1.0}


def test_a_ratio_is_taken_within_each_round():
    # The second round's machine was ten times slower: for both.
    assert figures.median_ratio([2.0, 20.0, 2.2], [1.0, 10.0, 1.0]) == 2.0


def test_rounds_that_do_not_pair_are_refused():
    with pytest.raises(ValueError):
        figures.median_ratio([1.0], [1.0, 2.0])


ENDPOINTS = (INVOCATIONS, ALONE, BATCHED, OTHER, ARTICLE, UNMERGED, *PEERS)
SESSIONS = (RAW, PACKED, ONNX)
PLAN = Plan(rounds=2, seconds=0.1, clients=(1, 32), endpoints=ENDPOINTS, sessions=SESSIONS)


def results():
    """Two rounds of each cell, the second on a machine half as fast.

    Alone the session takes 4 ms; a cell's own cost is told by its subject.
    """
    cost = {RAW: 4.0, PACKED: 1.0, ONNX: 0.2, REST: 1.4, REST_ALONE: 1.6, GRPC: 1.5,
            INVOCATIONS: 2.0, ALONE: 2.8, BATCHED: 4.0, OTHER: 2.4, ARTICLE: 3.6, UNMERGED: 21.0,
            "MLflow": 6.0, "BentoML": 8.0, "simple-tensorflow-serving": 1.0}
    return {
        cell: [
            a_round(cost[cell.subject] * slow, 250.0 * cell.clients / cost[cell.subject] / slow)
            for slow in (1.0, 2.0)
        ]
        for cell in PLAN.cells()
    }


def entry(entries, subject, clients, sentences=1):
    return next(
        row
        for row in entries
        if (row["subject"], row["clients"], row["sentences"]) == (subject, clients, sentences)
    )


def test_every_subject_is_measured_with_every_number_of_clients():
    cells = PLAN.cells()
    assert len(cells) == len(set(cells))
    for subject in (REST, GRPC, *ENDPOINTS):
        assert [c.clients for c in cells if (c.subject, c.sentences) == (subject, 1)] == [1, 32]
    for subject in SESSIONS:
        assert Cell(subject, 2, 32) in cells
    assert Cell(INVOCATIONS, 1, 32) in cells
    assert {cell.subject for cell in cells} == SUBJECTS.keys()


def test_latency_is_compared_with_one_thread_and_throughput_with_two():
    entries = report.measurements(results(), PLAN.batch)
    lone = entry(entries, INVOCATIONS, 1)
    assert lone["p50_ratio"] == pytest.approx(2.0 / 4.0)
    loaded = entry(entries, INVOCATIONS, 32)
    assert loaded["throughput_ratio"] == pytest.approx((32 / 2.0) / (2 / 4.0))
    many = entry(entries, INVOCATIONS, 4, 32)
    assert many["throughput_ratio"] == pytest.approx((4 / 2.0) / (2 / 4.0))


STARTS = {startup.BARE: [2.0, 4.0], INVOCATIONS: [3.0, 6.0], OTHER: [4.0, 5.0]}
MEMORY = {
    INVOCATIONS: {
        "handler": {"rss": 40.0, "pss": 30.0},
        "model server": {"rss": 570.0, "pss": 400.0},
        "total": {"rss": 610.0, "pss": 430.0},
    },
    ARTICLE: {},
}


def found_aims(starts=STARTS, memory=MEMORY, article_model=True):
    entries = report.measurements(results(), PLAN.batch)
    return {aim.name: aim for aim in aims.find(entries, starts, memory, article_model)}


def test_an_aim_holds_on_the_right_side_of_its_limit():
    found = found_aims()
    packed = found["packed graph, 1 a run: p50 / session.run"]
    assert (packed.value, packed.limit, packed.wish, packed.holds) == (0.25, 0.32, 0.20, True)
    assert found[f"{REST_ALONE}, 1 client: p50 / session.run"].holds
    assert not found[f"{ALONE}, 1 client: p50 / session.run"].holds
    for subject, limit in ((BATCHED, 6.0), (INVOCATIONS, 8.0)):
        loaded = found[f"{subject}, 32 clients: throughput / session.run, 2 threads"]
        assert (loaded.limit, loaded.holds) == (limit, True)
    assert not found["/invocations, 32 clients: throughput / article's handler"].holds
    assert found["/invocations, 32 clients: throughput / article's handler, unmerged"].holds
    assert not found["start to first answer / bare process"].holds
    assert found["handler's resident memory, MB"].holds


def test_a_whole_endpoint_is_held_to_its_resident_memory():
    assert not found_aims()["whole endpoint's resident memory, MB"].holds
    smaller = {INVOCATIONS: {"total": {"rss": 350.0, "pss": 350.0}}}
    assert found_aims(memory=smaller)["whole endpoint's resident memory, MB"].holds


def test_the_package_is_compared_with_the_other_one_round_by_round():
    found = found_aims()
    faster = found["/invocations, 32 clients: throughput / other package's /invocations"]
    assert (faster.value, faster.limit, faster.wish) == (pytest.approx(2.4 / 2.0), 1.0, 1.5)
    assert faster.holds
    sooner = found["start to first answer / other package's /invocations"]
    assert sooner.value == pytest.approx((3.0 / 4.0 + 6.0 / 5.0) / 2)
    assert sooner.holds
    later = found_aims(starts={INVOCATIONS: [1.1, 1.2], OTHER: [1.0, 1.0]})
    assert not later["start to first answer / other package's /invocations"].holds


def test_a_peer_must_be_behind_with_one_client_and_with_many():
    found = found_aims()
    for name, ahead in (("MLflow", True), ("BentoML", True), ("simple-tensorflow-serving", False)):
        assert found[f"/invocations, 32 clients: throughput / {name}"].holds is ahead
        assert found[f"/invocations, 1 client: p50 / {name}"].holds is ahead
        # What gets the same rows as the peer.
        assert found[f"{REST_ALONE}, 32 clients: throughput / {name}"].holds is ahead
        assert found[f"{REST_ALONE}, 1 client: p50 / {name}"].holds is ahead


def test_a_million_requests_are_priced_by_the_rate_of_a_core_as_aws_runs_them():
    entries = report.measurements(results(), PLAN.batch)
    found = cost.per_million(entries, cores=4)
    assert set(found) == {"ml.t2.medium", "ml.t2.large", "ml.m5.large", "ml.c5.large"}
    rates = [250.0 * 32 / 2.8 / slow for slow in (1.0, 2.0)]
    rate = sum(rates) / 2 / 4 * 2  # the median of two rounds; of four cores two are there
    assert found["ml.c5.large"][ALONE] == pytest.approx(0.102 / 3600 / rate * 1e6, abs=6e-4)
    assert set(found["ml.c5.large"]) == {ALONE, BATCHED, UNMERGED}
    assert "estimate by core count" in cost.note(4)


def test_without_many_clients_nothing_is_priced():
    assert cost.per_million([], cores=2) == {}


def test_of_another_model_than_the_article_s_nothing_is_promised_beside_the_session():
    left = found_aims(article_model=False)
    assert not [name for name in left if "session.run" in name]
    assert left.keys() == {name for name in found_aims() if "session.run" not in name}


def test_what_was_not_measured_is_no_aim():
    assert not [name for name in found_aims({}, {}) if "start" in name or "memory" in name]


def test_without_another_package_nothing_is_compared_with_it():
    plan = Plan(rounds=2, seconds=0.1, clients=(1, 32))
    assert OTHER not in {cell.subject for cell in plan.cells()}
    kept = {cell: rounds for cell, rounds in results().items() if cell.subject != OTHER}
    entries = report.measurements(kept, plan.batch)
    starts = {name: seconds for name, seconds in STARTS.items() if name != OTHER}
    assert not [aim for aim in aims.find(entries, starts, MEMORY, True) if OTHER in aim.name]


def whole_result(article_model=True):
    entries = report.measurements(results(), PLAN.batch)
    return {
        "measurements": entries,
        "startup": startup.summary(STARTS),
        "memory": MEMORY,
        "foreign_cpu": 0.4,
        "aims": [aim.as_json() for aim in aims.find(entries, STARTS, MEMORY, article_model)],
        "machine": {"cpu": "a CPU", "cores": 2, "serving": {"tensorflow": "1.13.1"}},
        "against": {"package": "old.tar.gz", "model_sha256": "0" * 64},
        "article": {"is_measured_model": article_model},
        "batching": {"SAGEMAKER_TFS_ENABLE_BATCHING": "true"},
        "usd_per_million": cost.per_million(entries, 2),
        "peers": {"MLflow": "1.14.1"},
        "left_out": {"BentoML": "it did not answer"},
    }


def test_a_start_is_compared_with_the_bare_process_of_its_round():
    assert whole_result()["startup"] == {
        startup.BARE: {"seconds": 3.0, "ratio": 1.0},
        INVOCATIONS: {"seconds": 4.5, "ratio": 1.5},
        OTHER: {"seconds": 4.5, "ratio": 1.625},
    }


def test_the_result_is_json_and_comes_back_the_same():
    result = whole_result()
    assert json.loads(json.dumps(result)) == result


def test_the_tables_show_every_subject_and_say_that_the_machine_was_not_quiet(capsys):
    report.print_report(whole_result())
    printed = capsys.readouterr().out
    for subject in (RAW, GRPC, REST):
        assert subject in printed
    assert "missed" in printed and "ok" in printed
    assert "others used 40%" in printed
    assert "the other package: old.tar.gz" in printed
    assert "610 (430)" in printed
    assert "MLflow: 1.14.1" in printed and "BentoML is left out: it did not answer" in printed
    assert "AWS gives what MERGE=0 does" in printed and "ml.t2.medium" in printed
    assert "≥ 1 (better 1.5)" in printed


def test_missing_aims_are_explained(capsys):
    report.print_report(whole_result())
    assert "no aim" not in capsys.readouterr().out
    report.print_report(whole_result(article_model=False))
    assert "no aim beside session.run" in capsys.readouterr().out


def test_the_plot_is_drawn_from_the_json(tmp_path: Path):
    written = plots.bench(json.loads(json.dumps(whole_result())), tmp_path)
    assert [path.name for path in written] == ["bench.png", "bench.svg"]
    assert written[0].read_bytes().startswith(b"\x89PNG")
    svg = written[1].read_text(encoding="utf-8")
    assert INVOCATIONS in svg and OTHER in svg and "a CPU, 2 cores" in svg
    assert min(map(float, re.findall(r'<text[^>]* x="([-0-9.]+)"', svg))) >= 0, "names are cut"


def test_the_same_figures_give_the_same_plot(tmp_path: Path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        plots.bench(whole_result(), folder)
    assert (folders[0] / "bench.svg").read_bytes() == (folders[1] / "bench.svg").read_bytes()


class Disturbed(measure.Bench):
    """A bench whose measurements take no time; each says how disturbed it was."""

    def __init__(self, shares):
        self._shares = iter(shares)
        self.left_out = {}
        self.measured = 0

    def measure(self, cell, seconds):
        self.measured += 1
        return a_round(1.0, 1.0, foreign_cpu=next(self._shares), requests=self.measured)


def measured(monkeypatch, shares, retries):
    monkeypatch.setattr(measure, "PAUSE_SECONDS", 0.0)
    bench = Disturbed([*shares, *[0.0] * 100])
    plan = Plan(rounds=1, seconds=1.0, clients=(1,), retries=retries)
    results = bench.rounds(plan, lambda line: None)
    return bench.measured - len(plan.cells()), results[plan.cells()[0]][0]


def test_a_disturbed_measurement_is_repeated_and_the_quietest_one_counts(monkeypatch):
    repeated, first = measured(monkeypatch, [0.5, 0.2, 0.01], retries=10)
    assert (repeated, first.foreign_cpu) == (2, 0.01)


def test_a_peer_that_fails_is_left_out_and_anything_else_ends_the_bench(monkeypatch):
    class Failing(Disturbed):
        def measure(self, cell, seconds):
            if cell.subject == failing:
                raise JobFailed("429")
            return super().measure(cell, seconds)

    failing = "BentoML"
    bench = Failing([0.0] * 1000)
    plan = Plan(rounds=2, seconds=1.0, clients=(1, 32), endpoints=(INVOCATIONS, *PEERS))
    found = {cell.subject for cell in bench.rounds(plan, lambda line: None)}
    assert bench.left_out == {"BentoML": "429"} and "BentoML" not in found and "MLflow" in found
    failing = INVOCATIONS
    with pytest.raises(JobFailed):
        bench.rounds(plan, lambda line: None)


def test_there_are_only_so_many_repetitions(monkeypatch):
    repeated, first = measured(monkeypatch, [0.5, 0.2, 0.3, 0.4], retries=2)
    assert (repeated, first.foreign_cpu) == (2, 0.2)


def test_a_quiet_measurement_is_not_repeated(monkeypatch):
    repeated, first = measured(monkeypatch, [0.05], retries=10)
    assert (repeated, first.requests) == (0, 1)
