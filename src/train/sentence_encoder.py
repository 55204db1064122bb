"""The sentence encoder of v3: read from the channel, and a small one that learns from it.

Google's multilingual Universal Sentence Encoder, version 3. For each piece of a sentence: a
vector and its projection to three times 256 numbers, each third through two residual
layers that see 2, 3 or 5 pieces; all of it normalised, summed up, and turned into 512
numbers by dense layers (``whole``).

What is served is a network of a fraction of its products (``fold``):

* whatever depends on one piece alone is computed beforehand and is a row of a table: what the
  piece adds to its sentence by itself (``linear``), and the products that the first layers
  sum up over neighbours (``first``), of low rank;
* the second layers are left out, and of the first ones' units all but the ``UNITS`` that say
  most; each piece is normalised by what it has itself;
* of the dense layers one is left out, too;
* the answer is not the 512 numbers but the ``OUTPUTS`` directions in which those of the
  training sentences differ most.

It then learns, from no labels, to give what the whole one gives (``distil``). What the head is
trained on is the output of this graph, so it makes up for the difference.
"""
import functools
import os
import time

import numpy as np
import tensorflow as tf

import recombination
from channels import ChannelError

WEIGHTS = 'encoder.npz'
DIMENSIONS = 512
WIDTH = 256
BRANCHES = ((2, 0), (3, 1), (5, 2))
"""Pieces that a branch sees, and how many of them are before the piece itself."""
REACH = max(left for _, left in BRANCHES)
EPSILON = 1e-12
UNITS = 128
"""Of the WIDTH of a branch's layer; with all of them the error is a hundredth smaller."""
TABLES = ('linear', 'first')
"""What is a row to a piece, and never trained."""
SENTENCE_RANKS = 8
"""Times the rank: numbers to which the pieces of a sentence are summed up."""
OUTPUTS = 96
"""With more of them no more training sentences are recognised."""
RECOMBINED = 12
"""Times as many sentences as there are, put together of parts of these, are learnt from."""
ENOUGH = 50000
"""Sentences that are learnt from where there are many; time and memory grow with them."""
SPREAD = 6
"""Pieces by which sentences that are trained together may differ in length."""
SAMPLE = 1500
"""Training sentences that directions are taken from: 256 of them need no more."""
CHUNK = 256
"""Sentences that the whole encoder reads at once."""


def load(directory):
    """The encoder's arrays from the `vectors` channel, by name.

    Raises:
        ChannelError: the channel has none.
    """
    path = os.path.join(directory, WEIGHTS)
    if not os.path.exists(path):
        raise ChannelError('{}: expected the sentence encoder, found none. Its vectors are made by'
                           ' `make vectors VECTORS=encoder`.'.format(path))
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def whole(arrays, pieces):
    """What the whole encoder says of sentences: array (sentences, DIMENSIONS).

    Args:
        arrays: what ``load`` returned.
        pieces: int array (sentences, positions), see encoding.Pieces.
    """
    vectors, inner = _of_pieces(arrays)
    return np.concatenate([_whole(arrays, vectors, inner, pieces[start:start + CHUNK])
                           for start in range(0, len(pieces), CHUNK)])


def _whole(arrays, vectors, inner, pieces):
    flat, starts, windows = _flat(pieces)
    parts = [vectors[flat]]
    for number, (size, left) in enumerate(BRANCHES):
        units = inner[flat, number * WIDTH:(number + 1) * WIDTH]
        for layer in (1, 2):
            units = units + np.maximum(
                _seen(units, windows, size, left).dot(arrays['w{}_{}'.format(layer, size)])
                + arrays['b{}_{}'.format(layer, size)], 0)
        parts.append(units)
    summed = np.add.reduceat(_normalised(np.concatenate(parts, axis=1), arrays['ln_g'],
                                         arrays['ln_b']), starts, axis=0)
    lengths = np.count_nonzero(pieces, axis=1)[:, np.newaxis]
    x = (summed.dot(arrays['cnn_W']) + lengths * arrays['cnn_b']) / np.sqrt(lengths)
    second = np.maximum(x.dot(arrays['p1']) + np.maximum(x.dot(arrays['d0']), 0).dot(arrays['d1']),
                        0)
    third = np.maximum(second.dot(arrays['d2']), 0)
    output = np.tanh(second.dot(arrays['p3']) + third.dot(arrays['d3']))
    return (output / np.linalg.norm(output, axis=1, keepdims=True)).astype(np.float32)


