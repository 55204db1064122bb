"""POST …:predict: both formats, every type, and TF Serving 1.13's layout and texts."""
import base64
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_server_support import error_text


def test_row_format_has_the_layout_that_clients_pin(server):
    reply = server.post('half_plus_three', '{"instances": [1.0, 2.0, 5.0]}', version=123)
    assert (reply.status, reply.text) == (200, '{\n    "predictions": [3.5, 4.0, 5.5\n    ]\n}')
    assert reply.headers['content-type'] == 'application/json'


def test_column_format_has_one_value_a_line(server):
    reply = server.post('half_plus_two', '{"inputs": [1.0, 2.0]}')
    assert (reply.status, reply.text) == (
        200, '{\n    "outputs": [\n        2.5,\n        3.0\n    ]\n}')


def test_a2_the_highest_version_answers_and_each_one_by_its_number(server):
    assert server.post('half_plus_three', '{"instances": [2.0]}').json == {'predictions': [4.5]}
    for version, expected in ((123, 4.0), (124, 4.5)):
        reply = server.post('half_plus_three', '{"instances": [2.0]}', version=version)
        assert reply.json == {'predictions': [expected]}


def test_the_content_type_does_not_matter(server):
    reply = server.request('POST', '/v1/models/half_plus_two:predict', b'{"instances": [2.0]}',
                           {'Content-Type': 'text/plain'})
    assert reply.json == {'predictions': [3.0]}


def test_named_inputs_and_outputs_in_row_format(server):
    reply = server.post('signatures', {'instances': [{'a': [1, 2], 'b': 10},
                                                     {'a': [3, 4], 'b': 20}]})
    assert reply.text == (
        '{\n    "predictions": [\n'
        '        {\n            "total": 13.0,\n            "twice": 20\n        },\n'
        '        {\n            "total": 27.0,\n            "twice": 40\n        }\n'
        '    ]\n}')


def test_named_inputs_and_outputs_in_column_format(server):
    reply = server.post('signatures', {'inputs': {'a': [[1, 2]], 'b': [10]}})
    assert reply.text == (
        '{\n    "outputs": {\n        "total": [\n            13.0\n        ],\n'
        '        "twice": [\n            20\n        ]\n    }\n}')


def test_one_named_input_and_one_output_lose_the_name(server):
    reply = server.post('signatures', {'signature_name': 'pairs', 'instances': [{'a': [1, -2]}]})
    assert reply.text == '{\n    "predictions": [[-1.0, 2.0]\n    ]\n}'


@pytest.mark.parametrize('value', [3.5, [1.5], [[1.5, 2.5]], [[[[[1.5]]]]], [], [[], []]], ids=str)
def test_any_rank_in_column_format(server, value):
    reply = server.post('signatures', {'signature_name': 'any_rank', 'inputs': value})
    assert (reply.status, reply.json) == (200, {'outputs': value})


def test_a_scalar_in_column_format(server):
    reply = server.post('signatures', {'signature_name': 'scalar', 'inputs': 3})
    assert reply.text == '{\n    "outputs": 9.0\n}'


@pytest.mark.parametrize('dtype, values', [
    ('float32', [0.1, -0.0, 1e10, 3.4e38]), ('float64', [0.1, 1e-300, 123456.0]),
    ('int8', [-128, 127]), ('int16', [-32768, 32767]), ('int32', [-2**31, 2**31 - 1]),
    ('int64', [-2**63, 2**63 - 1]), ('uint8', [0, 255]), ('uint32', [0, 2**32 - 1]),
    ('uint64', [0, 2**64 - 1]), ('bool', [True, False]), ('string', ['', 'a"\\\n', 'あ'])])
def test_every_type_that_json_can_hold_comes_back_as_sent(server, dtype, values):
    for body in ({'inputs': values}, {'instances': [[value] for value in values]}):
        reply = server.post('all_dtypes', {'signature_name': dtype, **body})
        assert reply.status == 200
        [(key, got)] = reply.json.items()
        assert got == (values if key == 'outputs' else [[value] for value in values])


