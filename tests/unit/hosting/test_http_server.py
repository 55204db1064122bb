"""hosting.http.server: what the endpoint tests cannot set or see from outside."""

import asyncio
import contextlib
import re
import socket
import struct

import pytest

from hosting.http.server import Limits, Response, start_server

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET / HTTP/1.0\r\n\r\n"


class Running:
    """A server in this loop, and raw clients of it."""

    def __init__(self, loop, handler, limits=None, **options):
        self.loop = loop
        self.server = loop.run_until_complete(
            start_server(handler, host="127.0.0.1", port=0, limits=limits, **options)
        )

    async def talk(self, *parts, after_each=None):
        """What comes back until the connection ends.

        `after_each` is awaited after each part, and tells whether to go on.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        try:
            for part in parts:
                writer.write(part)
                if after_each and not await after_each():
                    break
            return await self.loop.soon(reader.read())
        finally:
            writer.close()

    def raw(self, *parts, **options):
        return self.loop.run_until_complete(self.talk(*parts, **options))


@pytest.fixture
def serve(loop):
    running = []

    def start(handler=lambda request: Response(200, b"ok", "text/plain"), **options):
        running.append(Running(loop, handler, **options))
        return running[-1]

    yield start
    for one in running:
        one.server.close()
        loop.run_until_complete(loop.until(lambda gone=one: not gone.server.connections))


def statuses(answer):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", answer)]


def test_request_has_method_target_headers_and_body(serve):
    seen = []

    def handler(request):
        seen.append(request)
        return Response(200)

    serve(handler).raw(
        b"POST /a%20b?c=d HTTP/1.1\r\nHost: x\r\nX-One: 1\r\nx-one: 2\r\n"
        b"Content-Length: 3\r\nConnection: close\r\n\r\nabc"
    )
    (request,) = seen
    assert (request.method, request.target, request.body) == ("POST", b"/a%20b?c=d", b"abc")
    assert (request.path, request.query) == ("/a%20b", "c=d")
    assert request.header(b"x-one") == b"1" and request.header(b"none", 5) == 5
    assert request.http_version == "1.1" and request.peer == "127.0.0.1"


@pytest.mark.parametrize("target, path", [
    ("http://host:80/a/b?c", "/a/b"), ("http://host", "/"), ("HTTP://host?x=/y", "/"),
    ("ftp://h/a", "/a")])  # fmt: skip
def test_absolute_targets_become_paths(serve, target, path):
    running = serve(lambda request: Response(200, request.path.encode()))
    answer = running.raw(
        b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % target.encode()
    )
    assert answer.endswith(b"\r\n\r\n" + path.encode())


def test_awaitable_answers_keep_the_order_of_pipelined_requests(serve):
    async def slow(request):
        for _ in range(100):  # while the next ones are read
            await asyncio.sleep(0)
        return Response(200, b"slow")

    running = serve(
        lambda request: slow(request) if request.path == "/slow" else Response(200, b"fast")
    )
    answer = running.raw(
        b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n" + GET + b"GET /slow HTTP/1.0\r\n\r\n"
    )
    assert re.findall(rb"\r\n\r\n(slow|fast)", answer) == [b"slow", b"fast", b"slow"]


def test_a_hundred_pipelined_requests_are_all_answered(serve):
    async def handler(request):
        await asyncio.sleep(0)
        return Response(200, request.query.encode())

    requests = b"".join(b"GET /?%d HTTP/1.1\r\nHost: x\r\n\r\n" % i for i in range(99))
    answer = serve(handler).raw(requests + b"GET /?99 HTTP/1.0\r\n\r\n")
    assert re.findall(rb"\r\n\r\n(\d+)", answer) == [b"%d" % i for i in range(100)]


@pytest.mark.parametrize("failing", ["sync", "async"])
def test_a_handler_that_raises_is_500_and_logged(serve, caplog, failing):
    async def late(request):
        raise KeyError("late")

    def handler(request):
        if failing == "async":
            return late(request)
        raise KeyError("at once")

    assert statuses(serve(handler).raw(LAST)) == [500]
    assert "handler failed" in caplog.text


def test_the_error_response_is_the_callers(serve):
    running = serve(error_response=lambda status: Response(status, b"own %d" % status))
    assert running.raw(b"nonsense\r\n\r\n").endswith(b"own 400")


def test_a_body_beyond_the_limit_is_413(serve):
    running = serve(limits=Limits(max_body=10))
    post = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b"
    assert statuses(running.raw(post % (10, b"x" * 10))) == [200]
    assert statuses(running.raw(post % (11, b"x" * 11))) == [413]


def test_the_times_are_nginxs_and_the_containers():
    limits = Limits()
    assert limits.keep_alive == 3
    assert limits.header_timeout == limits.body_timeout == limits.send_timeout == 60


def test_send_time_is_that_of_a_client_that_takes_nothing(serve):
    """nginx's send_timeout is between two writes: who reads slowly gets all of a long answer."""
    body = b"x" * 40_000_000
    running = serve(lambda request: Response(200, body), limits=Limits(send_timeout=60))
    loop = running.loop
    with socket.create_connection(("127.0.0.1", running.server.port)) as client:
        client.setblocking(False)
        client.sendall(LAST)
        received = 0

        async def read(size):
            nonlocal received
            end = received + size
            while received < end:
                data = await loop.soon(loop.sock_recv(client, end - received))
                if not data:
                    return False
                received += len(data)
            return True

        async def slowly():
            for _ in range(3):
                assert await read(10_000_000)
                await loop.advance(50)
                await loop.advance(50)
            while await read(1_000_000):
                pass

        loop.run_until_complete(slowly())
    assert received > len(body)


