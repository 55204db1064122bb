"""From a JSON body to tensors: the row (``instances``) and column (``inputs``) formats.

The quick way hands whole lists to numpy; whatever that does not settle for
certain goes the slow way, element by element, which finds the same fault as
TF Serving 1.13 and words it the same way.
"""

import base64
import re

import numpy as np

from hosting.model_server import dtypes
from hosting.model_server.decimals import decimal_string
from hosting.model_server.errors import UNIMPLEMENTED, ServingError, invalid_argument
from hosting.model_server.json_parser import TOO_BIG, parse
from hosting.model_server.json_writer import pretty, text_to_bytes

_MAX_INT_IN_FLOAT = (1 << 24) - 1
_MAX_INT_IN_DOUBLE = (1 << 53) - 1
_FLOAT_MAX = float(np.finfo(np.float32).max)
# numpy's limit; TensorFlow's own is 254, which no kernel handles.
_MAX_RANK = 32
_BASE64 = re.compile('([A-Za-z0-9+/]*)([=.]*)')

# The values each integer type takes from JSON; the types of up to 16 bits share
# TensorProto's int_val, whose surplus bits are dropped later.
_INT32 = (-(1 << 31), (1 << 31) - 1)
_INTEGER_RANGES = {
    dtypes.INT32: _INT32, dtypes.INT16: _INT32, dtypes.INT8: _INT32, dtypes.UINT8: _INT32,
    dtypes.INT64: (-(1 << 63), (1 << 63) - 1),
    dtypes.UINT32: (0, (1 << 32) - 1),
    dtypes.UINT64: (0, (1 << 64) - 1),
}


class Body:
    """A parsed request body: an object, and whether ``true`` or such may be in it."""

    __slots__ = ('members', 'plain')

    def __init__(self, raw):
        if not raw:
            raise invalid_argument('JSON Parse error: The document is empty')
        members = parse(raw)
        if type(members) is not dict:
            raise format_error(members, 'Is not object')
        self.members = members
        # numpy takes true and null for numbers; without the words there are none.
        self.plain = not (b'true' in raw or b'false' in raw or b'null' in raw)

    def signature_name(self):
        """The member ``signature_name``, '' when absent."""
        name = self.members.get('signature_name', '')
        if type(name) is not str:
            raise invalid_argument(
                'JSON Value: ', pretty(self.members),
                " not formatted correctly. 'signature_name' key must be a string value.")
        return name


def type_name(value):
    """The JSON type of a parsed value, as error messages call it."""
    if value is None:
        return 'Null'
    if value is True:
        return 'True'
    if value is False:
        return 'False'
    return {dict: 'Object', list: 'Array', str: 'String'}.get(type(value), 'Number')


def value_text(value):
    """A parsed value as error messages show it."""
    if type(value) is float:
        single = -_FLOAT_MAX <= value <= _FLOAT_MAX
        return decimal_string(float(np.float32(value)) if single else value, single)
    return pretty(value)


def format_error(value, *parts):
    """``JSON Value: … <what is wrong with it>``."""
    return invalid_argument('JSON Value: ', value_text(value), ' ', *parts)


def _type_error(value, dtype):
    return invalid_argument('JSON Value: ', value_text(value), ' Type: ', type_name(value),
                            ' is not of expected type: ', dtypes.name(dtype))


def is_number(value):
    """Whether a parsed value is a JSON number (bool is an int in Python)."""
    return type(value) is float or type(value) is int


def check_lossless(value, single):
    """Refuse an integer or number that the floating-point type cannot hold."""
    if type(value) is int:
        good = abs(value) <= (_MAX_INT_IN_FLOAT if single else _MAX_INT_IN_DOUBLE)
    elif value != value or value in (float('inf'), float('-inf')):
        good = True
    else:
        good = not single or -_FLOAT_MAX <= value <= _FLOAT_MAX
    if not good:
        raise invalid_argument('Cannot convert JSON value: ', value_text(value), ' to ',
                               'float' if single else 'double', ' without loss of precision.')


def is_base64(value):
    """Whether a value is an object ``{"b64": "<text>"}`` and nothing more."""
    return type(value) is dict and len(value) == 1 and type(value.get('b64')) is str


def decode_base64(value):
    """The bytes of ``{"b64": "…"}``."""
    if not is_base64(value):
        raise invalid_argument('JSON Value: ', value_text(value),
                               ' not formatted correctly for base64 data')
    text = _BASE64.fullmatch(''.join(value['b64'].split()))
    if text:
        digits, padding = text.groups()
        missing = -len(digits) % 4
        # Padding may be left out; if it is there it must be right.
        if missing < 3 and len(padding) in (0, missing):
            return base64.b64decode(digits + '=' * missing)
    raise invalid_argument('Unable to base64 decode')


