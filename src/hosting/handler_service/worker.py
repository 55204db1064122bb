"""gunicorn's gevent worker with a cheaper way through HTTP.

gunicorn parses requests in Python and makes a connection per request of its proxy; that
costs more than everything else between a client and its handler. This worker keeps
connections open and parses with httptools, and leaves the rest (processes, heartbeat,
time-out, greenlets, signals) to gunicorn's own gevent worker.
"""
import io
import re
import sys
import time
from functools import partial
from socket import SHUT_RDWR

import gevent
import httptools
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn import util
from gunicorn.http.errors import InvalidHeader
from gunicorn.workers.ggevent import GeventWorker

from hosting.http.known_heads import KnownHeads

_RECEIVE = 256 * 1024
_CONTROL = re.compile('[\x00-\x1f\x7f]')


class RequestBody:
    """The request body as gunicorn offers it: can be read once, has no seek and no length."""

    __slots__ = ('_stream',)

    def __init__(self, body):
        self._stream = io.BytesIO(body)

    def read(self, size=None):
        return self._stream.read(_size(size))

    def readline(self, size=None):
        return self._stream.readline(_size(size))

    def readlines(self, size=None):
        return self._stream.readlines()

    def __iter__(self):
        return self

    def __next__(self):
        line = self._stream.readline()
        if not line:
            raise StopIteration
        return line

    next = __next__


def _size(size):
    if size is None:
        return -1
    if not isinstance(size, int):
        raise TypeError('size must be an integral type')
    return size


class _Parser:
    """Collects one request after the other into WSGI environments."""

    __slots__ = ('base', 'known_heads', 'ready', 'environ', 'target', 'chunks', 'parser',
                 'in_message', 'in_headers')

    def __init__(self, base, known_heads):
        self.base = base
        self.known_heads = known_heads
        self.ready = []
        self.in_message = self.in_headers = False
        self.parser = httptools.HttpRequestParser(self)

    def feed(self, data):
        """Take what the edge sent; complete requests are then in `ready`."""
        whole = not self.in_message
        if whole:
            known = self.known_heads.find(data)
            if known is not None:
                head, body = known
                self.ready.append(dict(head, **{'wsgi.input': RequestBody(body)}))
                return
        complete = len(self.ready)
        self.parser.feed_data(data)
        if whole and not self.in_message and len(self.ready) == complete + 1 \
                and 'HTTP_TRANSFER_ENCODING' not in self.environ:
            self.known_heads.learn(data, sum(map(len, self.chunks)), self.environ.copy())

    def on_message_begin(self):
        self.environ = self.base.copy()
        self.target = b''
        self.chunks = []
        self.in_message = self.in_headers = True

    def on_url(self, url):
        self.target += url

    def on_header(self, name, value):
        if not self.in_headers:
            return  # a trailer
        key = name.decode('latin-1').upper().replace('-', '_')
        if key != 'CONTENT_TYPE' and key != 'CONTENT_LENGTH':
            key = 'HTTP_' + key
        value = value.decode('latin-1')
        environ = self.environ
        environ[key] = environ[key] + ',' + value if key in environ else value

    def on_headers_complete(self):
        self.in_headers = False

    def on_body(self, body):
        self.chunks.append(body)

    def on_message_complete(self):
        self.in_message = False
        environ = self.environ
        target = self.target.decode('latin-1')
        path, _, environ['QUERY_STRING'] = target.partition('?')
        environ['PATH_INFO'] = util.unquote_to_wsgi_str(path) if '%' in path else path
        environ['RAW_URI'] = target
        environ['REQUEST_METHOD'] = self.parser.get_method().decode('latin-1')
        chunks = self.chunks
        environ['wsgi.input'] = RequestBody(chunks[0] if len(chunks) == 1 else b''.join(chunks))
        self.ready.append(environ)


class Worker(GeventWorker):
    """A gevent worker whose connections stay open between the edge's requests."""

    def init_process(self):
        self._idle = set()
        self._stopping = Event()
        self._known_heads = KnownHeads()
        self._base_environ = {
            'wsgi.version': (1, 0), 'wsgi.url_scheme': 'http', 'wsgi.errors': sys.stderr,
            'wsgi.multithread': True, 'wsgi.multiprocess': self.cfg.workers > 1,
            'wsgi.run_once': False, 'SCRIPT_NAME': '', 'SERVER_PROTOCOL': 'HTTP/1.1',
            'SERVER_NAME': 'localhost', 'SERVER_PORT': '80', 'SERVER_SOFTWARE': 'gunicorn',
            'REMOTE_ADDR': '', 'gunicorn.socket': None,
        }
        super().init_process()

    def run(self):
        """gunicorn's own loop, but it does not sleep through the signal to stop."""
        servers = []
        for listener in self.sockets:
            listener.setblocking(1)
            server = StreamServer(listener, handle=partial(self.handle, listener),
                                  spawn=Pool(self.worker_connections))
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
        while any(server.pool.free_count() < server.pool.size for server in servers) \
                and time.time() < end:
            self.notify()
            gevent.sleep(0.05)

    def handle_exit(self, sig, frame):
        super().handle_exit(sig, frame)
        self._stopping.set()

    def handle(self, listener, client, addr):
        client.setblocking(1)
        parser = _Parser(self._base_environ, self._known_heads)
        try:
            while True:
                while not parser.ready:
                    self._idle.add(client)
                    data = client.recv(_RECEIVE)
                    self._idle.discard(client)
                    if not data:
                        return
                    parser.feed(data)
                environ = parser.ready.pop(0)
                if not self._answer(client, environ) or not self.alive:
                    return
        except SystemExit:
            # sys.exit() in a handler drops the connection; the worker lives on.
            self.log.debug('a handler called sys.exit')
        except (OSError, httptools.HttpParserError) as error:
            self.log.debug('connection lost: %s', error)
        finally:
            self._idle.discard(client)
            util.close(client)

    def _answer(self, client, environ):
        """Run the application on one request; False if the connection must end."""
        try:
            payload = self._run(environ)
        except Exception as error:  # as gunicorn: log it, answer with an HTML page, close
            self.log.exception('Error handling request %s', environ['RAW_URI'])
            if isinstance(error, InvalidHeader):
                util.write_error(client, 400, 'Bad Request', str(error))
            else:
                util.write_error(client, 500, 'Internal Server Error', '')
            return False
        self.nr += 1
        if self.nr >= self.max_requests:
            self.log.info('Autorestarting worker after current request.')
            self.alive = False
        sent = client.send(payload)
        if sent < len(payload):
            client.sendall(payload[sent:])
        return True

    def _run(self, environ):
        """The application's response as bytes."""
        started = []

        def start_response(status, headers, exc_info=None):
            started[:] = [status, headers]

        items = self.wsgi(environ, start_response)
        try:
            body = b''.join(items)
        finally:
            if hasattr(items, 'close'):
                items.close()
        status, headers = started
        lines = ['HTTP/1.1 ', status, '\r\n']
        has_length = False
        for name, value in headers:
            if _CONTROL.search(value):
                raise InvalidHeader(repr(value))
            lower = name.lower()
            if lower == 'content-length':
                has_length = True
            elif lower == 'connection' or lower == 'transfer-encoding':
                continue
            lines += (name, ': ', value, '\r\n')
        if not has_length:
            lines.append('Content-Length: %d\r\n' % len(body))
        lines.append('\r\n')
        head = ''.join(lines).encode('ascii')
        return head if environ['REQUEST_METHOD'] == 'HEAD' else head + body
