"""The graph of v2 as it is served: lookups and one product, in 1.12's plain operations.

Up to the attention nothing depends on more than one token, so word vectors and dense
layer become one table (tokens, units), and the attention's score of a token one more
column. What is left of the network is a weighted sum.
"""
import numpy as np
import tensorflow as tf
from tensorflow.python.keras import backend as K

ROWS = 4096  # of the table that are computed at a time


def bag(present, vectors):
    """Sum of the n-gram vectors that are present, divided by the root of their number + 1.

    Args:
        present: (batch, length, 1), 0 or 1 (scaled by dropout while training).
        vectors: (batch, length, dimensions).
    """
    total = tf.reduce_sum(present * vectors, axis=1)
    return total / tf.sqrt(tf.reduce_sum(present, axis=1) + 1.0)


def fold(model, members):
    """The arrays that serving needs, out of a trained model (see network.build_model).

    Returns:
        list of dict, one a member: units (tokens, hidden), scores (tokens,), ngrams
        (buckets, dimensions), kernel and bias of the logits.
    """
    word_vectors = model.get_layer('word_vectors').get_weights()[0]
    return [_fold_member(model, number, word_vectors) for number in range(members)]


def _fold_member(model, number, word_vectors):
    def layer(name):
        return model.get_layer('{}_{}'.format(name, number))

    rows = tf.placeholder(tf.float32, [None, 1, word_vectors.shape[1]])
    units_of = layer('token')(rows)
    session = K.get_session()
    units = np.concatenate([
        session.run(units_of, {rows: word_vectors[start:start + ROWS, np.newaxis]})[:, 0]
        for start in range(0, len(word_vectors), ROWS)])
    attention_weights, attention_bias = layer('attention').get_weights()
    kernel, bias = layer('logits').get_weights()
    return {'units': units, 'scores': units.dot(attention_weights)[:, 0] + attention_bias[0],
            'ngrams': layer('ngram_vectors').get_weights()[0], 'kernel': kernel, 'bias': bias}


def build(session, weights, ngram_length, temperature):
    """Builds the graph in the session's graph and initialises its variables.

    Args:
        weights: what ``fold`` returned.
        ngram_length: positions of the n-gram input.
        temperature: see calibration.py.

    Returns:
        dict: ``inputs`` (name to placeholder), ``probabilities`` (batch, classes),
        ``weights`` (batch, 64): how much each token counted; 0 for padding.
    """
    tokens = tf.placeholder(tf.float32, [None, 64], name='inputs')
    ngrams = tf.placeholder(tf.float32, [None, ngram_length], name='ngrams')
    ids = {'tokens': tf.cast(tokens, tf.int32), 'ngrams': tf.cast(ngrams, tf.int32)}
    members = []
    for number, arrays in enumerate(weights):
        table = {name: tf.get_variable('{}_{}'.format(name, number),
                                       initializer=tf.constant(array))
                 for name, array in sorted(arrays.items())}
        members.append(_member(table, ids['tokens'], ids['ngrams']))
    session.run(tf.global_variables_initializer())
    logits, attentions = (tf.add_n(list(each)) / len(members) for each in zip(*members))
    return {'inputs': {'inputs': tokens, 'ngrams': ngrams},
            'probabilities': tf.nn.softmax(logits / temperature, name='probabilities'),
            'weights': tf.identity(attentions, name='weights')}


def _member(table, token_ids, ngram_ids):
    """(logits, attention) of one member."""
    present = tf.cast(tf.not_equal(token_ids, 0), tf.float32)
    units = tf.gather(table['units'], token_ids)
    scores = tf.gather(table['scores'], token_ids)
    raised = tf.exp(scores - tf.reduce_max(scores, axis=1, keepdims=True)) * present
    attention = raised / (tf.reduce_sum(raised, axis=1, keepdims=True) + K.epsilon())
    weighted = tf.reduce_sum(units * tf.expand_dims(attention, -1), axis=1)
    strongest = tf.reduce_max(units * tf.expand_dims(present, -1), axis=1)
    ngram_present = tf.expand_dims(tf.cast(tf.not_equal(ngram_ids, 0), tf.float32), -1)
    ngram_bag = bag(ngram_present, tf.gather(table['ngrams'], ngram_ids))
    sentence = tf.concat([weighted, strongest, ngram_bag], axis=1)
    return tf.matmul(sentence, table['kernel']) + table['bias'], attention