def _scalar(value, dtype):
    """One JSON value as one element of a tensor."""
    if type(value) is int and not -(1 << 63) <= value < 1 << 64:
        # An integer beyond 64 bits is a double for RapidJSON.
        try:
            value = float(value)
        except OverflowError:
            raise invalid_argument('JSON Parse error: ', TOO_BIG) from None
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
        raise ServingError(UNIMPLEMENTED, 'Conversion of JSON Value: %s to type: %s' % (
            value_text(value), dtypes.name(dtype)))
    if type(value) is not int or not limits[0] <= value <= limits[1]:
        raise _type_error(value, dtype)
    return value


def _shape_of(value):
    """The shape of a nested list, judged by its first elements."""
    shape = []
    while type(value) is list:
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return shape


def _fill(value, level, shape, dtype, out):
    """Append the elements below `value` to `out`, checking each list against `shape`."""
    if type(value) is not list:
        if level != len(shape):
            raise invalid_argument(
                'JSON Value: ', value_text(value), ' found at incorrect level: ', level + 1,
                ' in the JSON DOM. Expected at level: ', len(shape))
        if type(value) is dict:
            if dtype != dtypes.STRING:
                raise _type_error(value, dtype)
            out.append(decode_base64(value))
        else:
            out.append(_scalar(value, dtype))
        return
    if level >= len(shape):
        raise invalid_argument('Encountered list at unexpected level: ', level,
                               ' expected < ', len(shape))
    if len(value) != shape[level]:
        raise invalid_argument('Encountered list at unexpected size: ', len(value),
                               ' at level: ', level, ' expected size: ', shape[level])
    for item in value:
        _fill(item, level + 1, shape, dtype, out)


def _array(elements, shape, dtype):
    """Checked elements as an array of the type's own kind."""
    if dtype == dtypes.STRING:
        array = np.empty(len(elements), dtype=object)
        array[:] = elements
    elif dtype in (dtypes.INT16, dtypes.INT8, dtypes.UINT8):
        array = np.array(elements, dtype=np.int32).astype(dtypes.NUMPY[dtype])
    else:
        array = np.array(elements, dtype=dtypes.NUMPY[dtype])
    return array.reshape(shape)


def _checked_shape(value, name):
    """The shape of a value for the input `name`, if it is one that a tensor can have."""
    shape = _shape_of(value)
    if len(shape) > _MAX_RANK:
        raise invalid_argument('tensor parsing error: ', name)
    return shape


def _slow_tensor(value, name, dtype):
    """The whole of `value` as one tensor, element by element."""
    shape = _checked_shape(value, name)
    elements = []
    _fill(value, 0, shape, dtype, elements)
    return _array(elements, shape, dtype)


def _quick_tensor(value, dtype):
    """The same with numpy's own conversion, or None where that cannot be trusted."""
    try:
        array = np.array(value)
    except (ValueError, OverflowError):
        return None
    kind = array.dtype.kind
    if dtype == dtypes.FLOAT or dtype == dtypes.DOUBLE:
        if kind not in 'if':
            return array.astype(dtypes.NUMPY[dtype]) if kind == 'f' else None
        if array.size:
            limit = _MAX_INT_IN_FLOAT if dtype == dtypes.FLOAT else _MAX_INT_IN_DOUBLE
            # NaN fails the comparison as well and goes the slow way.
            if not (array.max() <= limit and array.min() >= -limit):
                return None
        return array.astype(dtypes.NUMPY[dtype], copy=False)
    limits = _INTEGER_RANGES.get(dtype)
    if limits is None or kind != 'i' or not array.size:
        return None
    if dtype != dtypes.INT64 and not (array.min() >= limits[0] and array.max() <= limits[1]):
        return None
    return array.astype(dtypes.NUMPY[dtype], copy=False)


def tensor(value, name, dtype, plain):
    """A JSON value as the tensor of an input; `plain`: no true, false or null is in it."""
    if plain and dtype != dtypes.STRING:
        array = _quick_tensor(value, dtype)
        if array is not None:
            return array
    return _slow_tensor(value, name, dtype)


def _is_element_object(value):
    return type(value) is dict and not is_base64(value)


def _sized(shape):
    return '[%s]' % ','.join(map(str, shape))


