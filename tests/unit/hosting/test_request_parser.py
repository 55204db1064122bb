"""hosting.http.request_parser: requests are read as nginx 1.22 was observed to read them."""

import pytest

from hosting.http.request_parser import Refused, RequestParser

HOST = b"Host: x\r\n"
POST = b"POST /p HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def read(data, piece=None, max_body=float("inf")):
    """The requests in `data`, fed at once or in pieces; an error's status comes last."""
    parser, found = RequestParser("peer", max_body), []
    for start in range(0, len(data), piece or len(data)):
        parser.feed(data[start : start + (piece or len(data))])
        try:
            request = parser.next_request()
            while request is not None:
                found.append(request)
                request = parser.next_request()
        except Refused as refusal:
            return found + [refusal.status]
    return found


def outcome(data):
    """What became of one request: its status, 'read' or 'waits'; the same in small pieces."""
    results = []
    for piece in (None, 1, 7):
        found = read(data, piece)
        assert len(found) <= 1
        results.append((found[0] if isinstance(found[0], int) else "read") if found else "waits")
    assert len(set(results)) == 1, results
    return results[0]


@pytest.mark.parametrize("method", [
    b"GET", b"FOO", b"QUERY", b"A-B", b"A_B", b"-", b"PROPFIND", b"X" * 300])  # fmt: skip
def test_any_method_of_capitals_is_a_method(method):
    (request,) = read(method + b" /a HTTP/1.1\r\n" + HOST + b"\r\n")
    assert request.method == method.decode()


@pytest.mark.parametrize("line, expected", [
    (b"GET /a HTTP/1.1", "read"), (b"GET  /a  HTTP/1.1", "read"), (b"GET /a HTTP/1.1  ", "read"),
    (b"GET /a HTTP/1.0", "read"), (b"GET /a HTTP/1.2", "read"), (b"GET /a HTTP/1.01", "read"),
    (b"GET /a HTTP/1.999", "read"), (b"GET /a HTTP/1.1000", 400),
    (b"GET /\xe3\x81 HTTP/1.1", "read"),
    (b"GET /a HTTP/2.0", 505), (b"GET /a HTTP/2", 505), (b"GET /a HTTP/9.9", 505),
    (b"GET /a HTTP/10.1", 505), (b"GET /a HTTP/0.9", 400), (b"GET /a HTTP/01.1", 400),
    (b"GET /a HTTP/1", 400), (b"GET /a HTTP/1.", 400), (b"GET /a http/1.1", 400),
    (b"GET /a HTTP/1.1 x", 400), (b"GET /a HTTP/1.1\t", 400), (b"GET /a b HTTP/1.1", 400),
    (b"GET /a\tb HTTP/1.1", 400), (b"GET /a\x7f HTTP/1.1", 400), (b"GET\t/a HTTP/1.1", 400),
    (b"get /a HTTP/1.1", 400), (b"GET1 /a HTTP/1.1", 400), (b" GET /a HTTP/1.1", 400),
    (b"GET a HTTP/1.1", 400), (b"OPTIONS * HTTP/1.1", 400), (b"PRI * HTTP/2.0", 400),
    (b"GET http://h/a HTTP/1.1", "read"), (b"GET ftp://h:1?a HTTP/1.1", "read"),
    (b"GET http://[::1]:80/ HTTP/1.1", "read"), (b"GET http:/h HTTP/1.1", 400),
    (b"GET http:// HTTP/1.1", 400), (b"GET http://a..b/ HTTP/1.1", 400),
    (b"GET http://a_b/ HTTP/1.1", 400), (b"GET http://u@h/ HTTP/1.1", 400),
    (b"TRACE /a HTTP/1.1", 405), (b"CONNECT /a HTTP/1.1", 405), (b"CONNECT h:80 HTTP/1.1", 400),
    (b"GET", 400), (b"POST /a", 400)])  # fmt: skip
def test_request_lines(line, expected):
    assert outcome(line + b"\r\n" + HOST + b"\r\n") == expected


def test_a_request_line_without_version_is_a_whole_request():
    (request,) = read(b"GET /a\r\n")
    assert (request.http_version, request.keep_alive) == ("0.9", False)


@pytest.mark.parametrize("line", [
    b"X_Y: 1", b"X@Y: 1", b"(a): 1", b'"a": 1', b"a/b: 1", b"\xe3: 1", b"a.b: 1", b"_: 1",
    b"Content_Length: 5", b"Transfer_Encoding: chunked"])  # fmt: skip
def test_headers_with_odd_names_are_ignored(line):
    (request,) = read(b"GET / HTTP/1.1\r\n" + line + b"\r\n" + HOST + b"\r\n")
    assert request.headers == [(b"host", b"x")]


