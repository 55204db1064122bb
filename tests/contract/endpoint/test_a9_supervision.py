"""Restarts, shutdown, logs (docs/contract.md#a9)."""
import collections
import concurrent.futures
import http.client
import json
import os
import re
import signal
import tempfile
import threading
import time

import pytest
from endpoint_support import ATTRIBUTES, gone

BUNDLE = {'model/1/saved_model.pb': ''}


@pytest.fixture(params=['2019', 'head'])
def own(request, starter):
    """An endpoint that the test may end."""
    endpoint = starter.start(starter.model_dir(BUNDLE, handler='probe.py'), request.param,
                             fake=True)
    yield endpoint
    endpoint.stop()


@pytest.fixture(scope='module', params=['2019', 'head'])
def _lasting(request, starter):
    endpoint = starter.start(starter.model_dir(BUNDLE, handler='probe.py'), request.param,
                             fake=True)
    yield endpoint
    endpoint.stop()


@pytest.fixture
def lasting(_lasting):
    """An endpoint whose processes the test may end, but not their supervisor, which mends it."""
    return _lasting.wait_healthy()


@pytest.mark.parametrize('name', ['tensorflow serving', 'gunicorn', 'nginx'])
def test_a9_what_dies_is_restarted_at_once(lasting, name):
    warning = f'WARNING:__main__:unexpected {name} exit (status: 9). restarting.'
    before = lasting.log().count(warning)
    for _ in range(2):
        pid = lasting.pid(name)
        os.kill(pid, signal.SIGKILL)
        lasting.eventually(lambda old=pid: lasting.pid(name) != old, 'a restart')
        lasting.eventually(lambda: lasting.get('/ping').status == 200
                           and lasting.get('/tfs/v1/models/model').status == 200, 'service')
        assert lasting.probe('again')['body'] == 'again'
    assert lasting.log().count(warning) == before + 2
    assert lasting.process.poll() is None


def test_a9_requests_on_kept_connections_survive_a_restart_of_gunicorn(lasting):
    for _ in range(3):
        lasting.probe()
    pid = lasting.pid('gunicorn')
    os.kill(pid, signal.SIGKILL)
    lasting.eventually(lambda: lasting.pid('gunicorn') != pid, 'a restart')
    statuses = set()
    lasting.eventually(lambda: statuses.add(lasting.get('/ping').status) or 200 in statuses, '200')
    assert statuses <= {200, 502}


def test_a9_a_missing_gunicorn_is_502_and_the_front_goes_on(lasting):
    os.kill(lasting.process.pid, signal.SIGSTOP)  # no restarts now
    try:
        os.kill(lasting.pid('gunicorn'), signal.SIGKILL)
        lasting.eventually(lambda: lasting.get('/ping').status == 502, '502')
        assert lasting.invoke('{}').status == 502
        assert lasting.get('/nowhere').status == 404
        os.kill(lasting.pid('tensorflow serving'), signal.SIGKILL)
        lasting.eventually(lambda: lasting.get('/tfs/v1/models/model').status == 502, '502')
    finally:
        os.kill(lasting.process.pid, signal.SIGCONT)
    lasting.eventually(lambda: lasting.get('/ping').status == 200, 'a restart')


