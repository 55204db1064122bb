"""The graph of v1 as it is served: the article's network, its products merged and shared.

Read train_v1.build_model first. With word vectors X, attention A = softmax(X·W·Xᵀ) and the
LSTM's kernel K, Keras computes ((A·X)·K) for each of the 64 positions of each sentence. Here

* A·(X·K) is computed instead, and X·W and X·K only once for each different token of the
  batch: the 64 positions of 32 sentences of the sample hold 2,048 tokens, some 420 of
  them different, and padding is one of these;
* the leading positions that are padding in every sentence of the batch become one. The
  attention treats equal tokens alike, so one of them that counts as often as there are
  positions gives the same; their common row is what the LSTM reads in each of them;
* the attention's bias is left out, since the softmax does not change with it.

Word vectors stay a variable of their own and are not multiplied beforehand: tables of X·W
and X·K would make the package, or its memory, nearly three times as large.

Everything is a variable, nothing a constant of the graph: TensorFlow copies a graph several
times while it loads and optimises it, and reads variables once.
"""
import os

import numpy as np
import tensorflow as tf

import serving_lstm
from encoding import INPUT_LENGTH, PADDING_INDEX


def fold(model):
    """The arrays that serving needs, out of a trained model (see train_v1.build_model)."""
    embedding, attention, recurrent, hidden, _, classes = model.layers[1:]
    arrays = {'word_vectors': embedding.get_weights()[0],
              'attention': attention.get_weights()[0]}
    arrays.update(('lstm_' + name, array)
                  for name, array in serving_lstm.fold(recurrent).items())
    for name, layer in (('hidden', hidden), ('classes', classes)):
        arrays[name + '_kernel'], arrays[name + '_bias'] = layer.get_weights()
    return arrays


def trained_weights(saved_model):
    """The weights of a packed v1, in the order of train_v1's model, up to rounding.

    Args:
        saved_model: a package's ``1/``.

    Raises:
        ValueError: the package is not of v1.
    """
    reader = tf.train.load_checkpoint(os.path.join(saved_model, 'variables', 'variables'))
    arrays = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    if 'lstm_recurrent' not in arrays:
        raise ValueError('{}: expected a package of v1 as train_v1 exports it, found the '
                         'variables {}'.format(saved_model, ', '.join(sorted(arrays))))
    lstm = {name[len('lstm_'):]: array for name, array in arrays.items() if 'lstm_' in name}
    any_bias = np.zeros(1, np.float32)  # of the attention, which does not depend on it
    return ([arrays['word_vectors'], arrays['attention'], any_bias] + serving_lstm.unfold(lstm)
            + [arrays[layer + part] for layer in ('hidden', 'classes')
               for part in ('_kernel', '_bias')])


def build(session, arrays, input_name, output_name):
    """Builds the graph in the session's graph and initialises its variables.

    Args:
        arrays: what ``fold`` returned.
        input_name, output_name: of the operations in the signature: Keras' names, which
            clients of the article's package may know.

    Returns:
        (inputs, probabilities): tensors (batch, 64) and (batch, classes).
    """
    inputs = tf.placeholder(tf.float32, [None, INPUT_LENGTH], name=input_name)
    weights = {name: tf.get_variable(name, initializer=tf.constant(array))
               for name, array in sorted(arrays.items())}
    # TensorFlow Serving does not compare a request with the signature; the steps are 64.
    tokens = tf.cast(tf.ensure_shape(inputs, inputs.shape), tf.int32)
    start = _start(tokens)
    projected = _attended(tokens[:, start:], start, weights)
    places = tf.maximum(np.arange(INPUT_LENGTH, dtype=np.int32) - start, 0)
    state = serving_lstm.last_state(serving_lstm.steps(projected, places, INPUT_LENGTH),
                                    weights['lstm_recurrent'])
    hidden = tf.nn.xw_plus_b(state, weights['hidden_kernel'], weights['hidden_bias'])
    logits = tf.nn.xw_plus_b(hidden, weights['classes_kernel'], weights['classes_bias'])
    session.run(tf.global_variables_initializer())
    return inputs, tf.nn.softmax(logits, name=output_name)


def _start(tokens):
    """The last of the leading positions that are padding in all sentences; 0 if none is."""
    used = tf.reduce_any(tf.not_equal(tokens, PADDING_INDEX), axis=0)
    return tf.maximum(tf.argmax(tf.cast(used, tf.int32), output_type=tf.int32) - 1, 0)


def _attended(tokens, start, weights):
    """What the LSTM's gates get from a window's positions: (batch, window, 8 * units).

    Args:
        tokens: (batch, window), the positions from ``start`` on.
        start: how many positions the window's first one stands for besides itself.
    """
    different, places = tf.unique(tf.reshape(tokens, [-1]))
    places = tf.reshape(places, tf.shape(tokens))
    vectors = tf.gather(weights['word_vectors'], different)
    queries = tf.gather(tf.matmul(vectors, weights['attention']), places)
    keys = tf.gather(vectors, places)
    # The attention's weights of a position sum up to 1, so the bias can be added before.
    values = tf.gather(tf.nn.xw_plus_b(vectors, weights['lstm_kernel'], weights['lstm_bias']),
                       places)
    # exp(score + log(n)) is n * exp(score).
    times = tf.log(tf.cast(start + 1, tf.float32))
    counted = tf.one_hot(0, INPUT_LENGTH - start, on_value=times, off_value=0.0)
    scores = tf.matmul(queries, keys, transpose_b=True) + counted
    return tf.matmul(tf.nn.softmax(scores), values)
