"""Start, versions that come and go, broken models, and the end (docs/contract.md#a2)."""
import collections
import concurrent.futures
import json
import shutil
import signal
import socket
import threading
import time

import pytest
from model_server_support import error_text


@pytest.fixture
def start(model_servers):
    """Starts a server that ends with the test."""
    started = []

    def of(models, *flags, **options):
        started.append(model_servers.start(models, *flags, **options))
        return started[-1]

    yield of
    for server in started:
        server.stop(signal.SIGKILL)


def answer(server, model, version=None):
    """What the model makes of 2.0, or the status when it makes nothing."""
    reply = server.post(model, '{"instances": [2.0]}', version=version)
    return reply.json['predictions'][0] if reply.status == 200 else reply.status


def test_a2_without_a_policy_only_the_highest_version_is_served(start, saved_models):
    server = start({'m': saved_models('half_plus_three') / 'half_plus_three'})
    assert server.states('m') == {124: 'AVAILABLE'}
    assert answer(server, 'm') == 4.5
    assert answer(server, 'm', 123) == 404


def test_a2_specific_versions_are_all_served(start, saved_models):
    server = start({'m': saved_models('half_plus_three') / 'half_plus_three'},
                   '--max_num_load_retries=0', policy='specific { versions: 123 versions: 124 }')
    server.wait_until(lambda: server.states('m') == {123: 'AVAILABLE', 124: 'AVAILABLE'})
    assert (answer(server, 'm', 123), answer(server, 'm', 124), answer(server, 'm')) == (
        4.0, 4.5, 4.5)


def test_a2_several_models_are_served_side_by_side(start, saved_models):
    folder = saved_models('half_plus_two', 'half_plus_three')
    server = start({'two': folder / 'half_plus_two', 'three': folder / 'half_plus_three'})
    assert (answer(server, 'two'), answer(server, 'three')) == (3.0, 4.5)


def test_the_model_flags_serve_one_model(start, saved_models):
    server = start(None, '--model_name=mine',
                   f'--model_base_path={saved_models("half_plus_two")}/half_plus_two')
    assert answer(server, 'mine') == 3.0


def test_a_new_version_is_loaded_and_the_old_one_goes(start, saved_models, tmp_path):
    source = saved_models('half_plus_three') / 'half_plus_three'
    base = tmp_path / 'm'
    shutil.copytree(source / '00000123', base / '123')
    server = start({'m': base})
    assert answer(server, 'm') == 4.0
    shutil.copytree(source / '00000124', tmp_path / 'new')
    (tmp_path / 'new').rename(base / '124')

    def replaced():
        # There is an answer at every moment: the old version stays until the new one is there.
        assert answer(server, 'm') in (4.0, 4.5)
        return server.states('m') == {123: 'END', 124: 'AVAILABLE'}

    server.wait_until(replaced)
    assert answer(server, 'm') == 4.5
    assert answer(server, 'm', 123) == 404


def test_a_version_that_is_taken_away_is_unloaded_and_may_come_back(start, saved_models, tmp_path):
    base = tmp_path / 'm'
    shutil.copytree(saved_models('half_plus_two') / 'half_plus_two', base)
    server = start({'m': base})
    (base / '00000123').rename(tmp_path / 'away')
    server.wait_until(lambda: server.states('m') == {123: 'END'})
    assert answer(server, 'm') == 404
    (tmp_path / 'away').rename(base / '123')
    server.wait_until(lambda: server.states('m') == {123: 'AVAILABLE'})
    assert answer(server, 'm') == 3.0


def test_a_request_under_way_is_answered_before_its_version_has_gone(start, saved_models, tmp_path):
    base, until = tmp_path / 'm', tmp_path / 'until'
    shutil.copytree(saved_models('gated') / 'gated', base)
    server = start({'m': base})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        reply = pool.submit(server.post, 'm', {'instances': [str(until)]})
        server.wait_until(tmp_path.joinpath('until.begun').exists)
        (base / '1').rename(base / 'gone')
        server.wait_until(lambda: server.states('m') == {1: 'UNLOADING'})
        until.touch()
        assert reply.result().json == {'predictions': [str(until)]}
    server.wait_until(lambda: server.states('m') == {1: 'END'})


