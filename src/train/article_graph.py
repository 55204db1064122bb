"""The article's graph of a packed v1, as the article saves it: the baseline of speed.

    python src/train/article_graph.py <SavedModel directory> <output directory>

A package holds a graph that was made for serving (serving_v1.py). Whoever says how fast
that is needs the other one, too: the network as Keras builds it from train_v1's
definition, saved by ``tf.saved_model.simple_save`` with the same weights. It is built
from the package alone, so any package can be measured wherever it comes from.

Runs in the training environment, where Keras and keras-self-attention are.
"""
import os
import sys

os.environ['TF_KERAS'] = '1'

import tensorflow as tf
from tensorflow.python.keras import backend as K

import serving_v1
import train_v1


def write(saved_model, directory):
    """Writes the article's graph with the weights of a package.

    Args:
        saved_model: a package's ``1/``.
        directory: the new SavedModel's; must not exist.

    Raises:
        ValueError: the package is not of v1.
    """
    weights = serving_v1.trained_weights(saved_model)
    K.clear_session()
    vectors, hidden_kernel, classes = weights[0], weights[-4], weights[-1]
    model = train_v1.build_model(vectors, len(hidden_kernel) // 2, len(classes))
    model.set_weights(weights)
    tf.saved_model.simple_save(K.get_session(), directory, inputs={'inputs': model.input},
                               outputs={tensor.name: tensor for tensor in model.outputs})


if __name__ == '__main__':
    try:
        write(*sys.argv[1:])
    except ValueError as error:
        sys.exit('article_graph: {}'.format(error))
