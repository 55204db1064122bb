"""Sentences that were never written: parts of those of the training channel, put together.

The small encoder of v3 learns from them, and so does its head.
"""
import numpy as np


def recombined(views, times, random):
    """``times`` as many sentences that were never written, each put together of parts of three.

    Args:
        views: list of int arrays (sentences, positions), in which 0 is padding: the sentences'
            pieces, and what else they are read as. All are cut at about the same place.
        random: a RandomState.

    Returns:
        list of arrays like those of ``views``, padded behind.
    """
    return [np.concatenate(rows) for rows in zip(*(
        _joined(_joined(views, random), random) for _ in range(times)))]


def _joined(views, random):
    """As many rows: the beginning of each sentence, and the end of another."""
    count = len(views[0])
    others, shares = random.permutation(count), random.rand(count, 2)
    joined = []
    for rows in views:
        mixed = np.zeros_like(rows)
        for row, one, other, (first, last) in zip(mixed, rows, rows[others], shares):
            one, other = one[one != 0], other[other != 0]
            parts = np.concatenate([one[:1 + int(first * (len(one) - 1))],
                                    other[1 + int(last * (len(other) - 1)):]])[:len(row)]
            row[:len(parts)] = parts
        joined.append(mixed)
    return joined
