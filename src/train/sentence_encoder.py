"""The frozen sentence encoder of v3: read from the channel, made small, and as a graph.

Google's multilingual Universal Sentence Encoder, version 3. For each piece of a sentence: a
vector and its projection to three times 256 numbers, each third through two residual
layers that see 2, 3 or 5 pieces; all of it normalised, summed up, and turned into 512
numbers by dense layers. It stays as it was trained, but for three things that make it
faster and smaller:

* a piece's projection depends on the piece alone, and so does what the first layers multiply
  it with: they are tables (``inner``, ``first``), of numbers between 0 and LEVELS as the
  pieces' vectors are in the package (6 bits);
* the products over several pieces and the first ones of a whole sentence are of low rank: of
  their outputs those directions are computed in which the training sentences differ most, and
  then all that is not a table is trained to give the whole encoder's output (``distil``);
* of the normalisation's sums over 1,280 numbers a piece's own part is in the table.

What the head is trained on is the output of this graph, so it makes up for the difference.
"""
import os
import time

import numpy as np
import tensorflow as tf

from channels import ChannelError

WEIGHTS = 'encoder.npz'
DIMENSIONS = 512
WIDTH = 256
BRANCHES = ((2, 0), (3, 1), (5, 2))
"""Pieces that a branch sees, and how many of them are before the piece itself."""
EPSILON = 1e-12
LEVELS = 63
TABLES = ('table', 'inner', 'first', 'scales')
"""What is a row to a piece, and never trained."""
SENTENCE_RANKS = 8
"""Times the rank of what is over pieces: the rank of the products of a whole sentence."""
RECOMBINED = 3
"""Times as many sentences as there are, put together of parts of these, are trained on, too."""
SPREAD = 6
"""Pieces by which sentences that are trained together may differ in length."""
MOST_PIECES = 30000
"""Of the training sentences that the directions are taken from: enough for 256 of them."""


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


def fold(arrays, pieces, rank):
    """The arrays that the graph needs.

    Args:
        arrays: what ``load`` returned.
        pieces: int array (sentences, positions) of the training sentences, see encoding.Pieces.
        rank: of the products over several pieces.

    Returns:
        dict: those of a piece, with a row of zeros at 0 for padding, and the dense ones.
    """
    vectors = arrays['table'] * arrays['scale'][:, np.newaxis] + arrays['lo'][:, np.newaxis]
    inner, inner_steps = _quantised(normalised(
        vectors.dot(_joined(arrays, 'proj{}')) + _joined(arrays, 'proj_b{}'),
        _joined(arrays, 'ln_g{}'), _joined(arrays, 'ln_b{}')))
    units = inner * inner_steps[:, :1] + inner_steps[:, 1:]
    flat, sentences, windows = _flat(pieces)
    folded, first, parts = {}, [], [vectors[flat]]
    for number, (size, left) in enumerate(BRANCHES):
        columns = slice(number * WIDTH, (number + 1) * WIDTH)
        branch = units[flat, columns]
        for layer in (1, 2):
            seen = _seen(branch, windows, size, left)
            down, up = _low_rank(arrays['w{}_{}'.format(layer, size)], seen, rank)
            bias = arrays['b{}_{}'.format(layer, size)]
            branch = np.maximum(seen.dot(down).dot(up) + bias, 0) + branch
            side_by_side = np.concatenate(np.split(down, size), axis=1)
            if layer == 1:
                first.append(units[:, columns].dot(side_by_side))
            else:
                folded['down_{}'.format(size)] = side_by_side
            for name, array in (('up', up), ('bias', bias)):
                folded['{}{}_{}'.format(name, layer, size)] = array
        parts.append(branch)
    first, first_steps = _quantised(np.concatenate(first, axis=1))
    summed = _summed(np.concatenate(parts, axis=1), sentences)
    kernel = arrays['cnn_W'].dot(np.concatenate([arrays['d0'], arrays['p1']], axis=1))
    folded['down'], folded['up'] = _low_rank(
        arrays['ln_g'][:, np.newaxis] * kernel, summed, SENTENCE_RANKS * rank)
    folded['bias'] = arrays['ln_b'].dot(kernel) + arrays['cnn_b'].dot(
        np.concatenate([arrays['d0'], arrays['p1']], axis=1))
    for name in ('d1', 'd2', 'd3', 'p3'):
        folded[name] = arrays[name]
    folded = {name: rounded(array) for name, array in folded.items()}
    tables = {
        'table': arrays['table'], 'inner': inner, 'first': first,
        'scales': np.concatenate([
            np.stack([arrays['scale'], arrays['lo']], axis=1), inner_steps, first_steps,
            vectors.sum(axis=1, keepdims=True), np.square(vectors).sum(axis=1, keepdims=True),
        ], axis=1).astype(np.float32)}
    folded.update((name, np.concatenate([np.zeros((1, array.shape[1]), array.dtype), array]))
                  for name, array in tables.items())
    return folded


