"""The head of v3: each topic's score is a weighted sum of likenesses to the training sentences.

A least-squares support vector machine (kernel ridge regression). Two sentences are alike in
what they mean, ``exp(-|x - s|^2)`` of their features, and in what they say: their pieces and
pairs of pieces, rare ones above all, as vectors whose product is taken. Its weights are the
one solution of linear equations, the same for any seed, and what it would say of each
training sentence had it not seen that one follows from them, too (``left_out``), so its
settings can be chosen on the training channel alone.

The second likeness, being linear, adds up to one weight a topic for each piece and pair, a row
of a table. The first is to landmarks, which are the training sentences themselves, or stand for
them where these are many (Williams and Seeger, Using the Nystrom Method to Speed Up Kernel
Machines, 2001).

Features come in groups, each with its share in the distance; two sentences are at a squared
distance of 2 on average, times the width.
"""
import numpy as np
import scipy.sparse
import tensorflow as tf

MOST = 6000
"""Landmarks of a head that is not served: time and memory of its training grow with them."""
SERVED = 1200
"""Landmarks of the one that is served: of the KNB corpus more recognise no more sentences."""
ROUNDS = 8
"""Of k-means; further ones move little."""
CHUNK = 4096
JITTER = 0.01
"""Added to the likeness of a landmark to itself where they stand for others: their weights stay
small enough for float32."""
PAIRS = 262139
"""Rows of the table for pairs, a prime: of the KNB corpus' 50,000 few share one."""
SHARPNESS = 4.0
"""From scores, which are near -1 and 1, to logits; the temperature does the rest."""
PRECISION = 1e-6
"""Of the solution, as a share of what is to be explained."""


def standardisation(features, groups, width):
    """(shift, scale): ``(features - shift) * scale`` are the components.

    Args:
        features: array (sentences, features) of the training channel.
        groups: list of (how many features, one after the other, belong together, their share).
    """
    counts, shares = zip(*groups)
    shift, variance = features.mean(axis=0), features.var(axis=0)
    totals = np.add.reduceat(variance, np.cumsum((0,) + counts[:-1])) + 1e-12
    scale = np.sqrt(width * np.repeat(shares / totals, counts))
    return shift.astype(np.float32), scale.astype(np.float32)


def grams(pieces, count):
    """The rows in the table of each sentence's pieces and pairs of neighbours: int array.

    Args:
        pieces: int array (sentences, positions); 0 is none, and so is the row 0.
        count: of all pieces, 0 included.
    """
    one, other = pieces[:, :-1].astype(np.int64), pieces[:, 1:]
    pairs = (count + (one * count + other) % PAIRS) * (one * other > 0)
    return np.concatenate([pieces, pairs], axis=1)


class Grams:
    """Sentences as vectors of their pieces and pairs, weighted by how rare these are.

    Args:
        pieces: int array (sentences, positions) of the training sentences.
        count: of all pieces, 0 included.
    """

    def __init__(self, pieces, count):
        self.count = count
        rows = grams(pieces, count)
        within = np.zeros(count + PAIRS)
        for row in rows:
            within[np.unique(row)] += 1
        # One that no training sentence has is as rare as one that a single one has.
        self.rarity = np.log((1 + len(rows)) / (1 + np.maximum(within, 1))) + 1
        self.rarity[0] = 0

    def vectors(self, pieces):
        """Sparse matrix (sentences, grams)."""
        rows = grams(pieces, self.count)
        sentences, places = np.nonzero(rows)
        found = rows[sentences, places]
        lengths = np.sqrt(np.square(self.rarity[rows]).sum(axis=1))
        return scipy.sparse.csr_matrix(
            (self.rarity[found] / lengths[sentences], (sentences, found)),
            shape=(len(rows), len(self.rarity)))

    def table(self, weights):
        """(grams, classes + 1): what each adds to the scores, and to the squared length."""
        return np.concatenate([weights * self.rarity[:, np.newaxis],
                               np.square(self.rarity)[:, np.newaxis]], axis=1).astype(np.float32)


def wanted(targets):
    """The scores that labels ask for: 1 of a sentence's own class and -1 of any other.

    Args:
        targets: one-hot array (sentences, classes).
    """
    return 2.0 * targets - 1


def points(rows, most):
    """At most so many landmarks for rows: these themselves, or the means of groups of near ones.

    Means (k-means) stand for all rows better than as many of the rows do. Zhang, Tsang and Kwok,
    Improved Nystrom Low-Rank Approximation and Error Analysis (2008).

    Args:
        rows: array (rows, components).

    Returns:
        float32 array (landmarks, components).
    """
    rows = rows.astype(np.float32)
    if len(rows) <= most:
        return rows
    means = rows[np.linspace(0, len(rows) - 1, most).astype(int)]
    for _ in range(ROUNDS):
        lengths = np.square(means).sum(axis=1)
        nearest = np.concatenate([
            (lengths - 2 * rows[start:start + CHUNK].dot(means.T)).argmin(axis=1)
            for start in range(0, len(rows), CHUNK)])
        members = scipy.sparse.csr_matrix((np.ones(len(rows), np.float32),
                                           (nearest, np.arange(len(rows)))), (most, len(rows)))
        counts = np.bincount(nearest, minlength=most)[:, np.newaxis].astype(np.float32)
        # Of a group that is empty the mean stays where it was.
        means = np.where(counts > 0, members.dot(rows) / np.maximum(counts, 1), means)
    return means


