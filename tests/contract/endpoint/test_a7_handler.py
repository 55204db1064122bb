"""inference.py: how it is loaded, what it is given, what it may return (docs/contract.md#a7)."""
import concurrent.futures
import json
import textwrap

import pytest


def script(text):
    return textwrap.dedent(text).lstrip('\n')


def scripted(starter, text, contract='2019', files=(), **variables):
    """An endpoint with this inference.py and a model server that shows what it is sent."""
    model_dir = starter.model_dir({'model/1/saved_model.pb': '', **dict(files)},
                                  handler=script(text))
    return starter.start(model_dir, contract, fake=True, **variables)


# -- loading --------------------------------------------------------------------------------

def test_a7_loaded_once_as_module_inference_that_is_not_registered(scripted_echo):
    seen = [scripted_echo.probe() for _ in range(3)]
    assert seen[0]['name'] == 'inference' and seen[0]['registered'] is False
    assert len({one['loaded'] for one in seen}) == 1
    assert len({one['pid'] for one in seen}) == 1


def test_a7_search_path_has_lib_before_code_but_not_this_project(starter):
    endpoint = scripted(starter, '''
        import json, sys, both, only_code, only_lib
        def handler(data, context):
            try:
                import encoding
            except ImportError:
                encoding = None
            return json.dumps([both.WHERE, only_code.WHERE, only_lib.WHERE, sys.path,
                               encoding is None]), None
        ''', files={
            'code/both.py': 'WHERE = "code"', 'code/lib/both.py': 'WHERE = "lib"',
            'code/only_code.py': 'WHERE = "code"', 'code/lib/only_lib.py': 'WHERE = "lib"',
            'code/requirements.txt': 'a-package-that-does-not-exist==1.0\n'})
    both, only_code, only_lib, path, isolated = endpoint.invoke('').json
    assert (both, only_code, only_lib) == ('lib', 'code', 'lib')
    lib = next(i for i, entry in enumerate(path) if entry.endswith('/code/lib'))
    assert path[lib + 1].endswith('/code')
    assert isolated, 'the handler can import this project\'s own modules'
    # requirements.txt is ignored when code/lib exists, with a warning.
    assert 'WARNING:__main__:loading modules in' in endpoint.log()
    assert 'ignoring requirements.txt' in endpoint.log()
    endpoint.stop()


def test_a7_cwd_is_a_private_directory_outside_the_model(scripted_echo):
    cwd = scripted_echo.probe()['cwd']
    assert cwd.endswith('/sagemaker')


def test_a7_handler_wins_over_the_pair(starter):
    endpoint = scripted(starter, '''
        def handler(data, context):
            return 'handler', 'text/plain'
        def input_handler(data, context):
            return 'input'
        def output_handler(response, context):
            return 'output', 'text/plain'
        ''')
    assert endpoint.invoke('').text == 'handler'
    endpoint.stop()


def test_a7_pair_posts_what_input_handler_returns(starter):
    endpoint = scripted(starter, '''
        import json
        def input_handler(data, context):
            body = data.read().decode()
            if body == 'dict':
                return {'a': 'b'}
            return body + '!'
        def output_handler(response, context):
            return json.dumps([type(response).__module__ + '.' + type(response).__name__,
                               response.status_code, response.json(), context.rest_uri]), 'x/y'
        ''')
    reply = endpoint.invoke('abc', content_type='text/plain')
    kind, status, seen, uri = reply.json
    assert (reply.status, reply.content_type) == (200, 'x/y')
    assert (kind, status) == ('requests.models.Response', 200)
    assert seen['body'] == 'abc!'
    assert uri.endswith(seen['path']) and seen['method'] == 'POST'
    # No header is added: str has no content type, a dictionary is form-encoded.
    assert 'content-type' not in seen['headers']
    seen = endpoint.invoke('dict').json[2]
    assert seen['body'] == 'a=b'
    assert seen['headers']['content-type'] == 'application/x-www-form-urlencoded'
    # No status check: the success is 200 even if the model server said 400.
    reply = endpoint.invoke('x', attributes='tfs-model-name=status-400')
    assert (reply.status, reply.json[1]) == (200, 400)
    endpoint.stop()


def test_a7_pair_predicts_with_the_real_model_server(starter, saved_models):
    made = saved_models('half_plus_two')
    endpoint = starter.start(starter.model_dir(
        models={'half_plus_two': made / 'half_plus_two'}, handler=script('''
            import json
            def input_handler(data, context):
                return json.dumps({'instances': json.loads(data.read().decode())})
            def output_handler(response, context):
                return response.content, context.accept_header
            ''')))
    reply = endpoint.invoke('[2.0, 4.0]', accept='application/json')
    assert (reply.status, reply.json) == (200, {'predictions': [3.0, 4.0]})
    endpoint.stop()


# -- data and context -------------------------------------------------------------------------

def test_a7_data_is_a_stream_that_can_be_read_once(scripted_echo):
    seen = scripted_echo.probe('電波')
    assert seen['body'].encode('latin-1').decode() == '電波'
    assert seen['second_read'] == ''
    assert seen['data_attributes'] == ['read', 'readline', 'readlines', '__iter__']


