"""datasets.directory: the user's own CSV files, and a message for each thing wrong with them."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train2deploy.datasets import directory
from train2deploy.datasets.directory import InvalidDataSet

FEATURES = "feature\n電波が悪い\n抹茶パフェ\nつながらない\n団子\n"
LABELS = "label\n携帯電話\nグルメ\n携帯電話\nグルメ\n"


def lay(folder: Path, features: str | bytes | None = FEATURES, labels: str | bytes | None = LABELS):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("features.csv", features), ("labels.csv", labels)):
        if content is not None:
            data = content if isinstance(content, bytes) else content.encode()
            (folder / name).write_bytes(data)
    return folder


def message(folder: Path) -> str:
    with pytest.raises(InvalidDataSet) as caught:
        directory.load(folder)
    return str(caught.value)


def texts(folder: Path) -> list[str]:
    return [row.text for row in directory.load(folder).rows]


def test_rows_are_paired_in_order(tmp_path: Path):
    dataset = directory.load(lay(tmp_path / "mine"))
    assert [(row.text, row.label) for row in dataset.rows] == [
        ("電波が悪い", "携帯電話"),
        ("抹茶パフェ", "グルメ"),
        ("つながらない", "携帯電話"),
        ("団子", "グルメ"),
    ]
    assert dataset.test_ids is None
    assert len({row.id for row in dataset.rows}) == 4


def test_the_source_names_the_directory_and_the_files_hashes(tmp_path: Path):
    first = directory.load(lay(tmp_path / "mine")).source
    assert first["dataset"] == "mine"
    assert set(first["files"]) == {"features.csv", "labels.csv"}
    changed = directory.load(lay(tmp_path / "mine", FEATURES.replace("団子", "餅"))).source
    assert changed["files"]["features.csv"] != first["files"]["features.csv"]
    assert changed["files"]["labels.csv"] == first["files"]["labels.csv"]


def test_train_and_test_folders_give_the_held_out_rows(tmp_path: Path):
    lay(tmp_path / "train")
    lay(tmp_path / "test", "feature\n圏外\n", "label\n携帯電話\n")
    dataset = directory.load(tmp_path)
    held_out = [row for row in dataset.rows if row.id in dataset.test_ids]
    assert [(row.text, row.label) for row in held_out] == [("圏外", "携帯電話")]
    assert len(dataset.rows) == 5
    assert set(dataset.source["files"]) == {
        f"{part}/{name}" for part in ("train", "test") for name in ("features.csv", "labels.csv")
    }


def test_a_byte_order_mark_is_no_part_of_the_column_name(tmp_path: Path):
    lay(tmp_path, b"\xef\xbb\xbf" + FEATURES.encode(), b"\xef\xbb\xbf" + LABELS.encode())
    assert texts(tmp_path)[0] == "電波が悪い"


def test_lines_may_end_as_in_windows(tmp_path: Path):
    lay(tmp_path, FEATURES.replace("\n", "\r\n"), LABELS.replace("\n", "\r\n"))
    assert texts(tmp_path)[1] == "抹茶パフェ"


def test_the_last_line_needs_no_end_and_blank_lines_may_follow(tmp_path: Path):
    lay(tmp_path, FEATURES.rstrip("\n"), LABELS + "\n\r\n\n")
    assert len(texts(tmp_path)) == 4


def test_quoted_cells_hold_commas_quotes_and_line_breaks(tmp_path: Path):
    lay(tmp_path, 'feature\n"a,b"\n"say ""hi"""\n"one\ntwo\r\nthree"\nd\n')
    assert texts(tmp_path) == ["a,b", 'say "hi"', "one\ntwo\r\nthree", "d"]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
def test_only_cr_and_lf_end_a_row(tmp_path: Path, separator: str):
    lay(tmp_path, f"feature\n前{separator}後\nb\nc\nd\n")
    assert texts(tmp_path)[0] == f"前{separator}後"


def test_further_columns_are_left_alone(tmp_path: Path):
    lay(tmp_path, "id,feature,note\n1,a,x\n2,b,y\n3,c,\n4,d,\n")
    assert texts(tmp_path) == ["a", "b", "c", "d"]


CELLS = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1
).filter(str.strip)


@given(cells=st.lists(CELLS, min_size=2, max_size=6))
def test_whatever_text_another_csv_writer_wrote_is_read(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str]
):
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([["feature"], *([cell] for cell in cells)])
    labels = "label\n" + "x\nx\n" + "y\ny\n"
    cells_and_two = out.getvalue() + '"1"\r\n"2"\r\n'
    labels = "label\n" + "x\n" * len(cells) + "y\ny\n"
    folder = lay(tmp_path_factory.mktemp("mine"), cells_and_two, labels)
    assert texts(folder)[:-2] == cells


# --- messages: one test for each -----------------------------------------------------------


def test_nothing_there(tmp_path: Path):
    folder = tmp_path / "nothing"
    assert message(folder) == (
        f"DATASET={folder}: expected sample, knbc or a directory, found nothing there."
    )


def test_a_file_instead_of_a_directory(tmp_path: Path):
    (tmp_path / "data.csv").touch()
    assert message(tmp_path / "data.csv").endswith("or a directory, found a file.")


@pytest.mark.parametrize("name, column", [("features.csv", "feature"), ("labels.csv", "label")])
def test_a_missing_file(tmp_path: Path, name: str, column: str):
    lay(tmp_path)
    (tmp_path / name).unlink()
    text = message(tmp_path)
    assert text.startswith(f"{tmp_path / name}: expected a CSV file with the column {column!r}")
    assert "No such file" in text


