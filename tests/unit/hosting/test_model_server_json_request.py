"""JSON bodies become tensors as TF Serving 1.13 makes them, faults included."""
import base64
import collections
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.model_server import dtypes, json_request
from hosting.model_server.errors import ServingError

Info = collections.namedtuple('Info', 'dtype')

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
NUMBERS = FLOATS | st.integers(min_value=-(1 << 24) + 1, max_value=(1 << 24) - 1)


def inputs(**types):
    return collections.OrderedDict((name, Info(types[name])) for name in sorted(types))


def tensors(text, **types):
    """The tensors that a body's text makes for inputs of these types."""
    raw = text.encode() if isinstance(text, str) else text
    return json_request.predict_tensors(json_request.Body(raw), inputs(**types))[0]


def refusal(text, **types):
    """The message of the error that a body's text makes."""
    with pytest.raises(ServingError) as refused:
        tensors(text, **types)
    return refused.value


def nested(elements):
    """Regular nested lists: (shape, list) with the elements' values."""
    def fill(shape):
        if not shape:
            return elements
        return st.lists(fill(shape[1:]), min_size=shape[0], max_size=shape[0])
    return st.lists(st.integers(1, 3), min_size=1, max_size=4).flatmap(
        lambda shape: fill(shape).map(lambda value: (shape, value)))


def equal(array, other):
    return (array.dtype == other.dtype and array.shape == other.shape
            and np.array_equal(array, other))


@settings(max_examples=150, deadline=None)
@given(nested(NUMBERS))
def test_numbers_become_the_float32_tensor_that_numpy_makes(case):
    shape, value = case
    array = tensors(json.dumps({'instances': value}), x=dtypes.FLOAT)['x']
    assert equal(array, np.array(value, dtype=np.float64).astype(np.float32))
    assert list(array.shape) == shape
    column = tensors(json.dumps({'inputs': value}), x=dtypes.FLOAT)['x']
    assert equal(array, column)


@settings(max_examples=150, deadline=None)
@given(nested(NUMBERS), st.sampled_from([dtypes.FLOAT, dtypes.DOUBLE, dtypes.INT32, dtypes.INT64,
                                         dtypes.UINT8, dtypes.BOOL, dtypes.STRING]))
def test_the_quick_way_agrees_with_the_careful_one(case, dtype):
    text = json.dumps({'instances': case[1]})
    # The word makes the body doubtful, and the careful way is taken.
    careful = json.dumps({'instances': case[1], 'unused': True})
    try:
        expected = tensors(careful, x=dtype)['x']
    except ServingError as error:
        assert refusal(text, x=dtype).message == error.message
    else:
        assert equal(tensors(text, x=dtype)['x'], expected)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.recursive(NUMBERS | st.booleans() | st.none() | st.text(max_size=3),
                             lambda inner: st.lists(inner, max_size=3), max_leaves=12),
                min_size=1, max_size=4))
def test_ragged_and_mixed_lists_are_refused_or_rectangular(value):
    try:
        array = tensors(json.dumps({'instances': value}), x=dtypes.FLOAT)['x']
    except ServingError as error:
        assert error.code == 3
    else:
        # What is taken is exactly what was sent, with nothing made up.
        assert array.tolist() == np.array(value, dtype=np.float64).astype(np.float32).tolist()
        assert 'true' not in json.dumps(value) and 'null' not in json.dumps(value)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.fixed_dictionaries({'a': NUMBERS, 'b': st.lists(NUMBERS, min_size=2,
                                                                     max_size=2)}), min_size=1))
def test_named_inputs_are_batched_by_name(rows):
    made = tensors(json.dumps({'instances': rows}), a=dtypes.FLOAT, b=dtypes.DOUBLE)
    assert equal(made['a'], np.array([row['a'] for row in rows]).astype(np.float32))
    assert equal(made['b'], np.array([row['b'] for row in rows], dtype=np.float64))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(), min_size=1, max_size=5))
