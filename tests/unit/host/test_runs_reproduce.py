"""runs.reproduce: one at a time, and the spread over seeds."""

import io
from pathlib import Path

import made_runs
import pytest
from rich.console import Console

from train2deploy.errors import UserError
from train2deploy.runs import plan, registry, reproduce
from train2deploy.runs.plan import Plan, Run
from train2deploy.runs.reproduce import _alone, spread
from train2deploy.runtimes.host import HOST


def test_a_second_one_in_the_same_project_is_refused(project, monkeypatch):
    monkeypatch.setattr(reproduce, "LOCK_TIMEOUT_SECONDS", 0.3)
    refused = pytest.raises(UserError, match="`make reproduce` is already running in this project")
    with _alone(), refused, _alone():
        pass
    with _alone():
        pass


def test_what_is_recorded_is_not_made_again_and_its_workspace_goes(project, monkeypatch, capsys):
    made = made_runs.run(accuracy=0.8)
    run = Run(str(made["id"]), 1, "v1", {}, {}, project)
    (run.workspace / "job").mkdir(parents=True)
    monkeypatch.setattr(plan, "prepare", lambda *_: (project, ["data is up to date"]))
    monkeypatch.setattr(plan, "runs", lambda *_: [run])
    reproduce.reproduce(Plan("sample", "v1", ((1, 1),), {}), HOST, [], None)
    out = capsys.readouterr().out
    assert out.startswith(f"data is up to date\nseed 1: recorded already, {run.id}\n")
    assert "over 1 seed\n" in out
    assert not run.workspace.exists()


def shown(records: list[registry.Run]) -> list[list[str]]:
    output = io.StringIO()
    Console(file=output, width=100).print(spread(records))
    return [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in output.getvalue().splitlines()
        if line.startswith("│")
    ]


def test_the_spread_is_worked_by_hand(project: Path):
    """0.8, 0.9 and 0.7: mean 0.8, sd of a sample sqrt((0 + 0.01 + 0.01) / 2) = 0.1."""
    for seed, accuracy in ((1, 0.8), (2, 0.9), (3, 0.7)):
        made_runs.run(seed=seed, accuracy=accuracy)
    rows = shown(registry.load())
    assert rows[0] == ["accuracy", "0.800", "0.100", "0.700", "0.900"]
    assert rows[1] == ["f1_weighted", "0.790", "0.100", "0.690", "0.890"]
    assert len(rows) == 3


def test_one_run_has_no_spread(project: Path):
    made_runs.run(accuracy=0.8)
    assert shown(registry.load())[0] == ["accuracy", "0.800", "-", "0.800", "0.800"]
