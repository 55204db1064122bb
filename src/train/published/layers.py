"""The layers that the published models are put together from.

The author used the package Keras of 2018. The Keras inside TensorFlow 1.12 has the same LSTM
(``hard_sigmoid`` gates, forget bias 1) and the same optimisers with the same defaults.
"""
import os

os.environ['TF_KERAS'] = '1'  # see ../train_v1.py

from keras_self_attention import SeqSelfAttention
from tensorflow.python.keras import Input, Model
from tensorflow.python.keras.layers import LSTM, Bidirectional, Dense, Dropout, Embedding


def embedded(table, trainable):
    """An input and the vectors of what stands in it.

    Args:
        table: a texts.Table.
        trainable: whether training changes the vectors.

    Returns:
        (input, vectors): tensors (batch, length) and (batch, length, dimensions).
    """
    indices = Input((table.length,))
    return indices, Embedding(input_dim=table.vectors.shape[0], output_dim=table.vectors.shape[1],
                              weights=[table.vectors], trainable=trainable)(indices)


def bilstm(units, sequences=False):
    """A bidirectional LSTM, concatenated; ``implementation=2`` is one product for its gates."""
    return Bidirectional(LSTM(units, return_sequences=sequences, implementation=2))


def additive_attention(activation=None):
    """keras-self-attention with its defaults: additive, 32 units."""
    return SeqSelfAttention(units=32, attention_activation=activation)


def classified(inputs, x, class_count):
    """The model that ends in a softmax over the classes."""
    return Model(inputs, Dense(class_count, activation='softmax')(x))


def bilstm_classifier(table, class_count, hidden):
    """Trainable vectors, a BiLSTM, softmax: the network of two articles."""
    indices, x = embedded(table, trainable=True)
    return classified(indices, bilstm(hidden)(x), class_count)


def hidden_layer_classifier(table, class_count, hidden, dropout):
    """Trainable vectors, a BiLSTM, a hidden layer with ReLU and dropout, softmax."""
    indices, x = embedded(table, trainable=True)
    x = Dense(2 * hidden, activation='relu')(bilstm(hidden)(x))
    return classified(indices, Dropout(dropout)(x), class_count)


def frozen_vectors_classifier(table, class_count, hidden, dropout):
    """Frozen vectors, a BiLSTM, a linear hidden layer of four times its units, dropout, softmax."""
    indices, x = embedded(table, trainable=False)
    x = Dense(4 * hidden)(bilstm(hidden)(x))
    return classified(indices, Dropout(dropout)(x), class_count)
