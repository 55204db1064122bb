"""datasets.split: sizes, shares and articles."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train2deploy.datasets import split
from train2deploy.datasets.rows import Row

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
