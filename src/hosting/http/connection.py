"""One client's connection to the server: its parser, the queue of its requests, its deadlines."""
import asyncio
import logging
from collections import deque

import httptools

from hosting.http.messages import Request, Response
from hosting.http.pending import Pending

log = logging.getLogger(__name__)

_PIPELINE = 16            # complete requests that may wait on one connection before reading pauses
_JOIN_BELOW = 128 * 1024  # a smaller body goes out in one write with its headers
_LINGER = 5.0             # seconds in which the rest of a refused request is read and dropped
NEVER = float('inf')


class _Refusal:
    """Stands in a connection's queue for a request that cannot be parsed."""

    __slots__ = ('status', 'request')

    def __init__(self, status, request):
        self.status = status
        self.request = request


class Connection(asyncio.Protocol):
    """Parser callbacks, the queue of requests, and the deadlines of one client."""

    __slots__ = ('server', 'limits', 'loop', 'transport', 'parser', 'peer', 'queue', 'deadline',
                 'future', 'current', 'write_paused', 'read_paused', 'eof', 'refused', 'lingering',
                 'target', 'headers', 'chunks', 'size', 'in_headers', 'in_message', 'expects',
                 'unsent')

    def __init__(self, server):
        self.server = server
        self.limits = server.limits
        self.loop = server.loop
        self.queue = deque()
        self.future = self.current = self.transport = None
        self.write_paused = self.read_paused = False
        self.eof = self.lingering = False
        self.refused = self.unsent = 0
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
        self._await_sending(self.limits.send_timeout)

    def resume_writing(self):
        self.write_paused = False
        self._advance()

    def is_idle(self):
        """Whether no request is in work, waiting, or on its way in."""
        return self.future is None and not self.queue and not self.in_message

    def data_received(self, data):
        if self.refused or self.lingering:
            return
        whole = self.is_idle() and not self.write_paused
        if whole:
            known = self.server.known_heads.find(data)
            if known is not None:
                head, body = known
                self._hand_over(head.with_body(body, self.peer))
                return
        self._parse(data, whole)
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

    def _parse(self, data, whole):
        """Feed the parser; `whole`: the data may be one message, whose head is then learnt."""
        rest = data
        while True:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                # Upgrade is not offered: the request counts as an ordinary one, and what
                # follows it is the next request.
                whole = False
                offset = upgrade.args[0]
                self.parser = httptools.HttpRequestParser(self)
                if offset < len(rest):
                    rest = rest[offset:]
                    continue
            except httptools.HttpParserError:
                self._refuse(400)
            break
        if whole and len(self.queue) == 1 and not (self.refused or self.in_message or self.expects):
            request = self.queue[0]
            if request.header(b'transfer-encoding') is None:
                self.server.known_heads.learn(data, len(request.body), request.with_body(b'', '-'))

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
            self._hand_over(request)

    def _hand_over(self, request):
        """Give one request to the handler; its answer may come later."""
        try:
            result = self.server.handler(request)
        except Exception:  # a handler's bug must not take the connection's task down
            log.exception('handler failed on %r', request)
            result = self.server.error_response(500)
        if type(result) is Response:
            self._respond(request, result)
            return
        self.deadline = NEVER
        self.current = request
        if isinstance(result, Pending):
            self.future = result
            result.then(self._settled)
        else:
            self.future = asyncio.ensure_future(result, loop=self.loop)
            self.future.add_done_callback(self._finished)

    def _finished(self, future):
        if future.cancelled():
            self.current = self.future = None
            self.transport.abort()
            return
        error = future.exception()
        self._settled(None if error else future.result(), error)

    def _settled(self, response, error):
        request, self.current, self.future = self.current, None, None
        if error is not None:
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
        self._await_sending(_LINGER if linger else self.limits.send_timeout)
        self.lingering = True
        if linger and not self.eof and self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def _await_sending(self, seconds):
        """So long may the client take nothing of what is still to be sent."""
        self.unsent = self.transport.get_write_buffer_size()
        self.deadline = self.loop.time() + seconds

    def expire(self):
        """The deadline has passed: nothing is said to the client (nginx says nothing either)."""
        sending = self.write_paused or self.lingering
        if sending and 0 < self.transport.get_write_buffer_size() < self.unsent:
            # The time is that of a client that takes nothing, not that of a slow one.
            self._await_sending(self.limits.send_timeout)
            return
        if self.transport.is_closing() or sending:
            self.transport.abort()
        else:
            self._finish()