def normalised(rows, gain, bias):
    """Layer normalisation."""
    rows = rows - rows.mean(axis=1, keepdims=True)
    variance = np.square(rows).mean(axis=1, keepdims=True)
    return (rows / np.sqrt(variance + EPSILON) * gain + bias).astype(np.float32)


def rounded(array):
    """float32 with the precision of half as many bits: the zeros behind it pack to little."""
    return array.astype(np.float16).astype(np.float32)


def _joined(arrays, name):
    return np.concatenate([arrays[name.format(size)] for size, _ in BRANCHES], axis=-1)


def _quantised(rows):
    """(table of uint8, steps): of each row the scale and the lowest number."""
    low = rows.min(axis=1, keepdims=True)
    scale = np.maximum(rows.max(axis=1, keepdims=True) - low, EPSILON) / LEVELS
    return (np.round((rows - low) / scale).astype(np.uint8),
            np.concatenate([scale, low], axis=1).astype(np.float32))


def _flat(pieces):
    """Of all pieces of a sample of the sentences: number, sentence, and the rows around it, -1
    where its sentence is at its end."""
    reach = max(size for size, _ in BRANCHES) // 2
    order = np.argsort(np.random.RandomState(0).rand(len(pieces)), kind='mergesort')
    pieces = pieces[order[:max(1, MOST_PIECES * len(pieces) // max(1, np.count_nonzero(pieces)))]]
    sentences, positions = np.nonzero(pieces)
    rows = np.full((pieces.shape[0], pieces.shape[1] + 2 * reach), -1)
    rows[sentences, positions + reach] = np.arange(len(sentences))
    around = np.arange(2 * reach + 1)
    return (pieces[sentences, positions] - 1, sentences,
            rows[sentences[:, np.newaxis], positions[:, np.newaxis] + around])


def _summed(rows, sentences):
    """Of each sentence the sum of its normalised rows, divided by the root of their number."""
    _, starts = np.unique(sentences, return_index=True)
    lengths = np.diff(np.append(starts, len(sentences)))
    summed = np.add.reduceat(normalised(rows, 1, 0), starts, axis=0)
    return summed / np.sqrt(lengths)[:, np.newaxis]


def _seen(units, windows, size, left):
    """(pieces, size * WIDTH): the units of each piece and its neighbours, zeros beyond the ends."""
    start = windows.shape[1] // 2 - left
    padded = np.concatenate([units, np.zeros((1, WIDTH), units.dtype)])
    return padded[windows[:, start:start + size]].reshape(len(units), size * WIDTH)


def _low_rank(kernel, inputs, rank):
    """Two matrices whose product stands for ``kernel``: best for these inputs' outputs."""
    outputs = inputs.dot(kernel)
    _, directions = np.linalg.eigh(outputs.T.dot(outputs).astype(np.float64))
    up = directions[:, ::-1][:, :rank].astype(np.float32)
    return kernel.dot(up), up.T


def sentence_vectors(variables, pieces, rows=None):
    """The graph.

    Args:
        variables: the tensors of what ``fold`` returned, by name.
        pieces: int32 tensor (batch, positions), see encoding.Pieces.
        rows: of the result, where these are more than the batch's.

    Returns:
        float32 tensor (rows, 512), each of the batch's rows of length 1.
    """
    places = tf.where(tf.not_equal(pieces, 0))  # of the pieces alone: no work for padding
    flat = tf.gather_nd(pieces, places)
    sentence = tf.cast(places[:, 0], tf.int32)
    count = tf.shape(flat)[0]
    rows = tf.shape(pieces)[0] if rows is None else rows

    def of_sentences(values):
        return tf.unsorted_segment_sum(values, sentence, rows)

    scales = tf.gather(variables['scales'], flat)

    def rows_of(table, column):
        return tf.cast(tf.gather(variables[table], flat), tf.float32) \
            * scales[:, column:column + 1] + scales[:, column + 1:column + 2]

    inner, first = rows_of('inner', 2), rows_of('first', 4)
    around, reach = _windows(sentence, count), max(left for _, left in BRANCHES)
    rank = first.shape[1].value // sum(size for size, _ in BRANCHES)
    parts, column = [], 0
    for number, (size, left) in enumerate(BRANCHES):
        # Of a piece's products the one for its place in the window.
        window = around[:, reach - left:reach - left + size] * size + tf.range(size)
        units = inner[:, number * WIDTH:(number + 1) * WIDTH]
        products = first[:, column:column + size * rank]
        column += size * rank
        for layer in (1, 2):
            if layer == 2:
                products = tf.matmul(units, variables['down_{}'.format(size)])
            seen = _over_pieces(products, window, size)
            units += tf.nn.relu(tf.nn.xw_plus_b(seen, variables['up{}_{}'.format(layer, size)],
                                                variables['bias{}_{}'.format(layer, size)]))
        parts.append(units)
    units = tf.concat(parts, axis=1)
    # (x - mean) / deviation, summed up over the pieces of a sentence; x is a piece's vector
    # and then the units.
    width = DIMENSIONS + len(BRANCHES) * WIDTH
    mean = (scales[:, 6:7] + tf.reduce_sum(units, axis=1, keepdims=True)) / width
    square = (scales[:, 7:8] + tf.reduce_sum(tf.square(units), axis=1, keepdims=True)) / width
    weight = tf.rsqrt(square - tf.square(mean) + EPSILON)
    table = tf.cast(tf.gather(variables['table'], flat), tf.float32)
    summed = tf.concat([of_sentences(table * (weight * scales[:, :1])),
                        of_sentences(units * weight)], axis=1)
    offsets = of_sentences(tf.concat([weight * scales[:, 1:2], weight * mean,
                                      tf.ones_like(weight)], axis=1))
    low, means, lengths = offsets[:, :1], offsets[:, 1:2], tf.maximum(offsets[:, 2:], 1.0)
    summed += tf.pad(low * tf.ones([1, DIMENSIONS]), [[0, 0], [0, len(BRANCHES) * WIDTH]]) - means
    x = tf.matmul(tf.matmul(summed, variables['down']), variables['up'])
    first, second = tf.split((x + lengths * variables['bias']) * tf.rsqrt(lengths), 2, axis=1)
    second = tf.nn.relu(second + tf.matmul(tf.nn.relu(first), variables['d1']))
    third = tf.nn.relu(tf.matmul(second, variables['d2']))
    output = tf.tanh(tf.matmul(second, variables['p3']) + tf.matmul(third, variables['d3']))
    return unit_rows(output)


def _over_pieces(products, windows, size):
    """Of each piece the sum of its window's products, every piece's being computed once.

    Args:
        products: (count, size * rank): of a piece those for each place in a window.
        windows: int32 tensor (count, size): the rows, ``size`` to a piece, that add up.
    """
    rank = products.shape[1].value // size
    products = tf.reshape(products, [-1, rank])
    products = tf.concat([products, tf.zeros([size, rank])], axis=0)
    return tf.reduce_sum(tf.gather(products, windows), axis=1)


def distil(folded, teacher, pieces, session, args):
    """Trains what is small until it gives what the whole encoder gives, and no labels with it.

    Sentences that were never written are added, the beginning of one and the end of another:
    the encoder can be asked about any.

    Args:
        folded, teacher: what ``fold`` returned for a small rank and for that of WIDTH.
        pieces: int array (sentences, positions) of the training sentences.
        session: a new one; its graph gets both encoders.
        args: see train_v3.HYPERPARAMETERS.

    Returns:
        (folded, losses): a dict as ``folded``; of each epoch 1 minus the mean cosine.
    """
    random, losses = np.random.RandomState(args.seed), []
    examples = np.concatenate([pieces] + [_recombined(pieces, random) for _ in range(RECOMBINED)])
    lengths = np.count_nonzero(examples, axis=1)
    rows, rate = tf.placeholder(tf.int32, [None, None]), tf.placeholder(tf.float32, [])
    wanted = tf.placeholder(tf.float32, [None, DIMENSIONS])
    with tf.variable_scope('teacher'):
        taught = sentence_vectors(_variables(teacher, trainable=False), rows)
    with tf.variable_scope('student'):
        variables = _variables(folded, trainable=True)
        distance = 1 - tf.reduce_mean(
            tf.reduce_sum(sentence_vectors(variables, rows) * wanted, axis=1))
    step = tf.train.AdamOptimizer(rate).minimize(distance)
    session.run(tf.global_variables_initializer())

    def batches():
        # Sentences of about the same length go together, as in batches.py.
        order = np.argsort(lengths + SPREAD * random.rand(len(lengths)), kind='mergesort')
        for start in random.permutation(np.arange(0, len(order), args.batch_size)):
            batch = order[start:start + args.batch_size]
            yield batch, examples[batch, :lengths[batch].max()]

    answers = np.zeros((len(examples), DIMENSIONS), np.float32)
    for batch, batch_pieces in batches():
        answers[batch] = session.run(taught, {rows: batch_pieces})
    steps = args.epochs * -(-len(examples) // args.batch_size)
    number = 0
    for epoch in range(args.epochs):
        started = time.time()
        print('Epoch {}/{}'.format(epoch + 1, args.epochs), flush=True)
        distances = []
        for batch, batch_pieces in batches():
            distances.append(session.run([distance, step], {
                rows: batch_pieces, wanted: answers[batch],
                rate: args.learning_rate * (1 - number / steps)})[0])
            number += 1
        losses.append(float(np.mean(distances)))
        print(' - {:.0f}s - loss: {:.4f}'.format(time.time() - started, losses[-1]), flush=True)
    return {name: array if name in TABLES else rounded(array)
            for name, array in session.run(variables).items()}, losses


def _variables(folded, trainable):
    return {name: tf.get_variable(name, initializer=tf.constant(array),
                                  trainable=trainable and name not in TABLES)
            for name, array in sorted(folded.items())}


def _recombined(pieces, random):
    """As many rows: the beginning of each sentence, and the end of another."""
    mixed = np.zeros_like(pieces)
    others = pieces[random.permutation(len(pieces))]
    for row, one, other in zip(mixed, pieces, others):
        one, other = one[:np.count_nonzero(one)], other[:np.count_nonzero(other)]
        first = one[:random.randint(1, len(one))]
        joined = np.concatenate([first, other[random.randint(1, len(other)):]])[:len(row)]
        row[:len(joined)] = joined
    return mixed


def unit_rows(rows):
    """Each row scaled to length 1; one of zeros stays."""
    return rows * tf.rsqrt(tf.maximum(tf.reduce_sum(tf.square(rows), axis=1, keepdims=True),
                                      EPSILON))


def _windows(sentence, count):
    """(count, 5): the rows around each row, ``count`` where that is another sentence's."""
    reach = max(left for _, left in BRANCHES)
    around = tf.expand_dims(tf.range(count), 1) + tf.range(-reach, reach + 1)
    inside = tf.clip_by_value(around, 0, count - 1)
    same = tf.equal(tf.gather(sentence, inside), tf.expand_dims(sentence, 1))
    same = tf.logical_and(same, tf.equal(inside, around))
    return tf.where(same, around, tf.fill(tf.shape(around), count))
