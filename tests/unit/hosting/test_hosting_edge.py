"""What the edge decides before anybody is asked (docs/contract.md#a3, docs/contract.md#a5)."""

import asyncio
import time

import pytest

from hosting.edge import plain, today
from hosting.edge.attributes import model_server_path, parse
from hosting.edge.conversion import NoBody, from_csv, from_json
from hosting.edge.logs import AccessLog, ErrorLog
from hosting.edge.pages import page
from hosting.edge.plain import PlainMode
from hosting.edge.routes import BadPath, normalised
from hosting.edge.upstream import Upstream, forwarded_headers, returned
from hosting.http.client import Client
from hosting.http.messages import Reply, Request


@pytest.mark.parametrize("path, expected", [
    ("/ping", "/ping"), ("/%70ing", "/ping"), ("//ping", "/ping"), ("/a//b", "/a/b"),
    ("/a/./b", "/a/b"), ("/a/../b", "/b"), ("/a/..", "/"), ("/a/b/..", "/a/"), ("/a/.", "/a/"),
    ("/.a/..b", "/.a/..b"), ("/%2e%2e", BadPath), ("/..", BadPath), ("/a/../../b", BadPath),
    ("/%00", BadPath), ("/%", BadPath), ("/%f", BadPath), ("/%fg", BadPath), ("/a%2fb", "/a/b"),
    ("/a/", "/a/"), ("/", "/"), ("//", "/"), ("/%e3%81%82", "/\xe3\x81\x82"), ("/a#b", "/a"),
])  # fmt: skip
def test_a3_paths_are_normalised_as_nginx_does(path, expected):
    if expected is BadPath:
        with pytest.raises(BadPath):
            normalised(path)
    else:
        assert normalised(path) == expected


def headers(text):
    return [tuple(header.split(b": ")) for header in text.encode().split(b", ")]


def test_a3_forwarded_headers_leave_out_hop_by_hop_ones():
    sent = "host: x, connection: close, content-length: 3, x-y: 2, te: x, upgrade: h2c, accept: */*"
    assert forwarded_headers(headers(sent)) == b"x-y: 2\r\naccept: */*\r\n"


def test_a3_returned_headers_leave_out_what_the_front_writes_itself():
    sent = "content-type: a/b, server: g, date: d, allow: GET, content-length: 9"
    response = returned(Reply(404, headers(sent), b"body"))
    assert (response.status, response.body, response.content_type) == (404, b"body", "a/b")
    assert response.headers == [("Allow", "GET")]


def test_a4_before_gunicorns_socket_is_there_the_answer_is_502(tmp_path):
    loop, logged = asyncio.new_event_loop(), []
    asyncio.set_event_loop(loop)
    try:
        gunicorn = Upstream(
            ["http://unix:x"],
            [Client(path=str(tmp_path / "none"))],
            60,
            lambda level, message, request, upstream: logged.append(upstream),
        )
        request = Request("GET", b"/ping", [(b"host", b"x")])
        response = loop.run_until_complete(gunicorn.forward(request, "/ping"))
    finally:
        loop.close()
        asyncio.set_event_loop(None)
    assert (response.status, response.content_type) == (502, "text/html")
    assert logged == ["http://unix:x"]


@pytest.mark.parametrize("header, expected", [
    (None, "/v1/models/m:predict"),
    ("tfs-model-name=a b", "/v1/models/a%20b:predict"),
    ("tfs-model-name=a?b", "/v1/models/a%3Fb:predict"),
    ("tfs-model-name=a%5Fb", "/v1/models/a%255Fb:predict"),
    ("tfs-model-name=%zz", "/v1/models/%25zz:predict"),
    ("tfs-model-name=\xe3\x81\x82", "/v1/models/%E3%81%82:predict"),
    ("tfs-model-name=a/../b", "/v1/models/a/../b:predict"),
    ("tfs-model-name=../x", "/v1/models/../x:predict"),
    ("tfs-model-version=..", "/v1/models/m/versions/..:predict"),
    ("tfs-model-name=a\tb", "/v1/models/a%09b:predict"),
    ('tfs-model-name="<a>#\\^`{|}', "/v1/models/%22%3Ca%3E%23%5C%5E%60%7B%7C%7D:predict"),
    ("tfs-model-name=:@!$&'()*+;-._~[]", "/v1/models/:@!$&'()*+;-._~[]:predict"),
    ("tfs-method=a?b", "/v1/models/m:a%3Fb"),
])  # fmt: skip
def test_a6_values_of_attributes_are_escaped_once_and_not_interpreted(header, expected):
    assert model_server_path(parse(header), "m", with_method=True) == expected


