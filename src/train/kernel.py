"""The head of v3: each topic's score is a weighted sum of likenesses to the training sentences.

A least-squares support vector machine (kernel ridge regression) with Gaussian likenesses:
``exp(-|x - s|^2)``. Its weights are one solution of linear equations, the same for any
seed, and what it would say of each training sentence had it not seen that one follows from
them, too (``left_out``), so its settings can be chosen on the training channel alone.

Features are standardised first, in groups of which each counts the same, and turned into
their principal components; two sentences are then at a squared distance of 2 on average,
times the width.
"""
import numpy as np
import tensorflow as tf

COMPONENTS = 256
MOST = 6000
"""Sentences to be compared with; of a larger training channel others only give the weights."""
SHARPNESS = 4.0
"""From scores, which are near -1 and 1, to logits; the temperature does the rest."""


def standardisation(features, groups, width):
    """(shift, directions): ``(features - shift).dot(directions)`` are the components.

    Args:
        features: array (sentences, features) of the training channel.
        groups: how many features, one after the other, belong together.
    """
    shift, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
    scale = 1 / deviation / np.sqrt(np.repeat(groups, groups) * len(groups))
    rows = (features - shift) * scale
    _, directions = np.linalg.eigh(rows.T.dot(rows).astype(np.float64))
    directions = scale[:, np.newaxis] * directions[:, ::-1][:, :COMPONENTS] * np.sqrt(width)
    return shift.astype(np.float32), directions.astype(np.float32)


def fit(components, targets, ridge):
    """The arrays that the graph needs.

    Args:
        components: array (sentences, components).
        targets: one-hot array (sentences, classes).
        ridge: what is added to the likeness of a sentence to itself.
    """
    landmarks = components[:MOST]
    likeness = likenesses(landmarks, landmarks)
    identity = np.eye(len(landmarks))
    wanted = 2.0 * targets - 1
    if len(landmarks) == len(components):
        weights = np.linalg.solve(likeness + ridge * identity, wanted)
    else:
        seen = likenesses(components, landmarks)
        weights = np.linalg.solve(seen.T.dot(seen) + ridge * likeness + 1e-6 * identity,
                                  seen.T.dot(wanted))
    # exp(-|x - s|^2) is exp(2 x s), times a number of s, which goes into its weight, and one of x.
    lengths = np.square(landmarks.astype(np.float64)).sum(axis=1, keepdims=True)
    return {'landmarks': 2 * landmarks.T.astype(np.float32),
            'weights': SHARPNESS * weights * np.exp(-lengths)}


def left_out(components, targets, ridge):
    """Scores of each sentence by a head that is fitted on all others: array (sentences, classes).

    Not one is fitted for that: with G the inverse of likeness + ridge, the score of sentence i
    is off by (G y)_i / G_ii. Cawley and Talbot, Fast exact leave-one-out cross-validation of
    sparse least-squares support vector machines (2004).

    Args:
        components, targets, ridge: see fit.
    """
    wanted = (2.0 * targets - 1).astype(np.float32)
    likeness = likenesses(components, components).astype(np.float32)
    inverse = np.linalg.inv(likeness + ridge * np.eye(len(components), dtype=np.float32))
    return wanted - inverse.dot(wanted) / inverse.diagonal()[:, np.newaxis]


def likenesses(rows, landmarks):
    """float64 array (rows, landmarks)."""
    rows, landmarks = rows.astype(np.float64), landmarks.astype(np.float64)
    distances = (np.square(rows).sum(axis=1)[:, np.newaxis]
                 + np.square(landmarks).sum(axis=1) - 2 * rows.dot(landmarks.T))
    return np.exp(-np.maximum(distances, 0))


def logits(head, components):
    """The logits in NumPy: array (sentences, classes)."""
    components = components.astype(np.float64)
    lengths = np.square(components).sum(axis=1, keepdims=True)
    return np.exp(components.dot(head['landmarks'])).dot(head['weights']) * np.exp(-lengths)


def graph(variables, features):
    """The logits as a graph.

    Args:
        variables: the tensors of what ``fit`` returned, and ``shift`` and ``directions``, by name.
        features: float32 tensor (batch, features).
    """
    components = tf.matmul(features - variables['shift'], variables['directions'])
    # Thousands of numbers of either sign add up to a small one: float32 has too few digits.
    lengths = tf.cast(tf.reduce_sum(tf.square(components), axis=1, keepdims=True), tf.float64)
    products = tf.cast(tf.exp(tf.matmul(components, variables['landmarks'])), tf.float64)
    return tf.cast(tf.matmul(products, variables['weights']) * tf.exp(-lengths), tf.float32)
