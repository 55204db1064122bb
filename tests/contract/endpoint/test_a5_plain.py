"""POST /invocations without inference.py (docs/contract.md#a5)."""
import json
import os
import signal

import pytest

JSON_TYPES = ['application/json', 'application/jsonlines', 'application/jsons']


def sent(endpoint, body, content_type='application/json', **options):
    """The body that the model server was sent."""
    reply = endpoint.invoke(body, content_type, **options)
    assert reply.status == 200, reply
    return reply.json['body']


# -- content types ------------------------------------------------------------------------

@pytest.mark.parametrize('content_type', JSON_TYPES)
def test_a5_the_three_json_types_are_equal(plain, content_type):
    reply = plain.invoke('{"instances": [1.0, 2.0, 5.0]}', content_type)
    assert (reply.status, reply.json) == (200, {'predictions': [4.0, 4.5, 6.0]})
    assert reply.content_type == 'application/json'


@pytest.mark.parametrize('content_type', [
    'application/json; charset=utf-8', 'Application/JSON', 'text/plain', 'application/x-image',
    'application/x-npy', 'text/csv;header=present', 'application/jsonl', '*/*'])
def test_a5_any_other_content_type_is_415(plain, content_type):
    reply = plain.invoke('{"instances": [1.0]}', content_type)
    assert (reply.status, reply.content_type) == (415, 'application/json')
    assert reply.text == '{"error": "Unsupported Media Type: %s"}' % content_type


def test_a5_no_content_type_is_415_unknown(plain):
    reply = plain.invoke('{"instances": [1.0]}', content_type=None)
    assert (reply.status, reply.text) == (415, '{"error": "Unsupported Media Type: Unknown"}')


# -- the body's shape decides ---------------------------------------------------------------

@pytest.mark.parametrize('body', [
    '{"instances": [1, 2]}', '{"inputs" :\n[1]}', '{"examples":[{"x": 1}]}',
    '{"signature_name": "a", "instances": [[1, 2], [3, 4]]}', '{"a": {"inputs": 1}}'])
def test_a5_a_tfs_shaped_body_is_forwarded_unchanged(plain_echo, body):
    assert sent(plain_echo, body) == body


@pytest.mark.parametrize('body, expected', [
    ('[1, 2]', '{"instances":[[1, 2]]}'),
    ('{"x":1}', '{"instances":[{"x":1}]}'),
    ('5', '{"instances":[5]}'),
    ('"a"', '{"instances":["a"]}'),
    ('[[1, 2], [3, 4]]', '{"instances":[[1, 2], [3, 4]]}'),
    (' \n[ [1], [2]]', '{"instances": \n[ [1], [2]]}'),
    ('[{"x":1},{"x":2}]', '{"instances":[[{"x":1},{"x":2}]]}'),
    ('[]', '{"instances":[[]]}'),
])
def test_a5_a_generic_body_becomes_instances(plain_echo, body, expected):
    assert sent(plain_echo, body) == expected


@pytest.mark.parametrize('body, expected', [
    ('[1]\n[2]', '{"instances":[[1],[2]]}'),
    ('[1]\r\n[2]\r\n', '{"instances":[[1],[2]]}'),
    ('\n{"x":1}\n\n  {"x":2}  \n', '{"instances":[{"x":1},{"x":2}]}'),
    ('{"x":[1]}\n{"x":[2]}\n{"x":[3]}', '{"instances":[{"x":[1]},{"x":[2]},{"x":[3]}]}'),
    ('{"x":1} {"x":2}', '{"instances":{"x":1} {"x":2}}'),
])
def test_a5_json_lines_are_joined_into_instances(plain_echo, body, expected):
    assert sent(plain_echo, body, 'application/jsonlines') == expected


def test_a5_json_lines_of_numbers_on_their_own_are_no_json_lines(plain_echo):
    assert sent(plain_echo, '1\n2') == '{"instances":[1\n2]}'


def test_a5_two_objects_on_one_line_are_400(plain):
    assert plain.invoke('{"x":1} {"x":2}', 'application/jsonlines').status == 400


