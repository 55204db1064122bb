"""datasets.split: sizes, shares and articles."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train2deploy.datasets import split
from train2deploy.datasets.rows import DataSet, Row
from train2deploy.errors import UserError

COUNTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(2, 60), min_size=1)
SEEDS = st.integers(0, 2**32)


def rows_of(counts: dict[str, int]) -> list[Row]:
    return [
        Row(f"{label}-{number}", f"text {number}", label)
        for label, count in counts.items()
        for number in range(count)
    ]


def articles_of(sizes: dict[str, list[int]]) -> list[Row]:
    return [
        Row(f"{label}{article}-{number}", "text", label, group=f"{label}{article}")
        for label, lengths in sizes.items()
        for article, length in enumerate(lengths)
        for number in range(length)
    ]


def test_the_corpus_gives_the_sizes_of_the_articles_series():
    counts = {"京都": 1366, "携帯電話": 1452, "スポーツ": 470, "グルメ": 898}
    assert sum(counts.values()) == 4186
    test_ids = split.stratified(rows_of(counts), seed=1)
    assert (4186 - len(test_ids), len(test_ids)) == (3767, 419)
    shares = Counter(row_id.split("-")[0] for row_id in test_ids)
    assert shares == {"京都": 137, "携帯電話": 145, "スポーツ": 47, "グルメ": 90}


@pytest.mark.parametrize(
    "rows, expected", [(10, 1), (11, 2), (20, 2), (70, 7), (140, 14), (141, 15)]
)
def test_a_tenth_is_rounded_up_and_no_whole_tenth_is(rows: int, expected: int):
    assert len(split.stratified(rows_of({"a": rows}), seed=1)) == expected


@given(counts=COUNTS, seed=SEEDS)
def test_every_label_keeps_its_share_and_is_on_both_sides(counts: dict[str, int], seed: int):
    held_out = Counter(row_id[0] for row_id in split.stratified(rows_of(counts), seed))
    whole = sum(counts.values())
    total = -(-whole // 10)
    for label, count in counts.items():
        exact = count * total / whole
        assert 1 <= held_out[label] < count
        assert held_out[label] <= max(1, exact + 1)
        assert held_out[label] > exact - 1
    if all(count * total >= whole for count in counts.values()):
        assert held_out.total() == total


@given(counts=COUNTS, seed=SEEDS, data=st.data())
def test_the_order_of_the_rows_does_not_change_who_is_drawn(counts, seed, data):
    rows = rows_of(counts)
    shuffled = data.draw(st.permutations(rows))
    assert split.stratified(shuffled, seed) == split.stratified(rows, seed)


def test_another_seed_draws_others():
    rows = rows_of({"a": 200, "b": 200})
    assert split.stratified(rows, 1) != split.stratified(rows, 2)
    grouped = articles_of({"a": [5] * 40, "b": [5] * 40})
    assert split.by_group(grouped, 1) != split.by_group(grouped, 2)


LENGTHS = st.dictionaries(
    st.sampled_from("abcd"), st.lists(st.integers(1, 30), min_size=2, max_size=12), min_size=1
)


@given(sizes=LENGTHS, seed=SEEDS)
def test_by_article_no_article_is_on_both_sides(sizes: dict[str, list[int]], seed: int):
    rows = articles_of(sizes)
    test_ids = split.by_group(rows, seed)
    sides = {(row.group, row.id in test_ids) for row in rows}
    assert len(sides) == len({row.group for row in rows})


@given(sizes=LENGTHS, seed=SEEDS)
def test_by_article_each_label_gives_a_tenth_and_at_most_one_article_more(sizes, seed):
    rows = articles_of(sizes)
    test_ids = split.by_group(rows, seed)
    for label, lengths in sizes.items():
        held_out = sum(row.label == label and row.id in test_ids for row in rows)
        whole = sum(lengths)
        assert 0 < held_out < whole
        assert held_out * 10 < whole + 10 * max(lengths)
        enough = held_out * 10 >= whole
        all_but_one = held_out >= whole - max(lengths)
        assert enough or all_but_one


def test_by_article_a_tenth_that_is_reached_is_not_exceeded():
    test_ids = split.by_group(articles_of({"a": [7] * 10}), seed=1)
    assert len(test_ids) == 7


def test_rows_without_an_article_are_articles_of_their_own():
    assert len(split.by_group(rows_of({"a": 20, "b": 20}), seed=1)) == 4


# --- as the author's articles, and whole articles in five folds ----------------------------

KNBC = {"dataset": "knbc"}


def knbc_of(rows: list[Row]) -> DataSet:
    return DataSet(rows, None, KNBC)


@pytest.mark.parametrize("seed", [1, 2])
def test_published_draws_as_many_of_each_label_as_the_authors_test_set_has(seed: int):
    rows = rows_of({"京都": 1498, "携帯電話": 1278, "スポーツ": 522, "グルメ": 888})
    test_ids = split.draw(knbc_of(rows), rows, seed, "published")
    supports = Counter(row_id.split("-")[0] for row_id in test_ids)
    assert supports == {"京都": 137, "携帯電話": 145, "スポーツ": 47, "グルメ": 90}
    assert (len(rows) - len(test_ids), len(test_ids)) == (3767, 419)
    assert test_ids == split.draw(knbc_of(rows), rows[::-1], seed, "published")
    assert test_ids != split.draw(knbc_of(rows), rows, seed + 2, "published")


def test_published_is_of_the_corpus_alone():
    rows = rows_of({"a": 20, "b": 20})
    with pytest.raises(UserError, match=r"SPLIT=published: .* found DATASET=sample"):
        split.draw(DataSet(rows, None, {"dataset": "sample"}), rows, 1, "published")


@given(
    sizes=st.dictionaries(
        st.sampled_from("ab"), st.lists(st.integers(1, 30), min_size=5, max_size=30), min_size=1
    )
)
def test_five_folds_have_every_row_once_and_no_article_twice(sizes: dict[str, list[int]]):
    rows = articles_of(sizes)
    folds = [split.draw(knbc_of(rows), rows, seed, "fold") for seed in range(1, 6)]
    assert sorted(row_id for fold in folds for row_id in fold) == sorted(row.id for row in rows)
    groups = [{row.group for row in rows if row.id in fold} for fold in folds]
    assert sum(len(names) for names in groups) == len(set().union(*groups))
    for label, lengths in sizes.items():
        counts = [sum(row_id[0] == label for row_id in fold) for fold in folds]
        assert max(counts) - min(counts) <= max(lengths)


def test_a_fold_does_not_depend_on_the_order_of_rows_and_there_are_five():
    rows = articles_of({"a": [3, 4, 5, 6, 7, 8], "b": [2] * 9})
    assert split.fold(rows, 3) == split.fold(rows[::-1], 3)
    for number in (0, 6):
        with pytest.raises(UserError, match=f"SPLIT_SEED={number}: SPLIT=fold has 5 folds"):
            split.fold(rows, number)


def test_a_test_part_of_its_own_is_not_divided_into_folds():
    rows = rows_of({"a": 20, "b": 20})
    mine = DataSet(rows, frozenset({"a-1"}), {"dataset": "mine"})
    with pytest.raises(UserError, match="SPLIT=fold: mine has a test part of its own"):
        split.draw(mine, rows, 1, "fold")
    assert split.draw(mine, rows, 1, "random") == {"a-1"}
