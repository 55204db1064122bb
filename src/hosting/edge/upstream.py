"""What nginx's proxying is here: requests to gunicorn and to the model servers."""

from hosting.edge.pages import html, page
from hosting.http.client import ConnectFailed, Disconnected, TimedOut
from hosting.http.messages import REASONS, Response
from hosting.http.pending import Pending

# Headers that end at a proxy, and those this one writes itself.
_NOT_FORWARDED = frozenset(
    (
        b"host connection content-length transfer-encoding te keep-alive expect upgrade "
        b"proxy-connection trailer"
    ).split()
)
_NOT_RETURNED = frozenset(
    (
        b"content-type content-length connection transfer-encoding keep-alive date server "
        b"trailer upgrade"
    ).split()
)

# nginx's proxy_buffer_size: one page of memory.
_LARGEST_HEADER = 4096
_GUNICORNS_OWN = len(
    "Server: gunicorn/19.9.0\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nConnection: close\r\n"
)
_JSON_HEADERS = b"Content-Type: application/json\r\nAccept: application/json\r\n"


# What nginx gives to no second server once the first may have begun with it.
_NOT_IDEMPOTENT = frozenset(["POST", "LOCK", "PATCH"])


class Failure(Exception):
    """An upstream gave no answer; `status` is what nginx tells its client."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status

    def body(self):
        """nginx's page for it."""
        return html(self.status)[1]


class _Sending(Pending):
    """One request on its way: from server to server, until one takes it."""

    __slots__ = ("upstream", "asked", "request", "proxied", "at", "left")

    def __init__(self, upstream, asked, request, proxied, start):
        super().__init__()
        self.upstream = upstream
        self.asked = asked
        self.request = request
        self.proxied = proxied
        self.at = start
        self.left = len(upstream.clients)

    def attempt(self):
        reply = self.upstream.clients[self.at].request(*self.asked)
        self.abandon = reply.cancel
        reply.then(self._heard)

    def _heard(self, reply, error):
        if error is None:
            self.settle(self._response(reply) if self.proxied else reply)
            return
        failure, may_go_on = self._judge(error)
        self.left -= 1
        if may_go_on and self.left:
            self.at = (self.at + 1) % len(self.upstream.clients)
            self.attempt()
        elif self.proxied:
            self.settle(page(failure.status))
        else:
            self.settle(error=failure)

    def _response(self, reply):
        response = returned(reply)
        if response is None:
            self.log("upstream sent too big header while reading response header from upstream")
            response = page(502)
        return response

    def _judge(self, error):
        """(Failure, whether the next server may have the request); logs it as nginx does."""
        if isinstance(error, ConnectFailed):
            self.log(f"connect() failed ({error}) while connecting to upstream")
            return Failure(502), True
        if isinstance(error, TimedOut):
            self.log(f"upstream timed out ({error}) while reading response header from upstream")
            return Failure(504), False
        if isinstance(error, Disconnected):
            self.log(
                "upstream prematurely closed connection while reading response header from upstream"
            )
            return Failure(502), self.asked[0] not in _NOT_IDEMPOTENT
        self.log(f"upstream failed ({error})")
        return Failure(502), False

    def log(self, message):
        self.upstream.log("error", message, self.request, self.upstream.names[self.at])


class Upstream:
    """One server, or several: when one refuses, or dies over a GET, the next one is tried."""

    def __init__(self, names, clients, read_timeout, error_log):
        self.names = names
        self.clients = clients
        self.timeout = read_timeout
        self.log = error_log
        self._next = 0

    def send(self, method, target, headers, body, request, with_length=True, proxied=False):
        """A Pending of the Reply, or of a Failure with the status nginx gives its client.

        `proxied`: a Pending of the Response that the client gets, in both cases.
        """
        start = self._next
        if len(self.clients) > 1:
            self._next = (start + 1) % len(self.clients)
        asked = (method, target, headers, body, self.timeout, with_length)
        sending = _Sending(self, asked, request, proxied, start)
        sending.attempt()
        return sending

    def forward(self, request, target):
        """Proxy a request as it is (gunicorn); a Pending of the Response.

        It is nginx's page when there is no answer.
        """
        headers = request.memo.get("forwarded")
        if headers is None:
            headers = request.memo["forwarded"] = forwarded_headers(request.headers)
        return self._proxy(request, target, headers)

    def forward_json(self, request, target):
        """Proxy without the client's headers (/tfs): JSON is what is sent and accepted."""
        return self._proxy(request, target, _JSON_HEADERS)

    def _proxy(self, request, target, headers):
        with_length = _has_length(request)
        return self.send(request.method, target, headers, request.body, request, with_length, True)

    async def ask(self, method, target, body, request):
        """(status, body) of a subrequest to the model server, or a Failure."""
        reply = await self.send(method, target, _JSON_HEADERS, body, request)
        return reply.status, reply.body


def forwarded_headers(headers):
    """The header lines that go on to the upstream."""
    return b"".join(
        [b"%b: %b\r\n" % (name, value) for name, value in headers if name not in _NOT_FORWARDED]
    )


def _has_length(request):
    """nginx knows the length of what it has read, also of an empty body that came in chunks."""
    return (
        request.header(b"content-length") is not None
        or request.header(b"transfer-encoding") is not None
    )


def returned(reply):
    """An upstream's reply as the response to the client; None if its header is too big."""
    kept = reply.memo.get("returned")
    if kept is None:
        kept = reply.memo["returned"] = (*_kept_headers(reply.headers), _size(reply))
    content_type, headers, length, size = kept
    if size > _LARGEST_HEADER:
        return None
    return Response(reply.status, reply.body, content_type, headers, length=length)


def _size(reply):
    """How long a reply's header would be if gunicorn itself had written it."""
    status_line = "HTTP/1.0 %d %s\r\n" % (reply.status, REASONS.get(reply.status, ""))
    lines = sum(len(name) + len(value) + 4 for name, value in reply.headers)
    return len(status_line) + _GUNICORNS_OWN + lines + 2


def _kept_headers(reply_headers):
    """(content type, the other headers that the client gets, the length if there is one)"""
    content_type = length = None
    headers = []
    for name, value in reply_headers:
        if name == b"content-type":
            content_type = value.decode("latin-1")
        elif name == b"content-length":
            length = int(value)
        elif name not in _NOT_RETURNED:
            headers.append((name.decode("latin-1").title(), value.decode("latin-1")))
    return content_type, headers, length