def test_a7_data_can_be_read_in_pieces_and_lines(starter):
    endpoint = scripted(starter, '''
        import json
        def handler(data, context):
            parts = [data.read(2), data.readline(), data.readline(3), next(iter(data))]
            parts += data.readlines() + [data.read(), data.readline(), data.read(0)]
            return json.dumps([p.decode() for p in parts]), None
        ''')
    assert endpoint.invoke('abcd\nefgh\nij\nkl\nm').json == [
        'ab', 'cd\n', 'efg', 'h\n', 'ij\n', 'kl\n', 'm', '', '', '']
    endpoint.stop()


FIELDS_2019 = ['model_name', 'model_version', 'method', 'rest_uri', 'grpc_port',
               'custom_attributes', 'request_content_type', 'accept_header', 'content_length']


def test_a7_context_fields_2019(scripted_2019):
    assert scripted_2019.probe()['fields'] == FIELDS_2019


def test_a7_context_fields_head(scripted_head):
    fields = FIELDS_2019[:5] + ['channel'] + FIELDS_2019[5:]
    seen = scripted_head.probe()
    assert seen['fields'] == fields
    assert seen['context']['channel'] == 'Channel'


def test_a7_context_of_a_request_without_headers(scripted_echo):
    context = scripted_echo.probe('12345', content_type=None)['context']
    assert context['model_name'] is context['model_version'] is context['method'] is None
    assert context['custom_attributes'] is None
    assert context['request_content_type'] == context['accept_header'] == 'application/json'
    assert context['content_length'] == 5
    assert context['grpc_port'] == str(scripted_echo.grpc_port)
    assert context['rest_uri'] == (
        f'http://localhost:{scripted_echo.rest_port}/v1/models/model:predict')


def test_a7_context_of_a_request_with_headers(scripted_echo):
    attributes = 'a=b,tfs-model-name=m,tfs-model-version=3,tfs-method=regress'
    context = scripted_echo.probe('', content_type='Text/X; charset=utf-8', accept='*/*',
                                  attributes=attributes)['context']
    assert context['model_name'] == 'm' and context['model_version'] == '3'
    assert context['method'] == 'regress'
    assert context['custom_attributes'] == attributes
    assert context['request_content_type'] == 'Text/X; charset=utf-8'
    assert context['accept_header'] == '*/*'
    assert context['content_length'] == 0


def test_a7_content_length_is_none_without_a_body(scripted_echo):
    reply = scripted_echo.request('POST', '/invocations')
    assert reply.json['context']['content_length'] is None


def test_a7_content_length_of_a_chunked_body_is_its_size(scripted_echo):
    answer = scripted_echo.raw(
        b'POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n'
        b'Connection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n')
    seen = json.loads(answer.partition(b'\r\n\r\n')[2])
    assert (seen['body'], seen['context']['content_length']) == ('abcde', 5)


def test_a7_rest_uri_works_from_the_handler(scripted):
    reply = scripted.invoke('{"do": "predict", "request": {"instances": [2.0]}}')
    assert (reply.status, reply.json) == (200, {'predictions': [4.5]})


# -- returns ----------------------------------------------------------------------------------

@pytest.mark.parametrize('order, content_type, body', [
    ({'body': 'a', 'content_type': 'text/plain'}, 'text/plain', b'a'),
    ({'body': '電波', 'content_type': 'text/x'}, 'text/x', '電波'.encode()),
    ({'body': '電波', 'content_type': 'text/x', 'bytes': True}, 'text/x', '電波'.encode()),
    ({'body': 'a', 'content_type': None}, 'application/json', b'a'),
    ({'body': None, 'content_type': 'text/plain'}, 'text/plain', b''),
    ({'body': 'a', 'content_type': 'text/plain', 'list': True}, 'text/plain', b'a'),
    ({'body': '', 'content_type': 'a/b'}, 'a/b', b''),
])
def test_a7_returns_body_and_content_type_as_tuple_or_list(scripted, order, content_type, body):
    reply = scripted.invoke(json.dumps(dict(order, do='answer')))
    assert (reply.status, reply.content_type, reply.body) == (200, content_type, body)


def test_a7_a_large_body_comes_back_whole(scripted):
    text = 'x' * 3_000_000
    reply = scripted.invoke(json.dumps({'do': 'answer', 'body': text, 'content_type': 'a/b'}))
    assert reply.text == text


@pytest.mark.parametrize('value, error', [
    ([1, 2, 3], 'too many values to unpack (expected 2)'),
    (['a'], 'not enough values to unpack (expected 2, got 1)'),
    ('abc', 'too many values to unpack (expected 2)'),
    (5, "'int' object is not iterable"),
    (None, "'NoneType' object is not iterable"),
])
def test_a7_a_return_that_does_not_unpack_is_500_json(scripted, value, error):
    reply = scripted.invoke(json.dumps({'do': 'return', 'value': value}))
    assert (reply.status, reply.content_type) == (500, 'application/json')
    assert reply.json == {'error': error}


