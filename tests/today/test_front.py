"""The public port: content types, CSV, Accept, custom attributes (docs/contract.md#a3 to #a6)."""
import json

import pytest


def sent(endpoint, body, content_type):
    reply = endpoint.invoke(body, content_type)
    assert reply.status == 200, reply
    return reply.json['body']


@pytest.mark.parametrize('content_type', [
    'application/json; charset=utf-8', 'Application/JSON', ' application/jsonlines ;x',
    'application/jsons;'])
def test_a5_content_types_are_read_without_parameters_and_case(plain_echo, content_type):
    assert sent(plain_echo, '[1]', content_type) == '{"instances":[[1]]}'


@pytest.mark.parametrize('content_type', ['TEXT/CSV', ' text/csv ;header=present'])
def test_a5_so_are_those_of_csv_without_a_header_row(plain_echo, content_type):
    assert sent(plain_echo, 'a,b\n1,2', content_type) == '{"instances":[["a","b"],[1,2]]}'


@pytest.mark.parametrize('content_type, shown', [
    (None, 'Unknown'), ('; charset=x', 'Unknown'), ('Text/Plain; a=b', 'text/plain'),
    ('a"b\\c', 'a\\"b\\\\c'), ('*/*', '*/*'), ('application/jsonl', 'application/jsonl')])
def test_a5_any_other_type_is_415_in_todays_words(plain_echo, content_type, shown):
    reply = plain_echo.invoke('[1]', content_type)
    assert (reply.status, reply.content_type) == (415, 'application/json')
    assert reply.text == '{"error":"Unsupported Media Type: %s"}' % shown
    assert json.loads(reply.text)


@pytest.mark.parametrize('body, instances', [
    ('1.0,2.0,3.0\n4.0,5.0,6.0', '[1.0,2.0,3.0],[4.0,5.0,6.0]'),
    ('1\n2', '1,2'),
    ('1\r\n\r\n  2  \n', '1,2'),
    ('1.0,hello,"world,earth"', '[1.0,"hello","world,earth"]'),
    ('a,b,c', '["a","b","c"]'),
    ('1,,3', '[1,"",3]'),
    ('1,', '[1,""]'),
    ('"12"', '12'),
    ('"say ""hi"""', '"say \\"hi\\""'),
    ('+1,.5,1.,01,NaN', '["+1",".5","1.","01","NaN"]'),
    (' 1 , x ', '[1," x"]'),
    ('-0,1e5,1E-7,0.50,1e+3', '[-0,1e5,1E-7,0.50,1e+3]'),
    ('"a,b', '"a,b"'),
    ('a"b,c"d,e', '["ab,cd","e"]'),
    ('a\\b', '"a\\\\b"'),
    ('"a\nb"', '"a","b"'),
    ('true,null', '["true","null"]'),
    (' \r\n ', ''),
    ('電波,1', '["電波",1]'),
    ('\u3000a\u3000,b\u00a0', '["a\u3000","b"]'),
])
def test_a5_csv_becomes_numbers_and_strings(plain_echo, body, instances):
    found = sent(plain_echo, body, 'text/csv').encode('latin-1').decode()
    assert found == '{"instances":[%s]}' % instances


def test_a5_csv_of_blanks_alone_is_400_of_the_model_server(plain):
    reply = plain.invoke(' \n ', 'text/csv')
    assert reply.status == 400 and "'instances'" in reply.json['error']


def test_a5_csv_strings_do_not_suit_a_model_of_numbers(plain):
    assert plain.invoke('+1', 'text/csv').status == 400
    assert plain.invoke('"1"', 'text/csv').json == {'predictions': [4.0]}


@pytest.mark.parametrize('space', ['\u3000', '\u00a0', '\ufeff'])
def test_a5_white_space_beyond_ascii_is_trimmed_off_json_lines(plain_echo, space):
    body = f'{space}[1]\n[2]{space}\n'
    assert sent(plain_echo, body, 'application/jsonlines') == '{"instances":[[1],[2]]}'