@pytest.mark.parametrize("present, missing", [("train", "test"), ("test", "train")])
def test_one_of_train_and_test_alone(tmp_path: Path, present: str, missing: str):
    lay(tmp_path / present)
    assert message(tmp_path).startswith(f"{tmp_path / missing / 'features.csv'}: expected")


def test_a_missing_column(tmp_path: Path):
    lay(tmp_path, features="text,id\na,1\n")
    assert message(tmp_path) == (
        f"{tmp_path}/features.csv: expected a column 'feature' in the first line,"
        " found ['text', 'id']."
    )


def test_an_empty_file(tmp_path: Path):
    lay(tmp_path, labels="")
    assert "labels.csv: expected a column 'label' in the first line, found []" in message(tmp_path)


def test_a_file_with_a_header_alone(tmp_path: Path):
    lay(tmp_path, "feature\n", "label\n")
    assert "expected at least 2 different labels, found []" in message(tmp_path)


def test_unequal_lengths(tmp_path: Path):
    lay(tmp_path, labels=LABELS + "京都\n")
    text = message(tmp_path)
    assert "expected as many rows in features.csv as in labels.csv, found 4 and 5" in text


@pytest.mark.parametrize("empty", ["", '""', "   ", "　"])
def test_an_empty_text(tmp_path: Path, empty: str):
    lay(tmp_path, f"feature\na\n{empty}\nc\nd\n")
    assert message(tmp_path).startswith(
        f"{tmp_path}/features.csv, row 2, column 'feature': expected text, found nothing."
    )


def test_an_empty_label(tmp_path: Path):
    lay(tmp_path, labels="label\n携帯電話\nグルメ\n\nグルメ\n")
    assert message(tmp_path).startswith(
        f"{tmp_path}/labels.csv, row 3, column 'label': expected text, found nothing."
    )


def test_blank_lines_in_both_files_do_not_shift_the_labels(tmp_path: Path):
    lay(tmp_path, "feature\na\n\nb\nc\nd\n", "label\nx\nx\ny\n\ny\n")
    assert "features.csv, row 2, column 'feature': expected text" in message(tmp_path)


def test_a_row_that_ends_before_the_column(tmp_path: Path):
    lay(tmp_path, "id,feature\n1,a\n2\n3,c\n4,d\n")
    assert "features.csv, row 2, column 'feature': expected text" in message(tmp_path)


def test_a_comma_without_quotes_does_not_cut_the_sentence(tmp_path: Path):
    lay(tmp_path, "feature\na\nHello, world\nc\nd\n")
    assert message(tmp_path).startswith(
        f"{tmp_path}/features.csv, row 2: expected 1 cell as in the first line, found 2."
    )


def test_a_nul_character(tmp_path: Path):
    lay(tmp_path, "feature\na\nb\0b\nc\nd\n")
    text = message(tmp_path)
    assert "features.csv" in text
    assert "NUL" in text


def test_an_open_quote(tmp_path: Path):
    lay(tmp_path, 'feature\na\n"b\nc\nd\n')
    text = message(tmp_path)
    assert text.startswith(f"{tmp_path}/features.csv, line 5: expected CSV, found ")


def test_another_encoding(tmp_path: Path):
    lay(tmp_path, FEATURES.encode("cp932"))
    text = message(tmp_path)
    assert text.startswith(f"{tmp_path}/features.csv, line 2: expected UTF-8, found the byte 0x93")
    assert "at offset 8" in text
    assert "iconv -f CP932 -t UTF-8" in text


def test_a_single_label(tmp_path: Path):
    lay(tmp_path, labels="label\n" + "京都\n" * 4)
    assert message(tmp_path) == (
        f"{tmp_path}/labels.csv, column 'label': expected at least 2 different labels,"
        " found ['京都']."
    )


def test_a_label_with_one_row(tmp_path: Path):
    lay(tmp_path, labels="label\n京都\n京都\nスポーツ\n京都\n")
    assert message(tmp_path) == (
        f"{tmp_path}/labels.csv, row 3, column 'label': expected at least 2 rows of each label,"
        " found 1 of 'スポーツ'. Add rows or remove the label."
    )


def test_a_label_with_one_training_row_names_the_training_file(tmp_path: Path):
    lay(tmp_path / "train", labels="label\n京都\n京都\nスポーツ\n京都\n")
    lay(tmp_path / "test", labels="label\n京都\n京都\nスポーツ\nスポーツ\n")
    assert message(tmp_path).startswith(f"{tmp_path}/train/labels.csv, row 3, column 'label'")


def test_a_test_label_that_train_lacks(tmp_path: Path):
    lay(tmp_path / "train")
    lay(tmp_path / "test", "feature\na\nb\n", "label\nグルメ\n京都\n")
    assert message(tmp_path) == (
        f"{tmp_path}/test/labels.csv, column 'label': expected labels that train/ has too,"
        " found ['京都']."
    )


def test_test_rows_need_be_no_two_of_a_label(tmp_path: Path):
    lay(tmp_path / "train")
    lay(tmp_path / "test", "feature\na\n", "label\nグルメ\n")
    assert len(directory.load(tmp_path).rows) == 5


@given(data=st.binary(max_size=200))
def test_whatever_bytes_come_either_rows_or_a_message(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
):
    folder = lay(tmp_path_factory.mktemp("mine"), b"feature\n" + data)
    try:
        rows = directory.load(folder).rows
    except InvalidDataSet as error:
        assert str(folder) in str(error)
    else:
        assert len(rows) == 4
