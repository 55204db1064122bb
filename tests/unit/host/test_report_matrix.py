"""The matrix of published models and the findings: each number against one worked out by hand."""

import json
from pathlib import Path
from typing import Any

import pytest
from report_runs import write_published, write_run

from train2deploy import manifest
from train2deploy.errors import UserError
from train2deploy.report import cells, findings, matrix, pages, published, verdicts
from train2deploy.runs import registry

PUBLISHED = published.read()


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    built = matrix.build(PUBLISHED, registry.load(folder=folder), folder)
    assert [row["id"] for row in built["rows"]] == [model.id for model in PUBLISHED.models]
    return {row["id"]: row for row in built["rows"]}


def test_a_row_holds_what_was_printed_what_came_out_and_the_verdict(tmp_path: Path):
    for number, accuracy in ((1, 0.74), (2, 0.76), (3, 0.78)):
        write_published(tmp_path, "bilstm", number, accuracy, gain=0.01)
    row = rows_of(tmp_path)["bilstm"]
    assert (row["printed"], row["right"], row["n"], row["accuracy"]) == ("0.76", 319, 419, 0.761337)
    shares = [round(accuracy * 419) / 419 for accuracy in (0.74, 0.76, 0.78)]
    assert row["ours"]["mean"] == pytest.approx(sum(shares) / 3, abs=1e-6)
    assert row["by_his_rule"]["mean"] == pytest.approx(sum(shares) / 3 + 0.01, abs=1e-6)
    assert (row["by_his_rule"]["n"], row["by_his_rule"]["sd"]) == (3, row["ours"]["sd"])
    assert row["verdict"]["verdict"] == verdicts.REPRODUCED
    assert row["verdict"]["mean"] == row["by_his_rule"]["mean"], "his rule is what is judged"
    assert row["our_parameters"] == {"all": 4_413_444, "trainable": 4_413_444}
    assert row["classes"][0]["printed"] == {"precision": "0.71", "recall": "0.75", "f1": "0.73"}
    assert row["classes"][0]["ours"]["recall"]["n"] == 3
    assert [curve["seed"] for curve in row["curves"]] == [1, 2, 3]
    assert all((tmp_path / source).is_file() for source in row["sources"])


@pytest.mark.parametrize(
    "other",
    [
        {"data": {"split": "random"}},
        {"data": {"split": "fold"}},
        {"data": {"split": "published", "titles": False}},
        {"data": {"split": "published"}, "vectors": "chive"},
        {"data": {"split": "published"}, "dataset": "sample"},
    ],
)
def test_runs_on_other_data_than_the_authors_fill_no_row(tmp_path: Path, other: dict[str, Any]):
    write_run(tmp_path, "bilstm", 1, **{"dataset": "knbc", "vectors": "wikipedia", **other})
    row = rows_of(tmp_path)["bilstm"]
    assert (row["ours"], row["verdict"]["verdict"]) == (None, verdicts.NOT_RUN)


def test_two_figures_of_one_version_are_told_apart_by_their_vectors(tmp_path: Path):
    write_published(tmp_path, "comp-corpus", 1, 0.75)
    write_published(tmp_path, "comp-corpus", 1, 0.79, vectors="chive")
    rows = rows_of(tmp_path)
    assert rows["comp-corpus-wikipedia"]["ours"]["mean"] == pytest.approx(0.75, abs=0.002)
    assert rows["comp-corpus-bccwj"]["ours"]["mean"] == pytest.approx(0.79, abs=0.002)
    assert "VECTORS=chive" in rows["comp-corpus-bccwj"]["command"]
    assert "VECTORS" not in rows["comp-corpus-wikipedia"]["command"]


def test_a_row_has_the_command_that_fills_it_and_repeats_what_its_runs_were_given(tmp_path: Path):
    told = "make reproduce DATASET=knbc VERSION=mymodel SPLIT=published"
    assert rows_of(tmp_path)["mymodel"]["command"] == f"{told} SPLITS=5"
    for number in (1, 2):
        # make passes on the split in any case.
        write_published(tmp_path, "mymodel", number, 0.7, **{"validation-split": 0.1})
    assert rows_of(tmp_path)["mymodel"]["command"] == f"{told} SPLITS=2 EPOCHS=5"


def test_the_printed_answer_of_a_row_is_the_one_that_its_verdict_is_on():
    one, other = ({"label": label, "printed": "0.9", "ours": None} for label in "ab")
    answers = [{"sentence": s, "probabilities": [p]} for s, p in (("x", one), ("y", other))]
    row = {"printed": None, "answers": answers, "verdict": {"sentence": "y"}}
    assert cells.judged_answer(row) is other
    assert cells.judged_answer({**row, "verdict": {}}) is one


def test_models_whose_weights_are_lost_say_why_and_have_no_command(tmp_path: Path):
    lost = [row for row in rows_of(tmp_path).values() if not row["command"]]
    assert len(lost) == 4
    assert all(row["impossible"]["en"] and row["impossible"]["ja"] for row in lost)
    assert {row["verdict"]["verdict"] for row in lost} == {verdicts.NOT_POSSIBLE}


