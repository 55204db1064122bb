"""Heads that were parsed before: what is remembered gives what a parser gives."""

import asyncio

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hosting.http import known_heads
from hosting.http.connection import Connection
from hosting.http.known_heads import KnownHeads
from hosting.http.messages import Response
from hosting.http.pending import Pending
from hosting.http.server import Limits, Server, plain_error

HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3"


def test_only_a_whole_message_with_the_same_head_is_found():
    known = KnownHeads()
    assert known.find(HEAD + b"\r\n\r\nabc") is None
    known.learn(HEAD + b"\r\n\r\nabc", 3, "learnt")
    assert known.find(HEAD + b"\r\n\r\nxyz") == ("learnt", b"xyz")
    for other in (
        HEAD + b"\r\n\r\nab",
        HEAD + b"\r\n\r\nabcd",
        HEAD,
        HEAD + b"\r\n",
        HEAD + b"4\r\n\r\nabc",
        b"\r\n" + HEAD + b"\r\n\r\nabc",
    ):
        assert known.find(other) is None


def test_a_head_that_does_not_end_at_its_blank_line_is_not_kept():
    known = KnownHeads()
    # A parser takes bare line feeds: this head ends before the blank line that is found.
    known.learn(b"POST / HTTP/1.1\nContent-Length: 7\n\nab\r\n\r\nc", 7, "wrong")
    assert known.find(b"POST / HTTP/1.1\nContent-Length: 7\n\nab\r\n\r\nc") is None


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(known_heads, "MOST", 10)
    known = KnownHeads()
    for number in range(95):
        known.learn(b"GET /%d HTTP/1.1\r\n\r\n" % number, 0, number)
    assert len(known._known) == 5
    known.learn(b"GET /" + b"x" * known_heads.LONGEST + b" HTTP/1.1\r\n\r\n", 0, "long")
    assert len(known._known) == 5


class Transport:
    """Takes what a connection writes."""

    def __init__(self):
        self.written = b""
        self.closed = False

    def write(self, data):
        self.written += data

    def get_extra_info(self, name):
        return ("127.0.0.1", 1)

    def is_closing(self):
        return self.closed

    def get_write_buffer_size(self):
        return 0

    def can_write_eof(self):
        return False

    def close(self):
        self.closed = True

    abort = close


def seen_by_server(server, pieces):
    """What a handler is given and the client gets, for pieces of one connection."""
    requests = []

    def handler(request):
        requests.append(
            (
                request.method,
                request.target,
                request.path,
                request.query,
                request.headers,
                request.body,
                request.http_version,
                request.keep_alive,
            )
        )
        return Response(200, b"ok")

    server.handler = handler
    connection = Connection(server)
    transport = Transport()
    connection.connection_made(transport)
    for piece in pieces:
        if not transport.closed:
            connection.data_received(piece)
    return requests, transport.written


def new_server(loop):
    server = Server(None, loop, Limits(), "", plain_error, None, True)
    server.common_headers = lambda: ""  # no Date
    return server


NAMES = st.sampled_from(
    [
        b"Host: a",
        b"X-A: 1",
        b"x_b: 2",
        b"Connection: close",
        b"Accept: */*",
        b"Connection: keep-alive",
        b"Expect: 100-continue",
        b"Upgrade: h2c",
        b"Content-Type: application/json",
    ]
)


@st.composite
def messages(draw):
    """A request as it may arrive: with any line ends, lengths that fit or not, chunks."""
    end = draw(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"]))
    body = draw(st.sampled_from([b"", b"a", b"ab\r\n\r\nc", b"GET / HTTP/1.1\r\n\r\n"]))
    lines = [
        draw(st.sampled_from([b"POST /x?y HTTP/1.1", b"GET / HTTP/1.1", b"POST / HTTP/1.0"])),
        *draw(st.lists(NAMES, max_size=3)),
    ]
    kind = draw(st.sampled_from(["length", "length", "length", "wrong", "chunks", "none"]))
    if kind == "chunks":
        lines.append(b"Transfer-Encoding: chunked")
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    elif kind != "none":
        lines.append(b"Content-Length: %d" % (len(body) + (kind == "wrong")))
    return end.join(lines) + end + end + body


@given(st.lists(messages(), min_size=1, max_size=3), st.data())
@example([HEAD + b"\r\n\r\nabc"], None)
def test_a_server_that_knows_the_heads_hears_what_one_that_does_not_hears(pieces, data):
    loop = asyncio.new_event_loop()
    loop.call_later = lambda *_: None
    try:
        server = new_server(loop)
        seen_by_server(server, pieces)
        order = pieces if data is None else data.draw(st.permutations(pieces + pieces))
        assert seen_by_server(server, order) == seen_by_server(new_server(loop), order)
    finally:
        loop.close()


@pytest.mark.parametrize("first", ["settle", "then"])
def test_a_pending_hands_on_at_once_and_only_once(first):
    pending, heard = Pending(), []
    if first == "settle":
        pending.settle("value")
    pending.then(lambda *outcome: heard.append(outcome))
    if first == "then":
        pending.settle("value")
    pending.settle("later")
    pending.cancel()
    assert heard == [("value", None)]


def test_a_cancelled_pending_abandons_and_hands_nothing_on():
    heard, abandoned = [], []
    pending = Pending(lambda: abandoned.append(True))
    pending.then(lambda *outcome: heard.append(outcome))
    pending.cancel()
    pending.cancel()
    pending.settle("too late")
    assert (heard, abandoned, pending.done()) == ([], [True], True)


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    loop.close()
    asyncio.set_event_loop(None)


def test_a_pending_can_be_awaited(loop):
    value, error = Pending(), Pending()
    loop.call_soon(value.settle, 7)
    loop.call_soon(lambda: error.settle(error=KeyError("x")))

    async def wait(pending):
        return await pending

    assert loop.run_until_complete(wait(value)) == 7
    with pytest.raises(KeyError):
        loop.run_until_complete(wait(error))


def test_who_stops_awaiting_abandons(loop):
    abandoned = []
    pending = Pending(lambda: abandoned.append(True))

    async def wait():
        await pending

    async def give_up():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(wait(), 0.01)

    loop.run_until_complete(give_up())
    assert abandoned == [True]
