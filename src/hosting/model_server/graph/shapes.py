"""Arrays of more dimensions than numpy has: it ends at 32, TensorFlow at 254."""

import numpy as np

MAX_RANK = 254
NUMPY_RANK = 32


class DeepArray:
    """An array of many dimensions: its values in order, and its shape."""

    __slots__ = ("_flat", "shape", "ndim", "dtype", "size")

    def __init__(self, flat, shape):
        self._flat = flat
        self.shape = shape
        self.ndim = len(shape)
        self.dtype = flat.dtype
        self.size = flat.size

    def __len__(self):
        return self.shape[0]

    def ravel(self):
        return self._flat


def objects(values):
    """A list as an array of Python objects, whatever they hold."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def text(shape):
    """A shape as TensorFlow writes it: ``[2,3]``."""
    return "[%s]" % ",".join(map(str, shape))


def shaped(flat, shape):
    """A flat array in a shape of any rank."""
    if len(shape) > NUMPY_RANK:
        return DeepArray(np.ascontiguousarray(flat), tuple(shape))
    return flat.reshape(shape)
