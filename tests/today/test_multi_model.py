"""Multi-model endpoints of today's container (docs/contract.md#a10)."""
import os
import pathlib
import signal

import pytest
from endpoint_support import gone
from ports import free_port_range

PORTS = 21  # nine tenths, halved: 9 REST and 9 gRPC ports
OWN = 'def handler(data, context):\n    return context.model_name + " own", "text/plain"\n'
CLASH = 'raise ValueError("as asked")\n'


@pytest.fixture(scope='module')
def models(starter, todays_models):
    """What stands for /opt/ml/models; /opt/ml/code is beside it."""
    root = starter.model_dir(models={
        f'models/{name}/model': todays_models / 'half_plus_two' for name in ('two', 'own', 'bad')})
    for name, text in (('own', OWN), ('bad', CLASH)):
        code = root / 'models' / name / 'model/code'
        code.mkdir()
        (code / 'inference.py').write_text(text)
    return root / 'models'


@pytest.fixture(scope='module')
def endpoint(starter, models):
    """With the model `two` loaded, by two processes."""
    low = free_port_range(PORTS)
    endpoint = starter.start(
        models, 'today', SAGEMAKER_MULTI_MODEL='true', SAGEMAKER_TFS_INSTANCE_COUNT='2',
        SAGEMAKER_SAFE_PORT_RANGE=f'{low}-{low + PORTS - 1}')
    endpoint.low = low
    endpoint.first = load(endpoint, 'two')
    return endpoint


def load(endpoint, name, url=None):
    url = url or f'/opt/ml/models/{name}/model'
    return endpoint.request('POST', '/models', '{"model_name": "%s", "url": "%s"}' % (name, url))


def invoke(endpoint, name, body='{"instances": [2.0]}', **headers):
    return endpoint.request('POST', f'/models/{name}/invoke', body, headers)


def test_a10_a_load_says_the_last_processes_ports(endpoint):
    rest, grpc = endpoint.low + 8 - 1, endpoint.low + 17 - 1
    assert endpoint.first.status == 200
    said = endpoint.first.json['success']
    assert said.startswith('Successfully loaded model two, listening on rest port ')
    assert endpoint.log().count('started tensorflow serving') >= 2
    assert (f'{rest}' in said, f'{grpc}' in said) == (True, True)


def test_a10_a_loaded_model_answers_and_has_a_status(endpoint):
    assert invoke(endpoint, 'two').json == {'predictions': [3.0]}
    status = endpoint.get('/models/two').json['model']['model_version_status'][0]
    assert status['state'] == 'AVAILABLE'
    assert endpoint.get('/models').json['two']['model_version_status'][0] == status


@pytest.mark.parametrize('body, status, text', [
    ('{"model_name": "two", "url": "/opt/ml/models/two/model"}', 409,
     '{"error": "Model two is already loaded."}'),
    ('{"model_name": "a/b", "url": "/x"}', 400, '{"error": "invalid model_name: \'a/b\'"}'),
    ('{"model_name": "none", "url": "/nowhere"}', 404,
     '{"error": "Could not find valid base path /nowhere for servable none"}'),
    ('{"model_name": "two"}', 500, '{"title": "500 Internal Server Error"}'),
    ('not JSON', 500, '{"title": "500 Internal Server Error"}'),
])
def test_a10_a_load_that_cannot_be(endpoint, body, status, text):
    reply = endpoint.request('POST', '/models', body)
    assert (reply.status, reply.text) == (status, text)
    assert invoke(endpoint, 'two').status == 200


def test_a10_a_script_that_raises_is_500_and_leaves_nothing(endpoint):
    before = set(endpoint.descendants())
    assert load(endpoint, 'bad').json == {'title': '500 Internal Server Error'}
    assert invoke(endpoint, 'bad').status == 404
    assert gone(set(endpoint.descendants()) - before)


def test_a10_a_models_own_script_is_its_alone(endpoint):
    assert load(endpoint, 'own').status == 200
    assert invoke(endpoint, 'own').text == 'own own'
    assert invoke(endpoint, 'two').json == {'predictions': [3.0]}
    assert endpoint.request('DELETE', '/models/own').json == {
        'success': 'Successfully unloaded model own.'}
    assert invoke(endpoint, 'own').json == {'error': 'Model own is not loaded yet.'}


@pytest.mark.parametrize('method, path, status, error', [
    ('POST', '/invocations', 400, 'Invocation request does not contain model name.'),
    ('GET', '/models/none', 404, 'Model none is not loaded yet.'),
    ('GET', '/models/-x', 400, "invalid model_name: '-x'"),
    ('DELETE', '/models/none', 404, 'Model none is not loaded yet'),
    ('POST', '/models/none/invoke', 404, 'Model none is not loaded yet.'),
])
def test_a10_what_is_not_there(endpoint, method, path, status, error):
    reply = endpoint.request(method, path, '{}' if method == 'POST' else None)
    assert (reply.status, reply.json) == (status, {'error': error})


def test_a10_the_default_handler_checks_types_and_passes_errors_on(endpoint):
    assert invoke(endpoint, 'two', **{'Content-Type': 'a/b'}).status == 415
    reply = invoke(endpoint, 'two', '{"instances": ["x"]}')
    assert (reply.status, reply.json['title']) == (400, '400 Bad Request')
    refused = {'X-Amzn-SageMaker-Custom-Attributes': 'tfs-method=x'}
    assert invoke(endpoint, 'two', **refused).status == 400


def test_a10_a_model_whose_first_process_has_died_is_forgotten(endpoint):
    """The platform loads it again; here the last test, since it ends the model."""
    first = min(pid for pid in endpoint.descendants()
                if b'hosting.model_server' in pathlib.Path(f'/proc/{pid}/cmdline').read_bytes())
    os.kill(first, signal.SIGKILL)
    endpoint.eventually(lambda: invoke(endpoint, 'two').status == 404, 'a forgotten model')
    assert endpoint.get('/models').json == {}
    assert load(endpoint, 'two').status == 200
    assert invoke(endpoint, 'two').json == {'predictions': [3.0]}


@pytest.mark.parametrize('instances, answers', [
    ('2', [(507, '{"error": "Memory exhausted: no available ports to load the model."}')]),
    ('1', [(408, 'Timed out after 1 seconds'),
           (507, 'Memory exhausted: not enough memory to start TFS instance')])])
def test_a10_a_load_that_fails_gives_its_ports_back(starter, instances, answers):
    """One pair of ports: too few for two processes, and free again after one that does not come."""
    root = starter.model_dir({'models/broken/model/1/saved_model.pb': 'broken'})
    low = free_port_range(4)
    endpoint = starter.start(
        root / 'models', 'today', SAGEMAKER_MULTI_MODEL='true',
        SAGEMAKER_TFS_INSTANCE_COUNT=instances, SAGEMAKER_TFS_WAIT_TIME_SECONDS='1',
        SAGEMAKER_SAFE_PORT_RANGE=f'{low}-{low + 3}')
    for _ in range(2):
        reply = load(endpoint, 'broken')
        assert (reply.status, reply.text) in answers
        assert endpoint.get('/models').json == {}