@pytest.mark.parametrize('signum', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a9_a_signal_ends_everything_with_status_0(own, signum):
    children = own.descendants()
    assert len(children) >= 4  # model server, gunicorn, its worker, front
    assert own.stop(signum) == 0
    assert gone(children)
    assert 'INFO:__main__:stopping services' in own.log()
    with pytest.raises(ConnectionRefusedError):
        own.get('/ping')


def test_a9_sigkill_of_the_supervisor_leaves_no_orphan(own):
    children = own.descendants()
    own.process.kill()
    own.process.wait()
    assert gone(children)


def test_a9_sigkill_of_gunicorn_leaves_no_worker(lasting):
    worker = lasting.probe()['pid']
    os.kill(lasting.pid('gunicorn'), signal.SIGKILL)
    assert gone([worker])


def test_a9_sigkill_of_gunicorn_ends_even_a_busy_worker(lasting, tmp_path):
    worker = lasting.probe()['pid']
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        begun, never = tmp_path / 'begun', tmp_path / 'never'
        reply = pool.submit(lasting.invoke, json.dumps(
            {'do': 'hold', 'begun': str(begun), 'until': str(never)}))
        lasting.eventually(begun.exists, 'a busy worker')
        os.kill(lasting.pid('gunicorn'), signal.SIGKILL)
        assert gone([worker])
        assert reply.result().status == 502


@pytest.mark.parametrize('reached', ['', 'starting services', 'started tensorflow serving',
                                     'started gunicorn', 'started nginx'])
def test_a9_a_stop_in_the_middle_of_the_start_leaves_nothing(starter, reached):
    endpoint = starter.start(starter.model_dir(BUNDLE, handler='probe.py'), fake=True, wait=False)
    endpoint.wait_in_log(reached)
    children = endpoint.descendants()
    assert endpoint.stop() in (0, -signal.SIGTERM)
    assert gone(children)


def test_a9_die_with_parent_ends_the_endpoint(starter, tmp_path):
    """The tests' own endpoints are started that way; here a parent in between is killed."""
    endpoint = starter.start(starter.model_dir(BUNDLE, handler='probe.py'), fake=True,
                             through=['/bin/sh', '-c', '"$@" & echo $! > "$0"; wait',
                                      str(tmp_path / 'pid')])
    supervisor = int((tmp_path / 'pid').read_text())
    children = endpoint.descendants()
    assert supervisor in children and supervisor != endpoint.process.pid
    endpoint.process.kill()
    endpoint.process.wait()
    assert gone(children)


@pytest.fixture
def short_folder():
    """A temporary directory whose name leaves room for a socket's."""
    with tempfile.TemporaryDirectory(dir='/tmp') as folder:
        yield folder


# -- logs -------------------------------------------------------------------------------------

def test_a9_access_log_has_every_request_in_combined_format(scripted_echo):
    scripted_echo.get('/ping', {'User-Agent': 'agent "x"', 'Referer': 'http://a/b'})
    scripted_echo.request('POST', '/nowhere?a=b', 'x')
    scripted_echo.wait_in_log(
        r'(?m)^127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] '
        r'"GET /ping HTTP/1\.1" 200 0 "http://a/b" "agent \\x22x\\x22"$')
    scripted_echo.wait_in_log(r'(?m)^127\.0\.0\.1 - - \[[^]]+\] '
                              r'"POST /nowhere\?a=b HTTP/1\.1" 404 22 "-" "-"$')


def test_a9_a_handlers_print_and_log_reach_the_log_at_once(scripted_echo):
    scripted_echo.invoke('{"do": "print", "text": "電波 in the log"}')
    scripted_echo.wait_in_log(r'(?s)電波 in the log\n.*電波 in the log\n')


def test_a9_python_mode_logs_the_attributes_in_head_only(scripted_echo):
    scripted_echo.request('POST', '/invocations', '{}', {
        'Content-Type': 'application/json', ATTRIBUTES: 'tfs-model-version=4711',
        'User-Agent': 'with attributes'})
    scripted_echo.wait_in_log('"with attributes"')
    line = "INFO:tfs_utils:sagemaker tfs attributes: \n{'tfs-model-version': '4711'}\n"
    assert (line in scripted_echo.log()) == (scripted_echo.contract == 'head')


def test_a9_error_log_names_request_and_upstream(scripted_echo):
    scripted_echo.invoke('{"do": "exit"}')
    scripted_echo.wait_in_log(
        r'(?m)^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[error\] \d+#0: upstream prematurely '
        r'closed connection .*, client: 127\.0\.0\.1, '
        r'request: "POST /invocations HTTP/1\.1", upstream: "http://unix:.*"$')


def test_a9_the_runtime_directory_is_removed_even_after_sigkill(starter, short_folder):
    # A place of their own: any endpoint that starts cleans up where its directory is.
    endpoint = starter.start(starter.model_dir(BUNDLE), fake=True, TMPDIR=short_folder)
    folder = re.search(r'--gunicorn (\S+)/gunicorn\.sock', endpoint.command('nginx')).group(1)
    assert os.path.isdir(folder)
    endpoint.process.kill()
    endpoint.process.wait()
    assert os.path.isdir(folder)
    assert folder.startswith(short_folder)
    again = starter.start(starter.model_dir(BUNDLE), fake=True, TMPDIR=short_folder)
    assert not os.path.isdir(folder), 'the next start cleans up'
    own_folder = re.search(r'--gunicorn (\S+)/gunicorn\.sock', again.command('nginx')).group(1)
    again.stop()
    assert not os.path.isdir(own_folder)


# -- under load -------------------------------------------------------------------------------

@pytest.mark.parametrize('victims', [['tensorflow serving'], ['gunicorn'], ['nginx']])
def test_a9_kills_under_load_give_right_answers_or_gateway_errors(starter, saved_models, victims):
    """Whatever is answered with 200 is right; service comes back after each kill."""
    made = saved_models('half_plus_two')
    endpoint = starter.start(
        starter.model_dir(models={'half_plus_two': made / 'half_plus_two'},
                          handler='probe.py' if 'gunicorn' in victims else None))
    stop = threading.Event()
    seen = collections.Counter()
    wrong, last_sent = [], [0.0]

    def client(number):
        x = number
        while not stop.is_set():
            x += 16
            sent = time.monotonic()
            try:
                if 'gunicorn' in victims:
                    reply = endpoint.invoke(f'number {x}', content_type='text/plain')
                    right = reply.status != 200 or reply.json['body'] == f'number {x}'
                else:
                    reply = endpoint.invoke('{"instances": [%d]}' % x)
                    right = reply.status != 200 or reply.json == {'predictions': [x / 2 + 2]}
            except (OSError, http.client.HTTPException):
                seen['no connection'] += 1
                time.sleep(0.01)
                continue
            seen[reply.status] += 1
            if not right:
                wrong.append(reply)
            if reply.status == 200:
                last_sent[0] = max(last_sent[0], sent)
            else:
                time.sleep(0.01)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    try:
        for name in victims * 2:
            before = seen[200]
            endpoint.eventually(lambda few=before: seen[200] > few + 50, 'load')
            killed = time.monotonic()
            os.kill(endpoint.pid(name), signal.SIGKILL)
            endpoint.eventually(lambda since=killed: last_sent[0] > since, 'service')
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong
    allowed = {200, 502, 504} | ({'no connection'} if 'nginx' in victims else set())
    assert set(seen) <= allowed, seen
    endpoint.stop()
