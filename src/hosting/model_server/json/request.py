"""From a JSON body to tensors: the row (``instances``) and column (``inputs``) formats.

Where the quick way with numpy leaves a doubt, the items are gone through one by
one, which finds the same fault as TF Serving 1.13 and words it the same way.
And where the numbers' last bits count, the body is parsed again for them.
"""

from hosting.model_server import LATER
from hosting.model_server.errors import ServingError, invalid_argument
from hosting.model_server.graph import dtypes, shapes
from hosting.model_server.json.parser import members, parse
from hosting.model_server.json.values import (
    c_string,
    careful_tensor,
    fill,
    format_error,
    is_base64,
    quick_tensor,
    shape_of,
    to_array,
)
from hosting.model_server.json.writer import pretty

_KEYS = "keys must be equal to: " if LATER else "must only have keys: "


class Inexact(Exception):
    """The last bits of a body's numbers count, and are not certain yet."""


class Body:
    """A parsed request body: an object, whether ``true`` or such may be in it, and whether its
    numbers are RapidJSON's to the last bit."""

    __slots__ = ("members", "plain", "exact", "_raw")

    def __init__(self, raw):
        if not raw:
            raise invalid_argument("JSON Parse error: The document is empty")
        self._raw = raw
        self.members, self.exact = parse(raw)
        if not isinstance(self.members, dict):
            raise format_error(self.members, "Is not object")
        # numpy takes true and null for numbers; without the words there are none.
        self.plain = not (b"true" in raw or b"false" in raw or b"null" in raw)

    def make_exact(self):
        """Make the numbers RapidJSON's to the last bit."""
        if not self.exact:
            self.members, self.exact = parse(self._raw, exactly=True)

    def signature_name(self):
        """The member ``signature_name``, '' when absent."""
        name = self.members.get("signature_name", "")
        if type(name) is not str:
            self.make_exact()
            raise invalid_argument(
                f"JSON Value: {pretty(self.members)} not formatted correctly. 'signature_name' key "
                "must be a string value."
            )
        return name


def _is_element_object(value):
    return isinstance(value, dict) and not is_base64(value)


class _Rows:
    """Collects the tensors of ``instances`` one item at a time, as TF Serving does."""

    def __init__(self, inputs):
        self.inputs = inputs
        self.elements = {}
        self.first = {}

    def add(self, item, name):
        """One item's value for one input; later ones must have the first one's shape."""
        if name not in self.inputs:
            raise invalid_argument(f"JSON object: does not have named input: {name}")
        shape = shape_of(item)
        values = self.elements.setdefault(name, [])
        before = len(values)
        fill(item, shape, self.inputs[name].dtype, values)
        size = len(values) - before
        if name not in self.first:
            self.first[name] = (size, shape)
            return
        first_size, first_shape = self.first[name]
        if first_size != size:
            raise invalid_argument(f"Expecting tensor size: {first_size} but got: {size}")
        if first_shape != shape:
            raise invalid_argument(
                f"Expecting shape {shapes.text(first_shape)} but got: {shapes.text(shape)}"
            )

    def arrays(self, count):
        """The collected tensors, batched along a new first dimension."""
        return {
            name: to_array(self.elements[name], [count] + shape, self.inputs[name].dtype)
            for name, (_, shape) in self.first.items()
        }


def _slow_rows(instances, inputs):
    rows = _Rows(inputs)
    objects = _is_element_object(instances[0])
    names = sorted(inputs)
    for count, item in enumerate(instances):
        if objects:
            if not _is_element_object(item):
                raise invalid_argument(
                    f"Expecting object but got list at item {count} of input list"
                )
            found = set()
            for name, value in members(item):
                # A repeated name is added as often, which leaves elements over at the end.
                name = c_string(name)
                found.add(name)
                try:
                    rows.add(value, name)
                except ServingError as error:
                    raise invalid_argument(
                        f"Failed to process element: {count} key: {name} of 'instances' list. "
                        f"Error: {error}"
                    ) from None
            if found != inputs.keys():
                raise invalid_argument(
                    "Failed to process element: ",
                    count,
                    " of 'instances' list. JSON object: ",
                    pretty(item),
                    " ",
                    _KEYS,
                    ",".join(names),
                )
        else:
            if _is_element_object(item):
                raise invalid_argument(
                    f"Expecting value/list but got object at item {count} of input list"
                )
            try:
                rows.add(item, names[0])
            except ServingError as error:
                raise invalid_argument(
                    f"Failed to process element: {count} of 'instances' list. Error: {error}"
                ) from None
    return rows.arrays(len(instances))


def _quick_rows(instances, inputs, exact):
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
        array = quick_tensor(column, inputs[name].dtype, exact)
        if array is None:
            return None
        arrays[name] = array
    return arrays


def _check_exact(inputs, exact):
    """Refuse to go on with numbers that may be off where an input needs them all."""
    if not exact and any(info.dtype in (dtypes.FLOAT, dtypes.DOUBLE) for info in inputs.values()):
        raise Inexact()


def _tensors_from_instances(instances, inputs, body):
    """The row format: a list of values, or of objects with one member per input."""
    if not isinstance(instances[0], dict) and len(inputs) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    if body.plain:
        arrays = _quick_rows(instances, inputs, body.exact)
        if arrays is not None:
            return arrays
    _check_exact(inputs, body.exact)
    return _slow_rows(instances, inputs)


def _tensors_from_inputs(value, inputs, body):
    """The column format: the one input's value, or an object of all inputs."""
    if not isinstance(value, dict) or is_base64(value):
        if len(inputs) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        name, info = next(iter(inputs.items()))
        return {name: _tensor(value, info, body)}
    arrays = {}
    for name, info in inputs.items():
        if name not in value:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
        arrays[name] = _tensor(value[name], info, body)
    return arrays


def _tensor(value, info, body):
    if body.plain and info.dtype != dtypes.STRING:
        array = quick_tensor(value, info.dtype, body.exact)
        if array is not None:
            return array
    _check_exact({"": info}, body.exact)
    return careful_tensor(value, info.dtype)


def predict_tensors(body, inputs):
    """The tensors of a predict request and whether it is in row format.

    `inputs` maps each input's name to its info (``dtype``).
    """
    try:
        return _tensors(body, inputs)
    except (Inexact, ServingError):
        if body.exact:
            raise
    body.make_exact()
    return _tensors(body, inputs)


def _tensors(body, inputs):
    request = body.members
    if "instances" in request:
        if "inputs" in request:
            raise format_error(
                request,
                "Not formatted correctly expecting only one of 'inputs' or "
                "'instances' keys to exist ",
            )
        instances = request["instances"]
        if type(instances) is not list:
            raise format_error(request, "Excepting 'instances' to be an list/array")
        if not instances:
            raise format_error(request, "No values in 'instances' array")
        return _tensors_from_instances(instances, inputs, body), True
    if "inputs" in request:
        return _tensors_from_inputs(request["inputs"], inputs, body), False
    raise invalid_argument("Missing 'inputs' or 'instances' key")
