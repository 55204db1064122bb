"""An HTTP/1.1 client on asyncio and httptools that keeps its connections open.

    client = Client(host='127.0.0.1', port=8501)      # or Client(path='/run/x.sock')
    reply = await client.request('POST', '/v1/models/m:predict', body=b'{"instances": [1]}')
    reply.status, reply.headers, reply.body

A request that was written to a reused connection just as the server closed it is sent once
more on a new one, but only when the server cannot have read it: the connection was reset
or broken, and nothing was received. A clean end of file means that the server took the
request and died with it; sending that again could kill its successor too.
"""

import asyncio
import socket

import httptools

from hosting.http.known_heads import KnownHeads
from hosting.http.messages import Reply
from hosting.http.pending import Pending

__all__ = ["Client", "ClientError", "ConnectFailed", "Disconnected", "Reply", "TimedOut"]


_WITH_BODY = frozenset(["POST", "PUT", "PATCH"])


class ClientError(Exception):
    """No complete response was received."""


class ConnectFailed(ClientError):
    """The server does not accept connections."""


class Disconnected(ClientError):
    """The server closed the connection, or sent something that is not HTTP."""

    def __init__(self, message, received=False):
        super().__init__(message)
        self.received = received


class TimedOut(ClientError):
    """The server was silent for longer than the time-out."""


class _Connection(asyncio.Protocol):
    """One connection; at most one request at a time is on it."""

    def __init__(self, client):
        self.client = client
        self.loop = client.loop
        self.transport = self.exchange = self.reply = self.timer = None
        self.timer_due = 0.0
        self.received = self.until_eof = self.keep = False
        self.headers = []
        self.chunks = []
        self.parser = httptools.HttpResponseParser(self)

    # -- asyncio ---------------------------------------------------------------------------

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        exchange = self.exchange
        if exchange is None:  # nothing was asked
            self.transport.abort()
            return
        whole = not self.received and not exchange.head_only
        self.received = True
        if whole:
            known = self.client.known_heads.find(data)
            if known is not None:
                head, body = known
                self._complete(head.with_body(body), keep=True)
                return
        exchange.heard = self.loop.time()
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.keep = False
            if self.reply is None:
                self._fail(Disconnected("the server sent no valid HTTP response", True))
                return
        reply = self.reply
        if reply is None:
            return
        if (
            whole
            and self.keep
            and reply.header(b"content-length") is not None
            and reply.header(b"transfer-encoding") is None
        ):
            self.client.known_heads.learn(data, len(reply.body), reply.with_body(b""))
        self._complete(reply, self.keep)

    def eof_received(self):
        if self.until_eof and self.exchange is not None:
            self._take_reply(keep=False)
            self._complete(self.reply, keep=False)

    def connection_lost(self, exc):
        self.client.forget(self)
        self._release_timer()
        if self.exchange is not None:
            exchange = self.exchange
            unread = isinstance(exc, (ConnectionResetError, BrokenPipeError))
            if exchange.reused and unread and not self.received:
                self.exchange = None
                self.client.send_again(exchange)
            else:
                self._fail(Disconnected("the server closed the connection", self.received))

    # -- httptools -------------------------------------------------------------------------

    def on_message_begin(self):
        self.headers = []
        self.chunks = []

    def on_header(self, name, value):
        self.headers.append((name.lower(), value))

    def on_headers_complete(self):
        status = self.parser.get_status_code()
        if status < 200 or self.reply is not None:
            return
        if self.exchange.head_only:
            # The parser cannot be told that no body follows, so the connection is not kept.
            self._take_reply(keep=False)
            return
        self.until_eof = status not in (204, 304) and not any(
            name == b"content-length" or (name == b"transfer-encoding" and b"chunked" in value)
            for name, value in self.headers
        )

    def on_body(self, body):
        self.chunks.append(body)

    def on_message_complete(self):
        if self.reply is not None:
            self.keep = False  # more than was asked for
        elif self.parser.get_status_code() >= 200:
            self._take_reply(self.parser.should_keep_alive())

    def _take_reply(self, keep):
        chunks, self.chunks = self.chunks, []
        self.reply = Reply(
            self.parser.get_status_code(),
            self.headers,
            chunks[0] if len(chunks) == 1 else b"".join(chunks),
        )
        self.keep = keep

    # -- one exchange ----------------------------------------------------------------------

    def send(self, exchange):
        self.exchange = exchange
        self.reply = None
        self.received = self.until_eof = False
        exchange.connection = self
        if exchange.timeout is not None:
            exchange.heard = now = self.loop.time()
            # The timer of an earlier exchange is left to run: it finds out what is due.
            if self.timer is None or now + exchange.timeout < self.timer_due:
                self._set_timer(now + exchange.timeout)
        payload = exchange.payload
        if type(payload) is bytes:
            self.transport.write(payload)
        else:
            self.transport.writelines(payload)

    def _set_timer(self, due):
        self._release_timer()
        self.timer_due = due
        self.timer = self.loop.call_at(due, self._check_silence)

    def _check_silence(self):
        self.timer = None
        exchange = self.exchange
        if exchange is None or exchange.timeout is None:
            return
        due = exchange.heard + exchange.timeout
        if due - self.loop.time() > 0.001:
            self._set_timer(due)
        else:
            self._fail(TimedOut(f"no answer within {exchange.timeout:g} s"))

    def _release_timer(self):
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _complete(self, reply, keep):
        exchange, self.exchange = self.exchange, None
        if keep and not self.transport.is_closing():
            self.client.keep(self)
        else:
            self.transport.close()
        exchange.pending.settle(reply)

    def _fail(self, error):
        exchange, self.exchange = self.exchange, None
        self.transport.abort()
        if exchange is not None:
            exchange.pending.settle(error=error)

    def abandon(self):
        """Nobody waits for the answer any more: the server shall see the connection end."""
        self.exchange = None
        self.transport.abort()


