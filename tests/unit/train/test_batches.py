"""Batches of like length: what is cut away is padding, and nothing else changes."""
from argparse import Namespace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import batches
import network
from batches import Batches

POSITIONS = 6


def examples(lengths):
    """tokens, n-grams and targets of sentences with so many (tokens, n-grams)."""
    count = len(lengths)
    tokens, ngrams = np.zeros((count, POSITIONS), 'f4'), np.zeros((count, 2 * POSITIONS), 'f4')
    for row, (few, many) in enumerate(lengths):
        tokens[row, POSITIONS - few:] = np.arange(1, few + 1) + 10 * row
        ngrams[row, :many] = np.arange(1, many + 1) + 10 * row
    return tokens, ngrams, np.arange(count)


def epoch(made):
    return list(islice(made, len(made)))


LENGTHS = st.lists(st.tuples(st.integers(0, POSITIONS), st.integers(0, 2 * POSITIONS)),
                   min_size=1, max_size=70)


@given(LENGTHS, st.integers(1, 5), st.one_of(st.none(), st.integers(0, 9)))
def test_each_epoch_has_each_sentence_once_and_whole(lengths, size, seed):
    tokens, ngrams, targets = examples(lengths)
    made = iter(Batches(tokens, ngrams, targets, size, seed))
    for _ in range(2):
        seen = []
        for (some_tokens, some_ngrams), rows in islice(made, -(-len(lengths) // size)):
            assert 1 <= len(rows) <= size
            for row, cut_tokens, cut_ngrams in zip(rows, some_tokens, some_ngrams):
                few, many = lengths[row]
                assert cut_tokens[len(cut_tokens) - few:].tolist() == tokens[
                    row, POSITIONS - few:].tolist()
                assert cut_ngrams[:many].tolist() == ngrams[row, :many].tolist()
                assert not cut_tokens[:len(cut_tokens) - few].any()
                assert not cut_ngrams[many:].any()
            seen.extend(rows)
        assert sorted(seen) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 5))
def test_a_batch_is_as_wide_as_its_longest_sentence(lengths, size):
    for (tokens, ngrams), rows in epoch(Batches(*examples(lengths), size=size, seed=1)):
        assert tokens.shape == (len(rows), max(1, max(lengths[row][0] for row in rows)))
        assert ngrams.shape == (len(rows), max(1, max(lengths[row][1] for row in rows)))


def in_order(seed, epochs=2):
    """The rows of each epoch's batches."""
    made = Batches(*examples([(3, number % (2 * POSITIONS)) for number in range(200)]),
                   size=4, seed=seed)
    endless = iter(made)
    return [[rows.tolist() for _, rows in islice(endless, len(made))] for _ in range(epochs)]


def test_the_seed_decides_the_order():
    assert in_order(1) == in_order(1)
    assert in_order(1) != in_order(2)


def test_epochs_differ_in_their_order():
    first, second = in_order(1)
    assert first != second
    # Not only the batches change places: a sentence has other neighbours.
    assert {frozenset(rows) for rows in first} != {frozenset(rows) for rows in second}


def test_less_than_a_third_of_the_work_is_padding(monkeypatch):
    lengths = np.random.RandomState(1).geometric(0.2, 2000).clip(max=2 * POSITIONS)
    data = examples([(3, length) for length in lengths])

    def padding():
        made = epoch(Batches(*data, size=32, seed=1))
        return 1 - lengths.sum() / sum(ngrams.size for (_, ngrams), _ in made)

    sorted_in_pools = padding()
    monkeypatch.setattr(batches, 'POOL_BATCHES', 1)
    assert sorted_in_pools < 0.33 < padding()


def test_padding_changes_no_logit():
    random = np.random.RandomState(1)
    args = Namespace(members=2, hidden=4, dropout=0.3, ngram_dimensions=3, ngram_dropout=0.2)
    vectors = random.randn(100, 5).astype('f4')
    model = network.build_model(vectors, 2, {'buckets': 200}, args)
    model.set_weights([random.randn(*array.shape) for array in model.get_weights()])
    tokens, ngrams, targets = examples([(2, 3), (1, 4), (4, 9), (6, 12)])
    expected = model.predict([tokens, ngrams])
    for cut, rows in epoch(Batches(tokens, ngrams, targets, size=2)):
        assert model.predict(cut) == pytest.approx(expected[rows], abs=1e-5)