def test_requests_while_their_version_is_unloaded_are_answered_or_refused(start, saved_models,
                                                                          tmp_path):
    base = tmp_path / 'm'
    shutil.copytree(saved_models('half_plus_two') / 'half_plus_two', base)
    server = start({'m': base})
    seen, over = collections.Counter(), threading.Event()

    def client(_):
        while not over.is_set():
            seen[answer(server, 'm')] += 1

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        try:
            clients = pool.map(client, range(8))
            server.wait_until(lambda: seen[3.0] > 20)
            (base / '00000123').rename(base / 'gone')
            server.wait_until(lambda: seen[404] > 20)
            server.wait_until(lambda: server.states('m') == {123: 'END'})
        finally:
            over.set()
    assert list(clients) == [None] * 8
    assert set(seen) == {3.0, 404}


def test_a4_until_the_model_is_there_connections_are_refused(start, tmp_path, saved_models):
    base = tmp_path / 'later'
    server = start({'m': base}, wait=False)
    server.wait_until(lambda: 'Could not find base path' in server.log)
    assert not server.listens()
    base.mkdir()
    server.wait_until(lambda: 'No versions of servable m found' in server.log)
    assert not server.listens()
    # Complete before it has a number: a version that is half there would fail to load.
    shutil.copytree(saved_models('half_plus_two') / 'half_plus_two' / '00000123', base / 'new')
    (base / 'new').rename(base / '5')
    server.wait_until(server.listens)
    assert answer(server, 'm') == 3.0


def test_a_model_that_cannot_be_loaded_ends_the_server(start, saved_models):
    server = start({'b': saved_models('broken') / 'broken'}, '--max_num_load_retries=0', wait=False)
    assert server.ended() == 255
    assert '1 servable(s) did not become available: {{{name: b version: 1} due to error: ' \
        in server.log


def test_loading_is_tried_again_as_often_as_asked(start, saved_models):
    server = start({'b': saved_models('broken') / 'broken'}, '--max_num_load_retries=2',
                   '--load_retry_interval_micros=10000', wait=False)
    assert server.ended() == 255
    assert server.log.count('load failure') == 3
    assert 'Retrying load on servable version: {name: b version: 1} retry: 2' in server.log


def test_a_broken_version_beside_a_good_one_is_reported_with_its_error(start, saved_models,
                                                                     tmp_path):
    folder = saved_models('half_plus_two', 'broken')
    base = tmp_path / 'm'
    shutil.copytree(folder / 'half_plus_two' / '00000123', base / '1')
    server = start({'m': base}, '--max_num_load_retries=0')
    shutil.copytree(folder / 'broken' / '1', base / 'new')
    (base / 'new').rename(base / '2')
    server.wait_until(lambda: server.states('m').get(2) == 'END')
    status = server.get('/v1/models/m/versions/2').json['model_version_status'][0]['status']
    assert status['error_code'] != 'OK'
    assert 'saved_model.pb' in status['error_message']
    assert answer(server, 'm') == 3.0


def test_warm_up_requests_are_replayed_before_the_model_is_available(start, saved_models):
    server = start({'warm': saved_models('warm') / 'warm'})
    assert 'Number of warmup records read: 2.' in server.log
    assert answer(server, 'warm') == 3.0


def test_a_warm_up_that_fails_fails_the_model(start, saved_models):
    server = start({'w': saved_models('warm_wrong') / 'warm_wrong'}, '--max_num_load_retries=0',
                   wait=False)
    assert server.ended() == 255
    assert 'Unsupported log_type for warmup' in server.log


def test_without_warm_up_its_requests_are_ignored(start, saved_models):
    server = start({'w': saved_models('warm_wrong') / 'warm_wrong'}, '--enable_model_warmup=false')
    assert answer(server, 'w') == 3.0


