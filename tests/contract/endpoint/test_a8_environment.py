"""The environment variables (docs/contract.md#a8): that they arrive where they count.

What values are taken, refused and defaulted to: tests/unit/hosting/test_hosting_settings.py.
"""
import concurrent.futures
import json
import os
import re

import pytest
from ports import free_port_range

BUNDLE = {'model/1/saved_model.pb': ''}


def started(starter, contract='2019', handler=None, **variables):
    return starter.start(starter.model_dir(BUNDLE, handler=handler), contract, fake=True,
                         **variables)


def refused(starter, **variables):
    """The log of an endpoint that does not start."""
    endpoint = starter.start(starter.model_dir(BUNDLE), fake=True, wait=False, **variables)
    assert endpoint.ended() == 1
    return endpoint.log()


def test_a8_the_public_port_is_8080_by_default_and_bind_to_port_changes_it(plain_echo):
    # The default would collide with whatever a developer has there; see the unit tests.
    assert f'--port {plain_echo.port} ' in plain_echo.command('nginx')
    assert plain_echo.get('/ping').status == 200


def test_a8_batching_gives_the_flags_and_warns_of_each_default(starter):
    endpoint = started(starter, SAGEMAKER_TFS_ENABLE_BATCHING='TRUE')
    command = endpoint.command('tensorflow serving')
    assert '--enable_batching=true --batching_parameters_file=' in command
    cpus = os.cpu_count()
    for name, default in (('max_batch_size', 8), ('batch_timeout_micros', 1000),
                          ('num_batch_threads', cpus), ('max_enqueued_batches', cpus)):
        assert f'{name} {{ value: {default} }}\n' in endpoint.log()
        assert f'{name} defaulted to {default}' in endpoint.log()
        assert f'SAGEMAKER_TFS_{name.upper()}' in endpoint.log()
    endpoint.stop()


def test_a8_batching_parameters_are_taken_over_without_warning(starter):
    endpoint = started(starter, SAGEMAKER_TFS_ENABLE_BATCHING='true',
                       SAGEMAKER_TFS_MAX_BATCH_SIZE='64',
                       SAGEMAKER_TFS_BATCH_TIMEOUT_MICROS='7',
                       SAGEMAKER_TFS_NUM_BATCH_THREADS='3',
                       SAGEMAKER_TFS_MAX_ENQUEUED_BATCHES='9')
    assert ('max_batch_size { value: 64 }\nbatch_timeout_micros { value: 7 }\n'
            'num_batch_threads { value: 3 }\nmax_enqueued_batches { value: 9 }\n'
            in endpoint.log())
    assert 'defaulted' not in endpoint.log()
    endpoint.stop()


def test_a8_any_other_batching_value_is_a_start_error(starter):
    log = refused(starter, SAGEMAKER_TFS_ENABLE_BATCHING='yes')
    assert "ValueError: SAGEMAKER_TFS_ENABLE_BATCHING must be 'true' or 'false'" in log


def test_a8_nginx_log_level_is_error_and_batching_off_by_default(starter):
    endpoint = started(starter, SAGEMAKER_TFS_ENABLE_BATCHING='False')
    assert '--log-level error' in endpoint.command('nginx')
    assert 'batching' not in endpoint.log()
    endpoint.invoke('[1]', attributes='tfs-model-name=die')
    endpoint.wait_in_log(r'\[error\] .* upstream prematurely closed connection')
    endpoint.stop()


def test_a8_nginx_log_level_is_settable(starter):
    endpoint = started(starter, SAGEMAKER_TFS_NGINX_LOGLEVEL='crit')
    endpoint.invoke('[1]', attributes='tfs-model-name=die')
    endpoint.wait_in_log('unexpected tensorflow serving exit')
    assert '[error]' not in endpoint.log()
    endpoint.stop()


# -- the last container's ---------------------------------------------------------------------

HEAD_GUNICORN = {
    'SAGEMAKER_GUNICORN_WORKERS': '2', 'SAGEMAKER_GUNICORN_THREADS': '3',
    'SAGEMAKER_GUNICORN_TIMEOUT_SECONDS': '90', 'SAGEMAKER_GUNICORN_LOGLEVEL': 'warning'}


