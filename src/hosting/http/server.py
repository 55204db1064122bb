"""An HTTP/1.1 server on asyncio (uvloop where installed) and httptools.

    server = await start_server(handler, host='127.0.0.1', port=0)
    server.port

`handler(request)` returns a Response, or an awaitable of one. A plain Response costs no
task; a Future costs one callback; a coroutine one task. Requests of one connection are
answered in order, one at a time (pipelined ones wait).
"""
import asyncio
import logging
import os
from collections import deque
from email.utils import formatdate
from time import time

import httptools

from hosting.http.messages import REASONS, Request, Response

__all__ = ['Limits', 'Request', 'Response', 'Server', 'start_server']

log = logging.getLogger(__name__)

_PIPELINE = 16            # complete requests that may wait on one connection before reading pauses
_JOIN_BELOW = 128 * 1024  # a smaller body goes out in one write with its headers
_TICK = 0.25              # seconds between two looks at the connections' deadlines
_LINGER = 5.0             # seconds in which the rest of a refused request is read and dropped
_NEVER = float('inf')


class Limits:
    """What a connection may take. Times in seconds, sizes in bytes; None: no limit.

    The defaults are nginx's (with the container's keep-alive of 3 s), but for `max_body`:
    the container sets no limit.
    """

    def __init__(self, keep_alive=3.0, header_timeout=60.0, body_timeout=60.0, send_timeout=60.0,
                 max_target=8 * 1024, max_headers=32 * 1024, max_body=None):
        self.keep_alive = _NEVER if keep_alive is None else keep_alive
        self.header_timeout = _NEVER if header_timeout is None else header_timeout
        self.body_timeout = _NEVER if body_timeout is None else body_timeout
        self.send_timeout = _NEVER if send_timeout is None else send_timeout
        self.max_target = max_target
        self.max_headers = max_headers
        self.max_body = _NEVER if max_body is None else max_body


def plain_error(status):
    """The default answer to a request that never reaches the handler."""
    return Response(status, ('%d %s\n' % (status, REASONS.get(status, ''))).encode(),
                    'text/plain', close=True)


class _Refusal:
    """Stands in a connection's queue for a request that cannot be parsed."""

    __slots__ = ('status', 'request')

    def __init__(self, status, request):
        self.status = status
        self.request = request


