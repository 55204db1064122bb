"""What happens when a handler fails, and when inference.py cannot be loaded.

docs/contract.md#a7
"""
import json
import re
import time

import pytest

BUNDLE = {'model/1/saved_model.pb': ''}
GOOD = 'def handler(data, context):\n    return "ok", "text/plain"\n'


@pytest.mark.parametrize('message', ['as asked', '', 'with "quotes"\nand 電波', '{"error": "x"}'])
def test_a7_an_exception_is_500_json_with_its_text(scripted, message):
    reply = scripted.invoke(json.dumps({'do': 'raise', 'message': message}))
    assert (reply.status, reply.content_type) == (500, 'application/json')
    assert reply.json == {'error': message}


def test_a7_an_exceptions_traceback_is_logged(scripted_echo):
    scripted_echo.invoke('{"do": "raise", "message": "look for this"}')
    scripted_echo.wait_in_log(
        r'ERROR:python_service:exception handling request: look for this\nTraceback')
    assert re.search(r'\n  File ".*inference.py", line \d+, in do_raise\n', scripted_echo.log())


def test_a7_sys_exit_drops_the_connection_and_the_worker_survives(scripted):
    pid = scripted.probe()['pid']
    reply = scripted.invoke('{"do": "exit"}')
    assert reply.status == 502 and b'<title>502 Bad Gateway</title>' in reply.body
    assert scripted.probe()['pid'] == pid


def test_a7_a_dying_worker_is_502_and_gunicorn_boots_another(scripted):
    pid = scripted.probe()['pid']
    assert scripted.invoke('{"do": "kill"}').status == 502
    scripted.eventually(lambda: scripted.get('/ping').status == 200, what='another worker')
    assert scripted.probe()['pid'] != pid


def test_a7_a_request_that_kills_its_worker_is_not_repeated(starter, tmp_path):
    journal = tmp_path / 'journal'
    endpoint = starter.start(starter.model_dir(BUNDLE, handler=(
        'import os\n'
        'def handler(data, context):\n'
        '    body = data.read().decode()\n'
        f'    with open({str(journal)!r}, "a") as stream:\n'
        '        stream.write(body)\n'
        '    if body == "k":\n'
        '        os._exit(9)\n'
        '    return "", None\n')), fake=True)
    for body in 'aaka':
        endpoint.invoke(body)
    endpoint.eventually(lambda: endpoint.invoke('z').status == 200, what='another worker')
    assert journal.read_text().count('k') == 1
    endpoint.stop()


def test_a7_cpu_work_beyond_gunicorns_timeout_is_502_and_worker_timeout(starter):
    endpoint = starter.start(starter.model_dir(BUNDLE, handler='probe.py'), fake=True,
                             HOSTING_GUNICORN_TIMEOUT='5')  # in which a worker must start, too
    pid = endpoint.probe()['pid']
    assert endpoint.invoke('{"do": "sleep", "seconds": 6}').status == 200  # sleeping is fine
    assert endpoint.probe()['pid'] == pid
    assert endpoint.invoke('{"do": "spin", "seconds": 50}').status == 502
    endpoint.wait_in_log(r'\[CRITICAL\] WORKER TIMEOUT')
    endpoint.eventually(lambda: endpoint.get('/ping').status == 200, what='another worker')
    assert endpoint.probe()['pid'] != pid
    endpoint.stop()


def test_a7_gunicorns_timeout_is_its_own_default_of_30_seconds(scripted_echo):
    assert '--timeout' not in scripted_echo.command('gunicorn')


def test_a7_a_silent_upstream_is_504_html_after_the_read_timeout(starter, tmp_path):
    endpoint = starter.start(starter.model_dir(BUNDLE, handler='probe.py'), fake=True,
                             HOSTING_PROXY_READ_TIMEOUT='1')
    start = time.monotonic()
    reply = endpoint.invoke(json.dumps({'do': 'wait', 'until': str(tmp_path / 'for ever')}))
    assert reply.status == 504 and reply.content_type.startswith('text/html')
    assert reply.body.startswith(b'<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n')
    assert 0.9 < time.monotonic() - start < 60  # the default
    endpoint.stop()


BROKEN = {
    'a missing module': ('import nowhere_to_be_found\n' + GOOD, 'ModuleNotFoundError'),
    'a syntax error': ('def handler(:\n', 'SyntaxError'),
    'an exception': ('raise RuntimeError("while loading")\n', 'RuntimeError: while loading'),
    'no handler': ('x = 1\n', 'NotImplementedError'),
    'half a pair': ('def input_handler(data, context):\n    pass\n', 'NotImplementedError'),
}


@pytest.mark.parametrize('name', BROKEN)
def test_a7_a_broken_script_ends_the_endpoint_at_once_with_dev_1(starter, name):
    text, error = BROKEN[name]
    endpoint = starter.start(starter.model_dir(BUNDLE, handler=text), fake=True, wait=False,
                             DEV='1')
    assert endpoint.ended() == 1
    assert endpoint.log().count('Traceback (most recent call last)') == 1
    assert error in endpoint.log()
    assert endpoint.log().count('started gunicorn') == 1
    assert 'inference.py could not be loaded' in endpoint.log()


def test_a7_sys_exit_while_loading_ends_the_endpoint_with_dev_1(starter):
    endpoint = starter.start(starter.model_dir(BUNDLE, handler='import sys\nsys.exit(0)\n'),
                             fake=True, wait=False, DEV='1')
    assert endpoint.ended() == 1
    assert 'sys.exit(0)' in endpoint.log()


@pytest.mark.parametrize('contract', ['2019', 'head'])
def test_a7_a_broken_script_is_restarted_for_ever_and_answers_502(starter, contract):
    endpoint = starter.start(starter.model_dir(BUNDLE, handler=BROKEN['a missing module'][0]),
                             contract, fake=True, wait=False)
    endpoint.eventually(lambda: endpoint.get('/ping').status == 502, what='502')
    # gunicorn exits with code 3; the supervisor starts it again.
    endpoint.wait_in_log(r'(?s)(unexpected gunicorn exit \(status: 768\)\. restarting\..*){2}')
    assert endpoint.get('/ping').status == 502
    assert endpoint.invoke('{}').status == 502
    assert endpoint.process.poll() is None
    endpoint.stop()