def test_a8_gunicorn_variables_in_head(starter, tmp_path):
    endpoint = started(starter, 'head', 'probe.py', **HEAD_GUNICORN)
    command = endpoint.command('gunicorn')
    for option in ('--workers 2', '--threads 3', '--timeout 90', '--log-level warning'):
        assert option in command
    assert 'Booting worker' not in endpoint.log()  # an INFO message
    begun, until = tmp_path / 'begun', tmp_path / 'until'
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        held = pool.submit(endpoint.invoke, json.dumps(
            {'do': 'hold', 'begun': str(begun), 'until': str(until)}))
        endpoint.eventually(begun.exists, 'a worker that is busy')
        other = endpoint.probe()['pid']
        until.touch()
        assert held.result().json['pid'] != other
    # The proxy never gives up before gunicorn does.
    assert '--read-timeout 90' in endpoint.command('nginx')
    endpoint.stop()


def test_a8_gunicorn_variables_are_unknown_in_2019(starter):
    endpoint = started(starter, '2019', 'probe.py', **HEAD_GUNICORN)
    command = endpoint.command('gunicorn')
    assert '--workers' not in command and '--timeout' not in command
    assert '--read-timeout 60' in endpoint.command('nginx')
    endpoint.stop()


@pytest.mark.parametrize('worker_class', ['sync', 'gthread'])
def test_a8_gunicorn_worker_class_in_head(starter, worker_class):
    endpoint = started(starter, 'head', 'probe.py', SAGEMAKER_GUNICORN_WORKER_CLASS=worker_class)
    assert f'-k {worker_class} ' in endpoint.command('gunicorn')
    for text in ('one', 'two', 'three'):
        assert endpoint.probe(text)['body'] == text
    assert endpoint.invoke('{"do": "threads"}').text == 'False'
    endpoint.stop()


def test_a8_timeout_parallelism_and_omp_num_threads_in_head(starter):
    endpoint = started(starter, 'head', SAGEMAKER_NGINX_PROXY_READ_TIMEOUT_SECONDS='120',
                       SAGEMAKER_TFS_INTER_OP_PARALLELISM='2',
                       SAGEMAKER_TFS_INTRA_OP_PARALLELISM='3', OMP_NUM_THREADS='4')
    assert '--read-timeout 120' in endpoint.command('nginx')
    command = endpoint.command('tensorflow serving')
    assert '--tensorflow_inter_op_parallelism=2' in command
    assert '--tensorflow_intra_op_parallelism=3' in command
    assert 'OMP_NUM_THREADS=4' in endpoint.log()
    endpoint.stop()


def test_a8_parallelism_of_0_omits_the_flags(plain_echo):
    assert 'parallelism' not in plain_echo.command('tensorflow serving')


def test_a8_omp_num_threads_is_1_in_head_when_unset(plain_echo_head, plain_echo_2019):
    assert 'OMP_NUM_THREADS=1' in plain_echo_head.log()
    assert 'OMP_NUM_THREADS=None' in plain_echo_2019.log()


def test_a8_several_model_servers_in_head(starter):
    low = free_port_range(7)
    endpoint = started(starter, 'head', 'probe.py', SAGEMAKER_TFS_INSTANCE_COUNT='3',
                       SAGEMAKER_SAFE_PORT_RANGE=f'{low}-{low + 6}')
    commands = re.findall(r'tensorflow serving command: (.*)', endpoint.log())
    ports = [tuple(int(port) for port in re.findall(r'port=(\d+)', command))
             for command in commands]
    assert ports == [(low, low + 1), (low + 2, low + 3), (low + 4, low + 5)]
    contexts = [endpoint.probe()['context'] for _ in range(60)]
    grpc = {int(context['grpc_port']) for context in contexts}
    rest = {int(re.search(r':(\d+)/', context['rest_uri']).group(1)) for context in contexts}
    assert grpc == {low, low + 2, low + 4} and rest == {low + 1, low + 3, low + 5}
    pairs = {(context['grpc_port'], context['rest_uri']) for context in contexts}
    assert len(pairs) > 3, 'the two ports are drawn independently'
    # One of them dies: the others answer what comes through the front meanwhile.
    os.kill(endpoint.pid('tensorflow serving'), 9)
    assert {endpoint.get('/tfs/v1/models/model').status for _ in range(9)} == {200}
    endpoint.stop()


def test_a8_the_default_model_name_and_its_ports_reach_the_handler(scripted_echo_2019):
    environment = scripted_echo_2019.probe()['environment']
    assert environment['TFS_DEFAULT_MODEL_NAME'] == 'model'
    assert environment['TFS_REST_PORT'] == str(scripted_echo_2019.rest_port)
    assert environment['TFS_GRPC_PORT'] == str(scripted_echo_2019.grpc_port)