class _Connection(asyncio.Protocol):
    """One client connection: parser callbacks, the queue of requests, and the deadlines."""

    __slots__ = ('server', 'limits', 'loop', 'transport', 'parser', 'peer', 'queue', 'deadline',
                 'future', 'current', 'write_paused', 'read_paused', 'eof', 'refused', 'lingering',
                 'target', 'headers', 'chunks', 'size', 'in_headers', 'in_message', 'expects')

    def __init__(self, server):
        self.server = server
        self.limits = server.limits
        self.loop = server.loop
        self.queue = deque()
        self.future = self.current = self.transport = None
        self.write_paused = self.read_paused = False
        self.eof = self.lingering = False
        self.refused = 0
        self.in_message = self.expects = False
        self.parser = httptools.HttpRequestParser(self)

    # -- asyncio ---------------------------------------------------------------------------

    def connection_made(self, transport):
        self.transport = transport
        peer = transport.get_extra_info('peername')
        self.peer = peer[0] if isinstance(peer, tuple) and peer else 'unix:'
        self.deadline = self.loop.time() + self.limits.header_timeout
        self.server.add(self)

    def connection_lost(self, exc):
        self.server.connections.discard(self)
        self.queue.clear()
        self.eof = True
        if self.future is not None and self.server.cancel_on_disconnect:
            self.future.cancel()

    def eof_received(self):
        self.eof = True
        if self.lingering or self.server.cancel_on_disconnect:
            return False
        # A client may half-close after its request and still wait for the answer.
        return self.future is not None or bool(self.queue)

    def pause_writing(self):
        self.write_paused = True
        self.deadline = self.loop.time() + self.limits.send_timeout

    def resume_writing(self):
        self.write_paused = False
        self._advance()

    def data_received(self, data):
        if self.refused or self.lingering:
            return
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # Upgrade is not offered: the request counts as an ordinary one, and what
                # follows it is the next request.
                offset = upgrade.args[0]
                self.parser = httptools.HttpRequestParser(self)
                if offset < len(data):
                    data = data[offset:]
                    continue
            except httptools.HttpParserError:
                self._refuse(400)
            break
        if self.refused:
            self.queue.append(_Refusal(self.refused, None))
        elif len(self.queue) > _PIPELINE and not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()
        if self.future is None:
            if self.queue:
                self._advance()
            elif self.in_message and not self.in_headers:
                self.deadline = self.loop.time() + self.limits.body_timeout

    # -- httptools -------------------------------------------------------------------------

    def on_message_begin(self):
        self.target = b''
        self.headers = []
        self.chunks = []
        self.size = 0
        self.in_message = self.in_headers = True
        self.expects = False
        if self.future is None:
            self.deadline = self.loop.time() + self.limits.header_timeout

    def on_url(self, url):
        # The parser may deliver a long target in pieces.
        self.target += url
        if len(self.target) > self.limits.max_target:
            self._refuse(414)

    def on_header(self, name, value):
        if not self.in_headers:
            return  # a trailer after a chunked body
        self.size += len(name) + len(value) + 4
        if self.size > self.limits.max_headers:
            self._refuse(431)
        name = name.lower()
        if name == b'expect' and value.lower() == b'100-continue':
            self.expects = True
        self.headers.append((name, value))

    def on_headers_complete(self):
        self.in_headers = False
        self.size = 0
        if self.expects and self.future is None and not self.queue and not self.refused \
                and self.parser.get_http_version() == '1.1':
            self.transport.write(b'HTTP/1.1 100 Continue\r\n\r\n')

    def on_body(self, body):
        self.size += len(body)
        if self.size > self.limits.max_body:
            self._refuse(413)
        elif not self.refused:
            self.chunks.append(body)

    def on_message_complete(self):
        self.in_message = False
        if self.refused:
            return
        parser = self.parser
        chunks = self.chunks
        self.queue.append(Request(
            parser.get_method().decode('latin-1'), self.target, self.headers,
            chunks[0] if len(chunks) == 1 else b''.join(chunks),
            parser.get_http_version(), self.peer, parser.should_keep_alive()))
        self.chunks = self.headers = None

    def _refuse(self, status):
        if not self.refused:
            self.refused = status

    # -- answering -------------------------------------------------------------------------

    def _advance(self):
        """Hand the waiting requests to the handler, one after the other."""
        queue = self.queue
        while queue and self.future is None and not self.write_paused:
            request = queue.popleft()
            if self.read_paused and len(queue) <= _PIPELINE // 2:
                self.read_paused = False
                self.transport.resume_reading()
            if type(request) is _Refusal:
                response = self.server.error_response(request.status)
                response.close = True
                self._respond(None, response)
                return
            try:
                result = self.server.handler(request)
            except Exception:  # a handler's bug must not take the connection's task down
                log.exception('handler failed on %r', request)
                result = self.server.error_response(500)
            if type(result) is Response:
                self._respond(request, result)
            else:
                self.deadline = _NEVER
                self.current = request
                self.future = asyncio.ensure_future(result, loop=self.loop)
                self.future.add_done_callback(self._finished)

    def _finished(self, future):
        request, self.current, self.future = self.current, None, None
        if future.cancelled():
            self.transport.abort()
            return
        error = future.exception()
        if error is None:
            response = future.result()
        else:
            log.error('handler failed on %r', request, exc_info=error)
            response = self.server.error_response(500)
        self._respond(request, response)
        if self.queue:
            self._advance()

    def _respond(self, request, response):
        transport = self.transport
        server = self.server
        if transport.is_closing():
            if server.on_response is not None:
                server.on_response(request, 499, 0)
            return
        keep_alive = (request is not None and request.keep_alive and not response.close
                      and not self.eof and not server.closing)
        body = response.body
        head = response.head(server.common_headers(), keep_alive)
        if request is not None and request.method == 'HEAD' or not body:
            transport.write(head)
            sent = 0
        elif len(body) < _JOIN_BELOW:
            transport.write(head + body)
            sent = len(body)
        else:
            transport.write(head)
            transport.write(body)
            sent = len(body)
        if server.on_response is not None:
            server.on_response(request, response.status, sent)
        if keep_alive:
            # While the next request is on its way in, on_message_begin has set the deadline.
            if not self.write_paused and not self.in_message:
                self.deadline = self.loop.time() + self.limits.keep_alive
            elif not self.write_paused:
                self.deadline = self.loop.time() + self.limits.body_timeout
        else:
            self._finish(linger=request is None)

    def _finish(self, linger=False):
        """Close after what is written has gone out.

        Closing while the client still sends would reset the connection and lose the answer,
        so the rest of a refused request is read and dropped for a while.
        """
        self.queue.clear()
        self.deadline = self.loop.time() + (_LINGER if linger else self.limits.send_timeout)
        self.lingering = True
        if linger and not self.eof and self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def expire(self):
        """The deadline has passed: nothing is said to the client (nginx says nothing either)."""
        if self.transport.is_closing() or self.write_paused or self.lingering:
            self.transport.abort()
        else:
            self._finish()


class Server:
    """The listening socket and its connections."""

    def __init__(self, handler, loop, limits, name, error_response, on_response,
                 cancel_on_disconnect):
        self.handler = handler
        self.loop = loop
        self.limits = limits
        self.error_response = error_response
        self.on_response = on_response
        self.cancel_on_disconnect = cancel_on_disconnect
        self.connections = set()
        self.closing = False
        self.port = None
        self._listener = None
        self._timer = None
        self._name_line = 'Server: %s\r\n' % name if name else ''
        self._common = ('', 0)

    def common_headers(self):
        """The Server and Date lines, made once a second."""
        text, second = self._common
        now = int(time())
        if now != second:
            text = '%sDate: %s\r\n' % (self._name_line, formatdate(now, usegmt=True))
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
            if connection.future is None and not connection.queue and not connection.in_message:
                connection.transport.close()

    async def drained(self, timeout):
        """Wait up to `timeout` seconds until every connection is gone; True if so."""
        end = self.loop.time() + timeout
        while self.connections and self.loop.time() < end:
            await asyncio.sleep(0.02, loop=self.loop)
        return not self.connections


async def start_server(handler, *, host=None, port=None, path=None, sock=None, limits=None,
                       name=None, error_response=plain_error, on_response=None,
                       cancel_on_disconnect=False, backlog=2048):
    """Listen on host:port (port 0: a free one), on the unix socket `path`, or on `sock`.

    `name` is the Server header. `error_response(status)` makes the answer to requests that
    never reach the handler (400, 413, 414, 431) or on which it raises (500).
    `on_response(request or None, status, body bytes sent)` is called after each response
    (for an access log). `cancel_on_disconnect` cancels a pending handler when its client
    has gone.
    """
    loop = asyncio.get_event_loop()
    server = Server(handler, loop, limits or Limits(), name, error_response, on_response,
                    cancel_on_disconnect)

    def connection():
        return _Connection(server)

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
