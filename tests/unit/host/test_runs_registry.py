"""runs.registry and `make runs`: what is recorded, found, filtered and sorted."""

import json
from pathlib import Path

import made_runs
import pytest

from train2deploy import paths
from train2deploy.errors import UserError
from train2deploy.runs import registry, table


def ids(records: list[registry.Run]) -> list[str]:
    return [run.id for run in records]


def test_a_run_is_recorded_whole_with_its_model(project: Path):
    made = made_runs.run()
    directory = paths.RUNS / made["id"]
    assert sorted(path.name for path in directory.iterdir()) == [
        "evaluation.json",
        "golden.json",
        "history.json",
        "manifest.json",
        "model.tar.gz",
    ]
    assert registry.is_recorded(made["id"])
    assert [run.manifest for run in registry.load()] == [made]
    assert (directory / "model.tar.gz").read_bytes() == made["id"].encode()


def test_half_a_run_does_not_count(project: Path):
    made = made_runs.run()
    for end in (".part", ".part-12345678"):
        half = paths.RUNS / f"sample-v1-s2-00000000{end}"
        half.mkdir()
        (half / registry.MANIFEST).write_text(json.dumps(made))
    (paths.RUNS / "sample-v1-s3-00000000").mkdir()
    assert ids(registry.load()) == [made["id"]]
    assert not registry.is_recorded("sample-v1-s2-00000000")
    assert not registry.is_recorded("sample-v1-s3-00000000")


def test_a_broken_manifest_is_named(project: Path):
    made = made_runs.run()
    (paths.RUNS / made["id"] / registry.MANIFEST).write_text("{")
    with pytest.raises(UserError, match=rf"build/runs/{made['id']}/manifest\.json: expected a run"):
        registry.load()


def test_runs_of_one_data_set_or_version(project: Path):
    made_runs.run("v1"), made_runs.run("v2"), made_runs.run("v1", dataset="knbc")
    assert {run.version for run in registry.load("sample")} == {"v1", "v2"}
    assert {run.dataset for run in registry.load(version="v1")} == {"sample", "knbc"}
    assert len(registry.load("knbc", "v1")) == 1
    assert registry.load("knbc", "v2") == []


def test_a_run_is_found_by_its_id_and_by_how_it_begins(project: Path):
    first, second = made_runs.run("v1"), made_runs.run("v2")
    assert registry.find(first["id"], "A").manifest == first
    assert registry.find("sample-v2", "A").manifest == second


def test_a_whole_id_is_found_where_another_begins_with_it(project: Path):
    made = made_runs.run()
    longer = paths.RUNS / (made["id"] + "0")
    longer.mkdir()
    (longer / registry.MANIFEST).write_text(json.dumps({**made, "id": longer.name}))
    assert registry.find(made["id"], "A").manifest == made


def test_what_names_no_run_or_several_is_refused_with_those_that_are_there(project: Path):
    with pytest.raises(UserError, match=r"A=x: there are no runs\. Make some with `make repro"):
        registry.find("x", "A")
    one, other = made_runs.run("v1", 1), made_runs.run("v1", 2)
    with pytest.raises(UserError) as caught:
        registry.find("sample-v1", "B")
    assert "B=sample-v1 names several runs" in str(caught.value)
    assert one["id"] in str(caught.value)
    assert other["id"] in str(caught.value)
    with pytest.raises(UserError, match="A=knbc names no run: expected an id"):
        registry.find("knbc", "A")


def test_the_best_is_chosen_by_the_validation_sentences_not_by_the_test_sentences(project: Path):
    made_runs.run("v1", 1, accuracy=0.99, validation=0.80)
    chosen = made_runs.run("v1", 2, accuracy=0.70, validation=0.85)
    made_runs.run("v1", 3, accuracy=0.98, validation=None)
    made_runs.run("v2", 1, accuracy=0.98, validation=0.99)
    todays = made_runs.run("v1-today", 1, accuracy=0.98, validation=0.99)
    made_runs.run("v1", 1, accuracy=0.98, validation=0.99, dataset="knbc")
    assert registry.find("best:v1", "A", "sample").manifest == chosen
    assert registry.find("best:v1-today", "A").manifest == todays
    with pytest.raises(UserError, match=r"A=best:v3: expected best:<version>.*of v1, v1-today, v2"):
        registry.find("best:v3", "A")


