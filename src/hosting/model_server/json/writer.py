"""JSON laid out as RapidJSON's PrettyWriter does it, which clients and tests pin."""

import base64
import math

from hosting.model_server.errors import invalid_argument
from hosting.model_server.graph import dtypes
from hosting.model_server.json.decimals import decimal_strings
from hosting.model_server.json.grisu import shortest
from hosting.model_server.json.parser import members

_ESCAPES = {chr(i): "\\u%04X" % i for i in range(32)}
_ESCAPES.update(
    {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
)
_TABLE = str.maketrans(_ESCAPES)


def quote(text):
    """A string literal. Only control characters, quotes and backslashes are escaped.

    >>> quote('a"\\x1fあ')
    '"a\\\\"\\\\u001Fあ"'
    """
    return f'"{text.translate(_TABLE)}"'


def bytes_to_text(value):
    """The bytes of a string tensor as text; bytes that are not UTF-8 are passed through."""
    return value.decode("utf-8", "surrogateescape")


def text_to_bytes(text):
    """The opposite of `bytes_to_text`."""
    return text.encode("utf-8", "surrogateescape")


def _leaves(array, dtype):
    """The values of a tensor, flattened, each as JSON text."""
    if dtype in (dtypes.FLOAT, dtypes.DOUBLE):
        return decimal_strings(array)
    if dtype in (
        dtypes.INT32,
        dtypes.INT16,
        dtypes.INT8,
        dtypes.UINT8,
        dtypes.INT64,
        dtypes.UINT32,
        dtypes.UINT64,
    ):
        return list(map(str, array.ravel().tolist()))
    if dtype == dtypes.BOOL:
        return ["true" if value else "false" for value in array.ravel().tolist()]
    if dtype == dtypes.STRING:
        return [quote(bytes_to_text(value)) for value in array.ravel().tolist()]
    if not array.size:
        return []
    raise invalid_argument(f"Failed to write JSON value for tensor type: {dtypes.name(dtype)}")


def _base64_leaves(array, depth):
    """Byte strings as ``{"b64": …}``, whose members stand on lines of their own."""
    inner, outer = " " * (4 * depth + 4), " " * (4 * depth)
    return [
        '{\n%s"b64": "%s"\n%s}' % (inner, base64.b64encode(value).decode(), outer)
        for value in array.ravel().tolist()
    ]


def is_bytes(name, dtype):
    """Strings under a name that ends in ``_bytes`` are written as base64."""
    return dtype == dtypes.STRING and name.endswith("_bytes")


def _single_line(leaves, shape):
    """Nest flat texts by shape: ``[[a, b], [c, d]]``; an empty shape is one text."""
    for size in reversed(shape):
        if not size:
            # The texts below are gone too: how many lists there are, only the
            # outer dimensions tell.
            return None
        if size == 1:
            leaves = [f"[{leaf}]" for leaf in leaves]
        else:
            leaves = ["[%s]" % ", ".join(leaves[i : i + size]) for i in range(0, len(leaves), size)]
    return leaves


def _single_line_empty(shape):
    """A nested list with a dimension of zero."""
    if not shape:
        raise ValueError("a scalar is not empty")
    if not shape[0]:
        return "[]"
    return "[%s]" % ", ".join([_single_line_empty(shape[1:])] * shape[0])


def rows_of(array, dtype, name, depth):
    """One JSON text for each item of the first dimension, arrays on a single line."""
    shape = array.shape
    inner = shape[1:]
    if 0 in inner:
        return [_single_line_empty(inner)] * shape[0]
    if is_bytes(name, dtype):
        leaves = _base64_leaves(array, depth + len(inner))
    else:
        leaves = _leaves(array, dtype)
    return _single_line(leaves, inner)


def _multi_line(leaves, shape, depth):
    """A nested list with each element on its own line, as the default format has it."""
    if not shape:
        return leaves[0]
    size = shape[0]
    if not size:
        return "[]"
    indent = "\n" + " " * (4 * depth + 4)
    if len(shape) == 1:
        items = leaves
    else:
        step = len(leaves) // size
        items = [
            _multi_line(leaves[i * step : (i + 1) * step], shape[1:], depth + 1)
            for i in range(size)
        ]
    return "[%s%s\n%s]" % (indent, ("," + indent).join(items), " " * (4 * depth))


def whole(array, dtype, name, depth):
    """A whole tensor in the default format."""
    if is_bytes(name, dtype):
        leaves = _base64_leaves(array, depth + array.ndim)
    else:
        leaves = _leaves(array, dtype)
    return _multi_line(leaves, array.shape, depth)


def pretty(value):
    """Any parsed JSON value, as error messages show it.

    RapidJSON's writer refuses a number that is not finite: the text ends before it.
    """
    out = []
    # What is open: the items to come, how each is introduced, and what closes them.
    stack: list = []
    while True:
        if isinstance(value, (dict, list)) and value:
            indent = "\n" + " " * (4 * len(stack))
            pairs = isinstance(value, dict)
            items = iter(members(value)) if pairs else iter(value)
            out.append("{" if pairs else "[")
            stack.append((items, pairs, indent + "    ", indent + ("}" if pairs else "]")))
            separator = ""
        else:
            text = _scalar_text(value)
            if text is None:
                return "".join(out)
            out.append(text)
            separator = ","
        while stack:
            items, pairs, indent, end = stack[-1]
            found = next(items, stack)  # the stack is in no value: it marks the end
            if found is not stack:
                out.append(separator + indent)
                if pairs:
                    out.append(quote(found[0]) + ": ")
                    found = found[1]
                value = found
                break
            out.append(end)
            stack.pop()
            separator = ","
        else:
            return "".join(out)


def _scalar_text(value):
    """The text of what holds nothing else; None for what cannot be written."""
    if isinstance(value, str):
        return quote(value)
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list):
        return "[]"
    return shortest(value) if math.isfinite(value) else None
