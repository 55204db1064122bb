"""Multi-model endpoints of today's container (docs/contract.md#a12-multi-model)."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest
from endpoint_support import HANDLERS, REPOSITORY, descendants, gone
from ports import free_port_range
from test_a10_multi_model import PORTS, invoke
from test_a10_multi_model import load as load_from

OWN = '''
import os, sys

def handler(data, context):
    last = os.path.relpath(sys.path[-1], os.path.dirname(__file__))
    return f"{context.model_name} own, {last} is last", "text/plain"
'''
CLASH = 'raise ValueError("as asked")\n'


@pytest.fixture(scope='module')
def models(starter, todays_models):
    """What stands for /opt/ml/models; /opt/ml/code is beside it."""
    root = starter.model_dir(models={
        f'models/{name}/model': todays_models / 'half_plus_two' for name in ('two', 'own', 'bad')})
    for name, text in (('own', OWN), ('bad', CLASH)):
        code = root / 'models' / name / 'model/code'
        (code / 'lib').mkdir(parents=True)
        (code / 'inference.py').write_text(text)
    return root / 'models'


@pytest.fixture(scope='module')
def endpoint(starter, models):
    """With the model `two` loaded, by two processes."""
    endpoint = multi_model(starter, models, SAGEMAKER_TFS_INSTANCE_COUNT='2')
    endpoint.first = load(endpoint, 'two')
    return endpoint


def multi_model(starter, models, **variables):
    low = free_port_range(PORTS)
    variables.setdefault('SAGEMAKER_SAFE_PORT_RANGE', f'{low}-{low + PORTS - 1}')
    endpoint = starter.start(models, 'today', SAGEMAKER_MULTI_MODEL='true', **variables)
    endpoint.low = low
    return endpoint


def load(endpoint, name):
    return load_from(endpoint, name, f'/opt/ml/models/{name}/model')


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
    assert invoke(endpoint, 'own').text == 'own own, lib is last'
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
    os.kill(endpoint.pids('tensorflow serving')[0], signal.SIGKILL)
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
    endpoint = multi_model(
        starter, root / 'models', SAGEMAKER_TFS_INSTANCE_COUNT=instances,
        SAGEMAKER_TFS_WAIT_TIME_SECONDS='1', SAGEMAKER_SAFE_PORT_RANGE=f'{low}-{low + 3}')
    for _ in range(2):
        reply = load(endpoint, 'broken')
        assert (reply.status, reply.text) in answers
        assert endpoint.get('/models').json == {}


# -- several workers ---------------------------------------------------------------------------

@pytest.fixture(scope='module')
def workers(starter):
    """(endpoint, its two workers' process ids): a script for all models, two processes each."""
    root = starter.model_dir({'models/any/model/1/saved_model.pb': '',
                              'code/inference.py': (HANDLERS / 'probe.py').read_text()})
    endpoint = multi_model(starter, root / 'models', fake=True, SAGEMAKER_GUNICORN_WORKERS='2',
                           SAGEMAKER_TFS_INSTANCE_COUNT='2')
    gunicorn = endpoint.pid('gunicorn')
    found = endpoint.eventually(lambda: len(descendants(gunicorn)) == 2 and descendants(gunicorn),
                                'two workers')
    return endpoint, found


@contextlib.contextmanager
def answered_by(workers, one):
    """Meanwhile the other worker is stopped, and takes no request."""
    (other,) = set(workers) - {one}
    os.kill(other, signal.SIGSTOP)
    while pathlib.Path(f'/proc/{other}/stat').read_text().rpartition(')')[2].split()[0] != 'T':
        time.sleep(0.01)
    try:
        yield
    finally:
        os.kill(other, signal.SIGCONT)


def test_a10_what_one_worker_loads_others_answer_and_unload(workers):
    endpoint, (first, second) = workers
    with answered_by((first, second), first):
        assert load(endpoint, 'any').status == 200
    with answered_by((first, second), second):
        assert invoke(endpoint, 'any', 'hello').json['pid'] == second
        assert load(endpoint, 'any').status == 409
        assert list(endpoint.get('/models').json) == ['any']
        assert endpoint.request('DELETE', '/models/any').status == 200
    with answered_by((first, second), first):
        assert invoke(endpoint, 'any').status == endpoint.get('/models/any').status == 404
        assert endpoint.get('/models').json == {}


def test_a10_the_script_beside_the_models_is_for_all_and_is_told_one_processes_ports(workers):
    endpoint, _ = workers
    assert load(endpoint, 'any').status == 200
    for _ in range(8):  # drawn each time
        context = invoke(endpoint, 'any', 'hello').json['context']
        rest = int(context['rest_uri'].split('/')[2].partition(':')[2])
        assert rest in (endpoint.low + 7, endpoint.low + 8)
        assert (context['grpc_port'], context['channel']) == (rest + 9, None)
    assert endpoint.request('DELETE', '/models/any').status == 200


def test_a10_every_worker_knows_that_a_first_process_has_died(workers):
    endpoint, both = workers
    with answered_by(both, both[0]):
        assert load(endpoint, 'any').status == 200
    with answered_by(both, both[1]):  # the worker whose child it is cannot wait for it
        first = endpoint.pids('tensorflow serving')[-2]
        os.kill(first, signal.SIGKILL)
        assert gone([first])
        assert invoke(endpoint, 'any').status == 404
        assert load(endpoint, 'any').status == 200
    assert endpoint.request('DELETE', '/models/any').status == 200


def test_a10_a_models_processes_end_with_the_worker_that_loaded_it(workers):
    """Here the last test of these, since it ends a worker."""
    endpoint, both = workers
    with answered_by(both, both[0]):
        assert load(endpoint, 'any').status == 200
    os.kill(both[0], signal.SIGKILL)
    assert gone(endpoint.pids('tensorflow serving')[-2:])
    assert endpoint.eventually(lambda: invoke(endpoint, 'any').status == 404, 'no model')


# -- what takes time and memory: the application alone ------------------------------------------

@pytest.fixture(scope='module')
def failing(clean_environment, tmp_path_factory):
    program = pathlib.Path(__file__).with_name('failing_models.py')
    done = subprocess.run(
        [REPOSITORY / '.venvs/handler-today/bin/python', '-W', 'ignore', program,
         tmp_path_factory.mktemp('failing')],
        env=clean_environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize('case, status, text', [
    ('70 % in use', 408, 'Timed out after 0 seconds'),
    ('more in use', 507, 'Memory exhausted: not enough memory to start TFS instance'),
    ('not known', 408, 'Timed out after 0 seconds')])
def test_a10_a_model_that_does_not_come_lacks_time_or_memory(failing, case, status, text):
    assert failing[case] == [status, 'text/plain; charset=utf-8', text]
    assert failing['nothing loaded'] == [200, 'application/json', '{}']


def test_a10_a_models_second_process_is_started_when_its_first_one_is_ready(failing):
    assert failing['started'] == 1


@pytest.mark.parametrize('name, status, text', [
    ('silent', 504, 'Read timed out'), ('gone', 502, 'Connection refused'),
    ('status-404', 404, 'as asked'),
    ('silent, in the list', 500, 'Read timed out'),
    ('gone, in the list', 500, 'Connection refused'),
    ('status-404, in the list', 200, {'error': 'as asked'})])
def test_a10_a_model_server_that_does_not_answer_is_502_or_504(failing, name, status, text):
    found, content_type, body = failing[name]
    assert (found, content_type) == (status, 'application/json')
    said = json.loads(body)
    assert text == said['status-404'] if status == 200 else text in said['error']
