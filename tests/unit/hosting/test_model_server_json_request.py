"""JSON bodies become tensors as TF Serving 1.13 makes them, faults included."""

import base64
import collections
import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.model_server import examples
from hosting.model_server.errors import ServingError
from hosting.model_server.graph import dtypes
from hosting.model_server.json import request as json_request
from hosting.model_server.json.numbers import read_float

Info = collections.namedtuple("Info", "dtype")

# The largest float32 reads as a little more than that in RapidJSON's normal precision.
FLOATS = st.floats(-(2.0**127), 2.0**127, width=32)
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
        lambda shape: fill(shape).map(lambda value: (shape, value))
    )


def as_read(value):
    """Nested lists in which every number is the one that RapidJSON reads."""
    if isinstance(value, list):
        return [as_read(item) for item in value]
    return read_float(json.dumps(value)) if isinstance(value, float) else value


def equal(array, other):
    return (
        array.dtype == other.dtype and array.shape == other.shape and np.array_equal(array, other)
    )


@settings(max_examples=150, deadline=None)
@given(nested(NUMBERS))
def test_numbers_become_the_float32_tensor_that_numpy_makes(case):
    shape, value = case
    array = tensors(json.dumps({"instances": value}), x=dtypes.FLOAT)["x"]
    assert equal(array, np.array(as_read(value), dtype=np.float64).astype(np.float32))
    assert list(array.shape) == shape
    column = tensors(json.dumps({"inputs": value}), x=dtypes.FLOAT)["x"]
    assert equal(array, column)


@settings(max_examples=150, deadline=None)
@given(nested(NUMBERS), st.sampled_from([dtypes.FLOAT, dtypes.DOUBLE, dtypes.INT32, dtypes.INT64,
                                         dtypes.UINT8, dtypes.BOOL, dtypes.STRING]))  # fmt: skip
def test_the_quick_way_agrees_with_the_careful_one(case, dtype):
    text = json.dumps({"instances": case[1]})
    # The word makes the body doubtful, and the careful way is taken.
    careful = json.dumps({"instances": case[1], "unused": True})
    try:
        expected = tensors(careful, x=dtype)["x"]
    except ServingError as error:
        assert refusal(text, x=dtype).message == error.message
    else:
        assert equal(tensors(text, x=dtype)["x"], expected)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.recursive(NUMBERS | st.booleans() | st.none() | st.text(max_size=3),
                             lambda inner: st.lists(inner, max_size=3), max_leaves=12),
                min_size=1, max_size=4))  # fmt: skip
def test_ragged_and_mixed_lists_are_refused_or_rectangular(value):
    try:
        array = tensors(json.dumps({"instances": value}), x=dtypes.FLOAT)["x"]
    except ServingError as error:
        assert error.code == 3
    else:
        # What is taken is exactly what was sent, with nothing made up.
        assert array.tolist() == np.array(value, dtype=np.float64).astype(np.float32).tolist()
        assert "true" not in json.dumps(value) and "null" not in json.dumps(value)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries({"a": NUMBERS, "b": st.lists(NUMBERS, min_size=2, max_size=2)}),
        min_size=1,
    )
)
def test_named_inputs_are_batched_by_name(rows):
    made = tensors(json.dumps({"instances": rows}), a=dtypes.FLOAT, b=dtypes.DOUBLE)
    assert equal(made["a"], np.array([row["a"] for row in rows]).astype(np.float32))
    assert equal(made["b"], np.array(as_read([row["b"] for row in rows]), dtype=np.float64))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(), min_size=1, max_size=5))
def test_base64_objects_are_byte_strings(values):
    rows = [{"b64": base64.b64encode(value).decode()} for value in values]
    assert tensors(json.dumps({"instances": rows}), x=dtypes.STRING)["x"].tolist() == values


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(), min_size=1, max_size=5))
def test_texts_are_their_utf8_bytes(values):
    made = tensors(json.dumps({"instances": values}), x=dtypes.STRING)["x"].tolist()
    assert made == [value.encode() for value in values]


