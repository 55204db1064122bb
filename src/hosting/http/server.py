"""An HTTP/1.1 server on asyncio (uvloop where installed).

    server = await start_server(handler, host='127.0.0.1', port=0)
    server.port

`handler(request)` returns a Response, a Pending of one, or an awaitable of one. A plain
Response costs nothing, a Pending a callback, a coroutine a task and two more turns of the
event loop. Requests of one connection are answered in order, one at a time (pipelined
ones wait).
"""

import asyncio
import os
from email.utils import formatdate
from time import time

from hosting.http.connection import NEVER, Connection
from hosting.http.known_heads import KnownHeads
from hosting.http.messages import REASONS, Request, Response

__all__ = ["Limits", "Request", "Response", "Server", "start_server"]

_BACKLOG = 2048
_TICK = 0.25  # seconds between two looks at the connections' deadlines


class Limits:
    """What a connection may take. Times in seconds, sizes in bytes; None: no limit.

    The defaults are nginx's (with the container's keep-alive of 3 s), but for `max_body`:
    the container sets no limit.
    """

    keep_alive = 3.0
    header_timeout = body_timeout = send_timeout = 60.0
    max_body = NEVER

    def __init__(self, **given):
        for name, value in given.items():
            setattr(self, name, NEVER if value is None else value)


def plain_error(status):
    """The default answer to a request that never reaches the handler."""
    text = f"{status} {REASONS.get(status, '')}\n"
    return Response(status, text.encode(), "text/plain", close=True)


class Server:
    """The listening socket and its connections; `start_server` makes it."""

    def __init__(
        self,
        handler,
        loop,
        limits=None,
        name=None,
        error_response=plain_error,
        on_response=None,
        cancel_on_disconnect=False,
    ):
        """See `start_server`.

        Args:
            name: the Server header.
            error_response: called with a status, makes the answer to requests that never reach
                the handler (400, 405, 413, 414, 431, 501, 505) or on which it raises (500).
            on_response: called with (request or None, status, body bytes sent) after each
                response (for an access log).
            cancel_on_disconnect: a pending handler is cancelled when its connection is lost; a
                client that only ends its half still gets the answer.
        """
        self.handler = handler
        self.loop = loop
        self.limits = limits or Limits()
        self.error_response = error_response
        self.on_response = on_response
        self.cancel_on_disconnect = cancel_on_disconnect
        self.connections = set()
        self.known_heads = KnownHeads()
        self.closing = False
        self.port = None
        self._listener = None
        self._timer = None
        self._name_line = f"Server: {name}\r\n" if name else ""
        self._common = ("", 0)

    def common_headers(self):
        """The Server and Date lines, made once a second."""
        text, second = self._common
        now = int(time())
        if now != second:
            text = "%sDate: %s\r\n" % (self._name_line, formatdate(now, usegmt=True))
            self._common = (text, now)
        return text

    def add(self, connection):
        self.connections.add(connection)
        if self._timer is None:
            self._timer = self.loop.call_later(_TICK, self._sweep)

    def _sweep(self):
        now = self.loop.time()
        for connection in [c for c in self.connections if c.deadline <= now]:
            connection.expire()
        self._timer = self.loop.call_later(_TICK, self._sweep) if self.connections else None

    def close(self):
        """Stop listening and close idle connections; requests in work are still answered."""
        self.closing = True
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.connections):
            if connection.is_idle():
                connection.transport.close()

    async def drained(self, timeout):
        """Wait up to `timeout` seconds until every connection is gone; True if so."""
        end = self.loop.time() + timeout
        while self.connections and self.loop.time() < end:
            await asyncio.sleep(0.02)
        return not self.connections


async def start_server(handler, *, host=None, port=None, path=None, sock=None, **options):
    """Listen on host:port (port 0: a free one), on the unix socket `path`, or on `sock`.

    `options` are a Server's.
    """
    loop = asyncio.get_event_loop()
    server = Server(handler, loop, **options)

    def connection():
        return Connection(server)

    if path is not None:
        if os.path.exists(path):
            os.unlink(path)
        listener = await loop.create_unix_server(connection, path, backlog=_BACKLOG)
    elif sock is not None:
        listener = await loop.create_server(connection, sock=sock, backlog=_BACKLOG)
    else:
        listener = await loop.create_server(connection, host, port, backlog=_BACKLOG)
    server._listener = listener
    name_of = listener.sockets[0].getsockname()
    if isinstance(name_of, tuple):
        server.port = name_of[1]
    return server