@pytest.mark.parametrize("line", [
    b": 1", b"a : 1", b"a b: 1", b" a: 1", b"\ta: 1", b"a\x7f: 1", b"\x01: 1", b"a\x00b: 1",
    b"a: b\x00", b"a: b\rc", b"X_Y: b\x00", b"a: b\r\n c", b"a: b\r\n\tc", b"a b"])  # fmt: skip
def test_white_space_in_names_folded_lines_and_nuls_are_400(line):
    assert outcome(b"GET / HTTP/1.1\r\n" + HOST + line + b"\r\n\r\n") == 400


@pytest.mark.parametrize("line, expected", [
    (b"a: b", b"b"), (b"a:b", b"b"), (b"a:   b  ", b"b"), (b"a: b c ", b"b c"), (b"a:", b""),
    (b"a", b""), (b"a:  ", b""), (b"a: b\t", b"b\t"), (b"a:\tb", b"\tb"), (b"a: \x1b", b"\x1b"),
    (b"a: b\r", b"b"), (b"a: b:c", b"b:c"), (b"a: \xe3\x81", b"\xe3\x81")])  # fmt: skip
def test_spaces_around_a_value_are_stripped_and_nothing_else(line, expected):
    for end in (b"\r\n", b"\n"):
        (request,) = read(b"GET / HTTP/1.1" + end + HOST + line + end + end)
        assert request.header(b"a") == expected


@pytest.mark.parametrize(
    "host, valid",
    [
        (b"x", True),
        (b"x:80", True),
        (b"X.", True),
        (b"x:", True),
        (b"[::1]:80", True),
        (b"\xe3", True),
        (b"a_b", True),
        (b"a,b", True),
        (b"a@b", True),
        (b"", False),
        (b".", False),
        (b":", False),
        (b":80", False),
        (b"a..b", False),
        (b"x..", False),
        (b"x:..", False),
        (b"a/b", False),
        (b"a:b/c", False),
        (b"a b", False),
        (b"a\tb", False),
        (b"a\x7f", False),
    ],
)
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_bad_host_is_400(host, valid, version):
    assert outcome(b"GET / HTTP/%b\r\nHost: %b\r\n\r\n" % (version, host)) == (
        "read" if valid else 400
    )


def test_a_host_is_needed_from_1_1_on():
    assert outcome(b"GET / HTTP/1.0\r\n\r\n") == "read"
    assert outcome(b"GET / HTTP/1.1\r\n\r\n") == outcome(b"GET / HTTP/1.2\r\n\r\n") == 400


@pytest.mark.parametrize("name, expected", [
    (b"Host", 400), (b"Content-Length", 400), (b"Expect", 400), (b"Authorization", 400),
    (b"If-Match", 400), (b"If-Range", 400), (b"Content-Type", "read"), (b"Accept", "read"),
    (b"User-Agent", "read"), (b"Upgrade", "read"), (b"Cookie", "read")])  # fmt: skip
def test_some_headers_may_come_only_once(name, expected):
    others = b"" if name == b"Host" else HOST
    assert outcome(b"GET / HTTP/1.1\r\n" + others + (name + b": 0\r\n") * 2 + b"\r\n") == expected


@pytest.mark.parametrize("lines, expected", [
    (b"Content-Length: +3", 400), (b"Content-Length: -1", 400), (b"Content-Length:", 400),
    (b"Content-Length: 3, 3", 400), (b"Content-Length: 0x3", 400),
    (b"Content-Length: " + b"9" * 22, 400),
    (b"Content-Length: 3\r\nTransfer-Encoding: chunked", 400),
    (b"Transfer-Encoding: gzip", 501), (b"Transfer-Encoding: gzip, chunked", 501),
    (b"Transfer-Encoding: identity", 501), (b"Transfer-Encoding:", 501),
    (b"Transfer-Encoding: chunked\t", 501), (b"Transfer-Encoding: xchunked", 501),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400)])  # fmt: skip
def test_lengths_and_transfer_codings_that_nginx_refuses(lines, expected):
    assert outcome(POST + lines + b"\r\n\r\n") == expected


def test_chunks_are_for_1_1():
    assert outcome(CHUNKED.replace(b"1.1", b"1.0")) == 400


@pytest.mark.parametrize(
    "body",
    [
        b"3\r\nabc\r\n0\r\n\r\n",
        b"03\nabc\n0\n\n",
        b"3;a=b\r\nabc\r\n0;c\r\n\r\n",
        b"3 \t;\r\nabc\r\n00\r\n\r\n",
        b"1\r\na\r\n2\r\nbc\r\n0\r\nT: x\r\nodd\r\n \r\n\r\n",
    ],
)
@pytest.mark.parametrize("piece", [None, 1, 2, 3, 5])
def test_chunked_bodies(body, piece):
    first, second = read(
        CHUNKED.replace(b"chunked", b"Chunked ") + body + b"GET / HTTP/1.0\n\n", piece
    )
    assert (first.body, second.method) == (b"abc", "GET")


