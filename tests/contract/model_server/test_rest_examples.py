"""POST …:classify and …:regress, with examples as JSON objects."""
import base64

import pytest
from model_server_support import error_text


@pytest.fixture(scope='module')
def batching_server(model_servers, saved_models, tmp_path_factory):
    """A server with batching, of the model that takes examples."""
    parameters = tmp_path_factory.mktemp('batching') / 'parameters.cfg'
    parameters.write_text('max_batch_size { value: 8 }\nbatch_timeout_micros { value: 0 }\n')
    return model_servers.start(
        {'examples': saved_models('examples') / 'examples'}, '--enable_batching=true',
        f'--batching_parameters_file={parameters}')


def classify(server, body, signature=None):
    if signature:
        body = {'signature_name': signature, **body}
    return server.post('examples', body, 'classify')


def test_classify_gives_pairs_of_label_and_score(server):
    reply = classify(server, {'examples': [{'x': 0.0}, {'x': [100.0]}]})
    assert reply.text == ('{\n    "results": [[["neg", 0.5], ["pos", 0.5]], '
                          '[["neg", 0.0], ["pos", 1.0]]\n    ]\n}')


def test_classify_without_labels_or_without_scores(server):
    reply = classify(server, {'examples': [{'x': 0.0}]}, 'scores_only')
    assert reply.text == '{\n    "results": [[["", 0.5], ["", 0.5]]\n    ]\n}'
    reply = classify(server, {'examples': [{'x': 0.0}]}, 'classes_only')
    assert reply.json == {'results': [[['neg', 0.0], ['pos', 0.0]]]}


def test_regress_gives_numbers_on_one_line(server):
    reply = server.post('examples', {'signature_name': 'regress',
                                     'examples': [{'x': 1.0}, {'x': 2.5}]}, 'regress')
    assert reply.text == '{\n    "results": [2.0, 5.0]\n}'


@pytest.mark.parametrize('fixture', ['server', 'later_server', 'batching_server'])
def test_examples_are_fed_as_strings_whatever_type_the_signature_declares(fixture, request):
    server = request.getfixturevalue(fixture)
    reply = server.post('examples', {'signature_name': 'regress_declared_float',
                                     'examples': [{'x': 1.0}, {'x': 2.5}]}, 'regress')
    assert (reply.status, reply.text) == (200, '{\n    "results": [2.0, 5.0]\n}')
    reply = classify(server, {'examples': [{'x': 0.0}]}, 'classify_declared_float')
    assert reply.json == {'results': [[['neg', 0.5], ['pos', 0.5]]]}


def test_scores_and_results_have_six_digits_and_in_later_releases_as_many_as_it_takes(
        server, later_server):
    body = {'examples': [{'x': 1.0}]}
    assert classify(server, body).text == (
        '{\n    "results": [[["neg", 0.268941], ["pos", 0.731059]]\n    ]\n}')
    assert classify(later_server, body).text == (
        '{\n    "results": [[["neg", 0.268941402], ["pos", 0.731058598]]\n    ]\n}')
    body = {'signature_name': 'regress', 'examples': [{'x': 61728.35}]}
    assert server.post('examples', body, 'regress').text == '{\n    "results": [123457.0]\n}'
    assert later_server.post('examples', body, 'regress').text == (
        '{\n    "results": [123456.703]\n}')


def test_the_context_is_part_of_every_example(server):
    reply = server.post('examples', {
        'signature_name': 'regress', 'context': {'c': 10.0},
        'examples': [{'x': 1.0}, {'x': 2.5, 'c': 100.0}]}, 'regress')
    assert reply.json == {'results': [12.0, 105.0]}


def test_serialized_examples_can_be_fed_to_predict(server):
    # tf.train.Example with x = [1.5]
    example = b'\x0a\x0f\x0a\x0d\x0a\x01x\x12\x08\x12\x06\x0a\x04\x00\x00\xc0\x3f'
    reply = server.post('examples', {'signature_name': 'predict', 'instances': [
        {'b64': base64.b64encode(example).decode()}]})
    assert reply.json == {'predictions': [[3.0]]}


