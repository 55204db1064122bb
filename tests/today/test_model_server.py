"""The model server of 2.20 (docs/contract.md#a5-json), and the SavedModels of TensorFlow 2.x."""
import json
import pathlib
import subprocess

import pytest
from endpoint_support import REPOSITORY


def predict(endpoint, model, request, body=None):
    body = json.dumps(request) if body is None else body
    return endpoint.request('POST', f'/tfs/v1/models/{model}:predict', body)


def printed(endpoint, body):
    reply = predict(endpoint, 'half_plus_two', None, body)
    assert reply.status == 200, reply
    return reply.text.partition('[')[2].partition('\n')[0]


@pytest.mark.parametrize('x, y', [
    ('1.4', '2.7'), ('-3.8', '0.100000024'), ('-3.3333333', '0.333333373'), ('246910', '123457.0'),
    ('1999996', '1e+06'), ('16777214', '8388609.0'), ('NaN', 'NaN'), ('Infinity', 'Infinity'),
    ('-Infinity', '-Infinity'), ('1', '2.5')])
def test_a5_numbers_have_six_digits_where_they_read_back_else_nine(plain, x, y):
    assert printed(plain, '{"instances": [%s]}' % x) == y


@pytest.mark.parametrize('rest', [' more', '{"a": 1}', ']', '\x01'])
def test_a5_what_follows_the_first_json_value_is_ignored(plain, rest):
    assert printed(plain, '{"instances": [1]}' + rest) == '2.5'


def test_a5_an_elements_error_names_the_status_as_2_20_does(plain):
    reply = plain.invoke('{"junk": "data"}')
    assert reply.status == 400
    assert reply.json['error'].startswith(
        "Failed to process element: 0 key: junk of 'instances' list. Error: INVALID_ARGUMENT: ")
    error = plain.invoke('{"instances": ["]["]}').json['error']
    assert error.endswith('JSON Value: "][" Type: String is not of expected type: float')


def test_a2_a_function_is_a_signature(plain):
    assert predict(plain, 'functions', {'instances': [1.0, 2.0]}).json == {
        'predictions': [2.5, 3.0]}


def test_a2_a_table_is_filled_by_the_models_initialisation(plain):
    words = ['a', 'b', 'x', 30 * 'long', '', '電波']
    asked = {'signature_name': 'look_up', 'instances': words}
    assert predict(plain, 'functions', asked).json['predictions'] == [
        {'number': {'a': 1.0, 'b': 2.0}.get(word, -1.0), 'twice': word + word} for word in words]


def test_a2_variables_of_a_function_keep_their_values(plain):
    asked = {'signature_name': 'count', 'instances': [1.0]}
    first, second = (predict(plain, 'functions', asked).json['predictions'] for _ in range(2))
    assert second == [first[0] + 1]


def test_a2_requests_to_a_function_that_mixes_rows_share_no_run(plain):
    assert 'Requests to signature from_mean of functions do not share session runs: ' in plain.log()
    assert 'Requests to signature serving_default of functions do not' not in plain.log()
    asked = {'signature_name': 'from_mean', 'instances': [1.0, 3.0]}
    assert predict(plain, 'functions', asked).json == {'predictions': [-1.0, 1.0]}


def test_a2_strings_go_in_and_come_out(plain):
    metadata = plain.get('/tfs/v1/models/strings/metadata')
    assert metadata.status == 200
    texts = ['a', '', 22 * 'x', 23 * 'x', 24 * 'x', 100000 * 'あ', '\x00\x01']
    reply = predict(plain, 'functions', {'signature_name': 'look_up', 'inputs': texts})
    assert reply.json['outputs']['twice'] == [2 * text for text in texts]


def test_a2_keras_3s_export_answers_as_keras_does(plain, todays_models, clean_environment):
    rows = [[[(15 * row + 3 * step + value) / 30 for value in range(3)] for step in range(5)]
            for row in range(2)]
    found = predict(plain, 'keras', {'instances': rows}).json['predictions']
    expected = numbers(todays_models / 'keras.npy')
    assert [value for row in found for value in row] == pytest.approx(expected, abs=1e-6)


def numbers(path):
    """The values of a numpy file of float32."""
    import numpy
    return numpy.load(path).ravel().tolist()


def test_a5_grpc_answers_with_the_messages_of_2_20(plain, clean_environment):
    client = pathlib.Path(__file__).with_name('grpc_client.py')
    python = REPOSITORY / '.venvs/serve-today/bin/python'
    done = subprocess.run(
        [python, client, str(plain.grpc_port)], capture_output=True, text=True, check=True,
        env={**clean_environment, 'PYTHONPATH': str(REPOSITORY / 'src')})
    assert json.loads(done.stdout) == {
        'number': [1.0, -1.0], 'twice': ['aa', 80 * 'x'], 'version': 1, 'state': 30,
        'code': 'NOT_FOUND'}


def test_a8_batching_runs_requests_together(starter, todays_models):
    model_dir = starter.model_dir(models={'half_plus_two': todays_models / 'half_plus_two'})
    endpoint = starter.start(model_dir, 'today', SAGEMAKER_TFS_ENABLE_BATCHING='true',
                             SAGEMAKER_TFS_MAX_BATCH_SIZE='2')
    assert endpoint.invoke('{"instances": [1.0, 2.0]}').json == {'predictions': [2.5, 3.0]}
    too_many = endpoint.invoke('{"instances": [1.0, 2.0, 3.0]}')
    assert too_many.status == 400 and 'maximum batch size 2' in too_many.json['error']
