"""labelled: sentences and labels of a table that a person has filled in; its answers scored."""

from pathlib import Path

import pytest

from train2deploy import evaluate, labelled, paths
from train2deploy.errors import UserError

ROW = {
    "id": "e", "time": "t", "variant": "A", "sentence": "電波が悪い", "predicted": "x",
    "probability": "0.9", "label": "",
}  # fmt: skip


def table(tmp_path: Path, *rows: dict[str, str]) -> Path:
    file = tmp_path / "captured.csv"
    labelled.write(file, [{**ROW, **row} for row in rows])
    return file


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_table_is_read_as_spreadsheets_save_it(tmp_path, separator, end, mark):
    lines = [["label", "sentence", "mine"], ["京都", '"二つの\n行, ""と"""', "1"], ["", "x", "2"]]
    text = mark + end.join(separator.join(line) for line in lines) + end
    (tmp_path / "t.csv").write_bytes(text.encode())
    (row,) = labelled.sentences(tmp_path / "t.csv")
    assert (row.text, row.label) == ('二つの\n行, "と"', "京都")


def test_what_is_written_is_read_again(tmp_path):
    rows = [{"sentence": 'a,b;c\t"d"\r\n2', "label": "x"}, {"id": "f", "label": " y "}, {}]
    file = table(tmp_path, *rows)
    assert labelled.read(file) == [{**ROW, **row} for row in rows]
    assert [row.label for row in labelled.sentences(file)] == ["x", "y"]


@pytest.mark.parametrize(
    "text, said",
    [
        ("sentence,labels\na,b\n", "found no label"),
        ("", "found no sentence, label"),
        ("sentence,label\na,\n", "expected labels in the column `label`"),
        ("sentence,label\na,b,c\n", "expected 2 cells in each row"),
        ("sentence,label\na\n", "expected 2 cells in each row"),
        ('sentence,label\n"a,b\n', "expected CSV"),
    ],
)
def test_a_table_that_is_none_is_refused_in_a_line(tmp_path, text, said):
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=said):
        labelled.sentences(tmp_path / "t.csv")


def test_a_folder_is_read_as_a_data_set_or_as_its_test_split(tmp_path):
    for folder in (tmp_path, tmp_path / "other" / "test"):
        folder.mkdir(parents=True, exist_ok=True)
        for name, column in (("features", "feature"), ("labels", "label")):
            (folder / f"{name}.csv").write_text(f"{column}\n{name}\n", encoding="utf-8")
    for source in (tmp_path, tmp_path / "other"):
        (row,) = labelled.sentences(source)
        assert (row.text, row.label) == ("features", "labels")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"expected features\.csv and labels\.csv"):
        labelled.sentences(tmp_path / "empty")


def test_captured_answers_are_scored_by_variant_where_there_is_a_label(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(paths, "CAPTURED_EVALUATION", tmp_path / "evaluation.json")
    file = table(
        tmp_path, {"label": "x"}, {"label": "y"}, {"label": ""}, {"label": "x", "variant": "B"}
    )
    found = evaluate.captured(file)["variants"]
    assert {name: (one["n"], one["accuracy"]) for name, one in found.items()} == {
        "A": (2, 0.5), "B": (1, 1.0)}
    assert "3 captured sentences with a label" in capsys.readouterr().out
    with pytest.raises(UserError, match="expected labels"):
        evaluate.captured(table(tmp_path, {}))