def fold(arrays, pieces, rank):
    """The arrays that the graph needs, before they are trained.

    Args:
        arrays, pieces: see ``whole``; the pieces are those of the training sentences.
        rank: of the products over several pieces.

    Returns:
        dict: the tables, with a row of zeros at 0 for padding, and the dense arrays.
    """
    vectors, inner = _of_pieces(arrays)
    flat, starts, windows = _flat(pieces[:SAMPLE])
    folded, first, hidden, ups = {}, [], [], []
    for number, (size, left) in enumerate(BRANCHES):
        units = inner[:, number * WIDTH:(number + 1) * WIDTH]
        seen = _seen(units[flat], windows, size, left)
        bias = arrays['b1_{}'.format(size)]
        down, up = _low_rank(arrays['w1_{}'.format(size)], seen, rank)
        for place, part in enumerate(np.split(down, size)):
            # A piece brings its own window's bias along, so that nothing is added to a product.
            first += [units.dot(part), np.full((len(units), 1), float(place == left))]
        hidden.append(np.maximum(seen.dot(down).dot(up) + bias, 0))
        ups.append(np.concatenate([up, bias[np.newaxis]]))
    hidden = np.concatenate(hidden, axis=1)
    alone = np.concatenate([vectors, inner], axis=1)
    weight = 1 / alone.std(axis=1).mean()
    sentence = np.concatenate([arrays['d0'], arrays['p1']], axis=1)
    kernel = arrays['ln_g'][:, np.newaxis] * arrays['cnn_W'].dot(sentence)
    linear, down = _normalised(alone, 1, 0), weight * kernel[DIMENSIONS:]
    of_sentences = np.add.reduceat(
        linear[flat].dot(kernel) + hidden.dot(down), starts, axis=0)
    basis = directions(of_sentences, SENTENCE_RANKS * rank)
    down = down.dot(basis)
    said = hidden.std(axis=0) * np.linalg.norm(down, axis=1)
    kept = [np.sort(np.argsort(-part, kind='mergesort')[:UNITS])
            for part in np.split(said, len(BRANCHES))]
    for (size, _), up, units in zip(BRANCHES, ups, kept):
        folded['up{}'.format(size)] = up[:, units]
    folded.update({
        'down': np.concatenate([
            rows[units] for rows, units in zip(np.split(down, len(BRANCHES)), kept)]),
        'basis': basis.T, 'd1': arrays['d1'],
        'bias': arrays['ln_b'].dot(arrays['cnn_W']).dot(sentence) + arrays['cnn_b'].dot(sentence)})
    folded = {name: rounded(array) for name, array in folded.items()}
    for name, rows in (('linear', linear.dot(kernel.dot(basis))),
                       ('first', np.concatenate(first, axis=1))):
        folded[name] = np.pad(quantised(rows), [(1, 0), (0, 0)], 'constant')
    return folded


def rounded(array):
    """float32 with the precision of half as many bits: the zeros behind it pack to little."""
    return array.astype(np.float16).astype(np.float32)


def quantised(rows):
    """float32 whose numbers are, row by row, whole ones up to 254 times a power of 2.

    They pack to little more than a byte each. A table of int8 is as small in memory, too, but
    TensorFlow 1.13 takes a sixth of the time of an answer to turn its rows into float32.
    """
    largest = np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-6)
    steps = np.exp2(np.floor(np.log2(largest / 127)))
    return (np.round(rows / steps) * steps).astype(np.float32)


def _of_pieces(arrays):
    """Of each piece its vector, and what its three branches begin with."""
    def joined(name):
        return np.concatenate([arrays[name.format(size)] for size, _ in BRANCHES], axis=-1)

    vectors = arrays['table'] * arrays['scale'][:, np.newaxis] + arrays['lo'][:, np.newaxis]
    return vectors, _normalised(vectors.dot(joined('proj{}')) + joined('proj_b{}'),
                                joined('ln_g{}'), joined('ln_b{}'))


def _normalised(rows, gain, bias):
    rows = rows - rows.mean(axis=1, keepdims=True)
    variance = np.square(rows).mean(axis=1, keepdims=True)
    return (rows / np.sqrt(variance + EPSILON) * gain + bias).astype(np.float32)


