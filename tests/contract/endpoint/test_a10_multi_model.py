"""Multi-model endpoints of the final container (docs/contract.md#a10)."""
import os
import re
import signal

import pytest
from endpoint_support import alive, gone
from ports import free_port_range

PORTS = 21  # nine tenths, halved: 9 REST and 9 gRPC ports


def lowest_port():
    return free_port_range(PORTS)


def multi_model(starter, model_dir, low, **variables):
    return starter.start(model_dir, 'head', SAGEMAKER_MULTI_MODEL='true',
                         SAGEMAKER_SAFE_PORT_RANGE=f'{low}-{low + PORTS - 1}', **variables)


def load(endpoint, name, url):
    return endpoint.request('POST', '/models', '{"model_name": "%s", "url": "%s"}' % (name, url))


def invoke(endpoint, name, body='{"instances": [2.0]}', **headers):
    return endpoint.request('POST', f'/models/{name}/invoke', body, headers)


@pytest.fixture(scope='module')
def models(starter, saved_models):
    made = saved_models('half_plus_two', 'half_plus_three')
    return starter.model_dir(models={
        name + '/model': made / name for name in ('half_plus_two', 'half_plus_three')})


@pytest.fixture(scope='module')
def endpoint(starter, models):
    """A multi-model endpoint with half_plus_two loaded."""
    endpoint = multi_model(starter, models, lowest_port())
    assert load(endpoint, 'two', models / 'half_plus_two/model').status == 200
    return endpoint


@pytest.fixture
def own(starter, models):
    """An endpoint without a model, for this test alone."""
    endpoint = multi_model(starter, models, lowest_port())
    yield endpoint
    endpoint.stop()


@pytest.fixture
def empty(endpoint, models):
    """The shared endpoint, its model unloaded for a while."""
    assert endpoint.request('DELETE', '/models/two').status == 200
    yield endpoint
    for name in ('two', 'three'):
        endpoint.request('DELETE', f'/models/{name}')
    assert load(endpoint, 'two', models / 'half_plus_two/model').status == 200


def test_a10_no_model_server_without_a_model_and_none_outlives_the_endpoint(own, models):
    assert own.get('/ping').status == 200
    assert 'tensorflow serving command' not in own.log()
    assert 'multi-model endpoint is enabled' in own.log()
    reply = own.get('/models')
    assert (reply.status, reply.json) == (200, {})
    load(own, 'two', models / 'half_plus_two/model')
    children = own.descendants()
    own.process.kill()
    own.process.wait()
    assert gone(children)


def test_a10_needs_a_port_range(starter, models):
    endpoint = starter.start(models, 'head', wait=False, SAGEMAKER_MULTI_MODEL='true')
    assert endpoint.ended() == 1
    assert 'SAGEMAKER_SAFE_PORT_RANGE' in endpoint.log()


def test_a10_is_unknown_in_2019(starter):
    endpoint = starter.start(starter.model_dir({'m/1/saved_model.pb': ''}), '2019', fake=True,
                             SAGEMAKER_MULTI_MODEL='true')
    assert endpoint.get('/models').json == {'error': 'Not Found'}
    endpoint.stop()


def test_a10_load_answers_200_and_takes_ports_from_the_top(starter, models):
    low = lowest_port()
    endpoint = multi_model(starter, models, low, fake=True)
    reply = load(endpoint, 'two', models / 'half_plus_two/model')
    assert reply.status == 200
    # 18 of the 20 ports: low to low + 8 for REST, low + 9 to low + 17 for gRPC.
    assert reply.json == {'success': (
        f"Successfully loaded model two, listening on rest port {{'two': {low + 8}}} "
        f"and grpc port {{'two': {low + 17}}}.")}
    endpoint.stop()


def test_a10_invoke_predicts(endpoint):
    reply = invoke(endpoint, 'two')
    assert (reply.status, reply.json) == (200, {'predictions': [3.0]})


def test_a10_invoke_forwards_the_body_untouched_whatever_its_type(endpoint):
    for content_type in ('text/csv', 'application/x-image', 'application/json; charset=utf-8'):
        reply = invoke(endpoint, 'two', **{'Content-Type': content_type})
        assert (reply.status, reply.json) == (200, {'predictions': [3.0]})


def test_a10_invoke_is_200_even_when_the_model_server_says_400(endpoint):
    reply = invoke(endpoint, 'two', '1.0,2.0', **{'Content-Type': 'text/csv'})
    assert reply.status == 200 and 'error' in reply.json


def test_a10_invoke_answers_with_the_accept_value_as_content_type(endpoint):
    assert invoke(endpoint, 'two', Accept='text/anything').content_type == 'text/anything'
    assert invoke(endpoint, 'two').content_type == 'application/json'


def test_a10_invoke_of_a_model_that_is_not_loaded_is_404(endpoint):
    reply = invoke(endpoint, 'unknown')
    assert (reply.status, reply.json) == (404, {'error': 'Model unknown is not loaded yet.'})


def test_a10_invocations_is_500(endpoint):
    reply = endpoint.invoke('{"instances": [2.0]}')
    assert (reply.status, reply.content_type) == (500, 'application/json')


def test_a10_list_gives_each_models_status(endpoint):
    reply = endpoint.get('/models')
    assert reply.status == 200
    assert reply.json['two']['model_version_status'][0]['state'] == 'AVAILABLE'


