"""inference.py in today's container (docs/contract.md#a7), and what falcon 3 answers around it."""
import json
from http.client import responses

import pytest

FIELDS = [
    'model_name', 'model_version', 'method', 'rest_uri', 'grpc_port', 'channel',
    'custom_attributes', 'request_content_type', 'accept_header', 'content_length', 'timeout']
XML = '<?xml version="1.0" encoding="UTF-8"?><error><title>404 Not Found</title></error>'


def test_a7_context_has_eleven_fields(scripted_echo):
    told = scripted_echo.probe()
    assert told['fields'] == FIELDS
    assert told['context']['timeout'] == 60
    assert told['context']['channel'] == 'Channel'


# -- what falcon 3 answers --------------------------------------------------------------------

def asked(endpoint, method='GET', path='/invocations', accept=None):
    return endpoint.request(method, path, headers={'Accept': accept} if accept else {})


@pytest.mark.parametrize('method, path, status', [
    ('GET', '/models', 404), ('POST', '/invocations/x', 404), ('GET', '/pingx', 404),
    ('POST', '/ping', 405), ('PUT', '/invocations', 405), ('PATCH', '/invocations', 405),
    ('DELETE', '/invocations', 500),
])
@pytest.mark.parametrize('accept', [None, '*/*', 'application/json', 'text/html, */*;q=0.1'])
def test_a3_errors_are_a_title_in_json(scripted_echo, method, path, status, accept):
    reply = asked(scripted_echo, method, path, accept)
    title = f'{status} {responses[status]}'
    assert (reply.status, reply.text) == (status, json.dumps({'title': title}))
    assert reply.content_type == 'application/json'
    assert reply.headers['Vary'] == 'Accept'
    assert ('Allow' in reply.headers) == (status == 405)


@pytest.mark.parametrize('accept, body', [
    ('application/xml', XML), ('text/xml', XML), ('text/csv', ''),
    ('a/b+json', '{"title": "404 Not Found"}')])
def test_a3_the_accept_header_chooses_an_errors_form(scripted_echo, accept, body):
    reply = asked(scripted_echo, 'GET', '/pingx', accept)
    assert (reply.status, reply.text) == (404, body)


def test_a3_get_invocations_is_an_empty_list_of_models(scripted_echo):
    reply = asked(scripted_echo)
    assert (reply.status, reply.text) == (200, '{}')


def test_a3_options_names_the_methods(scripted_echo):
    reply = asked(scripted_echo, 'OPTIONS')
    assert (reply.status, reply.headers['Allow']) == (200, 'DELETE, GET, POST')


@pytest.mark.parametrize('count, status', [(97, 200), (98, 431)])
def test_a7_gunicorn_takes_97_headers_of_a_client(scripted_echo, count, status):
    headers = {f'X-{number}': 'a' for number in range(count)}
    assert scripted_echo.request('POST', '/invocations', '{}', headers).status == status


# -- what a handler returns and raises ---------------------------------------------------------

@pytest.mark.parametrize('value', [5, None])
def test_a7_a_return_that_is_no_pair_is_500_in_python_3_12s_words(scripted_echo, value):
    reply = scripted_echo.invoke(json.dumps({'do': 'return', 'value': value}))
    error = f'cannot unpack non-iterable {type(value).__name__} object'
    assert (reply.status, reply.json) == (500, {'error': error})


@pytest.mark.parametrize('value, status', [({'a': 1}, 502), ([1, 2], 502), (7, 500), (True, 500)])
def test_a7_a_body_that_is_not_text_has_no_answer(scripted_echo, value, status):
    order = {'do': 'answer', 'body': value, 'content_type': 'a/b'}
    reply = scripted_echo.invoke(json.dumps(order))
    assert reply.status == status and 'error' not in reply.text


@pytest.mark.parametrize('kind, arguments, words, status, body', [
    ('HTTPError', ["418 I'm a teapot"], {}, 418, {'title': "418 I'm a teapot"}),
    ('HTTPBadRequest', [], {'title': 'No', 'description': 'too long'}, 400,
     {'title': 'No', 'description': 'too long'}),
    ('HTTPStatus', ['202 Accepted'], {}, 500, {'error': '202 Accepted'}),
])
def test_a7_a_handler_chooses_a_status_by_falcons_errors(scripted_echo, kind, arguments, words,
                                                         status, body):
    order = {'do': 'falcon', 'kind': kind, 'arguments': arguments, 'words': words}
    reply = scripted_echo.invoke(json.dumps(order))
    assert (reply.status, reply.json) == (status, body)