def test_a_client_that_takes_nothing_of_its_answer_is_cut_off(serve):
    running = serve(lambda request: Response(200, b"x" * 40_000_000))
    loop = running.loop

    async def stop():
        _, writer = await asyncio.open_connection("127.0.0.1", running.server.port, limit=1)
        writer.write(GET)
        await loop.until(lambda: running.server.connections)
        (connection,) = running.server.connections
        await loop.until(lambda: connection.write_paused)
        await loop.advance(130)
        await loop.until(lambda: not running.server.connections)
        writer.close()

    loop.run_until_complete(stop())


@pytest.mark.parametrize("parts", [
    (), (b"GET / HT",), (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n",),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", b"abc"), (GET,),
    (GET, b"GET / HT")])  # fmt: skip
def test_a_client_that_does_not_go_on_is_cut_off_in_silence(serve, parts):
    running = serve()
    loop, seconds = running.loop, 3 if parts == (GET,) else 60

    async def stop():
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        for number, part in enumerate(parts):
            writer.write(part)
            await loop.until(lambda pieces=number + 1: len(loop.accepted) == pieces)
        await loop.until(lambda: running.server.connections)
        await loop.advance(seconds - 0.01)
        assert not reader.at_eof() and running.server.connections
        await loop.advance(0.5)
        answer = await loop.soon(reader.read())
        writer.close()
        return answer

    assert statuses(loop.run_until_complete(stop())) == [200] * parts.count(GET)


@pytest.mark.parametrize("pause, cut_off", [(9, False), (11, True)])
def test_header_time_is_for_all_headers(serve, pause, cut_off):
    parts = [b"GET / HTTP/1.0\r\n"] + [b"A: b\r\n"] * 9 + [b"\r\n"]
    answer = dripping(serve(limits=Limits(header_timeout=100)), pause, parts)
    assert statuses(answer) == ([] if cut_off else [200])


@pytest.mark.parametrize("pause, cut_off", [(99, False), (101, True)])
def test_body_time_is_between_two_pieces(serve, pause, cut_off):
    parts = [b"POST / HTTP/1.0\r\nContent-Length: 6\r\n\r\n"] + [b"x"] * 6
    answer = dripping(serve(limits=Limits(body_timeout=100)), pause, parts)
    assert statuses(answer) == ([] if cut_off else [200])


def dripping(running, pause, parts):
    """The answer to a request that comes in parts, with so many seconds between them."""
    loop = running.loop

    async def wait():
        await loop.until(lambda: loop.accepted)
        loop.accepted.clear()
        await loop.advance(pause)
        return bool(running.server.connections)

    return running.raw(*parts, after_each=wait)


