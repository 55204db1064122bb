"""v1 as it is served. Until its graph is here: how a package's weights become Keras' again."""
import os

import tensorflow as tf

KERAS_NAMES = [
    'embedding/embeddings', 'seq_self_attention/seq_self_attention_Mul_Wa',
    'seq_self_attention/seq_self_attention_Mul_ba',
    'bidirectional/forward_lstm/kernel', 'bidirectional/forward_lstm/recurrent_kernel',
    'bidirectional/forward_lstm/bias',
    'bidirectional/backward_lstm/kernel', 'bidirectional/backward_lstm/recurrent_kernel',
    'bidirectional/backward_lstm/bias',
    'dense/kernel', 'dense/bias', 'dense_1/kernel', 'dense_1/bias']
"""Variables of a package that holds the article's own graph, in the order of Keras' weights."""


def trained_weights(saved_model):
    """The weights of a packed v1, in the order of train_v1's model.

    Args:
        saved_model: a package's ``1/``.

    Raises:
        ValueError: the package is not of v1.
    """
    reader = tf.train.load_checkpoint(os.path.join(saved_model, 'variables', 'variables'))
    if not set(KERAS_NAMES) <= set(reader.get_variable_to_shape_map()):
        raise ValueError('{}: expected a package of v1, found the variables {}'.format(
            saved_model, ', '.join(sorted(reader.get_variable_to_shape_map()))))
    return [reader.get_tensor(name) for name in KERAS_NAMES]