def test_a10_status_of_one_model_is_404_or_fails(endpoint):
    assert endpoint.get('/models/unknown').status == 404
    reply = endpoint.get('/models/two')
    assert reply.status == 500 and reply.content_type.startswith('text/html')


@pytest.mark.parametrize('body', ['{"model_name": "x"}', '{"url": "/x"}', 'no json', ''])
def test_a10_load_with_a_missing_key_or_bad_json_is_500_html(endpoint, body):
    reply = endpoint.request('POST', '/models', body)
    assert reply.status == 500 and reply.content_type.startswith('text/html')


def test_a10_load_of_a_path_without_a_version_is_404(own, models):
    for url in (models / 'nowhere', models / 'half_plus_two/model/00000123'):
        reply = load(own, 'x', url)
        assert reply.status == 404
        assert reply.json == {'error': f'Could not find valid base path {url} for servable x'}


def test_a10_load_again_is_409_and_takes_another_pair_of_ports(own, models):
    first = load(own, 'two', models / 'half_plus_two/model')
    assert first.status == 200
    again = load(own, 'two', models / 'half_plus_two/model')
    assert (again.status, again.json) == (409, {
        'error': "Model two is already loaded. "
                 "[Errno 17] File exists: '/sagemaker/tfs-config/two'"})
    # The ports of the running model server are forgotten: the model cannot be reached.
    assert invoke(own, 'two').status == 500


def test_a10_delete_ends_the_models_process(empty, models):
    load(empty, 'two', models / 'half_plus_two/model')
    pid = int(re.findall(r'started tensorflow serving \(pid: (\d+)\)', empty.log())[-1])
    assert alive(pid)
    reply = empty.request('DELETE', '/models/two')
    assert reply.json == {'success': 'Successfully unloaded model two.'}
    assert not alive(pid)
    assert invoke(empty, 'two').status == 404
    assert empty.request('DELETE', '/models/two').status == 404
    assert empty.get('/models').json == {}
    assert load(empty, 'two', models / 'half_plus_two/model').status == 200
    assert invoke(empty, 'two').json == {'predictions': [3.0]}


def test_a10_models_are_served_side_by_side(empty, models):
    load(empty, 'two', models / 'half_plus_two/model')
    load(empty, 'three', models / 'half_plus_three/model')
    assert sorted(empty.get('/models').json) == ['three', 'two']
    assert invoke(empty, 'two').json == {'predictions': [3.0]}
    assert invoke(empty, 'three').json == {'predictions': [4.5]}
    attributes = {'X-Amzn-SageMaker-Custom-Attributes': 'tfs-model-version=123'}
    assert invoke(empty, 'three', **attributes).json == {'predictions': [4.0]}


def test_a10_no_ports_left_is_500(starter, models):
    low = free_port_range(4)
    endpoint = starter.start(models, 'head', SAGEMAKER_MULTI_MODEL='true',
                             SAGEMAKER_SAFE_PORT_RANGE=f'{low}-{low + 4}', fake=True)
    assert load(endpoint, 'a', models / 'half_plus_two/model').status == 200
    assert load(endpoint, 'b', models / 'half_plus_two/model').status == 500
    endpoint.stop()


def test_a10_one_script_serves_all_models(starter, models):
    model_dir = starter.model_dir(models={'two': models / 'half_plus_two'}, handler='probe.py')
    endpoint = multi_model(starter, model_dir, lowest_port(), fake=True)
    assert load(endpoint, 'two', model_dir / 'two/model').status == 200
    context = invoke(endpoint, 'two', 'hello').json['context']
    assert context['model_name'] == 'two' and context['channel'] is None
    assert isinstance(context['grpc_port'], int)
    assert re.match(r'http://localhost:\d+/v1/models/two:predict$', context['rest_uri'])
    endpoint.stop()


def test_a10_the_containers_path_stands_for_the_model_directory(empty):
    assert load(empty, 'two', '/opt/ml/models/half_plus_two/model').status == 200
    assert invoke(empty, 'two').json == {'predictions': [3.0]}


@pytest.mark.parametrize('url', [
    'half_plus_three/../half_plus_two/model', './half_plus_two/./model',
    '../models/half_plus_two/model'])
def test_a10_a_url_with_dots_inside_the_models_directory_loads(endpoint, url):
    assert load(endpoint, 'dots', '/opt/ml/models/' + url).status == 200
    assert invoke(endpoint, 'dots').json == {'predictions': [3.0]}
    assert endpoint.request('DELETE', '/models/dots').status == 200


def test_a10_a_url_by_a_directory_that_is_not_there_is_404(endpoint):
    assert load(endpoint, 'none', '/opt/ml/models/none/../half_plus_two/model').status == 404


def test_a10_the_model_servers_own_address_has_nobody_behind_it(endpoint):
    reply = endpoint.get('/tfs/v1/models/two')
    assert (reply.status, reply.content_type) == (502, 'text/html')


def test_a10_the_list_is_502_when_a_model_server_has_died(starter, models):
    endpoint = multi_model(starter, models, lowest_port(), fake=True)
    assert load(endpoint, 'two', models / 'half_plus_two/model').status == 200
    pid = int(re.findall(r'started tensorflow serving \(pid: (\d+)\)', endpoint.log())[-1])
    os.kill(pid, signal.SIGKILL)
    reply = endpoint.eventually(lambda: (r := endpoint.get('/models')).status != 200 and r)
    assert (reply.status, reply.content_type) == (502, 'text/html')
    assert endpoint.get('/ping').status == 200
    endpoint.stop()
