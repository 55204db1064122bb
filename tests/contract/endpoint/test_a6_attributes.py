"""X-Amzn-SageMaker-Custom-Attributes (docs/contract.md#a6)."""
import pytest


def plain_path(endpoint, attributes):
    """The address that the model server was asked at."""
    return endpoint.invoke('[1]', attributes=attributes).json['path']


PATHS = [
    (None, '/v1/models/model:predict'),
    ('tfs-model-name=other', '/v1/models/other:predict'),
    ('tfs-model-version=7', '/v1/models/model/versions/7:predict'),
    ('tfs-method=classify', '/v1/models/model:classify'),
    ('tfs-method=regress', '/v1/models/model:regress'),
    ('tfs-model-name=m,tfs-model-version=123,tfs-method=regress',
     '/v1/models/m/versions/123:regress'),
    ('trace=1, tfs-model-name=m,more', '/v1/models/m:predict'),
    ('xtfs-model-name=m', '/v1/models/m:predict'),
    ('tfs-unknown=1', '/v1/models/model:predict'),
    ('tfs-model-name=', '/v1/models/model:predict'),
    ('TFS-model-name=m', '/v1/models/model:predict'),
    ('whatever', '/v1/models/model:predict'),
]


@pytest.mark.parametrize('attributes, path', PATHS)
def test_a6_attributes_choose_model_version_and_method(plain_echo, attributes, path):
    assert plain_path(plain_echo, attributes) == path


@pytest.mark.parametrize('attributes, path', PATHS)
def test_a6_attributes_make_the_handlers_rest_uri(scripted_echo, attributes, path):
    uri = scripted_echo.probe(attributes=attributes)['context']['rest_uri']
    assert uri == f'http://localhost:{scripted_echo.rest_port}{path}'


@pytest.mark.parametrize('attributes, path', [
    ('tfs-model-name=a%5Fb', '/v1/models/a%255Fb:predict'),
    ('tfs-model-name=a?b', '/v1/models/a%3Fb:predict'),
    ('tfs-model-name=a b', '/v1/models/a%20b:predict'),
    ('tfs-model-name=a#b', '/v1/models/a%23b:predict'),
    ('tfs-model-name=a/../b', '/v1/models/a/../b:predict'),
    ('tfs-model-version=../x', '/v1/models/model/versions/../x:predict'),
    ('tfs-method=predict  ', '/v1/models/model:predict'),
    ('tfs-method=predict\t', '/v1/models/model:predict%09'),
])
def test_a6_plain_escapes_values_and_leaves_paths_to_the_model_server(plain_echo, attributes, path):
    assert plain_path(plain_echo, attributes) == path


def test_a6_plain_ignores_a_value_that_holds_an_equals_sign(plain_echo):
    assert plain_path(plain_echo, 'tfs-model-name=a=b') == '/v1/models/model:predict'


def test_a6_scripted_value_that_holds_an_equals_sign_is_500_html(scripted_echo):
    reply = scripted_echo.invoke('{}', attributes='tfs-model-name=a=b')
    assert reply.status == 500 and reply.content_type.startswith('text/html')
    assert b'Internal Server Error' in reply.body


def test_a6_the_header_name_has_any_case(plain_echo):
    reply = plain_echo.request('POST', '/invocations', '[1]', {
        'x-amzn-sagemaker-custom-attributes': 'tfs-model-name=m',
        'Content-Type': 'application/json'})
    assert reply.json['path'] == '/v1/models/m:predict'


def test_a6_the_models_answer_to_attributes(plain):
    reply = plain.invoke('{"instances": [2.0]}', attributes='tfs-model-name=half_plus_two')
    assert reply.json == {'predictions': [3.0]}
    reply = plain.invoke('{"instances": [2.0]}', attributes='tfs-model-version=124')
    assert reply.json == {'predictions': [4.5]}
    for attributes in ('tfs-method=classify', 'tfs-model-name=a/../b'):
        reply = plain.invoke('{"instances": [2.0]}', attributes=attributes)
        assert (reply.status, reply.content_type) == (400, 'application/json')
