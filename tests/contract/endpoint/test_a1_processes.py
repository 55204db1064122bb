"""Processes, ports, start order (docs/contract.md#a1)."""
import os
import re
import socket

import pytest
from ports import free_port_range

BUNDLE = {'model/1/saved_model.pb': ''}


def order(endpoint, *patterns):
    """Whether the patterns occur in the log in that order, each after the other."""
    return re.search('(?s)' + '.*'.join(patterns), endpoint.log()) is not None


def test_a1_plain_endpoint_is_a_model_server_and_a_front(plain_echo):
    log = plain_echo.log()
    assert log.count('INFO:__main__:started tensorflow serving') == 1
    assert log.count('INFO:__main__:started nginx') == 1
    assert 'gunicorn command' not in log
    assert plain_echo.get('/ping').status == 200


def test_a1_a_script_adds_gunicorn_with_one_gevent_worker(scripted_echo):
    assert scripted_echo.log().count('Booting worker with pid') == 1
    assert re.search(r'-b unix:\S+/gunicorn\.sock', scripted_echo.command('gunicorn'))


def test_a1_inference_py_alone_decides_on_the_mode(starter):
    endpoint = starter.start(starter.model_dir({**BUNDLE, 'code/other.py': '', 'inference.py': ''}),
                             fake=True)
    assert endpoint.get('/invocations').status == 415
    assert 'gunicorn command' not in endpoint.log()
    endpoint.stop()


def test_a1_what_starts_in_which_order_and_with_what_is_in_the_log_2019(starter):
    endpoint = starter.start(starter.model_dir(BUNDLE, handler='probe.py'), fake=True,
                             SAGEMAKER_TFS_ENABLE_BATCHING='true')
    assert order(endpoint, 'starting services', 'model config', 'nginx config', 'batching config',
                 'started tensorflow serving', 'started gunicorn', 'started nginx')
    log = endpoint.log()
    assert 'INFO:__main__:tensorflow serving model config: \nmodel_config_list: {\n' in log
    assert 'INFO:__main__:batching config: \nmax_batch_size { value: 8 }\n' in log
    assert 'INFO:__main__:tensorflow version info:\nfake model server\n' in log
    for name in ('tensorflow serving', 'gunicorn', 'nginx'):
        assert f'INFO:__main__:{name} command: ' in log
    endpoint.stop()


def test_a1_start_order_head_waits_for_the_model_and_for_gunicorn(scripted_echo_head):
    assert order(scripted_echo_head, 'model config', 'started tensorflow serving',
                 'fake model server', 'nginx config', 'started gunicorn',
                 'gunicorn server is ready!', 'started nginx')


def test_a1_2019_does_not_wait_for_the_model(starter):
    endpoint = starter.start(starter.model_dir(BUNDLE), wait=False,
                             TENSORFLOW_MODEL_SERVER=starter.program('sleep 1000'))
    endpoint.wait_in_log('started nginx')
    endpoint.stop()


def test_a1_head_waits_for_the_model_no_longer_than_told(starter):
    endpoint = starter.start(starter.model_dir(BUNDLE), 'head', wait=False,
                             SAGEMAKER_TFS_WAIT_TIME_SECONDS='1',
                             TENSORFLOW_MODEL_SERVER=starter.program('sleep 1000'))
    assert endpoint.ended() == 1
    assert 'started nginx' not in endpoint.log()
    assert 'SAGEMAKER_TFS_WAIT_TIME_SECONDS' in endpoint.log()


def test_a1_head_stops_while_it_waits(starter):
    endpoint = starter.start(starter.model_dir(BUNDLE), 'head', wait=False,
                             TENSORFLOW_MODEL_SERVER=starter.program('sleep 1000'))
    endpoint.wait_in_log('started tensorflow serving')
    assert endpoint.stop() == 0


def test_a1_what_a_model_server_leaves_for_a_while_goes_with_the_endpoint(starter):
    endpoint = starter.start(
        starter.model_dir(BUNDLE), wait=False, TENSORFLOW_MODEL_SERVER=starter.program(
            '''sh -c 'touch "$TMPDIR/left" && echo "left in $TMPDIR;" && sleep 1000' '''))
    endpoint.wait_in_log('left in ')
    folder = re.search('left in (.*);', endpoint.log()).group(1)
    assert os.path.exists(os.path.join(folder, 'left'))
    endpoint.stop()
    assert not os.path.exists(folder)


