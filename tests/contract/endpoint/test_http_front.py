"""What a client of nginx relies on below the routes: HTTP, limits, time-outs, errors.

docs/contract.md#a3
"""
import re
import time

import pytest

OK = b'HTTP/1.1 200 OK\r\n'
PING = b'GET /ping HTTP/1.1\r\nHost: x\r\n\r\n'
POST = (b'POST /tfs/v1/models/m:x HTTP/1.1\r\nHost: x\r\n')


def statuses(answer):
    return [int(status) for status in re.findall(rb'HTTP/1\.1 (\d{3}) ', answer)]


def test_a3_connections_are_kept_alive_for_3_seconds(front):
    start = time.monotonic()
    answer = front.raw(PING)
    assert statuses(answer) == [200] and not answer.endswith(b'<open>')
    assert time.monotonic() - start > 2.9  # and no longer: see the unit tests


def test_a3_a_kept_connection_serves_one_request_after_the_other(front):
    answer = front.raw(PING, PING, PING.replace(b'Host', b'Connection: close\r\nHost'),
                       turns=True)
    assert statuses(answer) == [200, 200, 200]


def test_a3_pipelined_requests_are_answered_in_order(front):
    missing = b'GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n'
    close = PING.replace(b'Host', b'Connection: close\r\nHost')
    answer = front.raw(PING + missing + PING + missing + close)
    assert statuses(answer) == [200, 404, 200, 404, 200]


def test_a3_http_1_0_closes_unless_asked_to_keep_alive(front):
    ping = b'GET /ping HTTP/1.0\r\n\r\n'
    answer = front.raw(ping + ping)
    assert statuses(answer) == [200] and b'Connection: close\r\n' in answer
    answer = front.raw(ping.replace(b'\r\n\r\n', b'\r\nConnection: keep-alive\r\n\r\n'), ping,
                       turns=True)
    assert statuses(answer) == [200, 200]


def test_a3_a_body_may_be_chunked(front):
    body = b''.join(b'%x\r\n%b\r\n' % (len(part), part) for part in (
        b'{"insta', b'nces": [', b'2.0]}')) + b'0\r\nTrailer: x\r\n\r\n'
    answer = front.raw(
        b'POST /tfs/v1/models/half_plus_two:predict HTTP/1.1\r\nHost: x\r\n'
        b'Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n' + body)
    assert statuses(answer) == [200] and b'3.0' in answer


def test_a3_a_body_may_arrive_in_small_pieces(front):
    body = b'{"instances": [2.0]}'
    answer = front.raw(
        b'POST /tfs/v1/models/half_plus_two:predict HTTP/1.1\r\nHost: x\r\n'
        b'Connection: close\r\nContent-Length: %d\r\n\r\n' % len(body),
        *[body[i:i + 3] for i in range(0, len(body), 3)], pause=0.02)
    assert statuses(answer) == [200] and b'3.0' in answer


