"""gunicorn's gevent worker with a cheaper way through HTTP.

gunicorn makes a connection for each request of its proxy and parses every request in Python;
that costs more than everything else between a client and its handler. This worker keeps
connections open and remembers what it parsed. Parsing itself, its limits, the WSGI
environment and the body that a handler reads are gunicorn's own, as are processes, heartbeat,
time-out, greenlets and signals.
"""

import errno
import time
from functools import partial
from socket import SHUT_RDWR
from sys import maxsize

import gevent
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn import util
from gunicorn.http import body, wsgi
from gunicorn.http.errors import NoMoreData
from gunicorn.http.message import Request
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.ggevent import GeventWorker

from hosting.handler_service.context import MEMO
from hosting.http.known_heads import MOST, KnownHeads

_RECEIVE = 256 * 1024


class Body(body.Body):
    """gunicorn's body, which a handler is given as `data`; it takes more than 1 KB at a time."""

    def read(self, size=None):
        if size is None and not self.buf.tell():
            return self.reader.read(maxsize)
        missing = self.getsize(size) - self.buf.tell()
        if missing > 0:
            self.buf.write(self.reader.read(missing))
        return super().read(size)


class Worker(GeventWorker):
    """A gevent worker whose connections stay open between the edge's requests."""

    def init_process(self):
        self._idle = set()
        self._stopping = Event()
        self._known_heads = KnownHeads()
        self._known_headers = {}
        super().init_process()

    def run(self):
        """gunicorn's own loop, but it does not sleep through the signal to stop."""
        servers = []
        for listener in self.sockets:
            listener.setblocking(1)
            server = StreamServer(
                listener, handle=partial(self.handle, listener), spawn=Pool(self.worker_connections)
            )
            server.start()
            servers.append(server)
        while self.alive:
            self.notify()
            self._stopping.wait(1.0)
        for server in servers:
            server.close()
        for client in list(self._idle):
            # A connection that waits for a request would otherwise hold up the end.
            try:
                client.shutdown(SHUT_RDWR)
            except OSError:
                pass  # the edge has closed it already
        end = time.time() + self.cfg.graceful_timeout
        while (
            any(server.pool.free_count() < server.pool.size for server in servers)
            and time.time() < end
        ):
            self.notify()
            gevent.sleep(0.05)

    def handle_exit(self, sig, frame):
        super().handle_exit(sig, frame)
        self._stopping.set()

    def handle(self, listener, client, addr):
        """Answer a connection's requests, one after the other."""
        client.setblocking(1)
        unreader = SocketUnreader(client)
        request = None
        try:
            while True:
                data = self._received(client, unreader)
                if not data:
                    return
                request = None  # what an error is about: not the request before
                request, environ = self._parsed(data, unreader, listener, client, addr)
                self._answer(client, request, environ)
                if request.should_close() or not self.alive:
                    return
                left = environ["wsgi.input"]
                while getattr(left.reader, "length", None) != 0 and left.read(_RECEIVE):
                    pass  # what the handler left of the body is not the next request
        except SystemExit:
            # sys.exit() in a handler drops the connection; the worker lives on.
            self.log.debug("a handler called sys.exit")
        except NoMoreData as error:
            self.log.debug("connection lost: %s", error)
        except OSError as error:  # also one that the application raises: no answer, 502
            # The wait of a connection that is idle at the worker's end fails, too.
            if client in self._idle or error.errno in (errno.EPIPE, errno.ECONNRESET):
                self.log.debug("connection lost: %s", error)
            else:
                self.log.exception("Socket error processing request.")
        except Exception as error:  # as gunicorn: log it, answer with an HTML page, close
            self.handle_error(request, client, addr, error)
        finally:
            self._idle.discard(client)
            util.close(client)

    def _received(self, client, unreader):
        """What came after the last request, or comes next."""
        if unreader.buf.tell():
            return unreader.read()
        self._idle.add(client)
        data = client.recv(_RECEIVE)
        self._idle.discard(client)
        return data

    def _parsed(self, data, unreader, listener, client, addr):
        """(request, WSGI environment) of a message that begins with `data`."""
        known = self._known_heads.find(data)
        if known is not None:
            (request, environ), content = known
            unreader.unread(content)
            reader = body.LengthReader(unreader, len(content))
        else:
            unreader.unread(data)
            request = Request(self.cfg, unreader)
            _, environ = wsgi.create(request, client, addr, listener.getsockname(), self.cfg)
            environ["wsgi.multithread"] = True
            environ[MEMO] = {}
            reader = request.body.reader
            if isinstance(reader, body.LengthReader):
                self._known_heads.learn(data, reader.length, (request, environ))
        environ = environ.copy()
        environ["wsgi.input"] = Body(reader)
        environ["gunicorn.socket"] = client
        return request, environ

    def _answer(self, client, request, environ):
        """Run the application on a request and send what it answers, in one piece."""
        started = []
        items = self.wsgi(environ, lambda *arguments: started.extend(arguments))
        try:
            content = b"".join(items)
        finally:
            if hasattr(items, "close"):
                items.close()
        payload = self._header(request, client, content, *started) + content
        self.nr += 1
        if self.nr >= self.max_requests:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
        sent = client.send(payload)
        if sent < len(payload):
            client.sendall(payload[sent:])

    def _header(self, request, client, content, status, headers, exc_info=None):
        """The status line and the headers, as gunicorn checks and cleans them."""
        key = (status, len(content), *headers)
        found = self._known_headers.get(key)
        if found is None:
            response = wsgi.Response(request, client, self.cfg)
            response.start_response(status, headers)
            lines = [f"HTTP/1.1 {status}\r\n"]
            lines += ["%s: %s\r\n" % header for header in response.headers]
            if response.response_length is None:
                lines.append(f"Content-Length: {len(content)}\r\n")
            found = ("".join(lines) + "\r\n").encode("ascii")
            if len(self._known_headers) >= MOST:
                self._known_headers.clear()
            self._known_headers[key] = found
        return found
