"""A client of the model server's REST API that keeps its connections.

``requests.post``, which the article uses, opens a connection for each call; that
and the library itself cost about 3 ms, half of what the model takes.
"""
import http.client
import json
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 60
HEADERS = {'Content-Type': 'application/json'}


class ModelServerError(Exception):
    """The model server refused the request, or gave no answer."""


class ModelClient:
    """Calls :predict over kept connections, one for each request under way.

    Safe in a gevent worker: a connection is taken out of the pool for a call and
    put back after it.
    """

    def __init__(self):
        self._idle = []

    def predict(self, uri, rows):
        """Predicts a batch.

        Args:
            uri: the context's ``rest_uri``.
            rows: list of lists of indices, all of the model's length.

        Returns:
            list of lists of probabilities, row for row.

        Raises:
            ModelServerError: with the server's own message where it gave one.
        """
        parts = urlsplit(uri)
        body = json.dumps({'inputs': rows}, separators=(',', ':')).encode()
        status, answer = self._post(parts.hostname, parts.port, parts.path, body)
        try:
            parsed = json.loads(answer.decode('utf-8'))
        except ValueError:
            raise ModelServerError('the model server answered {} and no JSON'.format(status))
        if status != 200:
            raise ModelServerError('the model server answered {}: {}'.format(
                status, parsed.get('error', parsed)))
        return parsed['outputs']

    def _post(self, host, port, path, body):
        while True:
            connection, kept = self._take(host, port)
            try:
                connection.request('POST', path, body, HEADERS)
                response = connection.getresponse()
                answer = response.read()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
                connection.close()
                if kept:
                    continue  # it was closed while idle: the next one, at last a new one
                raise ModelServerError('the model server closed the connection: {}'.format(error))
            except OSError as error:
                connection.close()
                raise ModelServerError('the model server at {}:{} did not answer: {}'.format(
                    host, port, error))
            if response.will_close:
                connection.close()
            else:
                self._idle.append(connection)
            return response.status, answer

    def _take(self, host, port):
        # `localhost` may first be tried as ::1, where nothing listens.
        address = '127.0.0.1' if host == 'localhost' else host
        while self._idle:
            connection = self._idle.pop()
            if (connection.host, connection.port) == (address, port):
                return connection, True
            connection.close()
        return http.client.HTTPConnection(address, port, timeout=TIMEOUT_SECONDS), False
