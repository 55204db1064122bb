"""TensorProto messages to arrays and back, with TensorFlow's rules for short value lists."""

import numpy as np

from hosting.model_server.errors import invalid_argument, unimplemented
from hosting.model_server.graph import dtypes
from hosting.model_server.graph.shapes import MAX_RANK, objects, shaped

# The repeated field that holds the values of each type.
_INTEGERS = "int32 int16 int8 uint8 uint16 qint8 quint8 qint16 quint16 qint32".split()
_OTHERS = {"complex64": "scomplex", "complex128": "dcomplex", "bfloat16": "half"}
_OTHERS.update(dict.fromkeys(_INTEGERS, "int"))
_FIELDS = {dtype: _OTHERS.get(name, name) + "_val" for dtype, name in dtypes.NAMES.items()}
del _FIELDS[dtypes.RESOURCE], _FIELDS[dtypes.VARIANT]

_COMPLEX = (dtypes.COMPLEX64, dtypes.COMPLEX128)


def _bad(name):
    return invalid_argument(f"tensor parsing error: {name}")


def _values(proto, field):
    """The values of a repeated field in the type's own kind of array."""
    values = getattr(proto, field)
    dtype = proto.dtype
    if dtype == dtypes.STRING:
        return objects(list(values))
    kind = dtypes.NUMPY[dtype]
    if dtype in _COMPLEX:
        return np.array(values, dtype=kind.type(0).real.dtype).view(kind)
    if dtype in (dtypes.HALF, dtypes.BFLOAT16):
        # The values are the sixteen bits, each in an int32.
        return np.array(values, dtype=np.int32).astype(np.uint16).view(kind)
    if field == "int_val":
        return np.array(values, dtype=np.int32).astype(kind)
    return np.array(values, dtype=kind)


def to_array(proto, name):
    """The array of a TensorProto; `name` is the input's, for the error message."""
    field = _FIELDS.get(proto.dtype)
    if field is None:
        raise _bad(name)
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape) or len(shape) > MAX_RANK:
        raise _bad(name)
    count = 1
    for size in shape:
        count *= size
    if count > 1 << 40:
        raise _bad(name)
    content = proto.tensor_content
    if content:
        if proto.dtype == dtypes.STRING:
            raise _bad(name)
        kind = dtypes.NUMPY[proto.dtype]
        if len(content) != count * kind.itemsize:
            raise _bad(name)
        return shaped(np.frombuffer(content, dtype=kind), shape)
    values = _values(proto, field)
    if len(values) < count:
        # The last value stands for all that are missing; with none at all it is zero.
        last = (
            values[-1:]
            if len(values)
            else (objects([b""]) if proto.dtype == dtypes.STRING else np.zeros(1, values.dtype))
        )
        values = np.concatenate([values, np.repeat(last, count - len(values))])
    return shaped(values[:count], shape)


def fill(proto, array, dtype):
    """Write an array into a TensorProto, as ``Tensor::AsProtoField`` does."""
    field = _FIELDS.get(dtype)
    if field is None:
        raise unimplemented(f"Tensors of type {dtypes.name(dtype)} cannot be sent")
    proto.dtype = dtype
    # The message is there even for a scalar, whose shape has no dimensions.
    proto.tensor_shape.SetInParent()
    for size in array.shape:
        proto.tensor_shape.dim.add().size = size
    flat = array.ravel()
    if dtype in _COMPLEX:
        flat = flat.view(flat.real.dtype)
    elif dtype in (dtypes.HALF, dtypes.BFLOAT16):
        flat = flat.view(np.uint16)
    getattr(proto, field).extend(flat.tolist())
