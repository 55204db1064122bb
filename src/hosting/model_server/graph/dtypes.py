"""TensorFlow's data types: numbers, names, and how numpy holds each."""

import numpy as np

# tensorflow/core/framework/types.proto
FLOAT, DOUBLE, INT32, UINT8, INT16, INT8, STRING, COMPLEX64, INT64, BOOL = range(1, 11)
QINT8, QUINT8, QINT32, BFLOAT16, QINT16, QUINT16, UINT16, COMPLEX128, HALF = range(11, 20)
RESOURCE, VARIANT, UINT32, UINT64 = range(20, 24)

# DataTypeString()
NAMES = {
    FLOAT: 'float', DOUBLE: 'double', INT32: 'int32', UINT8: 'uint8',
    INT16: 'int16', INT8: 'int8', STRING: 'string', COMPLEX64: 'complex64',
    INT64: 'int64', BOOL: 'bool', QINT8: 'qint8', QUINT8: 'quint8',
    QINT32: 'qint32', BFLOAT16: 'bfloat16', QINT16: 'qint16', QUINT16: 'quint16',
    UINT16: 'uint16', COMPLEX128: 'complex128', HALF: 'half',
    RESOURCE: 'resource', VARIANT: 'variant', UINT32: 'uint32', UINT64: 'uint64',
}

# Strings are arrays of Python bytes; bfloat16 is kept as its 16 bits.
NUMPY = {
    FLOAT: np.dtype(np.float32), DOUBLE: np.dtype(np.float64),
    INT32: np.dtype(np.int32), UINT8: np.dtype(np.uint8),
    INT16: np.dtype(np.int16), INT8: np.dtype(np.int8),
    STRING: np.dtype(object), COMPLEX64: np.dtype(np.complex64),
    INT64: np.dtype(np.int64), BOOL: np.dtype(np.bool_),
    QINT8: np.dtype(np.int8), QUINT8: np.dtype(np.uint8),
    QINT32: np.dtype(np.int32), BFLOAT16: np.dtype(np.uint16),
    QINT16: np.dtype(np.int16), QUINT16: np.dtype(np.uint16),
    UINT16: np.dtype(np.uint16), COMPLEX128: np.dtype(np.complex128),
    HALF: np.dtype(np.float16), UINT32: np.dtype(np.uint32),
    UINT64: np.dtype(np.uint64),
}


def name(dtype):
    """``DataTypeString``: 1 → ``float``; the numbers from 101 are references."""
    if dtype > 100:
        return name(dtype - 100) + '_ref'
    return NAMES.get(dtype, 'INVALID' if dtype == 0 else f'Unknown dtype enum ({dtype})')
