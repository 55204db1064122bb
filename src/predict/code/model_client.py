"""A client of the model server's REST API that keeps its connections and waits for a restart.

``requests.post``, which the article uses, opens a connection for each call; that
and the library itself cost about 3 ms, half of what the model takes. Even
``http.client`` spends half of the handler's time, most of it on headers that
nobody reads: here an exchange is one write, one read and three look-ups.

The model server may be away for a moment: it is still loading when the endpoint
starts, and the container starts it again when it dies. Calls wait for it. A call on
which it dies is made again, but not for ever: it may be the call that kills it.
"""
import functools
import json
import socket
import time
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 60
PATIENCE_SECONDS = 10
"""How long a call waits for a model server that does not listen."""
PAUSE_SECONDS = 0.02
TRIES = 3

_RECEIVE_BYTES = 1 << 16
_REQUEST = ('POST {} HTTP/1.1\r\nHost: {}:{}\r\nContent-Type: application/json\r\n'
            'Content-Length: ')
_encode = json.JSONEncoder(separators=(',', ':')).encode  # json.dumps makes one for each call


class ModelServerError(Exception):
    """The model server refused the request, or gave no answer."""


class ConnectionLost(Exception):
    """The connection ended before the answer was complete."""


class ModelClient:
    """Calls :predict over kept connections, one for each request under way.

    Safe in a gevent worker: a connection is taken out of the pool for a call and
    put back after it.

    Args:
        patience: seconds that a call waits for a model server that does not listen.
    """

    def __init__(self, patience=PATIENCE_SECONDS):
        self._patience = patience
        self._idle = []

    def predict(self, uri, inputs, signature_name=None):
        """Predicts a batch.

        Args:
            uri: the context's ``rest_uri``.
            inputs: list of rows for a model with one input, dict of input name to
                list of rows for a model with more.
            signature_name: None is the model's default.

        Returns:
            list of rows of the model's output; dict of output name to list of rows
            for a signature with more than one.

        Raises:
            ModelServerError: with the server's own message where it gave one.
        """
        request = {'inputs': inputs}
        if signature_name:
            request['signature_name'] = signature_name
        status, answer = self._post(uri, _encode(request).encode())
        try:
            parsed = json.loads(answer.decode('utf-8'))
        except ValueError:
            raise ModelServerError('the model server answered {} and no JSON'.format(status))
        if status != 200:
            raise ModelServerError('the model server answered {}: {}'.format(
                status, parsed.get('error', parsed) if isinstance(parsed, dict) else parsed))
        if not isinstance(parsed, dict) or 'outputs' not in parsed:
            raise ModelServerError('the model server answered 200 without "outputs"')
        return parsed['outputs']

    def _post(self, uri, body):
        host, port, head = _target(uri)
        payload = b'%b%d\r\n\r\n%b' % (head, len(body), body)
        lost = 0
        while True:
            connection = self._take(host, port)
            try:
                status, answer, keep = connection.exchange(payload)
            except ConnectionLost as error:
                connection.close()
                # The others have most likely ended with it.
                self._forget_idle()
                lost += 1
                if lost < TRIES:
                    continue
                raise ModelServerError('the model server closed the connection: {}'.format(error))
            except OSError as error:
                connection.close()
                raise ModelServerError('the model server at {}:{} did not answer: {}'.format(
                    host, port, error))
            if keep:
                self._idle.append(connection)
            else:
                connection.close()
            return status, answer

    def _forget_idle(self):
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self, host, port):
        """A kept connection if there is one, else a new one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.address == (host, port):
                return connection
            connection.close()
        end = time.time() + self._patience
        while True:
            try:
                return Connection(host, port)
            except ConnectionRefusedError as error:
                if time.time() >= end:
                    raise ModelServerError('the model server at {}:{} did not answer: {}'.format(
                        host, port, error))
            except OSError as error:
                raise ModelServerError('the model server at {}:{} did not answer: {}'.format(
                    host, port, error))
            time.sleep(PAUSE_SECONDS)


class Connection:
    """One connection to an HTTP server; one exchange at a time."""

    def __init__(self, host, port):
        self.address = (host, port)
        self._socket = socket.create_connection(self.address, TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def exchange(self, payload):
        """Sends a whole request.

        Returns:
            (status, body, whether the connection can be used again)

        Raises:
            ConnectionLost: the server ended the connection.
            OSError: it said nothing for TIMEOUT_SECONDS, or no HTTP.
        """
        try:
            sent = self._socket.send(payload)
            if sent < len(payload):
                self._socket.sendall(payload[sent:])
            head, body = self._head()
            length = _length(head)
            while length is None or len(body) < length:
                data = self._socket.recv(_RECEIVE_BYTES)
                if not data:
                    if length is None:  # the end of the connection is the end of the body
                        break
                    raise ConnectionLost('in the middle of an answer')
                body += data
        except (ConnectionResetError, BrokenPipeError) as error:
            raise ConnectionLost(str(error))
        keep = len(body) == length and head.startswith(b'http/1.1') \
            and b'\r\nconnection: close' not in head
        return int(head[9:12]), body, keep

    def _head(self):
        """(status line and headers in lower case, what came of the body with them)"""
        received = b''
        while True:
            head, end, body = received.partition(b'\r\n\r\n')
            if end:
                break
            data = self._socket.recv(_RECEIVE_BYTES)
            if not data:
                raise ConnectionLost('before it answered')
            received += data
        head = head.lower()
        if not head.startswith(b'http/1.') or not head[9:12].isdigit() \
                or b'\r\ntransfer-encoding:' in head:
            raise OSError('expected HTTP with a Content-Length, found {!r}'.format(head[:80]))
        return head, body

    def close(self):
        """Ends the connection."""
        self._socket.close()


@functools.lru_cache(maxsize=64)
def _target(uri):
    """(host, port, how a request to it begins)"""
    address = urlsplit(uri)
    # `localhost` may first be tried as ::1, where nothing listens.
    host = '127.0.0.1' if address.hostname == 'localhost' else address.hostname
    return host, address.port, _REQUEST.format(
        address.path, address.hostname, address.port).encode()


def _length(head):
    """What Content-Length says, None where there is none.

    >>> _length(b'http/1.1 200 ok\\r\\ncontent-length: 12')
    12
    """
    _, found, rest = head.partition(b'\r\ncontent-length:')
    return int(rest.partition(b'\r\n')[0]) if found else None