def test_base64_objects_are_byte_strings(values):
    rows = [{'b64': base64.b64encode(value).decode()} for value in values]
    assert tensors(json.dumps({'instances': rows}), x=dtypes.STRING)['x'].tolist() == values


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(), min_size=1, max_size=5))
def test_texts_are_their_utf8_bytes(values):
    made = tensors(json.dumps({'instances': values}), x=dtypes.STRING)['x'].tolist()
    assert made == [value.encode() for value in values]


@pytest.mark.parametrize('dtype, sent, got', [
    (dtypes.FLOAT, '[1, 2.5]', np.array([1, 2.5], np.float32)),
    (dtypes.DOUBLE, '[1, 9007199254740991]', np.array([1, 9007199254740991], np.float64)),
    (dtypes.INT32, '[-2147483648, 2147483647]', np.array([-2**31, 2**31 - 1], np.int32)),
    (dtypes.INT64, '[-9223372036854775808]', np.array([-2**63], np.int64)),
    (dtypes.UINT32, '[4294967295]', np.array([2**32 - 1], np.uint32)),
    (dtypes.UINT64, '[18446744073709551615]', np.array([2**64 - 1], np.uint64)),
    # The small types share int_val: surplus bits are cut off.
    (dtypes.UINT8, '[300, -1]', np.array([44, 255], np.uint8)),
    (dtypes.INT8, '[200]', np.array([-56], np.int8)),
    (dtypes.INT16, '[65535]', np.array([-1], np.int16)),
    (dtypes.BOOL, '[true, false]', np.array([True, False])),
    (dtypes.FLOAT, '[NaN, -Infinity]', np.array([np.nan, -np.inf], np.float32)),
    (dtypes.FLOAT, '[[]]', np.zeros((1, 0), np.float32)),
])
def test_every_type_takes_its_values(dtype, sent, got):
    array = tensors('{"instances": %s}' % sent, x=dtype)['x']
    assert array.dtype == got.dtype
    np.testing.assert_array_equal(array, got)


@pytest.mark.parametrize('dtype, sent, message', [
    (dtypes.FLOAT, '"a"', 'JSON Value: "a" Type: String is not of expected type: float'),
    (dtypes.FLOAT, 'null', 'JSON Value: null Type: Null is not of expected type: float'),
    (dtypes.FLOAT, '16777216',
     'Cannot convert JSON value: 16777216 to float without loss of precision.'),
    (dtypes.FLOAT, '1e39', 'Cannot convert JSON value: 1e+39 to float without loss of precision.'),
    (dtypes.DOUBLE, '9007199254740992',
     'Cannot convert JSON value: 9007199254740992 to double without loss of precision.'),
    (dtypes.INT32, '1.0', 'JSON Value: 1.0 Type: Number is not of expected type: int32'),
    (dtypes.INT32, '2147483648',
     'JSON Value: 2147483648 Type: Number is not of expected type: int32'),
    (dtypes.INT64, '9223372036854775808',
     'JSON Value: 9223372036854775808 Type: Number is not of expected type: int64'),
    (dtypes.UINT64, '-1', 'JSON Value: -1 Type: Number is not of expected type: uint64'),
    (dtypes.BOOL, '1', 'JSON Value: 1 Type: Number is not of expected type: bool'),
    (dtypes.STRING, '1', 'JSON Value: 1 Type: Number is not of expected type: string'),
    (dtypes.FLOAT, '{"b64": "YQ=="}', 'JSON Value: {\n    "b64": "YQ=="\n} Type: Object is not of '
                                      'expected type: float'),
    (dtypes.STRING, '{"b64": "Y"}', 'Unable to base64 decode'),
    (dtypes.STRING, '{"b64": "YQ="}', 'Unable to base64 decode'),
])
def test_a_value_of_the_wrong_kind_is_refused_in_tf_servings_words(dtype, sent, message):
    row = refusal('{"instances": [%s]}' % sent, x=dtype)
    assert row.code == 3
    assert row.message == ("Failed to process element: 0 of 'instances' list. Error: "
                           'Invalid argument: ' + message)
    assert refusal('{"inputs": [%s]}' % sent, x=dtype).message == message