def test_operations_of_contrib_are_known_as_in_tf_serving(start, saved_models):
    server = start({'c': saved_models('contrib') / 'contrib'}, '--max_num_load_retries=0')
    reply = server.post('c', {'instances': [[[[1], [2], [3]]]]})
    assert reply.json == {'predictions': [[[[0.0], [1.0], [2.0]]]]}


def test_a_python_function_has_no_kernel_as_in_tf_serving(start, saved_models):
    server = start({'p': saved_models('python_function') / 'python_function'},
                   '--max_num_load_retries=0', wait=False)
    assert server.ended() == 255
    assert "No OpKernel was registered to support Op 'PyFunc' used by {{node PyFunc}}" in server.log


@pytest.mark.parametrize('contract, line', [
    ('2019', '[evhttp_server.cc : 237] RAW: Entering the event loop ...'),
    ('head', '[evhttp_server.cc : 245] NET_LOG: Entering the event loop ...')])
def test_the_line_that_scripts_wait_for_is_logged_when_it_serves(start, saved_models, contract,
                                                               line):
    server = start({'m': saved_models('half_plus_two') / 'half_plus_two'}, contract=contract)
    server.wait_until(lambda: 'Exporting HTTP/REST API' in server.log)
    assert server.log.splitlines().count(line) == 1


def test_the_rest_timeout_is_504(start, saved_models):
    server = start({'slow': saved_models('slow') / 'slow'}, '--rest_api_timeout_in_ms=1')
    reply = server.post('slow', {'instances': [1.0]})
    assert (reply.status, error_text(reply)) == (504, 'Timed out waiting for notification')


def test_thread_flags_are_taken(start, saved_models):
    server = start({'m': saved_models('half_plus_two') / 'half_plus_two'},
                   '--tensorflow_session_parallelism=1', '--tensorflow_intra_op_parallelism=1',
                   '--tensorflow_inter_op_parallelism=1')
    assert answer(server, 'm') == 3.0


@pytest.mark.parametrize('signum', [signal.SIGTERM, signal.SIGINT])
def test_a9_a_signal_ends_the_server_at_once_even_while_it_works(start, saved_models, tmp_path,
                                                                 signum):
    server = start({'gated': saved_models('gated') / 'gated'})
    connections = [server.connection() for _ in range(4)]
    body = json.dumps({'instances': [str(tmp_path / 'never')]})
    for connection in connections:
        connection.request('POST', '/v1/models/gated:predict', body)
    server.wait_until(tmp_path.joinpath('never.begun').exists)
    assert server.stop(signum) == -signum
    for connection in connections:
        connection.close()


def test_a9_a_signal_ends_the_server_while_it_waits_for_a_model(start, tmp_path):
    server = start({'m': tmp_path / 'missing'}, wait=False)
    server.wait_until(lambda: 'Could not find base path' in server.log)
    assert server.stop() == -signal.SIGTERM


def test_a_port_that_is_taken_is_an_error_and_no_silence(start, saved_models):
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        server = start({'m': saved_models('half_plus_two') / 'half_plus_two'},
                       f'--rest_api_port={taken.getsockname()[1]}', wait=False)
        assert server.ended() == 255
    assert 'Failed to start server. Error: ' in server.log


def test_it_listens_on_this_machine_only(server):
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None,
                                                           socket.AF_INET)} - {'127.0.0.1'}
    for address in addresses:
        for port in (server.rest_port, server.grpc_port):
            with socket.socket() as probe:
                probe.settimeout(2)
                if not address.startswith('127.'):
                    assert probe.connect_ex((address, port)) != 0


def test_an_idle_connection_is_kept(server):
    connection = server.connection()
    server.post('half_plus_two', '{"instances": [2.0]}', connection=connection)
    kept = connection.sock
    time.sleep(3.5)  # longer than nginx keeps one
    reply = server.post('half_plus_two', '{"instances": [2.0]}', connection=connection)
    assert reply.json == {'predictions': [3.0]}
    assert connection.sock is kept
    connection.close()