def test_a3_expect_100_continue_is_answered_before_the_body_is_sent(front):
    answer = front.raw(
        b'POST /nowhere HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n'
        b'Content-Length: 3\r\n\r\n', b'abc', turns=True)
    assert answer.startswith(b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 ')


def test_a3_head_has_the_length_but_no_body(front):
    reply = front.request('HEAD', '/nowhere')
    assert (reply.status, reply.body, reply.headers['Content-Length']) == (404, b'', '22')


@pytest.mark.parametrize('request_bytes', [
    b'garbage\r\n\r\n',
    b'GET\r\n\r\n',
    b'GET /ping HTTP/9.9.9\r\nHost: x\r\n\r\n',
    b'GET /ping HTTP/1.1\r\nHost x\r\n\r\n',
    b'GET /ping HTTP/1.1\r\n\r\n',                                   # no Host
    b'GET /../ping HTTP/1.1\r\nHost: x\r\n\r\n',
    b'GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n',
    b'GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n',
    b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n',
    b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
    b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',                 # TLS
    b'\x00' * 100,
    b'GET /ping HTTP/1.1\r\nHost: x\r\n' + b'A: ' + b'x' * 40_000 + b'\r\n\r\n',
])
def test_a3_a_malformed_request_is_nginxs_400_and_the_end_of_the_connection(front, request_bytes):
    answer = front.raw(request_bytes)
    assert statuses(answer) == [400] and not answer.endswith(b'<open>'), answer
    assert b'Content-Type: text/html\r\n' in answer
    assert b'<center><h1>400 Bad Request</h1></center>' in answer


def test_a3_too_long_an_address_is_414(front):
    answer = front.raw(b'GET /' + b'a' * 10_000 + b' HTTP/1.1\r\nHost: x\r\n\r\n')
    assert statuses(answer) == [414] and b'Request-URI Too Large' in answer


def test_a3_what_follows_a_malformed_request_is_not_served(front):
    answer = front.raw(PING + b'nonsense\r\n\r\n' + PING)
    assert statuses(answer) == [200, 400]


def test_a3_a_body_without_length_is_not_taken_for_a_body(front):
    answer = front.raw(b'POST /nowhere HTTP/1.1\r\nHost: x\r\n\r\n{"instances": [1]}\r\n\r\n')
    assert statuses(answer) == [404, 400]


def test_a3_an_unfinished_request_does_not_disturb_others(front):
    import socket
    with socket.create_connection((front.host, front.port)) as slow:
        slow.sendall(b'POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc')
        for _ in range(5):
            assert front.get('/ping').status == 200


def test_a3_a_client_that_leaves_early_does_not_disturb_others(scripted):
    import socket
    body = b'{"do": "sleep", "seconds": 0.3}'
    for _ in range(10):
        with socket.create_connection((scripted.host, scripted.port)) as early:
            early.sendall(b'POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b'
                          % (len(body), body))
    assert scripted.probe('after')['body'] == 'after'


def test_a3_headers_of_a_handlers_request_arrive_but_hop_by_hop_ones(scripted_echo):
    reply = scripted_echo.request('POST', '/invocations', '{}', {
        'X-Amzn-SageMaker-Custom-Attributes': 'a', 'Connection': 'close', 'X_Under': 'score'})
    assert reply.json['context']['custom_attributes'] == 'a'


def test_a3_every_answer_names_nginx_and_has_a_date(front):
    for path in ('/ping', '/nowhere', '/tfs/v1/models/half_plus_two'):
        headers = front.get(path).headers
        assert headers['Server'].startswith('nginx') and headers['Date'].endswith(' GMT')
        assert len(headers.get_all('Server')) == len(headers.get_all('Content-Length')) == 1


@pytest.mark.parametrize('offer', [
    b'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n',
    b'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n',
    b'Upgrade: h2c\r\n'])
def test_a3_an_offered_upgrade_is_ignored_and_the_body_kept(echo, offer):
    head = b'POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' + offer
    close = b'Connection: close\r\n\r\n'
    for path in (b'/invocations', b'/tfs/v1/models/m:x'):
        answer = echo.raw(
            head % path + b'Content-Length: 7\r\n\r\n[12345]',
            head % path + b'Transfer-Encoding: chunked\r\n\r\n',
            b'7\r\n[67890]\r\n0\r\n\r\n' + b'GET /nowhere HTTP/1.1\r\nHost: x\r\n' + close)
        assert statuses(answer) == [200, 200, 404]
        assert b'[12345]' in answer and b'[67890]' in answer


@pytest.mark.parametrize('method', [b'FOO', b'A-B', b'A_B', b'QUERY'])
def test_a3_an_unknown_method_is_any_other_method(plain_echo, method):
    head = b'%b %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n'
    for path, status in ((b'/ping', 200), (b'/nowhere', 404), (b'/invocations', 415)):
        answer = plain_echo.raw(head % (method, path) + b'\r\n')
        assert statuses(answer) == [status]
    answer = plain_echo.raw(head % (method, b'/invocations')
                            + b'Content-Type: text/csv\r\nContent-Length: 1\r\n\r\n5')
    assert statuses(answer) == [200] and b'"method": "POST"' in answer


@pytest.mark.parametrize('method', [b'TRACE', b'CONNECT'])
def test_a3_trace_and_connect_are_405_and_the_end(front, method):
    answer = front.raw(method + b' /ping HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello'
                       + PING)
    assert statuses(answer) == [405] and not answer.endswith(b'<open>')
    assert b'Connection: close\r\n' in answer
    assert b'<center><h1>405 Not Allowed</h1></center>' in answer and b'hello' not in answer


def test_a3_headers_with_odd_names_are_ignored(echo):
    answer = echo.raw(b'GET /ping HTTP/1.1\r\nHost: x\r\nX@Y: 1\r\nX_Y: 1\r\n"a": 1\r\n\xe3: 1\r\n'
                      b'no-colon\r\nContent_Length: 5\r\nConnection: close\r\n\r\n')
    assert statuses(answer) == [200]


@pytest.mark.parametrize('head, status, page', [
    (b'GET /ping HTTP/2.0\r\nHost: x\r\n\r\n', 505, b'505 HTTP Version Not Supported'),
    (b'GET /ping HTTP/9.9\r\nHost: x\r\n\r\n', 505, b'505 HTTP Version Not Supported'),
    (b'POST /ping HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n', 501,
     b'501 Not Implemented'),
    (b'POST /ping HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 501,
     b'501 Not Implemented'),
    (b'GET /ping HTTP/1.1\r\nHost: a/b\r\n\r\n', 400, b'400 Bad Request'),
    (b'GET /ping HTTP/1.1\r\nHost:\r\n\r\n', 400, b'400 Bad Request'),
    (b'GET /ping HTTP/1.1\r\nHost: x\r\nA: ' + b'x' * 8200 + b'\r\n\r\n', 400,
     b'400 Request Header Or Cookie Too Large')])
def test_a3_what_nginx_refuses_has_its_page_and_ends_the_connection(front, head, status, page):
    answer = front.raw(head + PING)
    assert statuses(answer) == [status] and not answer.endswith(b'<open>')
    assert b'<title>' + page + b'</title>' in answer


def test_a3_a_header_line_of_8_000_bytes_is_taken(front):
    line = b'A: ' + b'x' * 8000 + b'\r\n'
    answer = front.raw(PING.replace(b'Host', b'Connection: close\r\n' + line + b'Host'))
    assert statuses(answer) == [200]


@pytest.mark.parametrize('path, content_type', [
    ('/favicon.ico', 'image/x-icon'), ('/index.html', 'text/html'), ('/a/b.TXT', 'text/plain'),
    ('/style.css?a=b.png', 'text/css'), ('/x.unknown', 'application/json'),
    ('/.html', 'application/json'), ('/a.html/', 'application/json')])
def test_a3_a_404_has_the_type_of_its_extension(front, path, content_type):
    reply = front.get(path)
    assert (reply.status, reply.content_type) == (404, content_type)
    assert reply.body == b'{"error": "Not Found"}'


def test_a3_plain_answers_have_the_type_of_the_addresss_extension(plain_echo):
    assert plain_echo.get('/ping.html').content_type == 'text/html'
    for content_type, status in (('text/csv', 200), ('x', 415)):
        reply = plain_echo.invoke('1', content_type, path='/invocations.txt')
        assert (reply.status, reply.content_type) == (status, 'text/plain')


def test_a3_a_half_closed_client_gets_its_answers(echo):
    ask = b'POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' \
          b'Content-Length: %d\r\n\r\n%b'
    slow = b'{"do": "sleep", "seconds": 0.3}'
    answer = echo.raw(ask % (len(slow), slow) + ask % (2, b'{}'), half_close=True)
    assert statuses(answer) == [200, 200] and not answer.endswith(b'<open>')


def test_a3_head_through_tfs_has_the_length_of_the_model_servers_answer(front):
    reply = front.request('HEAD', '/tfs/v1/models/half_plus_two')
    assert reply.body == b'' and int(reply.headers['Content-Length']) > 0


def test_a3_the_proxy_read_timeout_of_a_plain_endpoint_is_504(starter):
    endpoint = starter.start(starter.model_dir({'model/1/saved_model.pb': ''}), fake=True,
                             HOSTING_PROXY_READ_TIMEOUT='1')
    reply = endpoint.request('POST', '/tfs/v1/models/slow-600:predict', '{}')
    assert reply.status == 504 and b'<title>504 Gateway Time-out</title>' in reply.body
    assert endpoint.invoke('[1]', attributes='tfs-model-name=slow-600').status == 504
    endpoint.stop()
