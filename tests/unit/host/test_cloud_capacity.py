"""`cloud-scale RPM=`: instances and costs of a load, from a bench."""

import json

import pytest

from train2deploy import paths
from train2deploy.bench.names import ALONE, INVOCATIONS
from train2deploy.cloud import capacity
from train2deploy.cloud_settings.config import Config
from train2deploy.errors import UserError


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Writes a bench of 1,000 requests a second on four cores, 250 of each."""
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    file = tmp_path / "reports" / "bench.json"
    file.parent.mkdir()

    def write(subject=ALONE, clients=32):
        row = {"subject": subject, "clients": clients, "sentences": 1,
               "median": {"per_second": 1000.0}}
        machine = {"cores": 4, "cpu": "a CPU"}
        file.write_text(json.dumps(
            {"measurements": [row], "machine": machine, "measured": "2026-11-28T00:00:00"}))

    monkeypatch.setattr(paths, "relative", str)
    write()
    return write


def row(kind, **given):
    (found,) = [one for one in capacity.rows(**given) if one["type"] == kind]
    return found


@pytest.mark.parametrize("per_minute, target, count, usd", [
    (15_000, None, 1, 2.76),  # half of what two vCPUs can do: 250 a second each
    (15_001, None, 2, 5.52),
    (60_000, None, 4, 11.04),
    (60_000, 10_000, 6, 16.56),
    (1, None, 1, 2.76),
])
def test_no_instance_gets_more_than_the_target_and_a_day_of_them_is_priced(
    bench, per_minute, target, count, usd
):
    found = row("ml.m5.large", config=Config(), per_minute=per_minute, target=target)
    assert (found["most"], found["target"]) == (30_000, target or 15_000)
    assert found["count"] == count and found["day"].usd == pytest.approx(usd)


def test_the_plan_says_what_it_rests_on(bench, capsys):
    capacity.show(Config(), 60_000, 40_000)
    said = capsys.readouterr().out
    assert "32 clients, 4 cores (a CPU), 2026-11-28" in said
    assert "assumed: a vCPU does as much as a core" in said
    assert "TARGET=40000 is more than some of these can do" in said and "nothing is changed" in said


def test_a_bench_that_lacks_the_figure_is_refused(bench):
    for lacking in ({"subject": INVOCATIONS}, {"clients": 8}):
        bench(**lacking)
        with pytest.raises(UserError, match="expected a bench with 32 clients"):
            capacity.rows(Config(), 1, None)


def test_without_a_bench_of_ones_own_the_recorded_one_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    rate, found = capacity.measured()
    assert rate > 0 and found["file"] == "results/sample/reports/bench.json"