# --- filters and order --------------------------------------------------------------------


@pytest.fixture
def three(project: Path) -> list[registry.Run]:
    made_runs.run("v1", 1, accuracy=0.8, hidden=32)
    made_runs.run("v1", 2, accuracy=0.9, hidden=64)
    made_runs.run("v2", 3, accuracy=0.7, patience=4)
    return registry.load()


@pytest.mark.parametrize(
    "where, seeds",
    [
        ("", [1, 2, 3]),
        ("accuracy>0.8", [2]),
        ("accuracy>=0.8", [1, 2]),
        ("accuracy<0.8", [3]),
        ("accuracy<=0.7", [3]),
        ("seed=2", [2]),
        ("seed == 2", [2]),
        ("seed!=2", [1, 3]),
        ("version=v1, accuracy<0.85", [1]),
        ("version!=v1", [3]),
        ("hidden=64", [2]),
        ("patience>1", [3]),
        ("training_s>=20", [2, 3]),
        ("started>2026-01-02", [2, 3]),
        ("accuracy>1", []),
    ],
)
def test_conditions(three: list[registry.Run], where: str, seeds: list[int]):
    assert [run.seed for run in table.select(three, where, "")] == seeds


@pytest.mark.parametrize(
    "sort, seeds",
    [
        ("accuracy", [2, 1, 3]),
        ("-accuracy", [3, 1, 2]),
        ("seed", [1, 2, 3]),
        ("-seed", [3, 2, 1]),
        ("-training_s", [3, 2, 1]),
        ("-hidden", [2, 1, 3]),
        ("patience", [3, 1, 2]),
        ("-id", [3, 2, 1]),
    ],
)
def test_order(three: list[registry.Run], sort: str, seeds: list[int]):
    assert [run.seed for run in table.select(three, "", sort)] == seeds


@pytest.mark.parametrize(
    "where, sort, message",
    [
        ("accuracy", "", r"WHERE=accuracy: expected conditions such as WHERE='acc.*found 'acc"),
        ("accuracy>0.8 0.9, >1", "", r"accuracy is a number; expected one, found '0\.8 0\.9'"),
        ("accuracy>high", "", r"WHERE=accuracy>high: accuracy is a number.*found 'high'"),
        ("acuracy>0.8", "", r"WHERE=acuracy>0\.8: expected one of accuracy, best_epoch, commit"),
        ("", "speed", "SORT=speed: expected one of accuracy"),
    ],
)
def test_a_mistake_is_named(three: list[registry.Run], where: str, sort: str, message: str):
    with pytest.raises(UserError, match=message):
        table.select(three, where.removesuffix(", >1"), sort)


def test_the_table_shows_scores_and_fits_a_log(three, capsys):
    table.list_runs(three, "version=v1", "accuracy")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "2 runs"
    assert max(map(len, lines)) <= 100
    rows = [line.split() for line in lines if line.lstrip().startswith("sample-")]
    assert [row[0] for row in rows] == [three[1].id, three[0].id]
    assert rows[0][1:] == ["0.900", "0.890", "0.880", "0.900", "20.0", "2026-01-02", "00:00"]


def test_json_is_the_manifests(three, capsys):
    table.list_runs(three, "seed=2", "", as_json=True)
    assert json.loads(capsys.readouterr().out) == [three[1].manifest]


def test_without_runs_it_says_how_to_make_some(project, capsys):
    table.list_runs(registry.load())
    assert capsys.readouterr().out == "no runs yet. Make some with `make reproduce`.\n"
