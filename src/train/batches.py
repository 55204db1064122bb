"""Batches of sentences of about the same length, each cut to its longest one.

A model input has room for long sentences (64 tokens, 320 n-grams), and most are far
shorter: without this, more than half of a step's work would be done on padding.
"""
import numpy as np
from tensorflow.python.keras.utils import Sequence

POOL_BATCHES = 16
"""Batches that are drawn together and sorted by length among themselves. The more, the
less padding, and the less do the neighbours of a sentence differ from epoch to epoch."""


class Batches(Sequence):
    """Encoded sentences by the batch, for Keras' ``fit_generator`` with ``workers=0``.

    Args:
        tokens: array (sentences, positions), padded at the front with zeros.
        ngrams: array (sentences, positions), padded behind with zeros.
        targets: array (sentences, classes).
        size: sentences a batch; the last one may have fewer.
        seed: of the order, another one each epoch; None: by length, for evaluation.
    """

    def __init__(self, tokens, ngrams, targets, size, seed=None):
        self.tokens, self.ngrams, self.targets = tokens, ngrams, targets
        self.size = size
        self._lengths = (ngrams != 0).sum(axis=1)
        self._random = None if seed is None else np.random.RandomState(seed)
        self._batches = self._order()

    def __len__(self):
        """Batches an epoch."""
        return len(self._batches)

    def __getitem__(self, number):
        """([tokens, n-grams], targets) of a batch."""
        rows = self._batches[number]
        tokens, ngrams = self.tokens[rows], self.ngrams[rows]
        return [tokens[:, -_longest(tokens):], ngrams[:, :_longest(ngrams)]], self.targets[rows]

    def __iter__(self):
        """Epoch after epoch without end, as Keras reads it."""
        while True:
            for number in range(len(self)):
                yield self[number]
            self.on_epoch_end()

    def on_epoch_end(self):
        """Draws the next epoch's order."""
        if self._random is not None:
            self._batches = self._order()

    def _order(self):
        """list of arrays of row numbers, one a batch."""
        count = len(self.targets)
        if self._random is None:
            return self._cut(np.arange(count))
        drawn = self._random.permutation(count)
        pool = POOL_BATCHES * self.size
        batches = [batch for start in range(0, count, pool)
                   for batch in self._cut(drawn[start:start + pool])]
        return [batches[number] for number in self._random.permutation(len(batches))]

    def _cut(self, rows):
        # Only mergesort keeps equals in their order, on every machine.
        rows = rows[np.argsort(self._lengths[rows], kind='mergesort')]
        return [rows[start:start + self.size] for start in range(0, len(rows), self.size)]


def _longest(rows):
    """Positions of the longest of padded rows, at least 1."""
    return max(1, int((rows != 0).sum(axis=1).max()))