def test_a7_a_two_character_string_unpacks(scripted):
    reply = scripted.invoke('{"do": "return", "value": "ab"}')
    assert (reply.status, reply.content_type, reply.text) == (200, 'b', 'a')


@pytest.mark.parametrize('value', [[{'a': 1}, 'a/b'], [5, 'a/b'], [[1, 2], 'a/b']])
def test_a7_a_body_that_is_no_text_is_500_html(scripted, value):
    reply = scripted.invoke(json.dumps({'do': 'return', 'value': value}))
    assert reply.status == 500 and reply.content_type.startswith('text/html')
    assert b'<title>Internal Server Error</title>' in reply.body


def test_a7_a_content_type_with_a_line_break_is_gunicorns_400(scripted):
    reply = scripted.invoke(json.dumps({'do': 'return', 'value': ['a', 'x/y\r\nSet-Cookie: a=b']}))
    assert reply.status == 400 and 'Set-Cookie' not in reply.headers
    assert b'<h1><p>Bad Request</p></h1>' in reply.body


def test_a7_a_content_type_beyond_ascii_is_500_html(scripted):
    reply = scripted.invoke(json.dumps({'do': 'return', 'value': ['a', '電波']}))
    assert reply.status == 500 and b'<h1><p>Internal Server Error</p></h1>' in reply.body


# -- concurrency ------------------------------------------------------------------------------

def test_a7_worker_is_monkey_patched(scripted_echo):
    assert scripted_echo.invoke('{"do": "threads"}').text == 'True'


def test_a7_requests_that_wait_run_side_by_side(scripted_echo):
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(
            lambda _: scripted_echo.invoke('{"do": "meet", "count": 20}'), range(20)))
    assert [reply.status for reply in replies] == [200] * 20
    assert len({reply.json['pid'] for reply in replies}) == 1


# -- gunicorn behind nginx ------------------------------------------------------------------

@pytest.mark.parametrize('count, status', [(97, 200), (98, 400)])
def test_a7_gunicorn_takes_100_headers_three_of_them_nginxs(scripted_echo, count, status):
    reply = scripted_echo.request('POST', '/invocations', '{}',
                                  {f'X-{number}': '1' for number in range(count)})
    assert reply.status == status
    if status == 400:
        assert reply.content_type.startswith('text/html')
        assert b'limit request headers fields' in reply.body


@pytest.mark.parametrize('surplus, status', [(0, 200), (1, 400)])
def test_a7_gunicorn_takes_a_request_line_of_4094_bytes(scripted_echo, surplus, status):
    query = 'x' * (4094 - len('POST /invocations? HTTP/1.0') + surplus)
    reply = scripted_echo.invoke('{}', path='/invocations?' + query)
    assert reply.status == status
    assert (b'Request Line is too large' in reply.body) == (status == 400)


@pytest.mark.parametrize('size, status', [(3900, 200), (3990, 502), (8192, 502)])
def test_a7_an_answers_header_fits_nginxs_buffer_of_a_page(scripted_echo, size, status):
    order = {'do': 'answer', 'body': 'x', 'content_type': 'a' * size}
    reply = scripted_echo.invoke(json.dumps(order))
    assert reply.status == status
    if status == 502:
        assert reply.content_type == 'text/html'
        assert 'upstream sent too big header' in scripted_echo.log()


def test_a7_an_empty_chunked_body_has_the_length_0(scripted_echo):
    answer = scripted_echo.raw(
        b'POST /invocations HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n'
        b'Connection: close\r\n\r\n0\r\n\r\n')
    seen = json.loads(answer.partition(b'\r\n\r\n')[2].decode())
    assert (seen['body'], seen['context']['content_length']) == ('', 0)


def test_a7_of_two_content_types_the_last_counts_and_other_headers_are_joined(scripted_echo):
    answer = scripted_echo.raw(
        b'POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\nAccept: x\r\n'
        b'Content-Type: a/\xe9\t\r\nAccept: y\r\nContent-Length: 0\r\n'
        b'Connection: close\r\n\r\n')
    context = json.loads(answer.partition(b'\r\n\r\n')[2].decode())['context']
    assert (context['request_content_type'], context['accept_header']) == ('a/\xe9', 'x,y')


@pytest.mark.parametrize('path', ['/invocations%20', '/invocations/%E6%97%A5', '/invocationsx'])
def test_a7_a_path_beyond_the_handlers_is_404(scripted_echo, path):
    assert scripted_echo.invoke('{}', path=path).status == 404


def test_a7_data_is_gunicorns_body(starter):
    endpoint = scripted(starter, '''
        import json
        def handler(data, context):
            data.mine = 1
            size = data.getsize(None)
            kind = type(data.reader).__name__
            return json.dumps([size, kind, data.buf.getvalue().decode(),
                               data.read().decode(), data.mine]), None
        ''')
    for _ in range(2):  # parsed, then remembered
        assert endpoint.invoke('abc').json == [9223372036854775807, 'LengthReader', '', 'abc', 1]
    endpoint.stop()
