"""What the worker makes of bytes is what gunicorn's own gevent worker makes of them."""

import http.client
import io
import json
import os
import re
import socket

import falcon
import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.ggevent import GeventWorker
from hypothesis import example, given
from hypothesis import strategies as st

from hosting.handler_service.app import InvocationResource
from hosting.handler_service.worker import Worker
from hosting.http.known_heads import KnownHeads

HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3"


class Listener:
    """gunicorn's unix socket."""

    @staticmethod
    def getsockname():
        return "/tmp/gunicorn.sock"


def application(environ, start_response):
    """Tells what it was called with."""
    seen = {name: value for name, value in environ.items() if isinstance(value, (str, bool, tuple))}
    seen["body"] = environ["wsgi.input"].read().decode("latin-1")
    seen["marked"] = "test.mark" in environ
    environ["test.mark"] = True
    body = json.dumps(seen, sort_keys=True).encode()
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]


def worker(cls, app=application):
    one = cls(0, os.getpid(), [], None, 30, Config(), Logger(Config()))
    one.tmp.close()
    one.alive, one.wsgi = True, app
    if cls is Worker:
        one._idle, one._known_heads, one._known_headers = set(), KnownHeads(), {}
    return one


def answers(one, message):
    """[(status, content type, body)] of what the worker writes on a connection."""
    here, there = socket.socketpair()
    with here, there:
        here.sendall(message)
        here.shutdown(socket.SHUT_WR)
        one.handle(Listener, there, "")
        received = b""
        while True:
            data = here.recv(65536)
            if not data:
                break
            received += data
    return list(responses(received))


class _Received:
    def __init__(self, stream):
        self._stream = stream

    def makefile(self, mode):
        return self._stream


class _Unclosed(io.BytesIO):
    def close(self):
        pass


def responses(received):
    stream = _Unclosed(received)
    while stream.tell() < len(received):
        response = http.client.HTTPResponse(_Received(stream))
        response.begin()
        yield response.status, response.getheader("Content-Type"), response.read()


NAMES = st.sampled_from(
    [
        b"Host: a",
        b"Host: a:81",
        b"X-A: 1",
        b"X-A:  2 \t",
        b"x_b: 2",
        b"Connection: close",
        b"Connection: keep-alive",
        b"Upgrade: h2c",
        b"Content-Type: application/json",
        b"Content-Type: text/csv",
        b"Content-Type:\ttext/csv\t",
        b"Accept: a",
        b"Accept: b",
        b"X-Latin: \xe9",
        b"X-Control: a\x01b",
        b"Bad Name: 1",
        b" continued: 1",
        b"no colon",
        b"X-Forwarded-Proto: https",
        b"Sec-WebSocket-Key1: x",
    ]
)
TARGETS = st.sampled_from(
    [
        b"/",
        b"/invocations",
        b"/invocations?a=b%20c",
        b"/invocations%20",
        b"/%E6%97%A5",
        b"/a%",
        b"/\xe6",
        b"*",
        b"http://h/x",
        b"/x#y",
    ]
)


