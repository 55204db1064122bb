"""What nginx's proxying is here: requests to gunicorn and to the model servers."""
from hosting.edge.pages import html, page
from hosting.http.client import ClientError, ConnectFailed, Disconnected, TimedOut
from hosting.http.messages import Response

# Headers that end at a proxy, and those this one writes itself.
_NOT_FORWARDED = frozenset([
    b'host', b'connection', b'content-length', b'transfer-encoding', b'te', b'keep-alive',
    b'expect', b'upgrade', b'proxy-connection', b'trailer'])
_NOT_RETURNED = frozenset([
    b'content-type', b'content-length', b'connection', b'transfer-encoding', b'keep-alive',
    b'date', b'server', b'trailer', b'upgrade'])

_PLAIN_NAME = frozenset(b'abcdefghijklmnopqrstuvwxyz0123456789-')
_JSON_HEADERS = b'Content-Type: application/json\r\nAccept: application/json\r\n'


# What nginx gives to no second server once the first may have begun with it.
_NOT_IDEMPOTENT = frozenset(['POST', 'LOCK', 'PATCH'])


class Failure(Exception):
    """An upstream gave no answer. `connected` tells whether it had taken the request."""

    def __init__(self, status, connected):
        super().__init__(status)
        self.status = status
        self.connected = connected

    def body(self):
        """nginx's page for it."""
        return html(self.status)[1]


class Upstream:
    """One server, or several: when one refuses, or dies over a GET, the next one is tried."""

    def __init__(self, names, clients, read_timeout, error_log):
        self._names = names
        self._clients = clients
        self._timeout = read_timeout
        self._log = error_log
        self._next = 0

    async def send(self, method, target, headers, body, request, with_length=True):
        """The Reply to a request, or a Failure with the status nginx gives its client."""
        count = len(self._clients)
        start = self._next
        if count > 1:
            self._next = (start + 1) % count
        for attempt in range(count):
            at = (start + attempt) % count
            try:
                return await self._clients[at].request(method, target, headers, body,
                                                       self._timeout, with_length)
            except ConnectFailed as error:
                self._log('error', 'connect() failed (%s) while connecting to upstream' % error,
                          request, self._names[at])
                failure = Failure(502, connected=False)
            except TimedOut as error:
                self._log('error', 'upstream timed out (%s) while reading response header '
                          'from upstream' % error, request, self._names[at])
                raise Failure(504, connected=True) from None
            except Disconnected:
                self._log('error', 'upstream prematurely closed connection while reading '
                          'response header from upstream', request, self._names[at])
                failure = Failure(502, connected=True)
                if method in _NOT_IDEMPOTENT:
                    raise failure from None
            except ClientError as error:
                self._log('error', 'upstream failed (%s)' % error, request, self._names[at])
                raise Failure(502, connected=True) from None
        raise failure

    async def forward(self, request, target):
        """Proxy a request as it is (gunicorn); nginx's page when there is no answer."""
        try:
            reply = await self.send(request.method, target, forwarded_headers(request.headers),
                                    request.body, request,
                                    request.header(b'content-length') is not None)
        except Failure as failure:
            return page(failure.status)
        return returned(reply)

    async def forward_json(self, request, target):
        """Proxy without the client's headers (/tfs): JSON is what is sent and accepted."""
        try:
            reply = await self.send(request.method, target, _JSON_HEADERS, request.body, request,
                                    request.header(b'content-length') is not None)
        except Failure as failure:
            return page(failure.status)
        return returned(reply)

    async def ask(self, method, target, body, request):
        """(status, body) of a subrequest to the model server, or a Failure."""
        reply = await self.send(method, target, _JSON_HEADERS, body, request)
        return reply.status, reply.body


def forwarded_headers(headers):
    """The header lines that go on to the upstream.

    As in nginx, headers with an underscore or anything else that is unusual in their name
    are dropped: they would collide with others once they are WSGI variables.
    """
    return b''.join([b'%b: %b\r\n' % (name, value) for name, value in headers
                     if name not in _NOT_FORWARDED and _PLAIN_NAME.issuperset(name)])


def returned(reply):
    """An upstream's reply as the response to the client."""
    content_type = None
    headers = []
    for name, value in reply.headers:
        if name == b'content-type':
            content_type = value.decode('latin-1')
        elif name not in _NOT_RETURNED:
            headers.append((name.decode('latin-1').title(), value.decode('latin-1')))
    return Response(reply.status, reply.body, content_type, headers)
