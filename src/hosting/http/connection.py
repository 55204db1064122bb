"""One client's connection to the server: its parser, the queue of its requests, its deadlines."""

import asyncio
import logging
from collections import deque
from typing import Any, Deque

from hosting.http.messages import BODILESS, Response
from hosting.http.pending import Pending
from hosting.http.request_parser import Refused, RequestParser

log = logging.getLogger(__name__)

_PIPELINE = 16  # complete requests that may wait on one connection before reading pauses
_JOIN_BELOW = 128 * 1024  # a smaller body goes out in one write with its headers
_LINGER = 5.0  # seconds in which the rest of a refused request is read and dropped
NEVER = float("inf")


class Connection(asyncio.Protocol):
    """The queue of requests, and the deadlines of one client."""

    def __init__(self, server):
        self.server = server
        self.limits = server.limits
        self.loop = server.loop
        self.queue: Deque[Any] = deque()  # of Requests; the last may be a Refused
        self.future = self.current = self.transport = self.continued = None
        self.write_paused = self.read_paused = False
        self.eof = self.lingering = self.refused = False
        self.unsent = 0

    # -- asyncio ---------------------------------------------------------------------------

    def connection_made(self, transport):
        self.transport = transport
        peer = transport.get_extra_info("peername")
        self.peer = peer[0] if isinstance(peer, tuple) and peer else "unix:"
        self.parser = RequestParser(self.peer, self.limits.max_body)
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
        # A client may half-close after its request and still wait for the answer.
        return not self.lingering and (self.future is not None or bool(self.queue))

    def pause_writing(self):
        self.write_paused = True
        self._await_sending(self.limits.send_timeout)

    def resume_writing(self):
        self.write_paused = False
        self._advance()

    def is_idle(self):
        return self.future is None and not self.queue and not self.parser.in_message

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
        begun = self.parser.in_message
        self._parse(data, whole)
        if len(self.queue) > _PIPELINE and not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()
        if self.future is None:
            if self.queue:
                self._advance()
            self._expect_more(begun)

    def _parse(self, data, whole):
        """Queue the requests in `data`; `whole`: it may be one, whose head is then learnt."""
        parser, queue = self.parser, self.queue
        parser.feed(data)
        try:
            request = parser.next_request()
            while request is not None:
                self._continue(request)
                queue.append(request)
                request = parser.next_request()
        except Refused as refusal:
            self.refused = True
            queue.append(refusal)
            return
        if parser.head is not None:
            self._continue(parser.head)
        elif whole and len(queue) == 1 and not parser.in_message:
            request = queue[0]
            if request is not self.continued and request.header(b"transfer-encoding") is None:
                self.server.known_heads.learn(data, len(request.body), request.with_body(b"", "-"))

    def _continue(self, request):
        """Tell a client once to send its body, if it waits for that."""
        if request is not self.continued and _expects(request):
            self.continued = request
            if self.future is None and not self.queue:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _expect_more(self, begun):
        """The deadline of a request that is on its way in, `begun` before the latest bytes."""
        if self.future is not None or not self.parser.in_message:
            return
        if self.parser.head is not None:
            self.deadline = self.loop.time() + self.limits.body_timeout
        elif not begun:
            self.deadline = self.loop.time() + self.limits.header_timeout

    # -- answering -------------------------------------------------------------------------

    def _advance(self):
        """Hand the waiting requests to the handler, one after the other."""
        queue = self.queue
        while queue and self.future is None and not self.write_paused:
            request = queue.popleft()
            if self.read_paused and len(queue) <= _PIPELINE // 2:
                self.read_paused = False
                self.transport.resume_reading()
            if type(request) is Refused:
                response = self.server.error_response(request.status)
                response.close = True
                self._respond(request.request, response, linger=True)
                return
            self._hand_over(request)

    def _hand_over(self, request):
        """Give one request to the handler; its answer may come later."""
        try:
            result = self.server.handler(request)
        except Exception:  # a handler's bug must not take the connection's task down
            log.exception("handler failed on %r", request)
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
            log.error("handler failed on %r", request, exc_info=error)
            response = self.server.error_response(500)
        self._respond(request, response)
        if self.queue:
            self._advance()

    def _respond(self, request, response, linger=False):
        transport = self.transport
        server = self.server
        if transport.is_closing():
            if server.on_response is not None:
                server.on_response(request, 499, 0)
            return
        keep_alive = (
            request is not None and request.keep_alive and not response.close and not server.closing
        )
        body = response.body
        head = response.head(server.common_headers(), keep_alive)
        if request is not None:
            if request.http_version == "0.9":
                head = b""  # the body is all that such a client expects
            elif request.method == "HEAD":
                body = b""
        if not body or response.status in BODILESS:
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
        if not keep_alive or self.eof and not self.queue:
            self._finish(linger)
        elif not self.write_paused:
            if self.parser.in_message:
                self._expect_more(begun=False)
            else:
                self.deadline = self.loop.time() + self.limits.keep_alive

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


def _expects(request):
    """Whether the client waits to be told to send its body."""
    return (
        request.http_version not in ("0.9", "1.0")
        and request.header(b"expect", b"").lower() == b"100-continue"
    )
