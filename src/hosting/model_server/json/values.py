"""JSON values become the elements of tensors, or errors in TF Serving 1.13's words.

The quick way hands whole lists to numpy; whatever that does not settle for
certain goes the careful way, element by element.
"""

import base64
import re

import numpy as np

from hosting.model_server.errors import invalid_argument, unimplemented
from hosting.model_server.graph import dtypes, shapes
from hosting.model_server.json.decimals import decimal_string
from hosting.model_server.json.writer import pretty, text_to_bytes

_MAX_INT_IN_FLOAT = (1 << 24) - 1
_MAX_INT_IN_DOUBLE = (1 << 53) - 1
_FLOAT_MAX = float(np.finfo(np.float32).max)
# What RapidJSON takes for a float rather than a double: a little less than all of them.
_FLOAT_LIMIT = 3.4028234e38
# How far a number of a fast parser may be from RapidJSON's, as a part of it.
_MARGIN = 2.0**-49
_BASE64 = re.compile("([A-Za-z0-9+/]*)([=.]*)")
_ASCII_SPACE = str.maketrans("", "", " \t\n\v\f\r")

# The values each integer type takes from JSON; the types of up to 16 bits share
# TensorProto's int_val, whose surplus bits are dropped later.
_INT32 = (-(1 << 31), (1 << 31) - 1)
_INTEGER_RANGES = {
    dtypes.INT32: _INT32,
    dtypes.INT16: _INT32,
    dtypes.INT8: _INT32,
    dtypes.UINT8: _INT32,
    dtypes.INT64: (-(1 << 63), (1 << 63) - 1),
    dtypes.UINT32: (0, (1 << 32) - 1),
    dtypes.UINT64: (0, (1 << 64) - 1),
}


