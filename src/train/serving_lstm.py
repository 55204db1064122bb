"""A bidirectional Keras LSTM as it is served: all its steps written out, ten operations each.

What a small recurrent network costs in TensorFlow is not its arithmetic but the number of
its operations: about 0.7 µs each, whatever they compute. Keras' two loops run some hundred
operations a step. Here

* both directions are one: step s reads position s for the forward direction and the
  position s from the end for the backward one, and the recurrent kernel of both is one
  block-diagonal matrix. With a product for each direction (BatchMatMul, half the
  arithmetic) one sentence takes as long, 32 take 1.4 times as long;
* the four gates are one product, and hard_sigmoid(x) = clip(0.2 x + 0.5, 0, 1) is a clip,
  since 0.2 and 0.5 are in the weights. The candidate beside the gates is clipped between
  -inf and inf, so that gates and candidate are split once instead of twice;
* there is no loop: one would cost the control-flow operations again in every step, and
  could not be written as a chain (see ``_after``).

The operations are those of TensorFlow 1.12, which every later version and TensorFlow Serving
have. TensorFlow's own LSTM kernels (LSTMBlockCell, CudnnRNN) know no hard_sigmoid.
"""
import numpy as np
import tensorflow as tf
from tensorflow.python.keras.layers import LSTM
from tensorflow.python.ops import gen_array_ops, gen_math_ops

GATES = 4
ORDER = [0, 1, 3, 2]
"""Keras' candidate comes before its output gate, ours is the last. Its own inverse."""
FOLD = np.array([0.2, 0.2, 0.2, 1], np.float32)
"""By gate, in our order: hard_sigmoid's slope."""
UNFOLD = np.array([5, 5, 1, 5], np.float32)
"""By gate, in Keras' order."""
MIDDLE = np.float32(0.5)
"""hard_sigmoid(0)."""


def fold(layer):
    """The arrays that serving needs, out of a trained ``Bidirectional(LSTM(units))``.

    Returns:
        dict: ``kernel`` (features, 8 * units) and ``bias`` (8 * units), columns by
        direction, gate, unit; ``recurrent`` (2 * units, 8 * units), rows by direction and
        unit, columns by gate, direction, unit.

    Raises:
        ValueError: the layer computes something else.
    """
    directions = [layer.forward_layer, layer.backward_layer]
    for one in directions:
        if not isinstance(one, LSTM):
            raise ValueError('{}: expected an LSTM, found {}'.format(one.name, type(one).__name__))
        found = (one.activation.__name__, one.recurrent_activation.__name__, one.use_bias,
                 one.return_sequences, layer.merge_mode)
        expected = ('tanh', 'hard_sigmoid', True, False, 'concat')
        if found != expected:
            raise ValueError('{}: expected an LSTM with (activation, recurrent_activation, '
                             'use_bias, return_sequences, merge_mode) = {}, found {}'.format(
                                 one.name, expected, found))
    kernels, recurrent, biases = zip(*(one.get_weights() for one in directions))
    units = directions[0].units
    diagonal = np.zeros((2, units, GATES, 2, units), np.float32)
    for place, array in enumerate(recurrent):
        diagonal[place, :, :, place] = _reordered(array, FOLD).reshape(units, GATES, units)
    biases = [_reordered(array, FOLD) for array in biases]
    for array in biases:
        array[:3 * units] += MIDDLE
    return {'kernel': np.concatenate([_reordered(array, FOLD) for array in kernels], axis=1),
            'recurrent': diagonal.reshape(2 * units, 2 * GATES * units),
            'bias': np.concatenate(biases)}


def unfold(arrays):
    """Keras' weights of the layer, out of what ``fold`` returned, up to rounding.

    Returns:
        list: kernel, recurrent kernel and bias of the forward direction, then of the other.
    """
    units = len(arrays['recurrent']) // 2
    diagonal = arrays['recurrent'].reshape(2, units, GATES, 2, units)
    weights = []
    for place in (0, 1):
        columns = slice(place * GATES * units, (place + 1) * GATES * units)
        bias = arrays['bias'][columns].copy()
        bias[:3 * units] -= MIDDLE
        weights += [_reordered(array, UNFOLD) for array in (
            arrays['kernel'][:, columns],
            diagonal[place, :, :, place].reshape(units, GATES * units), bias)]
    return weights


def _reordered(array, factors):
    """An array (..., 4 * units) with the gates in the other order, each times its factor."""
    gates = np.stack(np.split(array, GATES, axis=-1), axis=-2)[..., ORDER, :]
    return (gates * factors[:, np.newaxis]).reshape(array.shape)


def steps(projected, positions, length):
    """What each step reads, of both directions, laid out for ``last_state``.

    Args:
        projected: (batch, window, 8 * units), the inputs times ``kernel`` plus ``bias``.
        positions: tensor, for each of ``length`` positions its place in the window.
        length: steps.

    Returns:
        Tensor: (length, batch, 8 * units), columns by gate, direction, unit.
    """
    window, columns = tf.shape(projected)[1], projected.shape[2].value
    # Taken as rows of `units` numbers, any layout is one gather: 2 * GATES rows a position.
    rows = 2 * GATES
    place = np.arange(rows, dtype=np.int32).reshape(2, GATES)  # direction, gate
    both = tf.stack([positions, positions[::-1]], axis=1)      # (length, direction)
    within = tf.expand_dims(both * rows, 1) + place.T          # (length, gate, direction)
    sentence = tf.range(0, tf.shape(projected)[0]) * (window * rows)
    index = tf.reshape(within, [length, 1, rows]) + tf.reshape(sentence, [-1, 1])
    gathered = tf.gather(tf.reshape(projected, [-1, columns // rows]), index)
    return tf.reshape(gathered, [length, -1, columns])


def last_state(inputs, recurrent):
    """The layer's output.

    Args:
        inputs: what ``steps`` returned.
        recurrent: tensor, see ``fold``.

    Returns:
        Tensor: (batch, 2 * units), the forward direction's before the backward one's.
    """
    inputs = tf.unstack(inputs)
    # Constants of all steps: tf.split and tf.clip_by_value would make new ones in each.
    axis = tf.constant(1)
    zeros = tf.zeros_like(inputs[0])
    columns = zeros.shape[1].value
    sigmoids = np.arange(columns) < columns * 3 // GATES
    lower = zeros + np.where(sigmoids, 0, -np.inf).astype(np.float32)
    upper = zeros + np.where(sigmoids, 1, np.inf).astype(np.float32)

    state = output = None
    for gates in inputs:
        if output is not None:
            gates += tf.matmul(output, recurrent)
        let_in, keep, let_out, candidate = gen_array_ops.split(
            axis, gen_math_ops._clip_by_value(gates, lower, upper), GATES)
        new = let_in * tf.tanh(candidate)
        state = new if state is None else _after(new, keep, state) + new
        output = let_out * tf.tanh(state)
    return output


def _after(first, keep, state):
    """``keep * state``, computed when ``first`` is there.

    An operation that is ready together with another goes to another thread, and a step is
    over before that thread is awake: as a chain one sentence takes 0.93 of the time.
    """
    with tf.control_dependencies([first]):
        return keep * state
