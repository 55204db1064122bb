"""data/sample: no duplicates, no label in plain sight, a fair split, neither trivial nor noise."""

import unicodedata
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from train2deploy import yardsticks
from train2deploy.datasets import sample
from train2deploy.datasets.rows import DataSet, Row

LABELS = {"グルメ", "携帯電話", "京都", "スポーツ"}

# After NFKC (which makes half-width katakana full-width) and lower-casing.
OWN_WORDS = {
    "グルメ": ["グルメ", "ぐるめ", "gourmet"],
    "携帯電話": ["携帯", "ケータイ", "ケイタイ", "けいたい", "けーたい", "けータイ", "keitai"],
    "京都": ["京都", "きょうと", "キョウト", "kyoto"],
    "スポーツ": ["スポーツ", "すぽーつ", "sport"],
}


@pytest.fixture(scope="module")
def dataset() -> DataSet:
    return sample.load()


def halves(dataset: DataSet) -> tuple[list[Row], list[Row]]:
    train = [row for row in dataset.rows if row.id not in dataset.test_ids]
    return train, [row for row in dataset.rows if row.id in dataset.test_ids]


def normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def five_grams(text: str) -> set[str]:
    """A shorter text is one gram."""
    return {text[start : start + 5] for start in range(max(1, len(text) - 4))}


def near_duplicates(texts: list[str], limit: float) -> list[tuple[str, str]]:
    """Pairs whose sets of character 5-grams have a Jaccard index of `limit` or more."""
    grams = [five_grams(text) for text in texts]
    holders = defaultdict(list)
    found = []
    for number, own in enumerate(grams):
        common = Counter(other for gram in own for other in holders[gram])
        for other, count in common.items():
            if count / (len(own) + len(grams[other]) - count) >= limit:
                found.append((texts[other], texts[number]))
        for gram in own:
            holders[gram].append(number)
    return found


def test_the_search_for_near_duplicates_finds_them():
    texts = [
        "電波が悪くて話せない",
        "電波が悪くて話せない！",
        "祇園祭は人が多かった",
        "圏外",
        "圏外",
    ]
    assert near_duplicates(texts, 0.5) == [(texts[0], texts[1]), (texts[3], texts[4])]


def test_no_two_sentences_are_near_duplicates(dataset: DataSet):
    assert near_duplicates([row.text for row in dataset.rows], 0.5) == []


def test_ids_are_unique_and_all_test_ids_exist(dataset: DataSet):
    ids = [row.id for row in dataset.rows]
    assert len(set(ids)) == len(ids)
    assert dataset.test_ids is not None
    assert dataset.test_ids <= set(ids)


def test_there_are_enough_sentences_of_each_of_the_four_classes(dataset: DataSet):
    counts = Counter(row.label for row in dataset.rows)
    assert set(counts) == LABELS
    assert sum(counts.values()) >= 1600
    assert min(counts.values()) >= 400


def test_sentences_are_4_to_120_characters_without_control_characters(dataset: DataSet):
    def is_control(character: str) -> bool:
        return unicodedata.category(character).startswith("C")

    texts = [row.text for row in dataset.rows]
    assert [text for text in texts if not 4 <= len(text) <= 120] == []
    assert [text for text in texts if text != text.strip() or any(map(is_control, text))] == []


def test_lengths_vary(dataset: DataSet):
    lengths = sorted(len(row.text) for row in dataset.rows)
    assert lengths[len(lengths) // 10] <= 25
    assert lengths[-len(lengths) // 10] >= 45


@pytest.mark.parametrize("label", sorted(LABELS))
def test_a_label_names_itself_in_at_most_15_percent_of_its_class(dataset: DataSet, label: str):
    texts = [normal(row.text) for row in dataset.rows if row.label == label]
    naming = [text for text in texts if any(word in text for word in OWN_WORDS[label])]
    assert len(naming) <= 0.15 * len(texts)


def test_the_split_holds_out_a_tenth_of_each_class(dataset: DataSet):
    train, test = halves(dataset)
    assert len(test) == -(-len(dataset.rows) // 10)
    counts = Counter(row.label for row in dataset.rows)
    for label, count in Counter(row.label for row in test).items():
        assert abs(count - counts[label] / 10) <= 1
    assert set(Counter(row.label for row in train)) == LABELS


def test_no_sentence_of_train_is_in_test_whatever_its_spelling(dataset: DataSet):
    def letters(row: Row) -> str:
        return "".join(filter(str.isalnum, normal(row.text)))

    train, test = halves(dataset)
    assert {letters(row) for row in train}.isdisjoint(letters(row) for row in test)


def test_classes_are_mixed_in_the_file(dataset: DataSet):
    runs = sum(first.label != second.label for first, second in pairwise(dataset.rows))
    assert runs > len(dataset.rows) / 2


def test_a_baseline_on_character_n_grams_finds_it_neither_trivial_nor_noise(dataset: DataSet):
    train, test = halves(dataset)
    texts, labels = [row.text for row in train], [row.label for row in train]
    found = yardsticks.predictions(texts, labels, [row.text for row in test])
    predicted = found["characters 1-3, logistic regression"]
    right = [label == row.label for label, row in zip(predicted, test, strict=True)]
    accuracy = sum(right) / len(right)
    assert 0.78 <= accuracy <= 0.93
