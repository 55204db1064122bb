"""TensorFlow's data types: numbers, names, and how numpy holds each."""

import numpy as np

# tensorflow/core/framework/types.proto
FLOAT, DOUBLE, INT32, UINT8, INT16, INT8, STRING, COMPLEX64, INT64, BOOL = range(1, 11)
QINT8, QUINT8, QINT32, BFLOAT16, QINT16, QUINT16, UINT16, COMPLEX128, HALF = range(11, 20)
RESOURCE, VARIANT, UINT32, UINT64 = range(20, 24)

# DataTypeString()
_NAMES = (
    "float double int32 uint8 int16 int8 string complex64 int64 bool qint8 quint8 qint32 "
    "bfloat16 qint16 quint16 uint16 complex128 half resource variant uint32 uint64"
)
NAMES = dict(enumerate(_NAMES.split(), 1))

# Strings are arrays of Python bytes; bfloat16 is kept as its 16 bits.
_OTHER_NAMES = {"float": "f4", "double": "f8", "half": "f2", "string": "O", "bfloat16": "u2"}
NUMPY = {
    number: np.dtype(_OTHER_NAMES.get(name, name.lstrip("q")))
    for number, name in NAMES.items()
    if number not in (RESOURCE, VARIANT)
}


def name(dtype):
    """``DataTypeString``: 1 → ``float``; the numbers from 101 are references."""
    if dtype > 100:
        return name(dtype - 100) + "_ref"
    return NAMES.get(dtype, "INVALID" if dtype == 0 else f"Unknown dtype enum ({dtype})")