@pytest.mark.parametrize('content_type', ['application/json', 'text/csv'])
def test_a5_bytes_that_are_not_utf_8_become_replacement_characters(plain_echo, content_type):
    found = sent(plain_echo, b'["\xff\xe3\x81"]', content_type).encode('latin-1')
    assert found.count('\ufffd'.encode()) == 2 and b'\xff' not in found


@pytest.mark.parametrize('content_type', ['application/json', 'application/jsonlines'])
def test_a5_of_json_lines_that_are_requests_the_first_alone_is_answered(plain, content_type):
    reply = plain.invoke('{"inputs": [2.0]}\n{"inputs": [4.0]}\n', content_type)
    assert (reply.status, reply.json) == (200, {'outputs': [4.5]})


@pytest.mark.parametrize('accept, joined', [
    ('application/json', True), ('application/jsonlines', True),
    ('text/html, application/json', True), (' text/csv ,  application/jsonlines ', True),
    ('application/json;q=0.9', False), ('application/jsons', False), ('*/*', False),
    (None, False)])
def test_a5_accept_removes_newlines_and_the_type_stays_json(plain, accept, joined):
    reply = plain.invoke('{"instances": [1.0, 2.0, 5.0]}', accept=accept)
    assert (reply.status, reply.content_type) == (200, 'application/json')
    expected = '{\n    "predictions": [4.0, 4.5, 6.0\n    ]\n}'
    assert reply.text == (expected.replace('\n', '') if joined else expected)


REFUSED = [
    ('tfs-model-name= x', 'tfs-model-name', ''),
    ('tfs-model-name=-x', 'tfs-model-name', ''),
    ('tfs-model-name=a/../b', 'tfs-model-name', ''),
    ('tfs-model-name=' + 256 * 'a', 'tfs-model-name', ''),
    ('tfs-model-version=-1', 'tfs-model-version', ': must be a positive integer'),
    ('tfs-model-version=1x', 'tfs-model-version', ': must be a positive integer'),
    ('tfs-method=explain', 'tfs-method', ': must be one of predict|classify|regress'),
    ('tfs-method=x,tfs-model-version=y,tfs-model-name=?', 'tfs-model-name', ''),
    ('tfs-method=x,tfs-model-version=y', 'tfs-model-version', ': must be a positive integer'),
]


@pytest.mark.parametrize('attributes, name, why', REFUSED)
def test_a6_wrong_attributes_are_400(plain_echo, scripted_echo, attributes, name, why):
    plain = plain_echo.invoke('[1]', attributes=attributes)
    scripted = scripted_echo.invoke('{}', attributes=attributes)
    assert plain.text == '{"error":"invalid %s"}' % name
    assert scripted.text == '{"error": "invalid %s%s"}' % (name, why)
    for reply in (plain, scripted):
        assert (reply.status, reply.content_type) == (400, 'application/json')


def test_a6_a_value_with_an_equals_sign_is_checked_in_python_mode(scripted_echo):
    reply = scripted_echo.invoke('{}', attributes='tfs-model-name=a=b')
    assert (reply.status, reply.text) == (400, '{"error": "invalid tfs-model-name"}')


def test_a6_version_0_and_the_longest_name_pass(plain_echo, scripted_echo):
    asked = 'tfs-model-version=0,tfs-model-name=' + 255 * 'a'
    assert plain_echo.invoke('[1]', attributes=asked).status == 200
    assert scripted_echo.probe(attributes=asked)['context']['model_version'] == '0'


@pytest.mark.parametrize('attributes, status', [
    ('tfs-model-name=a/b', 400), ('tfs-model-version=x', 400), ('tfs-method=x', 200),
    ('tfs-model-name=missing', 502)])
def test_a4_plain_ping_refuses_wrong_names_and_versions(plain_echo, attributes, status):
    headers = {'X-Amzn-SageMaker-Custom-Attributes': attributes}
    reply = plain_echo.get('/ping', headers)
    assert reply.status == status
    assert status != 400 or reply.json['error'].startswith('invalid tfs-model-')


def test_a3_models_without_gunicorn_is_502(plain_echo):
    assert plain_echo.get('/models').status == 502