def test_a5_json_lines_come_before_tfs_shape_in_2019(plain_echo_2019):
    body = '{"instances": ["a][b"]}'
    assert sent(plain_echo_2019, body) == '{"instances":' + body + '}'


def test_a5_tfs_shape_comes_before_json_lines_in_head(plain_echo_head):
    body = '{"instances": ["a][b"]}'
    assert sent(plain_echo_head, body) == body
    lines = '{"inputs": 1}\n{"inputs": 2}'
    assert sent(plain_echo_head, lines, 'application/jsonlines') == lines


def test_a5_json_lines_with_an_inputs_key_are_joined_in_2019(plain_echo_2019):
    lines = '{"inputs": 1}\n{"inputs": 2}'
    assert sent(plain_echo_2019, lines) == '{"instances":[{"inputs": 1},{"inputs": 2}]}'


@pytest.mark.parametrize('space', ['\ufeff', '\u00a0', '\u2003', '\u2028', '\u3000'])
def test_a5_white_space_beyond_ascii_stays(plain_echo, space):
    def got(body, content_type):
        return sent(plain_echo, body, content_type).encode('latin-1').decode()

    assert got(f'{space}1{space}\n2', 'text/csv') == f'{{"instances":["{space}1{space}","2"]}}'
    assert got(f'[1]\n[2]{space}', 'application/jsonlines') == f'{{"instances":[[1],[2]{space}]}}'
    assert got(f'{space}[[1]]', 'application/json') == f'{{"instances":[{space}[[1]]]}}'


def test_a5_text_beyond_ascii_arrives_unchanged(plain_echo):
    body = '{"q": "電波が悪い 😀"}'
    assert sent(plain_echo, body).encode('latin-1').decode() == '{"instances":[' + body + ']}'


@pytest.mark.parametrize('body', ['', None])
@pytest.mark.parametrize('content_type', JSON_TYPES)
def test_a5_empty_json_body_is_400_of_the_model_server(plain, content_type, body):
    reply = plain.invoke(body, content_type)
    assert (reply.status, reply.content_type) == (400, 'application/json')
    assert 'error' in reply.json


# -- CSV ------------------------------------------------------------------------------------

@pytest.mark.parametrize('body, expected', [
    ('1.0', '[1.0]'),
    ('1.0,2.0', '[[1.0,2.0]]'),
    ('1\n2', '[1,2]'),
    ('1,2\n3,4\n', '[[1,2],[3,4]]'),
    ('\n 1 , 2 \r\n\r\n 3 , 4 \r\n', '[[1 , 2],[3 , 4]]'),
    ('-1,+2,.5,1e3', '[[-1,+2,.5,1e3]]'),
    ('"a","b"', '[["a","b"]]'),
    ('a', '["a"]'),
    ('a,b', '[["a","b"]]'),
    ('a,b,c', '[["a","b,c"]]'),
    ('a"b"c', '["a\\"b"c"]'),
    ('x,1\n2,3', '[["x","1"],["2","3"]]'),
    ('1,2\nx,y', '[[1,2],[x,y]]'),
    ('east,west', '[[east,west]]'),
    ('1,2,', '[[1,2,]]'),
    ('電波,が', '[["電波","が"]]'),
    (' ', '[]'),
])
def test_a5_csv_becomes_instances(plain_echo, body, expected):
    got = sent(plain_echo, body, 'text/csv').encode('latin-1').decode()
    assert got == '{"instances":' + expected + '}'


@pytest.mark.parametrize('body, expected', [
    ('1.0', [4.0]), ('1.0\n2.0\n5.0\n', [4.0, 4.5, 6.0])])
def test_a5_csv_is_predicted(plain, body, expected):
    reply = plain.invoke(body, 'text/csv')
    assert (reply.status, reply.json) == (200, {'predictions': expected})


@pytest.mark.parametrize('body', ['east,west', '1,2,', '1.0 2.0'])
def test_a5_csv_that_is_no_json_is_400(plain, body):
    assert plain.invoke(body, 'text/csv').status == 400


def test_a5_no_csv_body_is_500_html(plain):
    reply = plain.invoke(None, 'text/csv')
    assert reply.status == 500 and reply.content_type.startswith('text/html')
    assert b'<title>500 Internal Server Error</title>' in reply.body