class _Exchange:
    """One request on its way."""

    __slots__ = ("payload", "pending", "timeout", "head_only", "reused", "connection", "heard")

    def __init__(self, payload, timeout, head_only):
        self.payload = payload
        self.pending = Pending(self._abandon)
        self.timeout = timeout
        self.head_only = head_only
        self.reused = False
        self.connection = None
        self.heard = 0.0

    def _abandon(self):
        if self.connection is not None and self.connection.exchange is self:
            self.connection.abandon()


class Client:
    """A pool of connections to one server: `host` and `port`, or the unix socket `path`.

    Idle connections are used last in, first out, and closed after `idle_timeout` seconds
    (None: never). `connect_timeout` limits the time to connect. Without `keep_alive` each
    request has a connection of its own.
    """

    def __init__(
        self,
        host=None,
        port=None,
        path=None,
        idle_timeout=30.0,
        connect_timeout=60.0,
        keep_alive=True,
    ):
        self.loop = asyncio.get_event_loop()
        self.host = host
        self.port = port
        self.path = path
        self.idle_timeout = idle_timeout
        self.connect_timeout = connect_timeout
        self._own_lines = b"Host: %b\r\n" % (
            f"{host}:{port}".encode("latin-1") if path is None else b"localhost"
        )
        if not keep_alive:
            self._own_lines += b"Connection: close\r\n"
        self._keep_alive = keep_alive
        self.known_heads = KnownHeads()
        self._idle = []
        self._timer = None

    def request(self, method, target, headers=b"", body=b"", timeout=None, with_length=True):
        """Send a request; returns a Pending of the Reply (or a ClientError).

        `target` is str or bytes; `headers` are whole header lines as bytes, each ending in
        CRLF. Host is added, and Content-Length if there is a body or the method usually has
        one (never for an empty body when `with_length` is false). `timeout`: seconds of
        silence, None for ever.
        """
        if type(target) is str:
            target = target.encode("latin-1")
        head = b"%b %b HTTP/1.1\r\n%b%b" % (
            method.encode("latin-1"),
            target,
            self._own_lines,
            headers,
        )
        if body or with_length and method in _WITH_BODY:
            head += b"Content-Length: %d\r\n\r\n" % len(body)
            payload = head + body if len(body) < 65536 else (head, body)
        else:
            payload = head + b"\r\n"
        exchange = _Exchange(payload, timeout, method == "HEAD")
        idle = self._idle
        while idle:
            connection = idle.pop()
            if not connection.transport.is_closing():
                exchange.reused = True
                connection.send(exchange)
                return exchange.pending
        self.send_again(exchange)
        return exchange.pending

    def send_again(self, exchange):
        exchange.reused = False
        self.loop.create_task(self._connect_and_send(exchange))

    async def _connect_and_send(self, exchange):
        try:
            if self.path is not None:
                opening = self.loop.create_unix_connection(lambda: _Connection(self), self.path)
            else:
                opening = self.loop.create_connection(
                    lambda: _Connection(self), self.host, self.port
                )
            _, connection = await asyncio.wait_for(opening, self.connect_timeout)
        except asyncio.TimeoutError:
            exchange.pending.settle(
                error=TimedOut("no connection within %g s" % self.connect_timeout)
            )
        except (OSError, socket.gaierror) as error:
            exchange.pending.settle(error=ConnectFailed(str(error)))
        else:
            if exchange.pending.done():
                connection.transport.abort()
            elif connection.transport.is_closing():
                exchange.pending.settle(error=Disconnected("the server closed the connection"))
            else:
                connection.send(exchange)

    def keep(self, connection):
        """Take back a connection whose exchange is complete."""
        if not self._keep_alive:
            connection.transport.close()
            return
        connection.idle_since = self.loop.time()
        self._idle.append(connection)
        if self._timer is None and self.idle_timeout is not None:
            self._timer = self.loop.call_later(self.idle_timeout, self._close_idle)

    def forget(self, connection):
        if connection in self._idle:
            self._idle.remove(connection)

    def _close_idle(self):
        limit = self.loop.time() - self.idle_timeout
        for connection in [c for c in self._idle if c.idle_since <= limit]:
            self._idle.remove(connection)
            connection.transport.close()
        self._timer = (
            self.loop.call_later(self.idle_timeout / 4, self._close_idle) if self._idle else None
        )

    def close(self):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.transport.close()