@pytest.mark.parametrize("dtype, sent, got", [
    (dtypes.FLOAT, "[1, 2.5]", np.array([1, 2.5], np.float32)),
    (dtypes.DOUBLE, "[1, 9007199254740991]", np.array([1, 9007199254740991], np.float64)),
    (dtypes.INT32, "[-2147483648, 2147483647]", np.array([-2**31, 2**31 - 1], np.int32)),
    (dtypes.INT64, "[-9223372036854775808]", np.array([-2**63], np.int64)),
    (dtypes.UINT32, "[4294967295]", np.array([2**32 - 1], np.uint32)),
    (dtypes.UINT64, "[18446744073709551615]", np.array([2**64 - 1], np.uint64)),
    # The small types share int_val: surplus bits are cut off.
    (dtypes.UINT8, "[300, -1]", np.array([44, 255], np.uint8)),
    (dtypes.INT8, "[200]", np.array([-56], np.int8)),
    (dtypes.INT16, "[65535]", np.array([-1], np.int16)),
    (dtypes.BOOL, "[true, false]", np.array([True, False])),
    (dtypes.FLOAT, "[NaN, -Infinity]", np.array([np.nan, -np.inf], np.float32)),
    (dtypes.FLOAT, "[Infinity.5, NaN.5e3, NaNe5, NInf]", np.array([0.5, 500, 0, np.inf],
                                                                  np.float32)),
    # Its absolute value is beyond int64, which TF Serving does not notice.
    (dtypes.FLOAT, "[-9223372036854775808]", np.array([-2.0**63], np.float32)),
    (dtypes.FLOAT, "[3.4028234663852885e38]", np.array([np.finfo(np.float32).max])),
    (dtypes.DOUBLE, "[0.9424502837770503]", np.array([0.9424502837770504])),
    (dtypes.DOUBLE, "[1.7976931348623158e308, 1e-5]", np.array([np.inf, 1e-5])),
    (dtypes.STRING, r'[{"b64": "aG\t\n\f\r k="}]', np.array([b"hi"], object)),
    (dtypes.FLOAT, "[[]]", np.zeros((1, 0), np.float32)),
])  # fmt: skip
def test_every_type_takes_its_values(dtype, sent, got):
    array = tensors('{"instances": %s}' % sent, x=dtype)["x"]
    assert array.dtype == got.dtype
    np.testing.assert_array_equal(array, got)


@pytest.mark.parametrize("dtype, sent, message", [
    (dtypes.FLOAT, '"a"', 'JSON Value: "a" Type: String is not of expected type: float'),
    (dtypes.FLOAT, "null", "JSON Value: null Type: Null is not of expected type: float"),
    (dtypes.FLOAT, "16777216",
     "Cannot convert JSON value: 16777216 to float without loss of precision."),
    (dtypes.FLOAT, "1e39", "Cannot convert JSON value: 1e+39 to float without loss of precision."),
    (dtypes.DOUBLE, "9007199254740992",
     "Cannot convert JSON value: 9007199254740992 to double without loss of precision."),
    (dtypes.INT32, "1.0", "JSON Value: 1.0 Type: Number is not of expected type: int32"),
    (dtypes.INT32, "2147483648",
     "JSON Value: 2147483648 Type: Number is not of expected type: int32"),
    (dtypes.INT64, "9223372036854775808",
     "JSON Value: 9223372036854775808 Type: Number is not of expected type: int64"),
    (dtypes.UINT64, "-1", "JSON Value: -1 Type: Number is not of expected type: uint64"),
    (dtypes.BOOL, "1", "JSON Value: 1 Type: Number is not of expected type: bool"),
    (dtypes.STRING, "1", "JSON Value: 1 Type: Number is not of expected type: string"),
    (dtypes.FLOAT, '{"b64": "YQ=="}', 'JSON Value: {\n    "b64": "YQ=="\n} Type: Object is not of '
                                      'expected type: float'),
    (dtypes.FLOAT, "3.4028234663852886e38",
     "Cannot convert JSON value: 3.40282e+38 to float without loss of precision."),
    (dtypes.INT64, "18446744073709551616",
     "JSON Value: 1.84467e+19 Type: Number is not of expected type: int64"),
    (dtypes.INT32, "NaN", "JSON Value: NaN Type: Number is not of expected type: int32"),
    (dtypes.INT32, "1e-6", "JSON Value: 1e-06 Type: Number is not of expected type: int32"),
    (dtypes.INT32, "0.12345678", "JSON Value: 0.123457 Type: Number is not of expected type: "
                                 "int32"),
    (dtypes.STRING, '{"b64": "Y"}', "Unable to base64 decode"),
    (dtypes.STRING, r'{"b64": "aGk\u00a0="}', "Unable to base64 decode"),
    (dtypes.STRING, r'{"b64": "aGk\u3000="}', "Unable to base64 decode"),
    (dtypes.STRING, r'{"b64": "aGk\u001c="}', "Unable to base64 decode"),
    (dtypes.STRING, r'{"b64": "aGk\u0085="}', "Unable to base64 decode"),
    (dtypes.STRING, r'{"b64": "aGk\u0000="}', "Unable to base64 decode"),
    (dtypes.STRING, '{"b64": "YQ="}', "Unable to base64 decode"),
])  # fmt: skip
def test_a_value_of_the_wrong_kind_is_refused_in_tf_servings_words(dtype, sent, message):
    row = refusal('{"instances": [%s]}' % sent, x=dtype)
    assert row.code == 3
    assert row.message == (
        "Failed to process element: 0 of 'instances' list. Error: Invalid argument: " + message
    )
    assert refusal('{"inputs": [%s]}' % sent, x=dtype).message == message


