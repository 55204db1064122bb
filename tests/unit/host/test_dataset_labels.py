"""datasets.labels: labels that look alike are a mistake, or a note."""

from pathlib import Path

import pytest
from own_data import FEATURES, LABELS, lay, message

from train2deploy.datasets import directory


@pytest.mark.parametrize(
    "other, shown, difference",
    [
        ("グルメ ", "'グルメ '", "white space at its ends"),
        ("\u3000グルメ", "'\\u3000グルメ'", "white space at its ends"),
        ("グルメ\xa0", "'グルメ\\xa0'", "white space at its ends"),
        ("グルメ\t", "'グルメ\\t'", "white space at its ends"),
        ("グルメ\u200b", "'グルメ\\u200b'", "invisible characters"),
        ("ク\u3099ルメ", "'ク\\u3099ルメ'", "how its characters are composed"),
    ],
)
def test_labels_that_look_the_same_are_a_mistake(tmp_path, other, shown, difference):
    labels = f'label\n携帯電話\nグルメ\n携帯電話\n"{other}"\nグルメ\n'
    lay(tmp_path, FEATURES + "e\n", labels)
    path = tmp_path / "labels.csv"
    assert message(tmp_path) == (
        f"{path}, row 4, column 'label': {shown} differs from 'グルメ' ({path}, row 2)"
        f" only by {difference}. Write both alike."
    )


def test_of_two_spellings_that_are_as_frequent_the_clean_one_is_right(tmp_path: Path):
    lay(tmp_path, labels="label\n携帯電話\nグルメ \n携帯電話\nグルメ\n")
    assert "labels.csv, row 2, column 'label': 'グルメ ' differs from 'グルメ'" in message(tmp_path)


def test_another_kind_of_space_within_a_label_is_a_mistake(tmp_path: Path):
    lay(tmp_path, labels="label\nNew York\nx\nNew\xa0York\nx\n")
    assert "'New\\xa0York' differs from 'New York'" in message(tmp_path)


def test_a_test_label_with_a_space_is_named_with_the_training_row(tmp_path: Path):
    lay(tmp_path / "train")
    lay(tmp_path / "test", "feature\na\n", "label\nグルメ\u3000\n")
    assert message(tmp_path).startswith(
        f"{tmp_path}/test/labels.csv, row 1, column 'label': 'グルメ\\u3000' differs from 'グルメ'"
        f" ({tmp_path}/train/labels.csv, row 2) only by"
    )


@pytest.mark.parametrize("a, b", [("US", "us"), ("ニュース", "ﾆｭｰｽ"), ("A", "Ａ")])
def test_labels_that_differ_by_case_or_width_are_kept_apart_with_a_note(tmp_path, a, b):
    lay(tmp_path, labels=f"label\n{a}\n{b}\n{a}\n{b}\n")
    dataset = directory.load(tmp_path)
    assert {row.label for row in dataset.rows} == {a, b}
    assert dataset.notes == (
        f"{tmp_path}/labels.csv, row 2, column 'label': {b!r} and {a!r} (labels.csv, row 1) are two"
        " labels. Write them alike if they are meant to be one.",
    )


def test_a_space_that_every_row_of_a_label_has_is_no_mistake(tmp_path: Path):
    lay(tmp_path, labels=LABELS.replace("グルメ", '"グルメ "'))
    dataset = directory.load(tmp_path)
    assert ({row.label for row in dataset.rows}, dataset.notes) == ({"携帯電話", "グルメ "}, ())
