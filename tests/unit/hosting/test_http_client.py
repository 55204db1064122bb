"""hosting.http.client against servers that misbehave."""

import asyncio
import socket
import struct

import pytest

from hosting.http.client import Client, ConnectFailed, Disconnected, TimedOut
from hosting.http.server import Limits, Response, start_server

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Scripted:
    """A server whose connections follow a script: a function of (reader, writer) each."""

    def __init__(self, loop, *connections):
        self.scripts = list(connections)
        self.requests = []
        self.server = loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0))
        self.port = self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        script = self.scripts.pop(0)
        try:
            await script(self, reader, writer)
        finally:
            writer.close()

    async def request(self, reader):
        head = await reader.readuntil(b"\r\n\r\n")
        length = [
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        ]
        body = await reader.readexactly(length[0]) if length else b""
        self.requests.append((head, body))
        return head, body


def answers(*replies):
    """A connection that gives these replies, one for each request, and ends."""

    async def script(server, reader, writer):
        for reply in replies:
            await server.request(reader)
            writer.write(reply)
            await writer.drain()

    return script


def resets_unread(sent):
    """Answers once, then resets the connection with the next request, which was sent, unread."""

    async def script(server, reader, writer):
        await server.request(reader)
        transport = writer.transport
        transport.pause_reading()
        writer.write(OK)
        await sent.wait()
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    return script


async def dies_with_the_second(server, reader, writer):
    """Answers once, reads the next request, and ends without an answer."""
    await server.request(reader)
    writer.write(OK)
    await server.request(reader)


async def silent(server, reader, writer):
    await server.request(reader)
    await reader.read()
    server.requests.append("the client closed")


def test_connections_are_reused(loop):
    server = Scripted(loop, answers(OK, OK, OK))
    client = Client("127.0.0.1", server.port)

    async def ask():
        return [(await client.request("POST", "/", body=b"%d" % i)).body for i in range(3)]

    assert loop.run_until_complete(ask()) == [b"ok"] * 3
    client.close()


def test_each_reply_is_its_own_though_their_heads_are_the_same(loop):
    bodies = [b"%02d" % number for number in range(5)]
    server = Scripted(loop, answers(*[OK.replace(b"ok", body) for body in bodies]))
    client = Client("127.0.0.1", server.port)

    async def ask():
        return [await client.request("GET", "/") for _ in bodies]

    replies = loop.run_until_complete(ask())
    assert [reply.body for reply in replies] == bodies
    assert [reply.headers for reply in replies] == [[(b"content-length", b"2")]] * 5
    client.close()


@pytest.mark.parametrize("more", [OK.replace(b"ok", b"no"), b"x", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_what_nobody_asked_for_answers_no_later_request(loop, more):
    server = Scripted(loop, answers(OK + more), answers(OK))
    client = Client("127.0.0.1", server.port)

    async def ask():
        return [(await client.request("GET", "/")).body for _ in range(2)]

    assert loop.run_until_complete(ask()) == [b"ok", b"ok"]
    assert server.scripts == []
    client.close()


def test_a_request_that_cannot_have_been_read_is_sent_again(loop):
    sent = asyncio.Event()
    server = Scripted(loop, resets_unread(sent), answers(OK))
    client = Client("127.0.0.1", server.port)

    async def ask():
        await client.request("POST", "/first")
        answer = client.request("POST", "/second", body=b"x")
        sent.set()
        return await answer

    assert loop.run_until_complete(ask()).body == b"ok"
    assert [head.split()[1] for head, _ in server.requests] == [b"/first", b"/second"]


def test_a_request_that_was_read_is_not_sent_again(loop):
    server = Scripted(loop, dies_with_the_second, answers(OK))
    client = Client("127.0.0.1", server.port)

    async def ask():
        await client.request("POST", "/first")
        return await client.request("POST", "/second")

    with pytest.raises(Disconnected):
        loop.run_until_complete(ask())
    assert [head.split()[1] for head, _ in server.requests] == [b"/first", b"/second"]


def test_a_reset_of_a_new_connection_is_not_repeated(loop):
    async def reset(server, reader, writer):
        sock = writer.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    server = Scripted(loop, reset, answers(OK))
    with pytest.raises(Disconnected):
        loop.run_until_complete(Client("127.0.0.1", server.port).request("GET", "/"))
    assert len(server.scripts) == 1


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200",
        b"nonsense\r\n\r\n",
        b"",
    ],
)
def test_an_incomplete_or_senseless_reply_is_disconnected(loop, reply):
    server = Scripted(loop, answers(reply))
    with pytest.raises(Disconnected):
        loop.run_until_complete(Client("127.0.0.1", server.port).request("GET", "/"))