@st.composite
def messages(draw):
    """A request as it may arrive: with any line ends, lengths that fit or not, chunks."""
    end = draw(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n"]))
    body = draw(st.sampled_from([b"", b"a", b"ab\r\n\r\nc", b"GET / HTTP/1.1\r\n\r\n"]))
    line = b"%b %b %b" % (
        draw(st.sampled_from([b"POST", b"GET", b"HEAD", b"x", b"OPTIONS"])),
        draw(TARGETS),
        draw(st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP"])),
    )
    lines = [line, *draw(st.lists(NAMES, max_size=3))]
    kind = draw(st.sampled_from(["length", "length", "length", "wrong", "odd", "chunks", "none"]))
    if kind == "chunks":
        lines.append(b"Transfer-Encoding: chunked")
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    elif kind == "odd":
        lines.append(b"Content-Length: " + draw(st.sampled_from([b"-1", b"x", b"+1", b"", b" 0"])))
    elif kind != "none":
        lines.append(b"Content-Length: %d" % (len(body) + (kind == "wrong")))
    return end.join(lines) + end + end + body


LIMITS = {
    "a request line at the limit": b"GET /%b HTTP/1.1\r\n\r\n" % (b"x" * (4094 - 14)),
    "a request line over the limit": b"GET /%b HTTP/1.1\r\n\r\n" % (b"x" * (4094 - 13)),
    "as many headers as are allowed": b"GET / HTTP/1.1\r\n%b\r\n" % b"a: 1\r\n" * 100,
    "one header too many": b"GET / HTTP/1.1\r\n%b\r\n" % (b"a: 1\r\n" * 101),
    "the longest header": b"GET / HTTP/1.1\r\na: %b\r\n\r\n" % (b"x" * (8190 - 5)),
    "too long a header": b"GET / HTTP/1.1\r\na: %b\r\n\r\n" % (b"x" * (8190 - 4)),
}


@pytest.mark.parametrize("name", LIMITS)
def test_gunicorns_limits_hold(name):
    found = answers(worker(Worker), LIMITS[name])
    assert found == answers(worker(GeventWorker), LIMITS[name])
    assert found[0][0] == (400 if "too " in name or "over" in name else 200)


@given(st.lists(messages(), min_size=1, max_size=3))
@example([HEAD + b"\r\n\r\nabc", HEAD + b"\r\n\r\nabc"])
@example([b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n[[1]", b""])
def test_every_message_is_heard_as_gunicorn_hears_it(pieces):
    message = b"".join(pieces)
    assert answers(worker(Worker), message) == answers(worker(GeventWorker), message)


@given(st.lists(messages(), min_size=1, max_size=3))
@example([HEAD + b"\r\n\r\nabc"])
def test_a_worker_that_knows_the_heads_hears_what_one_that_does_not_hears(pieces):
    knows = worker(Worker)
    for message in pieces + pieces:
        assert answers(knows, message) == answers(worker(Worker), message)


def test_of_two_content_types_the_last_is_taken_and_other_headers_are_joined():
    message = (
        b"POST / HTTP/1.1\r\nContent-Type: text/csv\r\nContent-Type: a/b\r\n"
        b"Accept: x\r\nAccept: y\r\nContent-Length: 0\r\n\r\n"
    )
    ((status, _, body),) = answers(worker(Worker), message)
    seen = json.loads(body.decode())
    assert (status, seen["CONTENT_TYPE"], seen["HTTP_ACCEPT"]) == (200, "a/b", "x,y")


def test_what_an_application_writes_into_its_environment_is_not_remembered():
    one = worker(Worker)
    for content in (b"abc", b"xyz", b"uvw"):
        ((_, _, body),) = answers(one, HEAD + b"\r\n\r\n" + content)
        seen = json.loads(body.decode())
        assert (seen["body"], seen["marked"]) == (content.decode(), False)


def test_what_a_handler_leaves_of_the_body_is_not_the_next_request():
    def lazy(environ, start_response):
        start_response("200 OK", [("Content-Length", "1")])
        return [environ["wsgi.input"].read(1)]

    large = b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100000
    small = HEAD + b"\r\n\r\nabc"
    found = answers(worker(Worker, lazy), small + large + small + small)
    assert [body for _, _, body in found] == [b"a", b"x", b"a", b"a"]


@pytest.mark.parametrize("content_type", ["a\nb", "text/\u3042"])
def test_a_content_type_that_no_header_can_hold_is_an_error_page(content_type):
    def wrong(environ, start_response):
        start_response("200 OK", [("Content-Type", content_type), ("Content-Length", "0")])
        return [b""]

    message = HEAD + b"\r\n\r\nabc"
    found = answers(worker(Worker, wrong), message)
    assert found == answers(worker(GeventWorker, wrong), message)
    assert re.search(rb"<html>", found[0][2])


def test_a_handler_is_told_of_its_own_request_however_often_its_head_came(monkeypatch):
    for name in ("TFS_DEFAULT_MODEL_NAME", "TFS_GRPC_PORT", "TFS_REST_PORT"):
        monkeypatch.setenv(name, "1")
    api = falcon.API()
    api.add_route(
        "/x",
        InvocationResource(
            lambda data, context: (json.dumps([data.read().decode(), *context]), "text/plain")
        ),
    )
    one = worker(Worker, api)
    heads = [
        HEAD,
        HEAD + b"\r\nX-Amzn-SageMaker-Custom-Attributes: tfs-model-name=m,a=b",
        HEAD + b"\r\nAccept: text/csv\r\nContent-Type: a/b",
    ]
    first, *others = [
        [answers(one, head + b"\r\n\r\n" + body) for head in heads]
        for body in (b"abc", b"xyz", b"abc")
    ]
    assert others[-1] == first
    asked = [json.loads(body) for ((_, _, body),) in others[0]]
    assert [what[0] for what in asked] == ["xyz"] * 3
    assert [what[1] for what in asked] == [None, "m", None]
    assert [what[-3:] for what in asked] == [["application/json", "application/json", 3]] * 2 + [
        ["a/b", "text/csv", 3]
    ]