def test_a5_a_csv_body_of_no_bytes_is_400_of_the_model_server(plain):
    reply = plain.invoke('', 'text/csv')
    assert (reply.status, reply.content_type) == (400, 'application/json')
    assert "No values in 'instances' array" in reply.json['error']


# -- the call and its answer ----------------------------------------------------------------

def test_a5_the_model_server_is_called_by_post_with_json(plain_echo):
    for method in ('POST', 'GET', 'PUT'):
        seen = plain_echo.request(method, '/invocations/x?y', '[1]',
                                  {'Content-Type': 'text/csv', 'X-Own': '1'}).json
        assert (seen['method'], seen['path']) == ('POST', '/v1/models/model:predict')
        assert seen['headers']['content-type'] == 'application/json'
        assert 'x-own' not in seen['headers']


@pytest.mark.parametrize('status', [200, 400, 404, 409, 429, 500, 501, 503])
def test_a5_the_model_servers_status_is_passed_through(plain_echo, status):
    reply = plain_echo.invoke('[1]', attributes=f'tfs-model-name=status-{status}')
    assert (reply.status, reply.content_type) == (status, 'application/json')
    assert reply.json == {'error': 'as asked'}


def test_a5_unknown_model_or_version_is_404(plain):
    assert plain.invoke('[1]', attributes='tfs-model-name=unknown').status == 404
    assert plain.invoke('[1]', attributes='tfs-model-version=77').status == 404


def test_a5_the_answers_layout_is_the_model_servers(plain):
    reply = plain.invoke('{"instances": [0.0, 1.0]}')
    assert reply.text == '{\n    "predictions": [3.5, 4.0\n    ]\n}'


def test_a5_the_first_escaped_instances_is_repaired_on_400(plain_echo):
    reply = plain_echo.invoke('[1]', attributes='tfs-model-name=escaped')
    assert reply.status == 400
    assert reply.text == '{ "error": "no \'instances\' or \\\'instances\\\'" }'


def test_a5_a_model_servers_400_can_be_parsed(plain):
    reply = plain.invoke('{"instances": 5}')
    assert reply.status == 400
    assert 'error' in reply.json


@pytest.mark.parametrize('contract, lines', [('2019', 'application/jsons'),
                                             ('head', 'application/jsonlines')])
def test_a5_without_a_model_server_502_html_has_the_accepted_type(starter, contract, lines):
    """The page stands for the model server's answer, whether it died or cannot be reached."""
    endpoint = starter.start(starter.model_dir({'model/1/saved_model.pb': ''}), contract, fake=True)
    os.kill(endpoint.process.pid, signal.SIGSTOP)  # what ends is not restarted
    for _ in range(2):
        reply = endpoint.invoke('[1]', attributes='tfs-model-name=die')
        assert (reply.status, reply.content_type) == (502, 'application/json')
        assert b'<title>502 Bad Gateway</title>' in reply.body and b'\n' in reply.body
    reply = endpoint.invoke('[1]', accept=lines)
    assert (reply.status, reply.content_type) == (502, lines)
    assert b'<title>502 Bad Gateway</title>' in reply.body and b'\n' not in reply.body
    assert endpoint.get('/ping').content_type == 'text/html'
    os.kill(endpoint.process.pid, signal.SIGCONT)
    endpoint.eventually(lambda: endpoint.get('/ping').status == 200, what='a new model server')
    endpoint.stop()


@pytest.mark.parametrize('status', [400, 404, 500, 503])
def test_a5_an_error_with_an_empty_body_becomes_nginxs_page(plain_echo, status):
    reply = plain_echo.invoke('[1]', attributes=f'tfs-model-name=empty-{status}',
                              accept='application/jsonlines')
    assert (reply.status, reply.content_type) == (status, 'text/html')
    assert b'<title>%d ' % status in reply.body