@pytest.mark.parametrize('dtype', ['float16', 'uint16', 'complex64', 'bfloat16'])
def test_a_type_that_json_cannot_fill_is_501(server, dtype):
    reply = server.post('all_dtypes', {'signature_name': dtype, 'inputs': [1.5]})
    name = {'float16': 'half'}.get(dtype, dtype)
    assert (reply.status, error_text(reply)) == (
        501, f'Conversion of JSON Value: 1.5 to type: {name}')


@pytest.mark.parametrize('dtype', ['float16', 'uint16', 'complex64', 'complex128', 'bfloat16'])
def test_an_empty_tensor_of_such_a_type_is_an_empty_list(server, dtype):
    reply = server.post('all_dtypes', {'signature_name': dtype, 'inputs': []})
    assert (reply.status, reply.text) == (200, '{\n    "outputs": []\n}')
    reply = server.post('all_dtypes', {'signature_name': dtype, 'inputs': [[], []]})
    assert (reply.status, reply.json) == (200, {'outputs': [[], []]})
    reply = server.post('all_dtypes', {'signature_name': dtype, 'instances': [[]]})
    assert (reply.status, reply.json) == (200, {'predictions': [[]]})


NUMBERS = ('[0.2, 0.3333333333, 9000000.0, 0.00003, 16777215, 123456.7, 555557.5, NaN, Infinity, '
           '-Infinity, 2]')


@pytest.mark.parametrize('fixture, texts', [
    ('server', ['0.2', '0.333333', '9e+06', '3e-05', '1.67772e+07', '123457.0', '555558.0']),
    ('later_server', ['0.2', '0.333333343', '9e+06', '3e-05', '16777215.0', '123456.703',
                      '555557.5'])])
def test_numbers_are_printed_as_tf_serving_prints_them(fixture, texts, request):
    reply = request.getfixturevalue(fixture).post(
        'all_dtypes', '{"signature_name": "float32", "inputs": %s}' % NUMBERS)
    assert reply.text == '{\n    "outputs": [\n        %s\n    ]\n}' % ',\n        '.join(
        [*texts, 'NaN', 'Infinity', '-Infinity', '2.0'])


def test_the_words_for_missing_keys_are_those_of_the_release(server, later_server):
    for which, words in ((server, 'must only have keys: '),
                         (later_server, 'keys must be equal to: ')):
        reply = which.post('signatures', '{"instances": [{"a": [1, 2]}]}')
        assert (reply.status, error_text(reply)) == (
            400, "Failed to process element: 0 of 'instances' list. JSON object: {\n"
                 '    "a": [\n        1,\n        2\n    ]\n} ' + words + 'a,b')


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-2.0 ** 127, 2.0 ** 127, width=32), min_size=1))
def test_any_float32_comes_back_with_six_digits(server, values):
    reply = server.post('all_dtypes', {'signature_name': 'float32', 'inputs': values})
    assert reply.json['outputs'] == [float('%.6g' % value) for value in values]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_any_float64_comes_back_with_six_digits(server, values):
    reply = server.post('all_dtypes', {'signature_name': 'float64', 'inputs': values})
    assert reply.json['outputs'] == pytest.approx(values, rel=5.1e-6, abs=1e-320)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-2.0 ** 127, 2.0 ** 127, width=32), min_size=1))
def test_any_float32_survives_the_way_to_a_later_release_and_back(later_server, values):
    reply = later_server.post('all_dtypes', {'signature_name': 'float32', 'inputs': values})
    back = [struct.unpack('<f', struct.pack('<f', value))[0] for value in reply.json['outputs']]
    assert back == values


def test_doubles_are_read_in_rapidjsons_normal_precision(later_server):
    reply = later_server.post('all_dtypes', '{"signature_name": "float64", "inputs": '
                              '[0.9424502837770503, 0.25]}')
    assert reply.json == {'outputs': [0.9424502837770504, 0.25]}


def test_base64_goes_in_as_an_object_and_comes_out_under_bytes_names(server):
    raw = b'\xff\x00binary'
    encoded = base64.b64encode(raw).decode()
    reply = server.post('strings', {'instances': [{'b64': base64.b64encode(b'abc').decode()}]})
    assert reply.text == (
        '{\n    "predictions": [\n        {\n            "text": "abc",\n'
        '            "text_bytes": {\n                "b64": "YWJj"\n            }\n        }\n'
        '    ]\n}')
    reply = server.post('strings', {'inputs': [{'b64': encoded}]})
    assert b'"\xff\\u0000binary"' in reply.body
    assert f'"b64": "{encoded}"'.encode() in reply.body
    reply = server.post('strings', {'signature_name': 'length', 'instances': [{'b64': encoded}]})
    assert reply.json == {'predictions': [len(raw)]}