def test_a7_the_pair_is_given_a_200_of_the_model_server(pair_echo):
    assert pair_echo.invoke('[1]').text == 'handled 200'


@pytest.mark.parametrize('name, status, title', [
    ('status-400', 400, '400 Bad Request'), ('status-503', 503, '503 Service Unavailable'),
    ('missing', 404, '404 Not Found')])
def test_a7_the_model_servers_error_is_the_clients_and_output_handler_is_not_called(
        pair_echo, name, status, title):
    reply = pair_echo.invoke('[1]', attributes='tfs-model-name=' + name)
    assert (reply.status, reply.content_type) == (status, 'application/json')
    assert reply.json['title'] == title
    assert 'error' in json.loads(reply.json['description'])


# -- the default handler ------------------------------------------------------------------------

def test_a1_requirements_alone_turn_python_mode_on(default_echo):
    assert 'gunicorn command: ' in default_echo.log()
    assert '--mode python' in default_echo.command('nginx')


@pytest.mark.parametrize('content_type', ['text/csv', 'application/jsonlines', None])
def test_a7_the_default_handler_converts_nothing(default_echo, content_type):
    reply = default_echo.invoke('1,2', content_type, accept='a/b, c/d')
    assert (reply.status, reply.json['body']) == (200, '1,2')
    assert reply.content_type == 'a/b, c/d'
    assert default_echo.invoke('1,2', content_type).content_type == 'application/json'


@pytest.mark.parametrize('content_type, shown', [
    ('Text/Plain; a=b', 'text/plain'), ('application/x-image', 'application/x-image')])
def test_a7_the_default_handler_refuses_other_types(default_echo, scripted_echo, content_type,
                                                    shown):
    reply = default_echo.invoke('1', content_type)
    error = {'error': f'Unsupported Media Type: {shown}'}
    assert (reply.status, reply.text) == (415, json.dumps(error))
    assert scripted_echo.invoke('1', content_type).status == 200


def test_a7_the_default_handler_passes_errors_on(default_echo):
    reply = default_echo.invoke('[1]', attributes='tfs-model-name=status-503')
    assert (reply.status, reply.json['title']) == (503, '503 Service Unavailable')
    reply = default_echo.invoke(b'\xff')
    assert reply.status == 500 and 'utf-8' in reply.json['error']


# -- loading ------------------------------------------------------------------------------------

def test_a7_the_search_path_has_code_before_lib_and_before_the_standard_library(scripted_echo):
    def of(module):
        return scripted_echo.invoke(json.dumps({'do': 'import', 'module': module})).text

    assert of('two').endswith('/code/two.py')
    assert of('only_lib').endswith('/code/lib/only_lib.py')
    assert of('colorsys').endswith('/code/colorsys.py')
    assert of('tfs_utils').endswith('/code/tfs_utils.py')  # in the container its own
    path = scripted_echo.probe()['environment']['PYTHONPATH'].split(':')
    assert [each.rpartition('/model-')[2].partition('/')[2] for each in path] == [
        'code', 'code/lib']


@pytest.mark.parametrize('module, package, version', [
    ('falcon', 'falcon', '3.1.'), ('gunicorn', 'gunicorn', '26.'), ('gevent', 'gevent', ''),
    ('requests', 'requests', ''), ('grpc', 'grpcio', ''), ('google.protobuf', 'protobuf', '6.'),
    ('numpy', 'numpy', '1.26.'), ('pandas', 'pandas', '3.0.'), ('aiohttp', 'aiohttp', ''),
    ('sklearn', 'scikit-learn', '1.9.'), ('scipy', 'scipy', '1.17.'), ('boto3', 'boto3', '')])
def test_a7_packages_of_the_container_are_there(scripted_echo, module, package, version):
    reply = scripted_echo.invoke(json.dumps({'do': 'version', 'module': module, 'of': package}))
    assert (reply.status, reply.text[:len(version)]) == (200, version)