def fit(components, vectors, scores, ridge, share, most=MOST):
    """Weights of the landmarks and of the grams.

    Args:
        components: array (sentences, components).
        vectors: sparse matrix (sentences, grams).
        scores: array (sentences, classes), see wanted.
        ridge: what is added to the likeness of a sentence to itself.
        share: of the likeness of grams, beside that of components.
        most: landmarks, see points.

    Returns:
        dict: ``landmarks``, ``weights``, and ``grams``, array (grams, classes).
    """
    landmarks = points(components, most)
    seen = likenesses(components, landmarks)
    inverse = None
    if len(landmarks) < len(components):
        inverse = np.linalg.inv(
            likenesses(landmarks, landmarks) + JITTER * np.eye(len(landmarks)))

    def of_landmarks(weights):
        return weights if inverse is None else inverse.dot(seen.T.dot(weights))

    def likeness(weights):
        return (seen.dot(of_landmarks(weights))
                + share * vectors.dot(vectors.T.dot(weights)) + ridge * weights)

    solution = _solve(likeness, scores)
    # exp(-|x - s|^2) is exp(2 x s), times a number of s, which goes into its weight, and one of x.
    lengths = np.square(landmarks.astype(np.float64)).sum(axis=1, keepdims=True)
    return {'landmarks': 2 * landmarks.T.astype(np.float32),
            'weights': SHARPNESS * of_landmarks(solution) * np.exp(-lengths),
            'grams': SHARPNESS * share * vectors.T.dot(solution)}


def left_out(components, vectors, scores, ridge, share):
    """Scores of each sentence by a head that is fitted on all others: array (sentences, classes).

    Not one is fitted for that: with G the inverse of likeness + ridge, the score of sentence i
    is off by (G y)_i / G_ii. Cawley and Talbot, Fast exact leave-one-out cross-validation of
    sparse least-squares support vector machines (2004).

    Args:
        components, vectors, scores, ridge, share: see fit.
    """
    scores = scores.astype(np.float32)
    likeness = (likenesses(components, components)
                + share * vectors.dot(vectors.T).toarray()).astype(np.float32)
    inverse = np.linalg.inv(likeness + ridge * np.eye(len(components), dtype=np.float32))
    return scores - inverse.dot(scores) / inverse.diagonal()[:, np.newaxis]


def likenesses(rows, landmarks):
    """float64 array (rows, landmarks)."""
    rows, landmarks = rows.astype(np.float64), landmarks.astype(np.float64)
    found = rows.dot(2 * landmarks.T)  # of hundreds of megabytes, so there is but this one
    found -= np.square(rows).sum(axis=1)[:, np.newaxis]
    found -= np.square(landmarks).sum(axis=1)
    return np.exp(np.minimum(found, 0, out=found), out=found)


def _solve(product, scores):
    """``product(solution) == scores`` by conjugate gradients: no matrix of all pairs of sentences.

    Args:
        product: function of an array like ``scores``: symmetric, positive definite.
    """
    solution, rest = np.zeros_like(scores), scores.copy()
    direction, squared = rest.copy(), np.square(rest).sum(axis=0)
    enough = PRECISION ** 2 * np.maximum(squared, 1e-300)
    while (squared > enough).any():
        moved = product(direction)
        step = squared / np.maximum((direction * moved).sum(axis=0), 1e-300)
        solution += step * direction
        rest -= step * moved
        before, squared = squared, np.square(rest).sum(axis=0)
        direction = rest + squared / np.maximum(before, 1e-300) * direction
    return solution


def logits(head, components, vectors):
    """The logits in NumPy, SHARPNESS times the scores: array (sentences, classes)."""
    components = components.astype(np.float64)
    lengths = np.square(components).sum(axis=1, keepdims=True)
    return (np.exp(components.dot(head['landmarks'])).dot(head['weights']) * np.exp(-lengths)
            + vectors.dot(head['grams']))


def graph(variables, features, summed):
    """The logits as a graph.

    Args:
        variables: the tensors ``landmarks`` and ``weights`` of what ``fit`` returned, and
            ``shift`` and ``scale``, by name.
        features: float32 tensor (batch, features).
        summed: float32 tensor (batch, classes + 1): the sums of the rows of ``Grams.table``.
    """
    components = (features - variables['shift']) * variables['scale']
    # Thousands of numbers of either sign add up to a small one: float32 has too few digits.
    lengths = tf.cast(tf.reduce_sum(tf.square(components), axis=1, keepdims=True), tf.float64)
    products = tf.cast(tf.exp(tf.matmul(components, variables['landmarks'])), tf.float64)
    meant = tf.cast(tf.matmul(products, variables['weights']) * tf.exp(-lengths), tf.float32)
    return meant + summed[:, :-1] * tf.rsqrt(tf.maximum(summed[:, -1:], 1e-12))


def summed_grams(table, flat, sentence, rows, count):
    """Of each sentence the sum of its grams' rows: float32 tensor (rows, classes + 1).

    Args:
        table: tensor of ``Grams.table``.
        flat, sentence, rows: see sentence_encoder.sentence_vectors.
        count: of all pieces, 0 included.
    """
    one = tf.cast(flat, tf.int64)
    other = tf.concat([one[1:], [0]], axis=0)
    pairs = (count + tf.floormod(one * count + other, PAIRS)) * tf.sign(one * other)
    return tf.unsorted_segment_sum(tf.gather(table, tf.concat([one, pairs], axis=0)),
                                   tf.concat([sentence, sentence], axis=0), rows)