def test_a_type_that_json_cannot_fill_is_unimplemented():
    error = refusal('{"inputs": [1]}', x=dtypes.UINT16)
    assert (error.code, error.message) == (12, "Conversion of JSON Value: 1 to type: uint16")


F = dtypes.FLOAT


@pytest.mark.parametrize("body, types, message", [
    ("[1]", {"x": F}, "JSON Value: [\n    1\n] Is not object"),
    ("{}", {"x": F}, "Missing 'inputs' or 'instances' key"),
    ('{"signature_name": 5, "instances": [1]}', {"x": F}, None),
    ('{"instances": [], "inputs": []}', {"x": F},
     'JSON Value: {\n    "instances": [],\n    "inputs": []\n} Not formatted correctly expecting '
     "only one of 'inputs' or 'instances' keys to exist "),
    ('{"instances": 1}', {"x": F},
     'JSON Value: {\n    "instances": 1\n} Excepting \'instances\' to be an list/array'),
    ('{"instances": []}', {"x": F},
     'JSON Value: {\n    "instances": []\n} No values in \'instances\' array'),
    ('{"instances": [1]}', {"x": F, "y": F},
     "instances is a plain list, but expecting list of objects as multiple input tensors required "
     "as per tensorinfo_map"),
    ('{"inputs": [1]}', {"x": F, "y": F},
     "inputs is a plain value/list, but expecting an object as multiple input tensors required as "
     "per tensorinfo_map"),
    ('{"inputs": {"x": [1]}}', {"x": F, "y": F}, "Missing named input: y in 'inputs' object."),
    ('{"instances": [{"x": 1}, 2]}', {"x": F}, "Expecting object but got list at item 1 of input "
                                               "list"),
    ('{"instances": [1, {"x": 1}]}', {"x": F}, "Expecting value/list but got object at item 1 of "
                                               "input list"),
    ('{"instances": [{"z": 1}]}', {"x": F},
     "Failed to process element: 0 key: z of 'instances' list. Error: Invalid argument: JSON "
     "object: does not have named input: z"),
    ('{"instances": [{"x": 1}]}', {"x": F, "y": F},
     "Failed to process element: 0 of 'instances' list. JSON object: {\n    \"x\": 1\n} must only "
     "have keys: x,y"),
    ('{"instances": [[1,2],[3,4],[5,6,7]]}', {"x": F},
     "Failed to process element: 2 of 'instances' list. Error: Invalid argument: Expecting tensor "
     "size: 2 but got: 3"),
    ('{"instances": [[1,2],[[3,4]]]}', {"x": F},
     "Failed to process element: 1 of 'instances' list. Error: Invalid argument: Expecting shape "
     "[2] but got: [1,2]"),
    ('{"instances": [[1,[2]]]}', {"x": F},
     "Failed to process element: 0 of 'instances' list. Error: Invalid argument: Encountered list "
     "at unexpected level: 1 expected < 1"),
    ('{"inputs": [[1],2]}', {"x": F},
     "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
    ('{"inputs": [[1,2],[3]]}', {"x": F},
     "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
])  # fmt: skip
def test_a_body_of_the_wrong_form_is_refused_in_tf_servings_words(body, types, message):
    if message is None:
        with pytest.raises(ServingError) as refused:
            json_request.Body(body.encode()).signature_name()
        assert refused.value.message.endswith(
            " not formatted correctly. 'signature_name' key must be a string value."
        )
    else:
        assert refusal(body, **types).message == message


@pytest.mark.parametrize("body, message", [
    ('{"instances": [{"b64": "aGk=", "b64": "aGk="}]}',
     "Failed to process element: 0 key: b64 of 'instances' list. Error: Invalid argument: JSON "
     "object: does not have named input: b64"),
    ('{"inputs": [{"b64": "aGk=", "b64": "aGk="}]}',
     'JSON Value: {\n    "b64": "aGk=",\n    "b64": "aGk="\n} not formatted correctly for base64 '
     'data'),
])  # fmt: skip
def test_an_object_with_b64_twice_is_no_base64(body, message):
    assert refusal(body, x=dtypes.STRING).message == message


@pytest.mark.parametrize("padding", [b"", b" " * 100000])
@pytest.mark.parametrize("body, wanted", [
    (b'{"inputs": 1, "inputs": 2}', np.float32(1)),
    (b'{"inputs": {"x": 1, "x": 2}}', np.float32(1)),
    (b'{"instances": [{"x": 1, "x": 2}, {"x": 3, "x": 4}]}', np.array([1, 2], np.float32)),
    (b'{"instances": [{"x": [1, 2], "x": [3, 4]}, {"x": [5, 6]}]}',
     np.array([[1, 2], [3, 4]], np.float32)),
    (b'{"instances": [{"x\\u0000": 1}, {"x": 2}]}', np.array([1, 2], np.float32)),
    (b'{"instances": [{"x\\u0000y": 1, "x": 3}]}', np.array([1], np.float32)),
])  # fmt: skip
def test_of_repeated_names_rapidjson_finds_the_first_and_rows_take_all(body, wanted, padding):
    # With much white space the body is for the other fast parser.
    array = tensors(body + padding, x=F)["x"]
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, wanted)


def test_of_two_signature_names_the_first_counts():
    body = json_request.Body(b'{"signature_name": "a", "instances": [1], "signature_name": "b"}')
    assert body.signature_name() == "a"


def test_a_repeated_name_must_have_the_first_ones_shape():
    assert refusal('{"instances": [{"x": 1, "x": [2]}]}', x=F).message == (
        "Failed to process element: 0 key: x of 'instances' list. Error: Invalid argument: "
        "Expecting shape [] but got: [1]"
    )


@pytest.mark.parametrize("quoted, shown", [
    ("1e-6", "0.000001"), ("1e20", "100000000000000000000.0"), ("1e30", "1e30"),
    ("1.0e30", "9.999999999999999e29"), ("1000000000000000000000000000000", "9.999999999999999e29"),
    ("18446744073709551616", "18446744073709553000.0"), ("1e21", "1e21"), ("1e-7", "1e-7"),
    ("-0.0", "-0.0"), ("-0", "0"), ("1.5", "1.5"), ("123456789.125", "123456789.125"),
    ("5e-324", "5e-324"), ("18446744073709551615", "18446744073709551615"),
    ("0.1", "0.1"), ("2.5e21", "2.5e21"), ('"a\\u0000"', '"a\\u0000"')])  # fmt: skip
def test_json_quoted_in_an_error_is_as_rapidjson_writes_it(quoted, shown):
    message = refusal('{"inputs": {"z": %s}}' % quoted, x=F).message
    assert message == "Missing named input: x in 'inputs' object."
    message = refusal('{"instances": {"z": %s}}' % quoted, x=F).message
    assert message == (
        'JSON Value: {\n    "instances": {\n        "z": %s\n    }\n} Excepting '
        "'instances' to be an list/array" % shown
    )


def test_json_quoted_in_an_error_stops_at_a_nan_and_has_all_repeated_members():
    message = refusal('{"instances": {"a": [1, NaN, 2]}, "b": 3}', x=F).message
    assert message == (
        'JSON Value: {\n    "instances": {\n        "a": [\n            1,\n'
        "             Excepting 'instances' to be an list/array"
    )
    message = refusal('{"instances": {"a": 1, "a": 2, "b": {}, "b": []}}', x=F).message
    assert message == (
        'JSON Value: {\n    "instances": {\n        "a": 1,\n        "a": 2,\n'
        '        "b": {},\n        "b": []\n    }\n} Excepting \'instances\' to be '
        "an list/array"
    )


@pytest.mark.parametrize("depth", [2, 32, 33, 253, 254, 300, 3000])
def test_a_row_may_be_nested_as_deep_as_it_likes(depth):
    # What is too deep for TensorFlow is refused later, by the call.
    made = tensors('{"instances": [%s]}' % ("[" * depth + "1.5, 2" + "]" * depth), x=F)["x"]
    assert made.shape == (1,) * depth + (2,)
    assert made.ravel().tolist() == [1.5, 2]
    made = tensors('{"inputs": %s}' % ("[" * depth + '"a"' + "]" * depth), x=dtypes.STRING)["x"]
    assert (made.shape, made.ravel().tolist()) == ((1,) * depth, [b"a"])


@pytest.mark.parametrize("count", [5, 20000])
@pytest.mark.parametrize("dtype", [dtypes.FLOAT, dtypes.DOUBLE])
def test_many_long_numbers_are_read_in_normal_precision(count, dtype):
    numbers = random.Random(3)
    texts = [
        repr(
            numbers.choice(
                [numbers.random(), numbers.gauss(0, 1e-6), numbers.random() * 1e9, 0.5 + 2.0**-25]
            )
        )
        for _ in range(count)
    ]
    made = tensors('{"instances": [%s]}' % ",".join(texts), x=dtype)["x"]
    wanted = np.array([read_float(text) for text in texts]).astype(dtypes.NUMPY[dtype])
    assert equal(made, wanted)


def features(text):
    """The features of the one example in a body, by name."""
    (serialized,) = examples.examples_from_json(json_request.Body(text.encode()))
    from tensorflow.core.example import example_pb2

    return dict(example_pb2.Example.FromString(serialized).features.feature.items())


@pytest.mark.parametrize("size", [0, 100000])
def test_an_integer_beyond_64_bits_is_a_float_feature(size):
    found = features(
        '{"examples": [{"a": -9223372036854775809, "b": 18446744073709551616}]%s}' % (" " * size)
    )
    assert found["a"].float_list.value == [-(2.0**63)]
    assert found["b"].float_list.value == [2.0**64]


def test_of_repeated_features_the_last_counts_and_a_name_ends_at_nul():
    found = features('{"examples": [{"a": 1, "a": [2.5, 3.5], "b\\u0000c": "x"}]}')
    assert sorted(found) == ["a", "b"]
    assert found["a"].float_list.value == [2.5, 3.5] and not found["a"].int64_list.value
    assert found["b"].bytes_list.value == [b"x"]


def test_a_features_kind_is_judged_before_its_base64():
    with pytest.raises(ServingError) as refused:
        features('{"examples": [{"a": [1, {"b64": "!"}]}]}')
    assert refused.value.message == ("Unexpected element type in feature: a expecting type: int64")