@pytest.mark.parametrize('contract', ['2019', 'head'])
def test_a1_safe_port_range_gives_grpc_and_rest_ports(starter, contract):
    low = free_port_range(3)
    endpoint = starter.start(starter.model_dir(BUNDLE, handler='probe.py'), contract, fake=True,
                             SAGEMAKER_SAFE_PORT_RANGE=f'{low}-{low + 2}')
    assert (endpoint.grpc_port, endpoint.rest_port) == (low, low + 1)
    context = endpoint.probe()['context']
    assert context['grpc_port'] == str(low)
    assert context['rest_uri'].startswith(f'http://localhost:{low + 1}/')
    endpoint.stop()


@pytest.mark.parametrize('contract', ['2019', 'head'])
def test_a1_too_small_a_port_range_is_a_start_error(starter, contract):
    endpoint = starter.start(starter.model_dir(BUNDLE), contract, fake=True, wait=False,
                             SAGEMAKER_SAFE_PORT_RANGE='20000-20001')
    assert endpoint.ended() == 1
    assert ('ValueError: not enough ports available in SAGEMAKER_SAFE_PORT_RANGE (20000-20001)'
            in endpoint.log())


def test_a1_ports_that_are_taken_on_this_machine_are_replaced_and_logged(starter):
    endpoints = [starter.start(starter.model_dir(BUNDLE), fake=True, wait=False)
                 for _ in range(3)]
    for endpoint in endpoints:
        endpoint.wait_healthy()
    ports = [port for endpoint in endpoints for port in (endpoint.grpc_port, endpoint.rest_port)]
    assert len(set(ports)) == 6
    for endpoint in endpoints:
        if endpoint.rest_port != 8501:
            assert f'port {endpoint.rest_port} takes its place' in endpoint.log()
        endpoint.stop()


def test_a1_a_taken_public_port_is_a_start_error_that_says_so(starter):
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        endpoint = starter.start(starter.model_dir(BUNDLE), fake=True, wait=False,
                                 SAGEMAKER_BIND_TO_PORT=str(port))
        assert endpoint.ended() == 1
        assert f'port {port} of 127.0.0.1 is in use' in endpoint.log()


def front_config(endpoint):
    """The lines of the front's configuration, which is logged once, before the front starts."""
    before, started, _ = endpoint.log().partition('INFO:__main__:started nginx')
    assert started
    _, config = before.split('INFO:__main__:nginx config: \n')
    return [line.strip() for line in config.partition('\n\n')[0].splitlines()]


def check_front_config(endpoint, error_log, read_timeout):
    config = front_config(endpoint)
    assert config.count(error_log) == endpoint.log().count(error_log) == 1
    timeouts = [line for line in config if line.startswith('proxy_read_timeout')]
    assert timeouts == ([read_timeout] if endpoint.contract == 'head' else [])
    assert endpoint.log().count('proxy_read_timeout') == len(timeouts)
    for line in (f'listen {endpoint.port};', f'server localhost:{endpoint.rest_port};',
                 'set $default_tfs_model model;', 'js_content invocations;'):
        assert line in config
    assert 'INFO:__main__:nginx version info:\nhosting.edge, in place of nginx\n' in endpoint.log()


def test_a1_the_fronts_configuration_is_in_the_log(plain_echo):
    check_front_config(plain_echo, 'error_log  /dev/stderr error;', 'proxy_read_timeout 60;')


@pytest.mark.parametrize('contract, variables, log_level, read_timeout', [
    ('2019', {}, 'info', 63), ('head', {}, 'info', 63),
    ('head', {'SAGEMAKER_GUNICORN_TIMEOUT_SECONDS': '120'}, 'crit', 120)])
def test_a1_the_fronts_configuration_is_what_was_asked_for(starter, contract, variables, log_level,
                                                           read_timeout):
    endpoint = starter.start(
        starter.model_dir(BUNDLE), contract, fake=True, SAGEMAKER_TFS_NGINX_LOGLEVEL=log_level,
        SAGEMAKER_NGINX_PROXY_READ_TIMEOUT_SECONDS='63', **variables)
    check_front_config(endpoint, f'error_log  /dev/stderr {log_level};',
                       f'proxy_read_timeout {read_timeout};')
    endpoint.stop()


def test_a1_the_fronts_configuration_names_gunicorn_where_there_is_a_script(scripted_echo):
    config = front_config(scripted_echo)
    assert 'proxy_pass http://gunicorn_upstream/invocations;' in config
    assert not any(line.startswith('js_content') for line in config)


def test_a1_only_the_loopback_interface_is_bound_unless_told_otherwise(starter):
    endpoint = starter.start(starter.model_dir(BUNDLE), fake=True,
                             arguments=['--host', '127.0.0.2'], wait=False)
    endpoint.host = '127.0.0.2'
    endpoint.wait_healthy()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(('127.0.0.1', endpoint.port), timeout=2).close()
    endpoint.stop()