@pytest.mark.parametrize("body", [
    b"zz\r\n", b" 3\r\nabc", b"\r\n3", b"-3\r\n", b"3x\r\n", b"0x3\r\n", b"3\r\nabcd", b"3\rabc",
    b"3\r\nabc\r\r\n", b"f" * 17 + b"\r\n", b"3" + b";" * 9000])  # fmt: skip
def test_broken_chunks_are_400(body):
    assert outcome(CHUNKED + body) == 400


@pytest.mark.parametrize("offer", [
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n",
    b"Upgrade: h2c\r\n", b"Connection: upgrade\r\n"])  # fmt: skip
@pytest.mark.parametrize("piece", [None, 1, 50])
def test_an_offered_upgrade_changes_nothing(offer, piece):
    requests = read(
        POST
        + offer
        + b"Content-Length: 3\r\n\r\nabc"
        + CHUNKED.replace(HOST, HOST + offer)
        + b"3\r\ndef\r\n0\r\n\r\n"
        + b"GET / HTTP/1.1\r\n"
        + HOST
        + offer
        + b"\r\n",
        piece,
    )
    assert [request.body for request in requests] == [b"abc", b"def", b""]
    assert all(request.keep_alive for request in requests)


@pytest.mark.parametrize("lines, version, kept", [
    (b"", b"1.1", True), (b"", b"1.0", False), (b"Connection: keep-alive\r\n", b"1.0", True),
    (b"Connection: Close\r\n", b"1.1", False), (b"Connection: a, close\r\n", b"1.1", False),
    (b"Connection: keep-alive, close\r\n", b"1.0", False),
    (b"Connection: close\r\nConnection: keep-alive\r\n", b"1.1", True)])  # fmt: skip
def test_connections_that_are_kept(lines, version, kept):
    (request,) = read(b"GET / HTTP/" + version + b"\r\n" + HOST + lines + b"\r\n")
    assert request.keep_alive is kept


@pytest.mark.parametrize("before, line, after, expected", [
    (b"", b"GET /%b HTTP/1.1\r\n", HOST + b"\r\n", 414),
    (b"", b"%b / HTTP/1.1\r\n", HOST + b"\r\n", 414),
    (b"GET / HTTP/1.1\r\n" + HOST, b"A: %b\r\n", b"\r\n", 431),
    (b"GET / HTTP/1.1\r\n" + HOST, b"%b: 1\r\n", b"\r\n", 431)])  # fmt: skip
def test_a_line_may_have_8_kib(before, line, after, expected):
    longest = line % (b"X" * (8192 - len(line) + 2))
    longer = line % (b"X" * (8192 - len(line) + 3))
    assert outcome_at_once(before + longest + after) == "read"
    assert outcome_at_once(before + longer + after) == expected
    assert outcome_at_once(before + longest[:-1]) == "waits"
    assert outcome_at_once(before + longer[:-1]) == expected


def outcome_at_once(data):
    found = read(data)
    return (found[0] if isinstance(found[0], int) else "read") if found else "waits"


def test_the_head_may_fill_four_buffers_besides_the_first():
    head = b"GET / HTTP/1.1\r\n" + HOST
    line = b"A: " + b"x" * 8187 + b"\r\n"
    assert outcome_at_once(head + line * 4 + b"\r\n") == 431  # the blank line finds no room
    assert outcome_at_once(head + line * 3 + line[100:] + b"\r\n") == "read"
    assert outcome_at_once(head + line * 5) == 431
    half = b"A: " + b"x" * 5000 + b"\r\n"  # two do not share a buffer
    assert outcome_at_once(head + half * 4 + b"\r\n") == "read"
    assert outcome_at_once(head + half * 5 + b"\r\n") == 431


def test_a_body_beyond_the_limit_is_413():
    for start in (POST + b"Content-Length: %d\r\n\r\n", CHUNKED + b"%x\r\n"):
        assert read(start % 10, max_body=10) == []
        assert read(start % 11, max_body=10) == [413]


@pytest.mark.parametrize("beginning", [b"\x00", b"\x16\x03\x01", b"{", b"get", b"GET\r"])
def test_what_cannot_become_a_request_is_refused_before_its_line_ends(beginning):
    assert outcome(beginning) == 400


def test_empty_lines_before_a_request_are_skipped():
    requests = read((b"\r\n\n" * 1000 + b"GET / HTTP/1.1\n" + HOST + b"\n") * 2, 100)
    assert [request.method for request in requests] == ["GET", "GET"]


def test_bodies_without_a_length_are_no_bodies():
    assert [getattr(found, "body", found) for found in read(POST + b'\r\n{"a": 1}\r\n')] == [
        b"",
        400,
    ]