@pytest.mark.parametrize('headers, status', [
    ({'If-Match': '"a"'}, 412), ({'If-Match': ''}, 412), ({'If-Match': '"a", *'}, 412),
    ({'If-Unmodified-Since': 'Mon, 01 Jan 2018 00:00:00 GMT'}, 412),
    ({'If-Match': '*'}, 200), ({'If-None-Match': '"a"'}, 200),
    ({'If-Modified-Since': 'Mon, 01 Jan 2018 00:00:00 GMT'}, 200), ({'If-None-Match': '*'}, 304)])
def test_a5_preconditions_hold_as_for_an_answer_without_etag_and_date(plain_echo, headers, status):
    for method, path in (('GET', '/ping'), ('POST', '/invocations')):
        reply = plain_echo.request(method, path, '1', {'Content-Type': 'text/csv', **headers})
        assert reply.status == status
        assert (b'<title>412 Precondition Failed</title>' in reply.body) == (status == 412)
    # Errors come through, and what is proxied knows no preconditions.
    assert plain_echo.request('POST', '/invocations', '1', headers).status == 415
    assert plain_echo.request('GET', '/tfs/v1/models/model', None, headers).status == 200


@pytest.mark.parametrize('name, value', [
    ('Content-Type', 'text/csv'), ('Accept', 'application/jsonlines')])
def test_a5_blanks_after_a_headers_value_do_not_count(plain_echo, name, value):
    headers = {'Content-Type': 'application/json', name: value + '  '}
    reply = plain_echo.request('POST', '/invocations', '1', headers)
    assert reply.status == 200
    if name == 'Accept':
        assert reply.content_type == value


def test_a5_a_tab_after_a_headers_value_counts(plain_echo):
    assert plain_echo.invoke('1', 'text/csv\t').status == 415
    reply = plain_echo.invoke('1', accept='application/jsonlines\t')
    # The last container trims the list itself.
    assert reply.content_type == 'application/json' + 'lines' * (plain_echo.contract == 'head')


# -- Accept ---------------------------------------------------------------------------------

@pytest.mark.parametrize('accept', ['application/jsonlines', 'application/jsons'])
def test_a5_accept_lines_removes_newlines_and_is_echoed_2019(plain_2019, accept):
    reply = plain_2019.invoke('{"instances": [0.0, 1.0]}', accept=accept)
    assert (reply.status, reply.content_type) == (200, accept)
    assert reply.text == '{    "predictions": [3.5, 4.0    ]}'


@pytest.mark.parametrize('accept', [
    'application/json', '*/*', 'text/csv', 'image/png', 'application/jsonlines, text/html',
    'application/jsonlines;q=1'])
def test_a5_other_accept_values_are_ignored_2019(plain_2019, accept):
    reply = plain_2019.invoke('{"instances": [0.0]}', accept=accept)
    assert (reply.status, reply.content_type) == (200, 'application/json')
    assert b'\n' in reply.body


@pytest.mark.parametrize('accept, content_type', [
    ('application/json', 'application/json'),
    ('application/jsonlines', 'application/jsonlines'),
    ('application/json,text/html', 'application/json'),
    ('text/html,application/json', 'text/html'),
    ('text/html, application/jsonlines', 'text/html'),
])
def test_a5_accept_list_with_json_gives_its_first_entry_in_head(plain_head, accept, content_type):
    reply = plain_head.invoke('{"instances": [0.0, 1.0]}', accept=accept)
    assert (reply.status, reply.content_type) == (200, content_type)
    assert reply.text == '{    "predictions": [3.5, 4.0    ]}'


@pytest.mark.parametrize('accept', ['application/jsons', '*/*', 'text/html'])
def test_a5_accept_without_json_is_ignored_in_head(plain_head, accept):
    reply = plain_head.invoke('{"instances": [0.0]}', accept=accept)
    assert (reply.status, reply.content_type) == (200, 'application/json')
    assert b'\n' in reply.body


def test_a5_accept_never_changes_the_status(plain_echo):
    reply = plain_echo.invoke('[1]', accept='application/jsonlines',
                              attributes='tfs-model-name=status-503')
    assert (reply.status, reply.content_type) == (503, 'application/jsonlines')
    assert json.loads(reply.body) == {'error': 'as asked'} and b'\n' not in reply.body