@pytest.mark.parametrize('body, message', [
    ('{}', "JSON Value: {} When method is classify, key 'examples' is expected and was not found"),
    ('{"examples": 1}',
     'JSON Value: {\n    "examples": 1\n} Expecting \'examples\' value to be an list/array'),
    ('{"examples": []}',
     'JSON Value: {\n    "examples": []\n} \'examples\' value is an empty array'),
    ('{"examples": [1]}', 'Example must be JSON object but got JSON Number'),
    ('{"context": [], "examples": [{}]}', 'Example must be JSON object but got JSON Array'),
    ('{"examples": [{"x": null}]}',
     'Feature: x has element with unexpected JSON type: Null'),
    ('{"examples": [{"x": [[1]]}]}',
     'Feature: x has element with unexpected JSON type: Array'),
    ('{"examples": [{"x": {"a": 1}}]}',
     'Feature: x has element with unexpected JSON type: Object'),
    ('{"examples": [{"x": [1.5, 2]}]}',
     'Unexpected element type in feature: x expecting type: float'),
    ('{"examples": [{"x": [1, "a"]}]}',
     'Unexpected element type in feature: x expecting type: int64'),
    ('{"examples": [{"x": 18446744073709551615}]}',
     'Feature: x has uint64 element. Only int64 is supported.'),
    ('{"examples": [{"a": [1, {"b64": "!"}]}]}',
     'Unexpected element type in feature: a expecting type: int64'),
    ('{"examples": [{"x": 3.4028234663852886e38}]}',
     'Cannot convert JSON value: 3.40282e+38 to float without loss of precision.'),
    ('{"examples": [{"x": 1e39}]}',
     'Cannot convert JSON value: 1e+39 to float without loss of precision.'),
    ('{"signature_name": "none", "examples": [{"x": 1.0}]}',
     'No signature was found with the name: none'),
    ('{"signature_name": "regress", "examples": [{"x": 1.0}]}',
     'Expected classification signature method_name to be tensorflow/serving/classify. Was: '
     'tensorflow/serving/regress'),
    ('{"signature_name": "flat_scores", "examples": [{"x": 1.0}]}',
     'Expected Tensor shape: [batch_size num_classes] but got [2]'),
])
def test_a_wrong_body_is_400_with_tf_servings_text(server, body, message):
    reply = server.post('examples', body, 'classify')
    assert (reply.status, error_text(reply)) == (400, message)


def test_a_body_over_64_kib_may_have_integers_beyond_64_bits(server):
    padding = '"unused": "%s", ' % ('x' * 70000)
    reply = server.post('examples', '{%s"signature_name": "regress", "examples": '
                        '[{"x": -9223372036854775809}, {"x": 18446744073709551616}]}' % padding,
                        'regress')
    assert (reply.status, reply.json) == (200, {'results': [-1.84467e+19, 3.68935e+19]})


def test_a_feature_name_that_is_no_utf8_is_400(server):
    reply = server.post('examples', b'{"examples": [{"\xff": 1.0}]}', 'classify')
    assert reply.status == 400
    assert b'Feature: \\377 has a name that is not UTF-8' in reply.body


def test_the_models_own_error_is_400(server):
    reply = classify(server, {'examples': [{'x': 'a string'}]})
    assert reply.status == 400
    assert 'Data types don\'t match' in error_text(reply)


def test_classify_on_a_predict_signature_is_400(server):
    reply = server.post('half_plus_two', {'examples': [{'x': 1.0}]}, 'classify')
    assert error_text(reply).startswith('Expected classification signature method_name')
    reply = server.post('half_plus_two', {'examples': [{'x': 1.0}]}, 'regress')
    assert error_text(reply).startswith('Expected regression signature method_name')