@pytest.mark.parametrize('module', ['tensorflow', 'keras', 'tensorflow_serving.apis.predict_pb2'])
def test_a7_and_tensorflow_is_not(scripted_echo, module):
    reply = scripted_echo.invoke(json.dumps({'do': 'import', 'module': module}))
    assert reply.status == 500 and reply.json['error'].startswith("No module named '")


def test_a7_the_script_is_imported_once_for_all_workers(scripted_echo):
    before = scripted_echo.probe()
    assert scripted_echo.invoke('{"do": "kill"}').status == 502
    after = scripted_echo.eventually(lambda: scripted_echo.probe(), 'another worker')
    assert after['pid'] != before['pid'] and after['loaded'] == before['loaded']


def fails(starter, handler, *said, files=(), **variables):
    model_dir = starter.model_dir({'model/1/saved_model.pb': '', **dict(files)}, handler=handler)
    endpoint = starter.start(model_dir, 'today', fake=True, wait=False, **variables)
    assert endpoint.ended() == 1
    for words in said:
        assert words in endpoint.log()


@pytest.mark.parametrize('handler, said', [
    ('import nothing_of_this_name\n', "No module named 'nothing_of_this_name'"),
    ('def input_handler(data, context):\n    pass\n', 'NotImplementedError'),
    ('raise ValueError("as asked")\n', 'ValueError: as asked')])
def test_a7_a_script_that_cannot_be_loaded_ends_the_container(starter, handler, said):
    fails(starter, handler, said, 'gunicorn exited during startup: rc=1')


def test_a7_so_does_an_extension_module_of_another_python_which_is_named(starter):
    name = 'code/lib/native.cpython-36m-x86_64-linux-gnu.so'
    said = f"{name} is compiled for another Python than this container's 3.12"
    fails(starter, 'import native\n', said, "No module named 'native'", files={name: ''})


def test_a7_so_does_an_import_that_takes_too_long(starter):
    fails(starter, 'import time\ntime.sleep(600)\n',
          'gunicorn did not create /tmp/gunicorn.sock in time',
          SAGEMAKER_GUNICORN_TIMEOUT_SECONDS='1')


# -- start and log ------------------------------------------------------------------------------

def test_a9_a_model_that_does_not_come_ends_the_container(starter):
    fails(starter, 'probe.py', 'Timed out after 1 seconds', SAGEMAKER_TFS_WAIT_TIME_SECONDS='1',
          SAGEMAKER_TFS_DEFAULT_MODEL_NAME='loading')


def test_a8_an_unknown_worker_class_is_refused(starter):
    fails(starter, 'probe.py', 'SAGEMAKER_GUNICORN_WORKER_CLASS must be one of sync, eventlet',
          SAGEMAKER_GUNICORN_WORKER_CLASS='egg:x')


def test_a9_a_line_of_the_log_begins_with_process_time_and_level(scripted_echo):
    scripted_echo.probe(attributes='tfs-model-version=4711')
    scripted_echo.wait_in_log(r"(?m)^\d+ \d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO     sagemaker "
                              r"tfs attributes: \n\{'tfs-model-version': '4711'\}\n")
    assert 'INFO:' not in scripted_echo.log()


def test_a1_the_configuration_quotes_the_model_and_knows_no_version(scripted_echo):
    log = scripted_echo.log()
    assert 'set $default_tfs_model "model";' in log and '$tfs_version' not in log


def test_a1_lib_alone_turns_python_mode_on_and_the_model_server_has_the_wait_time(starter):
    files = {'model/1/saved_model.pb': '', 'code/lib/any.py': ''}
    endpoint = starter.start(starter.model_dir(files), 'today', fake=True,
                             SAGEMAKER_TFS_WAIT_TIME_SECONDS='1', SAGEMAKER_TFS_VERSION='1.11')
    reply = endpoint.invoke('[1]', attributes='tfs-model-name=slow-3')
    assert reply.status == 500
    assert reply.json['error'].endswith('Read timed out. (read timeout=1)')
    assert endpoint.invoke('[1]').json['body'] == '[1]'