@pytest.mark.parametrize("space", [
    "\ufeff", "\u00a0", "\u2003", "\u2028", "\u3000", "\u0085", "\u001f"])  # fmt: skip
def test_a5_white_space_beyond_ascii_stays(space):
    b = space.encode()
    assert from_csv(b + b"1,2" + b + b"\n") == b'{"instances":[["' + b + b'1","2' + b + b'"]]}'
    assert from_json(b + b"[" + b + b"[1]]", False) == b'{"instances":[' + b + b"[" + b + b"[1]]]}"
    assert from_json(b'"instances"' + b + b":", False) == b'{"instances":["instances"' + b + b":]}"
    assert from_json(b"[1]\n[2]" + b, False) == b'{"instances":[[1],[2]' + b + b"]}"


@pytest.mark.parametrize("space", [b"\t", b"\v", b"\f", b"\r", b" "])
def test_a5_ascii_white_space_is_trimmed(space):
    assert from_csv(space + b"1,2" + space + b"\n" + space) == b'{"instances":[[1,2]]}'
    assert from_json(b'"instances"' + space + b":", False) == b'"instances"' + space + b":"
    assert from_json(space + b"[1]\n" + space + b"[2]", False) == b'{"instances":[[1],[2]]}'


def test_a5_a_body_of_no_bytes_is_not_an_absent_one():
    assert from_json(b"", False) == b'{"instances":[]}'
    assert from_json(None, False) == b'{"instances":[undefined]}'
    assert from_csv(b"") == b'{"instances":[]}'
    with pytest.raises(NoBody):
        from_csv(None)


def test_a5_bytes_that_are_no_utf_8_are_passed_on():
    assert from_json(b'["\xff\xfe"]', False) == b'{"instances":[["\xff\xfe"]]}'
    assert from_csv(b"\xff,\xfe") == b'{"instances":[["\xff","\xfe"]]}'


@pytest.mark.parametrize("found, text", [
    (b"\xff", "\ufffd"), (b"\xe3\x81", "\ufffd"), (b"\xe3\x81\x82\xe3", "\u3042\ufffd"),
    (b"\xc0\xaf", "\ufffd\ufffd"), (b"\xed\xa0\x80", 3 * "\ufffd"), (b"\x00", "\x00")])  # fmt: skip
def test_a5_to_today_bytes_that_are_no_utf_8_are_replacement_characters(found, text):
    class ModelServer:
        async def ask(self, method, path, body, request):
            return 200, b'{"a": "%b"}' % found

    request = Request("POST", b"/invocations", [(b"content-type", b"text/csv")], b"a" + found)
    answer = asyncio.new_event_loop().run_until_complete(
        PlainMode(ModelServer(), "m", "today").invocations(request)
    )
    assert answer.body.decode() == '{"a": "%s"}' % text
    sent = text.encode()
    assert today.request_body(b"text/csv", b"a" + found) == b'{"instances":["a%b"]}' % sent
    for body in (b'{"instances": ["%b"]}', b'["%b"]\n[1]'):
        assert sent in today.request_body(b"application/json", body % found)


@pytest.mark.parametrize("body", [b'"instances"' * 100000, b"}" + b" " * 1000000 + b"x",
                                  b"{" * 1000000, b"," * 1000000, b"\n" * 1000000])  # fmt: skip
def test_a5_conversions_take_linear_time(body):
    start = time.process_time()
    from_json(body, tfs_first=True)
    from_json(body, tfs_first=False)
    from_csv(body)
    assert time.process_time() - start < 60  # by the square it would be many minutes