class _Rows:
    """Collects the tensors of ``instances`` one item at a time, as TF Serving does."""

    def __init__(self, inputs):
        self.inputs = inputs
        self.elements = {}
        self.first = {}

    def add(self, item, name):
        """One item's value for one input; later ones must have the first one's shape."""
        if name not in self.inputs:
            raise invalid_argument('JSON object: does not have named input: ', name)
        shape = _checked_shape(item, name)
        values = self.elements.setdefault(name, [])
        before = len(values)
        _fill(item, 0, shape, self.inputs[name].dtype, values)
        size = len(values) - before
        if name not in self.first:
            self.first[name] = (size, shape)
            return
        first_size, first_shape = self.first[name]
        if first_size != size:
            raise invalid_argument('Expecting tensor size: ', first_size, ' but got: ', size)
        if first_shape != shape:
            raise invalid_argument('Expecting shape ', _sized(first_shape),
                                   ' but got: ', _sized(shape))

    def arrays(self, count):
        """The collected tensors, batched along a new first dimension."""
        return {name: _array(self.elements[name], [count] + shape, self.inputs[name].dtype)
                for name, (_, shape) in self.first.items()}


def _slow_rows(instances, inputs):
    rows = _Rows(inputs)
    objects = _is_element_object(instances[0])
    names = sorted(inputs)
    for count, item in enumerate(instances):
        if objects:
            if not _is_element_object(item):
                raise invalid_argument('Expecting object but got list at item ', count,
                                       ' of input list')
            for name, value in item.items():
                try:
                    rows.add(value, name)
                except ServingError as error:
                    raise invalid_argument('Failed to process element: ', count, ' key: ', name,
                                           " of 'instances' list. Error: ", error) from None
            if sorted(item) != names:
                raise invalid_argument(
                    'Failed to process element: ', count, " of 'instances' list. JSON object: ",
                    pretty(item), ' keys must be equal to: ', ','.join(names))
        else:
            if _is_element_object(item):
                raise invalid_argument('Expecting value/list but got object at item ', count,
                                       ' of input list')
            try:
                rows.add(item, names[0])
            except ServingError as error:
                raise invalid_argument('Failed to process element: ', count,
                                       " of 'instances' list. Error: ", error) from None
    return rows.arrays(len(instances))


def _quick_rows(instances, inputs):
    """All items at once with numpy, or None where the slow way must judge."""
    arrays = {}
    if type(instances[0]) is not dict:
        if len(inputs) != 1:
            return None
        columns = {next(iter(inputs)): instances}
    else:
        names = inputs.keys()
        for item in instances:
            if type(item) is not dict or item.keys() != names:
                return None
        columns = {name: [item[name] for item in instances] for name in inputs}
    for name, column in columns.items():
        array = _quick_tensor(column, inputs[name].dtype)
        if array is None:
            return None
        arrays[name] = array
    return arrays


def tensors_from_instances(instances, inputs, plain):
    """The row format: a list of values, or of objects with one member per input."""
    if type(instances[0]) is not dict and len(inputs) > 1:
        raise invalid_argument(
            'instances is a plain list, but expecting list of objects as multiple '
            'input tensors required as per tensorinfo_map')
    if plain:
        arrays = _quick_rows(instances, inputs)
        if arrays is not None:
            return arrays
    return _slow_rows(instances, inputs)


def tensors_from_inputs(value, inputs, plain):
    """The column format: the one input's value, or an object of all inputs."""
    if type(value) is not dict or is_base64(value):
        if len(inputs) > 1:
            raise invalid_argument(
                'inputs is a plain value/list, but expecting an object as multiple '
                'input tensors required as per tensorinfo_map')
        name, info = next(iter(inputs.items()))
        return {name: tensor(value, name, info.dtype, plain)}
    arrays = {}
    for name, info in inputs.items():
        if name not in value:
            raise invalid_argument('Missing named input: ', name, " in 'inputs' object.")
        arrays[name] = tensor(value[name], name, info.dtype, plain)
    return arrays


def predict_tensors(body, inputs):
    """The tensors of a predict request and whether it is in row format.

    `inputs` maps each input's name to its info (``dtype``).
    """
    members = body.members
    if 'instances' in members:
        if 'inputs' in members:
            raise format_error(members, "Not formatted correctly expecting only one of 'inputs' or "
                                        "'instances' keys to exist ")
        instances = members['instances']
        if type(instances) is not list:
            raise format_error(members, "Excepting 'instances' to be an list/array")
        if not instances:
            raise format_error(members, "No values in 'instances' array")
        return tensors_from_instances(instances, inputs, body.plain), True
    if 'inputs' in members:
        return tensors_from_inputs(members['inputs'], inputs, body.plain), False
    raise invalid_argument("Missing 'inputs' or 'instances' key")
