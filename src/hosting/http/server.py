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

_TICK = 0.25  # seconds between two looks at the connections' deadlines


class Limits:
    """What a connection may take. Times in seconds, sizes in bytes; None: no limit.

    The defaults are nginx's (with the container's keep-alive of 3 s), but for `max_body`:
    the container sets no limit.
    """

    def __init__(
        self,
        keep_alive=3.0,
        header_timeout=60.0,
        body_timeout=60.0,
        send_timeout=60.0,
        max_body=None,
    ):
        self.keep_alive = NEVER if keep_alive is None else keep_alive
        self.header_timeout = NEVER if header_timeout is None else header_timeout
        self.body_timeout = NEVER if body_timeout is None else body_timeout
        self.send_timeout = NEVER if send_timeout is None else send_timeout
        self.max_body = NEVER if max_body is None else max_body


def plain_error(status):
    """The default answer to a request that never reaches the handler."""
    return Response(
        status, ("%d %s\n" % (status, REASONS.get(status, ""))).encode(), "text/plain", close=True
    )


class Server:
    """The listening socket and its connections."""

    def __init__(
        self, handler, loop, limits, name, error_response, on_response, cancel_on_disconnect
    ):
        self.handler = handler
        self.loop = loop
        self.limits = limits
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


async def start_server(
    handler,
    *,
    host=None,
    port=None,
    path=None,
    sock=None,
    limits=None,
    name=None,
    error_response=plain_error,
    on_response=None,
    cancel_on_disconnect=False,
    backlog=2048,
):
    """Listen on host:port (port 0: a free one), on the unix socket `path`, or on `sock`.

    `name` is the Server header. `error_response(status)` makes the answer to requests that
    never reach the handler (400, 405, 413, 414, 431, 501, 505) or on which it raises (500).
    `on_response(request or None, status, body bytes sent)` is called after each response
    (for an access log). `cancel_on_disconnect` cancels a pending handler when its
    connection is lost; a client that only ends its half still gets the answer.
    """
    loop = asyncio.get_event_loop()
    server = Server(
        handler, loop, limits or Limits(), name, error_response, on_response, cancel_on_disconnect
    )

    def connection():
        return Connection(server)

    if path is not None:
        if os.path.exists(path):
            os.unlink(path)
        listener = await loop.create_unix_server(connection, path, backlog=backlog)
    elif sock is not None:
        listener = await loop.create_server(connection, sock=sock, backlog=backlog)
    else:
        listener = await loop.create_server(connection, host, port, backlog=backlog)
    server._listener = listener
    name_of = listener.sockets[0].getsockname()
    if isinstance(name_of, tuple):
        server.port = name_of[1]
    return server
