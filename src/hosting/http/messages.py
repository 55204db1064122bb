"""One request, one response: what a handler is given and returns, and what a client receives."""

from http import HTTPStatus

REASONS = {status.value: status.phrase for status in HTTPStatus}
# nginx's wording where it differs from the standard library's.
REASONS.update(
    {
        302: "Moved Temporarily",
        408: "Request Time-out",
        413: "Request Entity Too Large",
        414: "Request-URI Too Large",
        416: "Requested Range Not Satisfiable",
        503: "Service Temporarily Unavailable",
        504: "Gateway Time-out",
        507: "Insufficient Storage",
    }
)

_STATUS_LINES = {status: f"HTTP/1.1 {status} {reason}\r\n" for status, reason in REASONS.items()}
BODILESS = frozenset([204, 304])


class Request:
    """One request, its body read completely.

    `target` is the raw request target (bytes); `path` and `query` are its parts as text,
    **not** percent-decoded. `headers` is a list of (lower-case name, value), both bytes.
    `memo` is a dict for what follows from all this but the body: requests with the same
    head share it. `begun` is a handler's to set.
    """

    __slots__ = tuple(
        "method target path query headers body http_version peer keep_alive memo begun".split()
    )

    def __init__(
        self, method, target, headers, body=b"", http_version="1.1", peer="-", keep_alive=True
    ):
        self.method = method
        self.target = target
        text = target.decode("latin-1")
        if not text.startswith("/"):
            text = _origin_form(text)
        self.path, _, self.query = text.partition("?")
        self.headers = headers
        self.body = body
        self.http_version = http_version
        self.peer = peer
        self.keep_alive = keep_alive
        self.memo = {}

    def with_body(self, body, peer):
        other = Request.__new__(Request)
        other.method = self.method
        other.target = self.target
        other.path = self.path
        other.query = self.query
        other.headers = self.headers
        other.body = body
        other.http_version = self.http_version
        other.peer = peer
        other.keep_alive = self.keep_alive
        other.memo = self.memo
        return other

    def header(self, name, default=None):
        """The first value (bytes) of the header `name` (lower-case bytes), or `default`."""
        return _header(self.headers, name, default)

    def __repr__(self):
        return f"Request({self.method} {self.path}, {len(self.body)} bytes)"


class Reply:
    """An upstream's response: `headers` is a list of (lower-case name, value), both bytes.

    `memo` is as a Request's.
    """

    __slots__ = ("status", "headers", "body", "memo")

    def __init__(self, status, headers, body, memo=None):
        self.status = status
        self.headers = headers
        self.body = body
        self.memo = {} if memo is None else memo

    def with_body(self, body):
        return Reply(self.status, self.headers, body, self.memo)

    def header(self, name, default=None):
        """The first value (bytes) of the header `name` (lower-case bytes), or `default`."""
        return _header(self.headers, name, default)


def _header(headers, name, default):
    for key, value in headers:
        if key == name:
            return value
    return default


class Response:
    """One response. `headers` are added to the ones the server writes itself.

    The server writes Server (if it has a name), Date, Content-Type, Content-Length and
    Connection. `close=True` ends the connection after this response. `length` is that of
    the body which the answer to HEAD does without.
    """

    __slots__ = ("status", "body", "content_type", "headers", "close", "length")

    def __init__(self, status, body=b"", content_type=None, headers=(), close=False, length=None):
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers
        self.close = close
        self.length = length

    def __repr__(self):
        return f"Response({self.status}, {len(self.body)} bytes)"

    def head(self, common, keep_alive):
        """The status line and headers as bytes; `common` is the server's Server and Date lines."""
        status = self.status
        parts = [_STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n", common]
        if self.content_type:
            parts.append(f"Content-Type: {_one_line(self.content_type)}\r\n")
        if status not in BODILESS:
            length = len(self.body) if self.length is None else self.length
            parts.append(f"Content-Length: {length}\r\n")
        parts.append("Connection: keep-alive\r\n" if keep_alive else "Connection: close\r\n")
        for name, value in self.headers:
            parts.append(f"{name}: {_one_line(value)}\r\n")
        parts.append("\r\n")
        return "".join(parts).encode("latin-1", "replace")


def _one_line(value):
    """No header value may smuggle in another header."""
    if "\r" in value or "\n" in value:
        return value.replace("\r", " ").replace("\n", " ")
    return value


def _origin_form(target):
    """`http://host/path?q` → `/path?q`; anything else that lacks the slash is left as it is."""
    _, separator, rest = target.partition("://")
    if not separator:
        return target
    slash, query = rest.find("/"), rest.find("?")
    if slash >= 0 and (query < 0 or slash < query):
        return rest[slash:]
    return "/" + (rest[query:] if query >= 0 else "")