def _flat(pieces):
    """Of all pieces: the number; of sentences: the first piece's row; of pieces: the rows around
    it, -1 beyond the ends of its sentence."""
    sentences, positions = np.nonzero(pieces)
    rows = np.full((pieces.shape[0], pieces.shape[1] + 2 * REACH), -1)
    rows[sentences, positions + REACH] = np.arange(len(sentences))
    _, starts = np.unique(sentences, return_index=True)
    around = np.arange(2 * REACH + 1)
    return (pieces[sentences, positions] - 1, starts,
            rows[sentences[:, np.newaxis], positions[:, np.newaxis] + around])


def _seen(units, windows, size, left):
    """(pieces, size * WIDTH): the units of each piece and its neighbours, zeros beyond the ends."""
    start = REACH - left
    padded = np.concatenate([units, np.zeros((1, WIDTH), units.dtype)])
    return padded[windows[:, start:start + size]].reshape(len(units), size * WIDTH)


def _low_rank(kernel, inputs, rank):
    """Two matrices whose product stands for ``kernel``: best for these inputs' outputs."""
    up = directions(inputs.dot(kernel), rank)
    return kernel.dot(up), up.T


def directions(rows, count):
    """(columns, count): in which the rows are largest, as orthogonal columns."""
    _, directions = np.linalg.eigh(rows.T.dot(rows).astype(np.float64))
    return directions[:, ::-1][:, :count].astype(np.float32)


def sentence_vectors(variables, flat, sentence, rows):
    """The graph: float32 tensor (rows, OUTPUTS).

    Args:
        variables: the tensors of what ``distil`` returned, by name.
        flat, sentence: what flat_pieces returned.
        rows: of the result, as many as there are sentences or more.
    """
    hidden = dense_layers(variables, *summed_pieces(variables, flat, sentence, rows))
    return tf.nn.xw_plus_b(hidden, variables['out'], variables['out_bias'])


def summed_pieces(variables, flat, sentence, rows):
    """What the pieces of each sentence add up to, and how many these are; see sentence_vectors."""
    count = tf.shape(flat)[0]

    def of_sentences(values):
        return tf.unsorted_segment_sum(values, sentence, rows)

    first = tf.gather(variables['first'], tf.pad(flat, [[REACH, REACH]]))
    rank, column, hidden = first.shape[1].value // sum(size for size, _ in BRANCHES), 0, []
    for size, left in BRANCHES:
        seen = tf.add_n([tf.slice(first, [REACH - left + place, column + place * rank],
                                  [count, rank]) for place in range(size)])
        column += size * rank
        hidden.append(of_sentences(tf.nn.relu(tf.matmul(seen, variables['up{}'.format(size)]))))
    sums = (of_sentences(tf.gather(variables['linear'], flat))
            + tf.matmul(tf.concat(hidden, axis=1), variables['down']))
    return sums, tf.maximum(of_sentences(tf.ones([count, 1])), 1.0)


def flat_pieces(pieces):
    """The pieces of all sentences one after the other, and the sentence of each.

    Between two sentences, and after the last, are REACH zeros, of sentence -1, which a
    segment sum leaves out: a window over neighbours never reaches into another sentence.

    Args:
        pieces: int32 tensor (batch, positions), see encoding.Pieces.

    Returns:
        (flat, sentence): two int32 tensors of one length.
    """
    padded = tf.pad(pieces, [[0, 0], [0, REACH]])
    shifted = [tf.pad(pieces, [[0, 0], [shift, REACH - shift]]) for shift in range(1, REACH + 1)]
    places = tf.where(tf.greater(functools.reduce(tf.maximum, shifted, padded), 0))
    flat = tf.gather_nd(padded, places)
    sentence = tf.cast(places[:, 0], tf.int32)
    return flat, tf.where(tf.greater(flat, 0), sentence, -tf.ones_like(sentence))


def dense_layers(variables, sums, lengths):
    """What whole sentences are turned into: 320 hidden units, and 320 that see these, too."""
    x = (tf.matmul(sums, variables['basis']) + lengths * variables['bias']) * tf.rsqrt(lengths)
    first, second = tf.split(x, 2, axis=1)
    return tf.nn.relu(second + tf.matmul(tf.nn.relu(first), variables['d1']))


