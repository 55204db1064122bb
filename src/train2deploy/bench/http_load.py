"""A closed loop of HTTP clients: each sends its next request when its answer has come.

One thread, non-blocking sockets and requests that were made beforehand, so that the
clients take little of the machine that they measure.
"""

import heapq
import selectors
import socket
from collections.abc import Sequence
from time import perf_counter

from train2deploy.errors import JobFailed

NO_ANSWER = 0  # the status of a request whose connection ended or was refused

_RECEIVE_BYTES = 1 << 18
_ANSWER_TIMEOUT_SECONDS = 70.0
_TICK_SECONDS = 0.1
_LENGTH_HEADER = b"\r\ncontent-length:"
_CLOSE_HEADER = b"\r\nconnection: close"


class Observer:
    """Takes what the clients see; this one does not look."""

    def answered(self, turn: int, status: int, body: bytes, sent: float, now: float) -> float:
        """An answer to request number `turn`; returns the seconds this client shall pause."""
        return 0.0

    def tick(self, now: float) -> None:
        """Called about ten times a second."""


class _Client:
    """One connection, on which at most one request is under way."""

    __slots__ = ("busy", "connection", "received", "sent", "turn", "unsent", "whole")

    def __init__(self) -> None:
        self.connection: socket.socket | None = None
        self.busy = False
        self.turn = 0
        self.sent = 0.0
        self.unsent = b""
        self.received = b""
        self.whole = 0  # bytes of the answer, as soon as its head tells


class ClosedLoop:
    """So many clients of one server.

    Args:
        requests: whole HTTP/1.1 requests; the clients take them in turn.
    """

    def __init__(self, port: int, requests: Sequence[bytes], clients: int) -> None:
        self._address = ("127.0.0.1", port)
        self._requests = requests
        self._clients = [_Client() for _ in range(clients)]
        self._pausing: list[tuple[float, int]] = []
        self._turn = 0
        self._under_way = 0

    def run(self, seconds: float, observer: Observer) -> None:
        """Sends for so many seconds, then waits for the answers that are still due.

        Raises:
            JobFailed: an answer does not come at all.
        """
        self._pausing.clear()
        with selectors.DefaultSelector() as self._selector:
            self._observer = observer
            self._end = perf_counter() + seconds
            try:
                for number in range(len(self._clients)):
                    self._start(number)
                self._loop()
            finally:
                for client in self._clients:
                    self._close(client)

    def _loop(self) -> None:
        next_tick = 0.0
        while True:
            now = perf_counter()
            if now >= next_tick:
                self._observer.tick(now)
                next_tick = now + _TICK_SECONDS
            while self._pausing and self._pausing[0][0] <= now < self._end:
                self._start(heapq.heappop(self._pausing)[1])
            if not self._under_way and (now >= self._end or not self._pausing):
                return
            if now > self._end + _ANSWER_TIMEOUT_SECONDS:
                raise JobFailed(
                    f"port {self._address[1]}: {self._under_way} requests were not answered within"
                    f" {_ANSWER_TIMEOUT_SECONDS:.0f} s. See the endpoint's log in build/bench."
                )
            wait = _TICK_SECONDS
            if self._pausing:
                wait = min(wait, max(0.0, self._pausing[0][0] - now))
            for key, events in self._selector.select(wait):
                if events & selectors.EVENT_WRITE:
                    self._send(key.data)
                if events & selectors.EVENT_READ:
                    self._receive(key.data)

    def _start(self, number: int) -> None:
        """Sends the client's next request."""
        client = self._clients[number]
        client.turn, self._turn = self._turn, (self._turn + 1) % len(self._requests)
        client.sent = perf_counter()
        client.busy = True
        self._under_way += 1
        if client.connection is None:
            try:
                client.connection = socket.create_connection(self._address)
            except OSError:
                self._finish(number, NO_ANSWER, b"")
                return
            client.connection.setblocking(False)
            client.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(client.connection, selectors.EVENT_READ, number)
        client.unsent = self._requests[client.turn]
        client.received, client.whole = b"", 0
        self._send(number)

    def _send(self, number: int) -> None:
        client = self._clients[number]
        if client.connection is None:
            return
        waited = bool(client.unsent) and client.unsent is not self._requests[client.turn]
        try:
            client.unsent = client.unsent[client.connection.send(client.unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._lost(number)
            return
        if client.unsent or waited:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.unsent else 0)
            self._selector.modify(client.connection, events, number)

    def _receive(self, number: int) -> None:
        client = self._clients[number]
        if client.connection is None:
            return
        try:
            data = client.connection.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost(number)
            return
        received = client.received = client.received + data if client.received else data
        if not client.whole:
            head_end = received.find(b"\r\n\r\n")
            if head_end < 0:
                return
            client.whole = head_end + 4 + _content_length(received[:head_end])
        if len(received) < client.whole:
            return
        head, _, body = received.partition(b"\r\n\r\n")
        if _CLOSE_HEADER in head.lower():
            self._close(client)
        self._finish(number, int(head[9:12]), body)

    def _lost(self, number: int) -> None:
        client = self._clients[number]
        self._close(client)
        if client.busy:
            self._finish(number, NO_ANSWER, b"")

    def _finish(self, number: int, status: int, body: bytes) -> None:
        client = self._clients[number]
        client.busy = False
        self._under_way -= 1
        now = perf_counter()
        pause = self._observer.answered(client.turn, status, body, client.sent, now)
        if now >= self._end:
            return
        if pause or status == NO_ANSWER:
            heapq.heappush(self._pausing, (now + (pause or _TICK_SECONDS), number))
        else:
            self._start(number)

    def _close(self, client: _Client) -> None:
        if client.connection is not None:
            self._selector.unregister(client.connection)
            client.connection.close()
            client.connection = None


def _content_length(head: bytes) -> int:
    """The length that the head of an answer states.

    >>> _content_length(b"HTTP/1.1 200 OK\\r\\nContent-Length: 12")
    12
    """
    _, found, rest = head.lower().partition(_LENGTH_HEADER)
    if not found:
        raise JobFailed(f"expected an answer with a Content-Length, found {head!r}")
    return int(rest.partition(b"\r\n")[0])