def test_a_reader_that_stops_does_not_block_others_and_is_dropped(serve):
    running = serve(lambda request: Response(200, b"x" * 20000000))
    with contextlib.closing(socket.create_connection(("127.0.0.1", running.server.port))) as stuck:
        stuck.sendall(GET)
        assert len(running.raw(LAST)) > 20000000
        assert len(running.server.connections) == 1
        running.loop.run_until_complete(running.loop.advance(59.9))
        assert len(running.server.connections) == 1
        running.loop.run_until_complete(running.loop.advance(0.5))
        running.loop.run_until_complete(running.loop.until(lambda: not running.server.connections))


def test_on_response_is_told_of_every_answer(serve):
    seen = []
    running = serve(
        on_response=lambda request, *rest: seen.append((request and request.path, *rest))
    )
    running.raw(GET + b"HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n" + b"nonsense\r\n\r\n")
    assert seen == [("/", 200, 2), ("/h", 200, 0), (None, 400, 16)]


@pytest.mark.parametrize("cancel", [True, False])
def test_a_handler_is_cancelled_with_its_connection_only_if_wished(serve, cancel):
    begun, ended, release = [], [], asyncio.Event()

    async def handler(request):
        begun.append(request)
        try:
            await release.wait()
            ended.append("done")
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return Response(200)

    running = serve(handler, cancel_on_disconnect=cancel)
    loop = running.loop

    async def leave():
        _, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(GET)
        await loop.until(lambda: begun)
        (connection,) = running.server.connections
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )  # a reset, no end
        writer.close()
        if not cancel:
            await loop.until(lambda: connection.eof)
            release.set()
        await loop.until(lambda: ended)

    loop.run_until_complete(leave())
    assert ended == ["cancelled" if cancel else "done"]


@pytest.mark.parametrize("cancel", [True, False])
def test_a_half_closed_client_gets_its_answers(serve, cancel):
    async def handler(request):
        (connection,) = running.server.connections
        await running.loop.until(lambda: connection.eof)
        return Response(200, b"late")

    running = serve(handler, cancel_on_disconnect=cancel)

    async def half_close():
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(GET + GET)
        writer.write_eof()
        answer = await running.loop.soon(reader.read())
        writer.close()
        return answer

    assert running.loop.run_until_complete(half_close()).count(b"\r\n\r\nlate") == 2


def test_no_header_can_smuggle_in_another(serve):
    running = serve(lambda request: Response(200, b"", "a\r\nX: 1", [("B", "c\r\nY: 1")]))
    answer = running.raw(b"GET / HTTP/1.0\r\n\r\n")
    assert b"\r\nX:" not in answer and b"\r\nY:" not in answer
    assert b"Content-Type: a  X: 1\r\n" in answer


def test_204_has_neither_body_nor_length(serve):
    answer = serve(lambda request: Response(204)).raw(b"GET / HTTP/1.0\r\n\r\n")
    assert statuses(answer) == [204] and b"Content-Length" not in answer


def test_a_unix_socket_is_served_and_a_stale_one_replaced(loop, tmp_path):
    path = str(tmp_path / "socket")
    open(path, "w").close()
    server = loop.run_until_complete(
        start_server(lambda request: Response(200, request.peer.encode()), path=path)
    )

    async def ask():
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer

    assert loop.run_until_complete(ask()).endswith(b"unix:")
    server.close()


def test_closing_finishes_requests_in_work_and_drops_idle_connections(serve):
    begun, release = [], asyncio.Event()

    async def handler(request):
        begun.append(request)
        await release.wait()
        return Response(200, b"done")

    running = serve(handler)
    loop = running.loop

    async def close_meanwhile():
        idle = await asyncio.open_connection("127.0.0.1", running.server.port)
        working = await asyncio.open_connection("127.0.0.1", running.server.port)
        working[1].write(GET)
        await loop.until(lambda: begun and len(running.server.connections) == 2)
        running.server.close()
        drained = asyncio.ensure_future(running.server.drained(60))
        answers = [await loop.soon(idle[0].read())]
        assert len(running.server.connections) == 1
        release.set()
        answers.append(await loop.soon(working[0].read()))
        for _, writer in (idle, working):
            writer.close()
        await loop.until(lambda: not running.server.connections)
        await loop.advance(1)
        assert await loop.soon(drained)
        return answers

    idle, working = loop.run_until_complete(close_meanwhile())
    assert working.endswith(b"done") and b"Connection: close" in working
    with pytest.raises(OSError):
        running.raw(GET)
    assert idle == b""