def test_an_asset_was_loaded(server):
    assert server.post('assets', {'instances': ['zero', '二', '?']}).json == {
        'predictions': [0, 2, -1]}


@pytest.mark.parametrize('body, message', [
    ('', 'JSON Parse error: The document is empty'),
    ('{"instances": [1.0', "JSON Parse error: Missing a comma or ']' after an array element. at "
                           'offset: 18'),
    ('{"instances": [1.0],}', 'JSON Parse error: Missing a name for object member. at offset: 20'),
    ('[1.0]', 'JSON Value: [\n    1.0\n] Is not object'),
    ('{}', "Missing 'inputs' or 'instances' key"),
    ('{"instances": []}', 'JSON Value: {\n    "instances": []\n} No values in \'instances\' array'),
    ('{"instances": ["a"]}', "Failed to process element: 0 of 'instances' list. Error: Invalid "
     'argument: JSON Value: "a" Type: String is not of expected type: float'),
    ('{"instances": [1, [2]]}', "Failed to process element: 1 of 'instances' list. Error: Invalid "
     'argument: Expecting shape [] but got: [1]'),
    ('{"instances": [{"z": 1}]}', "Failed to process element: 0 key: z of 'instances' list. Error: "
     'Invalid argument: JSON object: does not have named input: z'),
    ('{"instances": [16777216]}', "Failed to process element: 0 of 'instances' list. Error: "
     'Invalid argument: Cannot convert JSON value: 16777216 to float without loss of precision.'),
    ('{"signature_name": "none", "instances": [1]}',
     'Serving signature name: "none" not found in signature def'),
])
def test_a_wrong_body_is_400_with_tf_servings_text(server, body, message):
    reply = server.post('half_plus_two', body)
    assert (reply.status, error_text(reply)) == (400, message)
    assert reply.headers['content-type'] == 'application/json'


def test_errors_are_c_escaped_which_is_not_always_json(server):
    reply = server.post('half_plus_two', '{"instances": ["あ\'"]}'.encode())
    assert reply.body == (
        b'{ "error": "Failed to process element: 0 of \\\'instances\\\' list. Error: Invalid '
        b'argument: JSON Value: \\"\\343\\201\\202\\\'\\" Type: String is not of expected type: '
        b'float" }')


def test_an_empty_input_map_is_400(server):
    reply = server.post('signatures', {'signature_name': 'nothing_in', 'inputs': {}})
    assert (reply.status, error_text(reply)) == (
        400, 'Failed to get input map for signature: nothing_in')


def test_a_method_name_of_nobodys_is_500(server):
    reply = server.post('signatures', {'signature_name': 'odd_method', 'instances': [[1, 2]]})
    assert reply.status == 500
    assert error_text(reply).endswith('Was: somebody/elses/method')


def test_outputs_of_different_sizes_cannot_be_rows_but_can_be_columns(server):
    body = {'signature_name': 'two_sizes', 'instances': [[1, 2], [3, 4]]}
    reply = server.post('signatures', body)
    assert reply.status == 400
    assert 'has inconsistent batch size' in error_text(reply)
    body['inputs'] = body.pop('instances')
    assert server.post('signatures', body).json == {
        'outputs': {'flat': [1, 2, 3, 4], 'rows': [[1, 2], [3, 4]]}}


def test_a_scalar_output_cannot_be_a_row(server):
    reply = server.post('signatures', {'signature_name': 'scalar', 'inputs': 2})
    assert reply.status == 200
    reply = server.post('signatures', {'signature_name': 'any_rank', 'instances': [[[1]]]})
    assert reply.json == {'predictions': [[[1.0]]]}


def test_an_operations_error_is_400_with_tensorflows_text(server):
    reply = server.post('failing', {'instances': [[-1.0]]})
    assert reply.status == 400
    assert error_text(reply).startswith('not a number : Tensor had NaN values\n\t [[')


