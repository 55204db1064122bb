"""From a JSON body to tensors: the row (``instances``) and column (``inputs``) formats.

Where the quick way with numpy leaves a doubt, the items are gone through one by
one, which finds the same fault as TF Serving 1.13 and words it the same way.
"""

from hosting.model_server.errors import ServingError, invalid_argument
from hosting.model_server.json_parser import parse
from hosting.model_server.json_values import (
    checked_shape,
    fill,
    format_error,
    is_base64,
    quick_tensor,
    tensor,
    to_array,
)
from hosting.model_server.json_writer import pretty


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
        shape = checked_shape(item, name)
        values = self.elements.setdefault(name, [])
        before = len(values)
        fill(item, 0, shape, self.inputs[name].dtype, values)
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
        return {name: to_array(self.elements[name], [count] + shape, self.inputs[name].dtype)
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
        array = quick_tensor(column, inputs[name].dtype)
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