def test_the_articles_one_answer_stands_beside_v1s(tmp_path: Path):
    for number in (1, 2, 3):
        data = {"split": "published", "seed": number}
        write_run(tmp_path, "v1", number, "knbc", data=data, vectors="chive")
    (answer,) = rows_of(tmp_path)["train2deploy"]["answers"]
    found = {one["label"]: one for one in answer["probabilities"]}
    assert found["携帯電話"]["printed"] == "0.96622"
    assert found["携帯電話"]["ours"]["mean"] == pytest.approx(0.948)


# --- findings ----------------------------------------------------------------------------------


def found_in(folder: Path) -> dict[str, Any]:
    return findings.build(PUBLISHED, registry.load(folder=folder))


def test_every_finding_is_a_number_of_the_runs(corpus: Path):
    found = found_in(corpus.parent / "runs")
    assert {name for name, one in found.items() if one["needs"]} == set()

    def mean(*accuracies: float) -> float:
        return sum(round(accuracy * 419) / 419 for accuracy in accuracies) / len(accuracies)

    usual, other = mean(0.74, 0.75, 0.76), mean(0.68)
    assert found["stand"]["versions"]["v1"]["mean"] == pytest.approx(usual, abs=1e-6)
    assert (found["stand"]["best"]["right"], found["stand"]["best"]["n"]) == (332, 419)
    assert found["chosen"]["gain"]["mean"] == pytest.approx(0.02)
    assert (found["chosen"]["gain"]["n"], found["chosen"]["models"]) == (12, 4)
    assert found["chosen"]["articles"] == 5
    for name in ("titles", "articles"):
        one = found[name]["versions"]["v1"]
        assert one["points"] == pytest.approx(100 * (usual - other), abs=1e-4)
        assert (one["usual"]["n"], one["other"]["n"]) == (3, 3)
    kinds = {kind: one["mean"] for kind, one in found["vectors"]["kinds"].items()}
    assert kinds["random"] == pytest.approx(mean(0.65), abs=1e-6)
    assert kinds["chive"] == pytest.approx(usual, abs=1e-6)
    assert found["yardstick"]["accuracy"]["n"] == 3, "each split counts once"


def test_a_baseline_is_counted_once_a_split(tmp_path: Path):
    for version in ("v1", "v2"):
        for number in (1, 2):
            data = {"split": "published", "seed": number}
            write_run(tmp_path, version, number, "knbc", data=data)
    assert found_in(tmp_path)["yardstick"]["accuracy"]["n"] == 2


def test_bert_counted_29_sentences_twice():
    """375 of 448 = 7 × 64: the last batch of 419 sentences is filled up with the first 29."""
    twice = findings.build(PUBLISHED, [])["twice"]
    assert (twice["right"], twice["n"], twice["twice"]) == (375, 448, 29)
    assert (twice["sentences"], twice["low"], twice["high"]) == (419, 346, 375)


def test_a_finding_without_runs_says_what_makes_them(project: Path, tmp_path: Path):
    write_run(tmp_path, "bilstm", 1, "knbc", data={"split": "published"}, vectors="wikipedia")
    files = pages.make("knbc", tmp_path, tmp_path, tmp_path)
    for text in (files["report.md"], files["report.ja.md"]):
        for command in (
            "make reproduce DATASET=knbc VERSION=v1 SPLIT=published SPLITS=5",
            "make reproduce DATASET=knbc VERSION=v1 TITLES=drop SPLIT=published SPLITS=5",
            "make reproduce DATASET=knbc VERSION=v1 SPLIT=fold SPLITS=5",
        ):
            assert f"`{command}`" in text
        assert "375" in text.partition("##")[0]


def test_the_sentences_say_the_numbers(corpus: Path):
    for name, words in (("report.md", "adds 2.0 points"), ("report.ja.md", "2.0 ポイント上がり")):
        text = (corpus / name).read_text(encoding="utf-8")
        first_screen = text.partition("\n## ")[0]
        assert words in first_screen
        assert first_screen.count("\n- ") == 8
        assert "0.837" in first_screen and "0.826" in first_screen
        assert name != "report.md" or "v1 0.680 instead of 0.749, 6.9 points less" in text


# --- the page ----------------------------------------------------------------------------------


def test_what_cannot_be_run_is_one_folded_group(corpus: Path):
    page = (corpus / "report.html").read_text(encoding="utf-8")
    assert "4 models that cannot be run" in page
    assert "not run" not in page
    assert page.count('<tr class="more">') == 15
    assert page.count("</summary>") == 15 + 2, "the models that cannot be run, and the runs"


def test_what_the_page_says_is_in_the_json_value(corpus: Path):
    built = json.loads((corpus / "report.json").read_text(encoding="utf-8"))
    row = next(row for row in built["matrix"]["rows"] if row["id"] == "mymodel-tuned")
    assert row["verdict"]["verdict"] == verdicts.NOT_COMPARABLE
    assert row["verdict"]["points"] == pytest.approx(
        100 * (314 / 419 - row["verdict"]["mean"]), 1e-4
    )
    assert built["matrix"]["rule"]["en"].count(". ") == 1, "two sentences"


def test_a_run_without_a_ranking_is_a_published_models_only(tmp_path: Path):
    folder = write_published(tmp_path, "bilstm", 1, 0.75)
    assert registry.load(folder=tmp_path)[0].golden is None
    described = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest.write_json(folder / "manifest.json", {**described, "version": "v1"})
    with pytest.raises(UserError, match=r"golden\.json: expected a run's JSON object"):
        _ = registry.load(folder=tmp_path)[0].golden