def type_name(value):
    """The JSON type of a parsed value, as error messages call it."""
    if value is None:
        return "Null"
    if value is True:
        return "True"
    if value is False:
        return "False"
    kinds = ((dict, "Object"), (list, "Array"), (str, "String"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "Number")


def value_text(value):
    """A parsed value as error messages show it."""
    if type(value) is float:
        single = -_FLOAT_LIMIT <= value <= _FLOAT_LIMIT
        return decimal_string(float(np.float32(value)) if single else value, single)
    return pretty(value)


def format_error(value, *parts):
    """``JSON Value: … <what is wrong with it>``."""
    return invalid_argument("JSON Value: ", value_text(value), " ", *parts)


def _type_error(value, dtype):
    return invalid_argument(
        f"JSON Value: {value_text(value)} Type: {type_name(value)} is not of expected type: "
        f"{dtypes.name(dtype)}"
    )


def c_string(name):
    """A member's name as C strings have it: up to the first NUL."""
    return name.partition("\0")[0]


def is_number(value):
    """Whether a parsed value is a JSON number (bool is an int in Python)."""
    return type(value) is float or type(value) is int


def check_lossless(value, single):
    """Refuse an integer or number that the floating-point type cannot hold."""
    if type(value) is int:
        # The least int64 has no absolute value in C++, which makes it pass.
        good = abs(value) <= (_MAX_INT_IN_FLOAT if single else _MAX_INT_IN_DOUBLE) or (
            value == -(1 << 63)
        )
    elif value != value or value in (float("inf"), float("-inf")):
        good = True
    else:
        good = not single or -_FLOAT_MAX <= value <= _FLOAT_MAX
    if not good:
        raise invalid_argument(
            "Cannot convert JSON value: ",
            value_text(value),
            " to ",
            "float" if single else "double",
            " without loss of precision.",
        )


def is_base64(value):
    """Whether a value is an object ``{"b64": "<text>"}`` and nothing more."""
    return type(value) is dict and len(value) == 1 and type(value.get("b64")) is str


def decode_base64(value):
    if not is_base64(value):
        raise invalid_argument(
            f"JSON Value: {value_text(value)} not formatted correctly for base64 data"
        )
    text = _BASE64.fullmatch(value["b64"].translate(_ASCII_SPACE))
    if text:
        digits, padding = text.groups()
        missing = -len(digits) % 4
        # Padding may be left out; if it is there it must be right.
        if missing < 3 and len(padding) in (0, missing):
            return base64.b64decode(digits + "=" * missing)
    raise invalid_argument("Unable to base64 decode")


def _scalar(value, dtype):
    if dtype == dtypes.FLOAT or dtype == dtypes.DOUBLE:
        if not is_number(value):
            raise _type_error(value, dtype)
        check_lossless(value, dtype == dtypes.FLOAT)
        return value
    if dtype == dtypes.STRING:
        if type(value) is not str:
            raise _type_error(value, dtype)
        return text_to_bytes(value)
    if dtype == dtypes.BOOL:
        if type(value) is not bool:
            raise _type_error(value, dtype)
        return value
    limits = _INTEGER_RANGES.get(dtype)
    if limits is None:
        raise unimplemented(
            f"Conversion of JSON Value: {value_text(value)} to type: {dtypes.name(dtype)}",
        )
    if type(value) is not int or not limits[0] <= value <= limits[1]:
        raise _type_error(value, dtype)
    return value


def shape_of(value):
    """The shape of a nested list, judged by its first elements."""
    shape = []
    while type(value) is list:
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return shape


def fill(value, shape, dtype, out):
    """Append the elements of `value` to `out`, checking each list against `shape`."""
    rank = len(shape)
    # The lists that are open; no recursion, so that no nesting is too deep.
    stack = [iter((value,))]
    while stack:
        level = len(stack) - 1
        for item in stack[-1]:
            if type(item) is list:
                if level >= rank:
                    raise invalid_argument(
                        f"Encountered list at unexpected level: {level} expected < {rank}"
                    )
                if len(item) != shape[level]:
                    raise invalid_argument(
                        f"Encountered list at unexpected size: {len(item)} at level: {level} "
                        f"expected size: {shape[level]}"
                    )
                stack.append(iter(item))
                break
            if level != rank:
                raise invalid_argument(
                    f"JSON Value: {value_text(item)} found at incorrect level: {level + 1} in the "
                    f"JSON DOM. Expected at level: {rank}"
                )
            if not isinstance(item, dict):
                out.append(_scalar(item, dtype))
            elif dtype == dtypes.STRING:
                out.append(decode_base64(item))
            else:
                raise _type_error(item, dtype)
        else:
            stack.pop()


def to_array(elements, shape, dtype):
    """The first of the checked elements, as many as the shape asks for, as one array."""
    size = 1
    for dimension in shape:
        size *= dimension
    elements = elements[:size]
    if dtype == dtypes.STRING:
        array = shapes.objects(elements)
    elif dtype in (dtypes.INT16, dtypes.INT8, dtypes.UINT8):
        array = np.array(elements, dtype=np.int32).astype(dtypes.NUMPY[dtype])
    else:
        array = np.array(elements, dtype=dtypes.NUMPY[dtype])
    return shapes.shaped(array, tuple(shape))


def careful_tensor(value, dtype):
    shape = shape_of(value)
    elements: list = []
    fill(value, shape, dtype, elements)
    return to_array(elements, shape, dtype)


def _lossless(array, single):
    """Whether numbers certainly fit a floating-point type; `array` is of numpy's own choice.

    Among floats there may have been integers, for which the limits are narrower.
    """
    limit = _MAX_INT_IN_FLOAT if single else _MAX_INT_IN_DOUBLE
    low, high = array.min(), array.max()
    if low >= -limit and high <= limit:
        return True
    if array.dtype.kind == "i" or not -_FLOAT_MAX <= low <= high <= _FLOAT_MAX:
        # NaN, which fails every comparison, is left to the careful way too.
        return False
    large = array[np.abs(array) > limit]
    return bool((large != np.rint(large)).all())


def _as_float(array, dtype, exact):
    """The array as a floating-point type, or None where the last bits of its numbers count."""
    converted = array.astype(dtypes.NUMPY[dtype], copy=False)
    if not exact and array.dtype.kind == "f":
        if dtype == dtypes.DOUBLE:
            return None
        # A float32 is certain where all that the number may be is rounded to the same.
        low, high = array * (1 - _MARGIN), array * (1 + _MARGIN)
        if (low.astype(np.float32) != high.astype(np.float32)).any():
            return None
    return converted


def quick_tensor(value, dtype, exact):
    """The same with numpy's own conversion, or None where that cannot be trusted.

    `exact`: whether the numbers in `value` are RapidJSON's to the last bit.
    """
    try:
        array = np.array(value)
    except (ValueError, OverflowError):
        return None
    kind = array.dtype.kind
    if dtype == dtypes.FLOAT or dtype == dtypes.DOUBLE:
        if kind not in "if" or array.size and not _lossless(array, dtype == dtypes.FLOAT):
            return None
        return _as_float(array, dtype, exact)
    limits = _INTEGER_RANGES.get(dtype)
    if limits is None or kind != "i" or not array.size:
        return None
    if dtype != dtypes.INT64 and not (array.min() >= limits[0] and array.max() <= limits[1]):
        return None
    return array.astype(dtypes.NUMPY[dtype], copy=False)
