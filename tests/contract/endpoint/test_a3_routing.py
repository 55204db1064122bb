"""Which address is answered by what (docs/contract.md#a3)."""
import json

import pytest

NOT_FOUND = {'error': 'Not Found'}


@pytest.mark.parametrize('path', ['/', '/foo', '/pin', '/Ping', '/invocation', '/v1/models/model'])
@pytest.mark.parametrize('method', ['GET', 'POST'])
def test_a3_any_other_address_is_404_json(endpoint, path, method):
    reply = endpoint.request(method, path, body='{}' if method == 'POST' else None)
    assert (reply.status, reply.content_type) == (404, 'application/json')
    assert reply.body == b'{"error": "Not Found"}'


def test_a3_tfs_prefix_is_stripped_and_reaches_the_model_server(endpoint):
    reply = endpoint.get('/tfs/v1/models/half_plus_two')
    assert reply.status == 200
    assert reply.json['model_version_status'][0]['state'] == 'AVAILABLE'


def test_a3_predict_through_tfs_needs_no_content_type(endpoint):
    reply = endpoint.request('POST', '/tfs/v1/models/half_plus_two:predict',
                             '{"instances": [2.0]}')
    assert (reply.status, reply.json) == (200, {'predictions': [3.0]})


def test_a3_tfs_drops_request_headers_and_forces_json(echo):
    reply = echo.request('POST', '/tfs/v1/models/m:predict', 'a,b', {
        'Content-Type': 'text/csv', 'Accept': 'text/html', 'X-Other': 'x', 'Cookie': 'a=b'})
    seen = reply.json
    assert seen['headers']['content-type'] == 'application/json'
    assert seen['headers']['accept'] == 'application/json'
    assert 'x-other' not in seen['headers'] and 'cookie' not in seen['headers']
    assert (seen['method'], seen['path'], seen['body']) == ('POST', '/v1/models/m:predict', 'a,b')


def test_a3_tfs_passes_the_query_and_any_method_on(echo):
    seen = echo.request('PUT', '/tfs/anything/at:all?a=1&b=%20', 'x').json
    assert (seen['method'], seen['path']) == ('PUT', '/anything/at:all?a=1&b=%20')


def test_a3_tfs_is_a_prefix_and_strips_only_itself_with_a_slash(echo):
    assert echo.request('POST', '/tfsfoo:x').json['path'] == '/tfsfoo:x'


def test_a3_plain_ping_is_a_prefix_and_takes_any_method(plain):
    for method in ('GET', 'POST', 'DELETE', 'PUT', 'HEAD'):
        assert plain.request(method, '/ping').status == 200
    assert plain.get('/pingfoo').status == 200
    assert plain.get('/ping/foo?a=b').status == 200


def test_a3_scripted_ping_takes_get_only_at_its_own_address(scripted):
    assert scripted.get('/ping').status == 200
    assert scripted.request('POST', '/ping', '').status == 405
    assert scripted.get('/pingx').status == 404
    assert scripted.get('/ping/x').status == 404


@pytest.mark.parametrize('path', ['/invocations/x', '/invocationsfoo', '/invocations?a=b',
                                  '//invocations', '/x/../invocations', '/%69nvocations'])
@pytest.mark.parametrize('method', ['POST', 'PUT', 'GET'])
def test_a3_plain_invocations_is_a_prefix_and_takes_any_method(plain, method, path):
    reply = plain.request(method, path, '{"instances": [2.0]}',
                          {'Content-Type': 'application/json'})
    assert (reply.status, reply.json) == (200, {'predictions': [4.5]})


def test_a3_scripted_invocations_has_no_sub_path(scripted):
    assert scripted.invoke('{}', path='/invocations/x').status == 404
    assert scripted.invoke('{}', path='/invocationsx').status == 404


def test_a3_scripted_invocations_ignores_the_query(scripted):
    assert scripted.invoke('hello', path='/invocations?a=b').json['body'] == 'hello'


@pytest.mark.parametrize('method', ['GET', 'PUT', 'DELETE', 'PATCH'])
def test_a3_scripted_invocations_takes_post_only_2019(scripted_2019, method):
    assert scripted_2019.request(method, '/invocations', '{}').status == 405


@pytest.mark.parametrize('method', ['GET', 'DELETE'])
def test_a3_scripted_invocations_other_methods_are_500_in_head(scripted_head, method):
    assert scripted_head.request(method, '/invocations').status == 500


@pytest.mark.parametrize('path', ['/models', '/models/x'])
def test_a3_models_is_unknown_in_2019(plain_2019, path):
    assert plain_2019.get(path).json == NOT_FOUND


def test_a3_models_is_unknown_in_2019_with_a_script(scripted_2019):
    assert scripted_2019.get('/models').json == NOT_FOUND


def test_a3_models_in_head_without_gunicorn_is_502(plain_head):
    reply = plain_head.get('/models')
    assert reply.status == 502 and reply.content_type.startswith('text/html')


def test_a3_models_in_head_without_multi_model_is_404(scripted_head):
    assert scripted_head.get('/models').status == 404


def test_a3_there_is_no_limit_on_a_body_up_to_the_buffer(echo):
    body = json.dumps({'instances': ['x' * 20_000_000]})
    reply = echo.request('POST', '/tfs/v1/models/m:predict', body)
    assert reply.status == 200 and len(reply.json['body']) == len(body)