def test_a_type_that_json_cannot_fill_is_unimplemented():
    error = refusal('{"inputs": [1]}', x=dtypes.UINT16)
    assert (error.code, error.message) == (12, 'Conversion of JSON Value: 1 to type: uint16')


F = dtypes.FLOAT


@pytest.mark.parametrize('body, types, message', [
    ('[1]', {'x': F}, 'JSON Value: [\n    1\n] Is not object'),
    ('{}', {'x': F}, "Missing 'inputs' or 'instances' key"),
    ('{"signature_name": 5, "instances": [1]}', {'x': F}, None),
    ('{"instances": [], "inputs": []}', {'x': F},
     'JSON Value: {\n    "instances": [],\n    "inputs": []\n} Not formatted correctly expecting '
     "only one of 'inputs' or 'instances' keys to exist "),
    ('{"instances": 1}', {'x': F},
     'JSON Value: {\n    "instances": 1\n} Excepting \'instances\' to be an list/array'),
    ('{"instances": []}', {'x': F},
     'JSON Value: {\n    "instances": []\n} No values in \'instances\' array'),
    ('{"instances": [1]}', {'x': F, 'y': F},
     'instances is a plain list, but expecting list of objects as multiple input tensors required '
     'as per tensorinfo_map'),
    ('{"inputs": [1]}', {'x': F, 'y': F},
     'inputs is a plain value/list, but expecting an object as multiple input tensors required as '
     'per tensorinfo_map'),
    ('{"inputs": {"x": [1]}}', {'x': F, 'y': F}, "Missing named input: y in 'inputs' object."),
    ('{"instances": [{"x": 1}, 2]}', {'x': F}, 'Expecting object but got list at item 1 of input '
                                               'list'),
    ('{"instances": [1, {"x": 1}]}', {'x': F}, 'Expecting value/list but got object at item 1 of '
                                               'input list'),
    ('{"instances": [{"z": 1}]}', {'x': F},
     "Failed to process element: 0 key: z of 'instances' list. Error: Invalid argument: JSON "
     'object: does not have named input: z'),
    ('{"instances": [{"x": 1}]}', {'x': F, 'y': F},
     "Failed to process element: 0 of 'instances' list. JSON object: {\n    \"x\": 1\n} keys must "
     'be equal to: x,y'),
    ('{"instances": [[1,2],[3,4],[5,6,7]]}', {'x': F},
     "Failed to process element: 2 of 'instances' list. Error: Invalid argument: Expecting tensor "
     'size: 2 but got: 3'),
    ('{"instances": [[1,2],[[3,4]]]}', {'x': F},
     "Failed to process element: 1 of 'instances' list. Error: Invalid argument: Expecting shape "
     '[2] but got: [1,2]'),
    ('{"instances": [[1,[2]]]}', {'x': F},
     "Failed to process element: 0 of 'instances' list. Error: Invalid argument: Encountered list "
     'at unexpected level: 1 expected < 1'),
    ('{"inputs": [[1],2]}', {'x': F},
     'JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2'),
    ('{"inputs": [[1,2],[3]]}', {'x': F},
     'Encountered list at unexpected size: 1 at level: 1 expected size: 2'),
    ('{"inputs": %s}' % ('[' * 40 + '1' + ']' * 40), {'x': F}, 'tensor parsing error: x'),
])
def test_a_body_of_the_wrong_form_is_refused_in_tf_servings_words(body, types, message):
    if message is None:
        with pytest.raises(ServingError) as refused:
            json_request.Body(body.encode()).signature_name()
        assert refused.value.message.endswith(
            " not formatted correctly. 'signature_name' key must be a string value.")
    else:
        assert refusal(body, **types).message == message