def distil(folded, arrays, pieces, session, args):
    """Trains what is small until it gives what the whole encoder gives, and no labels with it.

    It learns from sentences that were never written, parts of three put together: the whole
    encoder can be asked about any, and with many it errs less on new ones. The training
    sentences are not among them, or the head would learn from features that are far more exact
    than those of new sentences.

    Args:
        folded: what ``fold`` returned.
        arrays, pieces: see ``fold``.
        session: a new one; its graph gets the small encoder.
        args: see train_v3.HYPERPARAMETERS.

    Returns:
        (folded, losses): a dict as ``folded``, with ``out``; of each epoch the squared distance
        to what is wanted, as a share of what training sentences are from their mean.
    """
    random, losses = np.random.RandomState(args.seed), []
    times = max(1, min(RECOMBINED, ENOUGH // len(pieces)))
    examples, = recombination.recombined([pieces], times, random)
    lengths = np.count_nonzero(examples, axis=1)
    own, wanted = principal(arrays, pieces, examples)
    rows, rate = tf.placeholder(tf.int32, [None, None]), tf.placeholder(tf.float32, [])
    answers = tf.placeholder(tf.float32, [None, wanted.shape[1]])

    variables = {name: tf.get_variable(name, initializer=tf.constant(array), trainable=False)
                 if name in TABLES else _by_size(name, array)
                 for name, array in sorted(folded.items())}
    flat, sentence = flat_pieces(rows)
    hidden = dense_layers(variables, *summed_pieces(variables, flat, sentence, tf.shape(rows)[0]))
    session.run(tf.global_variables_initializer())
    # The last layer begins with what is best for the others as they are.
    given = np.concatenate([session.run(hidden, {rows: pieces[start:start + CHUNK]})
                            for start in range(0, len(pieces), CHUNK)])
    for name, array in sorted(_output_layer(given, own).items()):
        variables[name] = _by_size(name, array)
    found = tf.nn.xw_plus_b(hidden, variables['out'], variables['out_bias'])
    distance = tf.reduce_mean(tf.reduce_sum(tf.square(found - answers), axis=1))
    step = tf.train.AdamOptimizer(rate).minimize(distance)
    session.run(tf.global_variables_initializer())

    def batches():
        # Sentences of about the same length go together, as in batches.py.
        order = np.argsort(lengths + SPREAD * random.rand(len(lengths)), kind='mergesort')
        for start in random.permutation(np.arange(0, len(order), args.batch_size)):
            batch = order[start:start + args.batch_size]
            yield batch, examples[batch, :lengths[batch].max()]

    steps = args.epochs * -(-len(examples) // args.batch_size)
    number = 0
    for epoch in range(args.epochs):
        started = time.time()
        print('Epoch {}/{}'.format(epoch + 1, args.epochs), flush=True)
        distances = []
        for batch, batch_pieces in batches():
            distances.append(session.run([distance, step], {
                rows: batch_pieces, answers: wanted[batch],
                rate: args.learning_rate * (1 - number / steps)})[0])
            number += 1
        losses.append(float(np.mean(distances)))
        print(' - {:.0f}s - loss: {:.4f}'.format(time.time() - started, losses[-1]), flush=True)
    return {name: array if name in TABLES else rounded(array)
            for name, array in session.run(variables).items()}, losses


def _by_size(name, array):
    """A variable times the size of its numbers, so that a step of Adam is a share of that size.

    With one rate for all, the last layer, whose numbers are small, first loses what it began with.
    """
    size = np.sqrt(np.square(array).mean()) or 1
    return size * tf.get_variable(name, initializer=tf.constant(array / size))


def principal(arrays, pieces, others):
    """What the whole encoder says of both, standardised as of the training sentences and turned
    into these's principal components: two arrays (sentences, OUTPUTS).

    Args:
        arrays, pieces: see ``fold``.
        others: as ``pieces``, of any sentences.
    """
    own, others = whole(arrays, pieces), whole(arrays, others)
    shift, scale = own.mean(axis=0), (own.std(axis=0) + 1e-6) * np.sqrt(DIMENSIONS)
    own, others = (own - shift) / scale, (others - shift) / scale
    principal = directions(own, OUTPUTS)
    return own.dot(principal), others.dot(principal)


def _output_layer(hidden, wanted):
    """The last layer by least squares, the more regular the fewer sentences there are."""
    shift = hidden.mean(axis=0)
    hidden = (hidden - shift).astype(np.float64)
    products = hidden.T.dot(hidden)
    ridge = 0.01 * products.trace() / len(products) + 1e-6
    out = np.linalg.solve(products + ridge * np.eye(len(products)), hidden.T.dot(wanted))
    return {'out': rounded(out), 'out_bias': rounded(wanted.mean(axis=0) - shift.dot(out))}


def unit_rows(rows):
    """Each row scaled to length 1; one of zeros stays."""
    return rows * tf.rsqrt(tf.maximum(tf.reduce_sum(tf.square(rows), axis=1, keepdims=True),
                                      EPSILON))