@pytest.mark.parametrize('path, status, message', [
    ('/v1/models/none:predict', 404, 'Servable not found for request: Latest(none)'),
    ('/v1/models/half_plus_two/versions/9:predict', 404,
     'Servable not found for request: Specific(half_plus_two, 9)'),
    ('/v1/models/half_plus_two', 400, 'Malformed request: POST /v1/models/half_plus_two'),
    ('/v1/models/half_plus_two:explain', 400,
     'Malformed request: POST /v1/models/half_plus_two:explain'),
    ('/v1/models/half_plus_two:PREDICT', 400,
     'Malformed request: POST /v1/models/half_plus_two:PREDICT'),
    ('/v1/models/half_plus_two/versions/x:predict', 400,
     'Malformed request: POST /v1/models/half_plus_two/versions/x:predict'),
])
def test_a_wrong_path_is_an_error_of_its_own(server, path, status, message):
    reply = server.request('POST', path, b'{"instances": [1.0]}')
    assert (reply.status, error_text(reply)) == (status, message)


def test_a_version_beyond_64_bits_is_400_without_a_body(server):
    reply = server.post('half_plus_two', '{"instances": [1.0]}', version=10**30)
    assert (reply.status, reply.body) == (400, b'')


def test_a_path_outside_v1_is_the_http_librarys_404(server):
    reply = server.request('POST', '/v2/models/half_plus_two:predict', b'{}')
    assert reply.status == 404
    assert b'<H1>Not Found</H1>' in reply.body
    assert reply.headers['content-type'] == 'text/html'


def test_the_path_ignores_case_but_for_names_and_methods(server):
    reply = server.request('POST', '/V1/Models/half_plus_two:predict', b'{"instances": [2.0]}')
    assert reply.json == {'predictions': [3.0]}


def test_one_connection_serves_many_requests(server):
    connection = server.connection()
    for value in range(20):
        reply = server.post('half_plus_two', {'instances': [value]}, connection=connection)
        assert reply.json == {'predictions': [value / 2 + 2]}
    connection.close()


def test_a_large_body_is_answered(server):
    rows = [[float(index), 1.0] for index in range(100000)]
    reply = server.post('signatures', {'signature_name': 'pairs', 'instances': rows})
    assert reply.status == 200
    assert reply.json['predictions'] == [[-a, -b] for a, b in rows]


BAD = st.binary(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(['instances', 'inputs', 'signature_name', 'x', 'b64']), inner, max_size=3),
    max_leaves=10).map(lambda value: json.dumps(value).encode())


@settings(max_examples=150, deadline=None)
@given(BAD)
def test_no_body_makes_anything_but_an_answer(server, body):
    reply = server.post('half_plus_two', body)
    assert reply.status in (200, 400)
    if reply.status == 200:
        assert {'predictions', 'outputs'} & set(reply.json)
        assert b'instances' in body or b'inputs' in body


def test_deep_nesting_is_a_tensor_or_an_error_and_no_crash(server):
    for depth in (2, 32, 40, 253):
        # One more dimension is that of the instances.
        row = '[' * depth + '1' + ']' * depth
        reply = server.post('half_plus_two', '{"instances": [%s]}' % row)
        assert reply.status == 200
        assert reply.text.replace(' ', '').replace('\n', '') == '{"predictions":[%s]}' % (
            row.replace('1', '2.5'))
        reply = server.post('half_plus_two', '{"inputs": %s}' % row)
        assert reply.json == {'outputs': json.loads(row.replace('1', '2.5'))}
    for depth in (255, 500, 5000):
        body = '{"inputs": %s1%s}' % ('[' * depth, ']' * depth)
        reply = server.post('half_plus_two', body)
        assert (reply.status, error_text(reply)) == (400, 'tensor parsing error: x')
    reply = server.post('half_plus_two', '{"instances": [%s1%s]}' % ('[' * 254, ']' * 254))
    assert (reply.status, error_text(reply)) == (400, 'tensor parsing error: x')
    for depth in (40, 500, 2000, 200000):
        body = b'{"instances": ' + b'{"x":' * depth + b'1' + b'}' * depth + b'}'
        assert server.post('half_plus_two', body).status == 400
    assert server.post('half_plus_two', b'{"instances": ' + b'[' * 200000).status == 400
    assert server.post('half_plus_two', '{"instances": [2.0]}').status == 200