def test_a5_buffers_of_100_megabytes(monkeypatch):
    monkeypatch.setattr(plain, "BUFFER", 100)

    class ModelServer:
        async def ask(self, method, path, body, request):
            return 200, b"x" * 101 if b"long" in body else b"short"

    mode = PlainMode(ModelServer(), "m", "2019")

    def invoke(body):
        request = Request("POST", b"/invocations", [(b"content-type", b"application/json")], body)
        return asyncio.new_event_loop().run_until_complete(mode.invocations(request)).status

    assert [invoke(b"[1]"), invoke(b'["long"]'), invoke(b"1" * 101)] == [200, 502, 500]


@pytest.mark.parametrize("contract, asked", [
    ("2019", ("POST", "/v1/models/m:predict")), ("today", ("GET", "/v1/models/m"))])  # fmt: skip
def test_a4_the_ping_of_tensorflow_1_11_is_gone_today(contract, asked):
    calls = []

    class ModelServer:
        async def ask(self, method, path, body, request):
            calls.append((method, path))
            return 200, b'"AVAILABLE"'

    mode = PlainMode(ModelServer(), "m", contract, tfs_version="1.11")
    answer = asyncio.new_event_loop().run_until_complete(mode.ping(Request("GET", b"/ping", [])))
    assert (answer.status, calls) == (200, [asked])


@pytest.mark.parametrize("status, title", [
    (400, "400 Bad Request"), (405, "405 Not Allowed"), (408, "408 Request Time-out"),
    (413, "413 Request Entity Too Large"), (414, "414 Request-URI Too Large"),
    (500, "500 Internal Server Error"), (502, "502 Bad Gateway"), (504, "504 Gateway Time-out"),
    (503, "503 Service Temporarily Unavailable")])  # fmt: skip
def test_a3_error_pages_are_nginxs(status, title):
    response = page(status)
    assert (response.status, response.content_type) == (status, "text/html")
    assert response.body.decode().startswith(
        "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n"
        "<hr><center>nginx" % (title, title)
    )


@pytest.mark.parametrize("status", [204, 418, 499, 506, 599])
def test_a3_not_every_status_has_a_page_of_its_own(status):
    response = page(status)
    assert (response.status, response.body, response.content_type) == (status, b"", None)


def test_a3_too_large_headers_are_reported_as_400():
    response = page(431)
    assert response.status == 400 and response.close
    assert b"<title>400 Request Header Or Cookie Too Large</title>" in response.body


def test_a9_access_log_escapes_what_a_client_sends(tmp_path):
    with open(str(tmp_path / "log"), "wb") as stream:
        later = []
        log = AccessLog(later.append, stream.fileno())
        log(Request("GET", b'/\xe3"\\', [(b"user-agent", b'a"\x1b[31m')], peer="1.2.3.4"), 200, 5)
        log(None, 400, 150)
        assert not (tmp_path / "log").read_text() and len(later) == 1
        later[0]()
    first, second = (tmp_path / "log").read_text().splitlines()
    assert first.startswith("1.2.3.4 - - [") and first.endswith(
        '] "GET /\\xE3\\x22\\x5C HTTP/1.1" 200 5 "-" "a\\x22\\x1B[31m"'
    )
    assert second.endswith('] "-" 400 150 "-" "-"')


def test_a8_error_log_levels(tmp_path):
    with open(str(tmp_path / "log"), "wb") as stream:
        log = ErrorLog("warn", stream.fileno())
        log("info", "unseen")
        log("warn", "seen")
        log("error", "seen too", upstream="http://u")
    text = (tmp_path / "log").read_text()
    assert "unseen" not in text and "[warn] " in text and 'upstream: "http://u"' in text
    with pytest.raises(ValueError):
        ErrorLog("loud")


def test_a9_a_log_that_nobody_reads_does_not_stop_the_service(tmp_path):
    import os

    reading, writing = os.pipe()
    os.close(reading)
    AccessLog(lambda write: write(), writing)(None, 400, 0)
    os.close(writing)
