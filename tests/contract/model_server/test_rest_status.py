"""GET /v1/models/…: status and metadata, as protobuf's JSON printer lays them out."""
import pytest
from model_server_support import error_text

ONE_VERSION = '''{
 "model_version_status": [
  {
   "version": "123",
   "state": "AVAILABLE",
   "status": {
    "error_code": "OK",
    "error_message": ""
   }
  }
 ]
}
'''


def test_status_of_a_model(server):
    reply = server.get('/v1/models/half_plus_two')
    assert (reply.status, reply.text) == (200, ONE_VERSION)
    assert reply.headers['content-type'] == 'application/json'


def test_status_of_one_version(server):
    assert server.get('/v1/models/half_plus_three/versions/123').text == ONE_VERSION


def test_status_lists_all_versions_from_the_highest_down(server):
    versions = server.get('/v1/models/half_plus_three').json['model_version_status']
    assert [item['version'] for item in versions] == ['124', '123']


def tensor(name):
    return f'''"{name}": {{
     "dtype": "DT_FLOAT",
     "tensor_shape": {{
      "dim": [
       {{
        "size": "-1",
        "name": ""
       }}
      ],
      "unknown_rank": false
     }},
     "name": "{name}:0"
    }}'''


METADATA = '''{
"model_spec":{
 "name": "half_plus_two",
 "signature_name": "",
 "version": "123"
}
,
"metadata": {"signature_def": {
 "signature_def": {
  "serving_default": {
   "inputs": {
    ''' + tensor('x') + '''
   },
   "outputs": {
    ''' + tensor('y') + '''
   },
   "method_name": "tensorflow/serving/predict"
  }
 }
}
}
}
'''


@pytest.mark.parametrize('path', ['half_plus_two', 'half_plus_two/versions/123'])
def test_metadata_are_the_signatures(server, path):
    reply = server.get(f'/v1/models/{path}/metadata')
    assert (reply.status, reply.text) == (200, METADATA)


def test_metadata_of_unknown_ranks_and_of_no_inputs(server):
    signatures = server.get('/v1/models/signatures/metadata').json[
        'metadata']['signature_def']['signature_def']
    assert signatures['any_rank']['inputs']['anything']['tensor_shape'] == {
        'dim': [], 'unknown_rank': True}
    assert signatures['scalar']['inputs']['scalar']['tensor_shape'] == {
        'dim': [], 'unknown_rank': False}
    assert signatures['nothing_in']['inputs'] == {}
    assert sorted(signatures) == sorted([
        'serving_default', 'one_output', 'pairs', 'any_rank', 'scalar', 'two_sizes', 'nothing_in',
        'odd_method'])


@pytest.mark.parametrize('path, status, message', [
    ('/v1/models/none', 404, 'Could not find any versions of model none'),
    ('/v1/models/half_plus_two/versions/7', 404, 'Could not find version 7 of model half_plus_two'),
    ('/v1/models/none/metadata', 404, 'Servable not found for request: Latest(none)'),
    ('/v1/models/half_plus_two/versions/7/metadata', 404,
     'Servable not found for request: Specific(half_plus_two, 7)'),
    ('/v1/models', 400, 'Missing model name in request.'),
    ('/v1/models/half_plus_two/nonsense', 400,
     'Malformed request: GET /v1/models/half_plus_two/nonsense'),
    ('/v1/models/half_plus_two:predict', 400,
     'Malformed request: GET /v1/models/half_plus_two:predict'),
    ('/v1/models/half_plus_two/versions/99999999999999999999', 400,
     'Failed to convert version: 99999999999999999999 to numeric.'),
])
def test_what_is_not_there_is_said_in_tf_servings_words(server, path, status, message):
    reply = server.get(path)
    assert (reply.status, error_text(reply)) == (status, message)


@pytest.mark.parametrize('method', ['PUT', 'DELETE', 'PATCH', 'OPTIONS'])
def test_other_methods_are_malformed(server, method):
    reply = server.request(method, '/v1/models/half_plus_two')
    assert (reply.status, error_text(reply)) == (
        400, f'Malformed request: {method} /v1/models/half_plus_two')


@pytest.mark.parametrize('path', ['/', '/v2/models/x', '/ping', '/v1'])
def test_other_paths_are_the_http_librarys_404(server, path):
    reply = server.get(path)
    assert (reply.status, reply.headers['content-type']) == (404, 'text/html')
    assert b'<TITLE>404 Not Found</TITLE>' in reply.body