@pytest.mark.parametrize("reply", [
    b"HTTP/1.1 200 OK\r\n\r\nabcde",
    b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nabcde",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
])  # fmt: skip
def test_a_body_ends_by_length_chunks_or_the_end_of_the_connection(loop, reply):
    server = Scripted(loop, answers(reply))
    answer = loop.run_until_complete(Client("127.0.0.1", server.port).request("GET", "/"))
    assert (answer.status, answer.body) == (200, b"abcde")


def test_head_has_no_body_whatever_the_length_says(loop):
    server = Scripted(loop, answers(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"))
    answer = loop.run_until_complete(Client("127.0.0.1", server.port).request("HEAD", "/"))
    assert (answer.status, answer.body, answer.header(b"content-length")) == (200, b"", b"10")


def test_silence_is_timed_out(loop):
    server = Scripted(loop, silent)

    async def ask():
        answer = Client("127.0.0.1", server.port).request("GET", "/", timeout=20)
        await loop.until(lambda: server.requests)
        await loop.advance(20)
        await loop.soon(answer)

    with pytest.raises(TimedOut):
        loop.run_until_complete(ask())


def test_a_slow_body_is_not_timed_out(loop):
    async def dripping(server, reader, writer):
        await server.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
        for number in range(8):
            await loop.until(lambda pieces=number + 1: len(loop.opened) == pieces)
            await loop.advance(15)
            writer.write(b"x")

    server = Scripted(loop, dripping)
    answer = loop.run_until_complete(
        Client("127.0.0.1", server.port).request("GET", "/", timeout=20)
    )
    assert answer.body == b"x" * 8


def test_refused_connections_and_missing_sockets_are_connect_failed(loop, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        for client in (Client("127.0.0.1", port), Client(path=str(tmp_path / "none"))):
            with pytest.raises(ConnectFailed):
                loop.run_until_complete(client.request("GET", "/"))


def test_a_cancelled_request_ends_its_connection(loop):
    server = Scripted(loop, silent)
    client = Client("127.0.0.1", server.port)

    async def ask():
        future = client.request("GET", "/")
        await loop.until(lambda: server.requests)
        future.cancel()
        await loop.until(lambda: server.requests[-1] == "the client closed")

    loop.run_until_complete(ask())


def test_idle_connections_are_closed_after_their_time(loop):
    server = loop.run_until_complete(
        start_server(
            lambda request: Response(200), host="127.0.0.1", port=0, limits=Limits(keep_alive=None)
        )
    )
    client = Client("127.0.0.1", server.port, idle_timeout=20)

    async def ask():
        await asyncio.gather(*[client.request("GET", "/") for _ in range(5)])
        await loop.advance(19)
        await client.request("GET", "/")
        assert len(server.connections) == 5
        await loop.advance(19)
        await loop.until(lambda: len(server.connections) == 1)
        await loop.advance(19)
        await loop.until(lambda: not server.connections)

    loop.run_until_complete(ask())
    server.close()


def test_without_keep_alive_each_request_has_its_own_connection(loop):
    server = Scripted(loop, answers(OK), answers(OK))
    client = Client("127.0.0.1", server.port, keep_alive=False)
    for _ in range(2):
        assert loop.run_until_complete(client.request("GET", "/")).body == b"ok"
    assert all(b"\r\nConnection: close\r\n" in head for head, _ in server.requests)
    assert server.scripts == []


@pytest.mark.parametrize("method, body, with_length, expected", [
    ("POST", b"", True, [b"Content-Length: 0"]), ("POST", b"", False, []),
    ("POST", b"ab", False, [b"Content-Length: 2"]), ("GET", b"", True, [])])  # fmt: skip
def test_content_length_is_declared_when_there_may_be_a_body(
    loop, method, body, with_length, expected
):
    server = Scripted(loop, answers(OK))
    client = Client("127.0.0.1", server.port)
    loop.run_until_complete(client.request(method, "/", body=body, with_length=with_length))
    lines = server.requests[0][0].split(b"\r\n")
    assert [line for line in lines if line.startswith(b"Content-Length")] == expected
    client.close()
