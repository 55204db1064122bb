"""String tensors: in TensorFlow 1.x a block of offsets, lengths and texts, in 2.x TF_TStrings.

`lib` is TensorFlow's library as `native` has loaded it.
"""

import ctypes

import numpy as np

_POINTER = ctypes.c_void_p
_SIZE = 24  # of a TF_TString, which is empty where all bytes are zero
_DEALLOCATOR = ctypes.CFUNCTYPE(None, _POINTER, ctypes.c_size_t, _POINTER)

SIGNATURES = {
    "TF_StringCopy": (None, [_POINTER, ctypes.c_char_p, ctypes.c_size_t]),
    "TF_StringGetDataPointer": (_POINTER, [_POINTER]),
    "TF_StringGetSize": (ctypes.c_size_t, [_POINTER]),
    "TF_StringDealloc": (None, [_POINTER]),
    "TF_NewTensor": (
        _POINTER,
        [
            ctypes.c_int,
            ctypes.POINTER(ctypes.c_int64),
            ctypes.c_int,
            _POINTER,
            ctypes.c_size_t,
            _DEALLOCATOR,
            _POINTER,
        ],
    ),
}
"""What TensorFlow 2.x needs of its library."""


def varint(number):
    """An unsigned number as protobuf and the tensors of 1.x have it."""
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def encoded(values):
    """The block of 1.x."""
    offsets = np.empty(len(values), dtype=np.uint64)
    pieces = []
    position = 0
    for index, value in enumerate(values):
        offsets[index] = position
        prefix = varint(len(value))
        pieces += [prefix, value]
        position += len(prefix) + len(value)
    return offsets.tobytes() + b"".join(pieces)


def decoded(data, count):
    """The texts of a block of 1.x, as a flat array."""
    offsets = np.frombuffer(data, dtype=np.uint64, count=count)
    start = 8 * count
    values = np.empty(count, dtype=object)
    for index in range(count):
        position = start + int(offsets[index])
        length = shift = 0
        while True:
            byte = data[position]
            position += 1
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        values[index] = data[position : position + length]
    return values


class Apart:
    """The tensors of 2.x."""

    def __init__(self, lib, dtype):
        self._lib = lib
        self._dtype = dtype
        self._given = {}  # address → the memory of a tensor that TensorFlow holds
        self._free = _DEALLOCATOR(self._freed)

    def tensor(self, values, dimensions, rank):
        """A new TF_Tensor; its memory is freed when TensorFlow has done with it."""
        size = _SIZE * len(values)
        memory = ctypes.create_string_buffer(size + 1)
        address = ctypes.addressof(memory)
        for index, value in enumerate(values):
            self._lib.TF_StringCopy(address + _SIZE * index, value, len(value))
        self._given[address] = memory
        return self._lib.TF_NewTensor(
            self._dtype, dimensions, rank, address, size, self._free, None
        )

    def _freed(self, address, size, _):
        for at in range(address, address + size, _SIZE):
            self._lib.TF_StringDealloc(at)
        del self._given[address]

    def values(self, address, count):
        """The texts at an address, as a flat array."""
        values = np.empty(count, dtype=object)
        for index in range(count):
            at = address + _SIZE * index
            size = self._lib.TF_StringGetSize(at)
            values[index] = ctypes.string_at(self._lib.TF_StringGetDataPointer(at), size)
        return values
