"""HTTP/1.1 requests in a stream of bytes, read as nginx reads them.

nginx is lenient where parsers are usually strict (any method, odd header names, bare line
feeds) and strict where they are lenient (Host, transfer codings, white space around names),
and a request that it would refuse must be refused here.
"""

import re
from typing import Optional, Tuple

from hosting.http.messages import Request

LONGEST_LINE = 8192
"""Bytes of a request line or header line, its end included (large_client_header_buffers)."""

_FIRST_BUFFER = 1024  # client_header_buffer_size
_MOST_BUFFERS = 4  # large_client_header_buffers
_TOO_LARGE = 10**18  # a length that no body has

_REQUEST_LINE = re.compile(
    rb"([A-Z_-]+) +([^\x00-\x20\x7f]+)(?: +(?:HTTP/([1-9][0-9]*)(?:\.([0-9]+) *)?)?)?\r?$"
)
_BEGINNING = re.compile(rb"[A-Z_-]*(?: |$)")
_ABSOLUTE = re.compile(
    rb"[A-Za-z][A-Za-z0-9+.-]*://([A-Za-z0-9.-]+|\[[A-Za-z0-9:._~!$&'()*+,;=-]+\])"
    rb"(?::[0-9]*)?(?:[/?]|$)"
)
_HOST = re.compile(rb"(?!\.?(?::|$))[^\x00-\x20\x7f/]+$")
_ORDINARY_FIELD = re.compile(rb"([A-Za-z0-9-]+):([^\x00\r\n]*)\r\n")
_NAME = re.compile(rb"[A-Za-z0-9-]+$")
_NOT_IN_NAME = re.compile(rb"[\x00-\x20\x7f]")
_NOT_IN_VALUE = re.compile(rb"[\x00\r]")
_LENGTH = re.compile(rb"[0-9]+$")
_CHUNK = re.compile(rb"([0-9A-Fa-f]+)(?:[ \t;][^\r]*)?\r?$")
_CHUNK_BEGINNING = re.compile(rb"[0-9A-Fa-f]*(?:\r?$|[ \t;])")

# Two of these contradict each other; of other headers nginx takes what comes.
_ONCE = frozenset(
    (
        b"host content-length transfer-encoding expect authorization if-match if-none-match "
        b"if-modified-since if-unmodified-since if-range content-range"
    ).split()
)
_NEVER_ALLOWED = frozenset(["TRACE", "CONNECT"])

# What comes next in a body that is sent in chunks.
_CHUNK_SIZE, _CHUNK_DATA, _CHUNK_END, _TRAILERS = range(4)


class Refused(Exception):
    """The request is answered with an error status, and the connection ends.

    `request` is the request without its body if the whole head could be read, else None.
    """

    def __init__(self, status, request=None):
        super().__init__(status)
        self.status = status
        self.request = request


class RequestParser:
    """Takes the bytes of one connection, returns its requests one after the other."""

    __slots__ = tuple(
        "peer max_body head _data _searched _room _buffers _line _headers "
        "_left _chunks _phase _left_in_chunk _size".split()
    )

    def __init__(self, peer, max_body):
        self.peer = peer
        self.max_body = max_body
        self._data = b""
        self._begin()

    def _begin(self):
        """What follows is a new request."""
        self.head: Optional[Request] = None
        self._line: Optional[Tuple[str, bytes, str]] = None
        self._searched = 0
        self._room, self._buffers = _FIRST_BUFFER, 0

    @property
    def in_message(self):
        """Whether a request has begun that is not complete."""
        return bool(self._data) or self._line is not None

    def feed(self, data):
        """Take bytes; ask for requests next."""
        self._data = self._data + data if self._data else data

    def next_request(self):
        """The next complete request, or None while bytes are missing; may raise Refused."""
        if self.head is None and not (self._data and self._read_head()):
            return None
        request = self.head
        if self._left is None:
            complete = self._read_chunks()
        else:
            complete = not self._left or self._read_body()
        if not complete:
            return None
        chunks = self._chunks
        if chunks:
            request.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._begin()
        return request

    # -- the head --------------------------------------------------------------------------

    def _read_head(self):
        """Whether the head is complete; `head` then is the request without its body."""
        data, position, searched = self._data, 0, self._searched
        while True:
            end = data.find(b"\n", searched)
            if end < 0:
                self._data = data = data[position:] if position else data
                self._searched = len(data)
                self._check_partial(data)
                return False
            line = data[position:end]
            size = end + 1 - position
            position = searched = end + 1
            if self._line is None:
                if not line.strip(b"\r"):
                    continue  # empty lines may come before a request
                self._take(size, 414)
                if self._read_request_line(line.lstrip(b"\r")) == "0.9":
                    break
                end = self._read_ordinary_headers(data, position)
                if end:
                    position = end
                    break
                continue
            self._take(size, 431)
            if line == b"\r" or not line:
                break
            self._read_header_line(line)
        self._data = data[position:]
        self._complete_head()
        return True

    def _take(self, size, status):
        """Account for a line in nginx's buffers; a line is never split over two of them."""
        if size > self._room:
            if size > LONGEST_LINE or self._buffers == _MOST_BUFFERS:
                raise Refused(status)
            self._buffers += 1
            self._room = LONGEST_LINE
        self._room -= size

    def _check_partial(self, line):
        """Refuse a line that has not ended, but is too long or wrong already."""
        size = len(line)
        first = self._line is None
        if size >= LONGEST_LINE or size > self._room and self._buffers == _MOST_BUFFERS:
            raise Refused(414 if first else 431)
        if first and not _BEGINNING.match(line.lstrip(b"\r")):
            raise Refused(400)

    def _read_request_line(self, line):
        """Returns the request's version of HTTP."""
        match = _REQUEST_LINE.match(line)
        if not match:
            raise Refused(400)
        method, target, major, minor = match.groups()
        if not target.startswith(b"/"):
            absolute = _ABSOLUTE.match(target)
            if not absolute or not _valid_host(absolute.group(1)):
                raise Refused(400)
        if major is None:
            if method != b"GET":
                raise Refused(400)
            version = "0.9"
        elif int(major) > 1:
            raise Refused(505)
        elif minor is None or int(minor) > 999:
            raise Refused(400)
        else:
            version = f"1.{int(minor)}"
        self._line = (method.decode("latin-1"), target, version)
        self._headers = []
        return version

    def _read_ordinary_headers(self, data, position):
        """Read all headers at once: nearly every head is short, complete and ordinary.

        Returns the end of the head, or None if its lines must be looked at one by one.
        """
        end = data.find(b"\r\n\r\n", position, position + self._room) + 2
        if end < 2:
            return None
        fields = _ORDINARY_FIELD.findall(data, position, end)
        if sum([len(name) + len(value) + 3 for name, value in fields]) != end - position:
            return None
        self._headers = [(name.lower(), value.strip(b" ")) for name, value in fields]
        return end + 2

    def _read_header_line(self, line):
        name, _, value = line.rstrip(b"\r").partition(b":")
        if _NOT_IN_VALUE.search(value):
            raise Refused(400)
        if _NAME.match(name):
            self._headers.append((name.lower(), value.strip(b" ")))
        elif not name or _NOT_IN_NAME.search(name):
            raise Refused(400)
        # Other names are odd, and such headers are ignored: with `_` for `-` they would
        # collide with others once they are variables.

    def _complete_head(self):
        method, target, version = self._line
        headers = self._headers
        found = dict(headers)
        if len(found) < len(headers):
            names = [name for name, _ in headers]
            if any(names.count(name) > 1 for name in _ONCE):
                raise self._refused(400)
        old = version in ("0.9", "1.0")
        connection = found.get(b"connection", b"").lower()
        keep_alive = b"close" not in connection and (not old or b"keep-alive" in connection)
        self.head = Request(method, target, headers, b"", version, self.peer, keep_alive)
        self._chunks = []
        self._left = self._size = 0
        host = found.get(b"host")
        if host is None:
            if not old:
                raise self._refused(400)
        elif not _valid_host(host):
            raise self._refused(400)
        length = found.get(b"content-length")
        if length is not None:
            if not _LENGTH.match(length) or int(length) >= _TOO_LARGE:
                raise self._refused(400)
            self._left = int(length)
        coding = found.get(b"transfer-encoding")
        if coding is not None:
            if old or length is not None and coding.lower() == b"chunked":
                raise self._refused(400)
            if coding.lower() != b"chunked":
                raise self._refused(501)
            self._left = None
            self._phase = _CHUNK_SIZE
        elif self._left > self.max_body:
            raise self._refused(413)
        if method in _NEVER_ALLOWED:
            raise self._refused(405)

    def _refused(self, status):
        return Refused(status, self.head)

    # -- the body --------------------------------------------------------------------------

    def _read_body(self):
        """Whether the body that was announced by its length is complete."""
        data = self._data
        if len(data) < self._left:
            self._chunks.append(data)
            self._left -= len(data)
            self._data = b""
            return False
        self._chunks.append(data[: self._left] if len(data) > self._left else data)
        self._data = data[self._left :]
        return True

    def _read_chunks(self):
        """Whether the body that is sent in chunks is complete, trailers included."""
        data, position = self._data, 0
        while True:
            if self._phase == _CHUNK_DATA:
                piece = data[position : position + self._left_in_chunk]
                self._chunks.append(piece)
                position += len(piece)
                self._left_in_chunk -= len(piece)
                if self._left_in_chunk:
                    self._data = b""
                    return False
                self._phase = _CHUNK_END
            end = data.find(b"\n", position)
            if end < 0:
                self._data = data[position:]
                self._check_partial_chunk()
                return False
            line = data[position:end]
            position = end + 1
            if self._phase == _CHUNK_SIZE:
                self._begin_chunk(line)
            elif line == b"\r" or not line:
                if self._phase == _TRAILERS:
                    self._data = data[position:]
                    return True
                self._phase = _CHUNK_SIZE
            elif self._phase == _CHUNK_END:
                raise self._refused(400)

    def _begin_chunk(self, line):
        match = _CHUNK.match(line)
        if not match:
            raise self._refused(400)
        size = self._left_in_chunk = int(match.group(1), 16)
        if size >= _TOO_LARGE:
            raise self._refused(400)
        self._size += size
        if self._size > self.max_body:
            raise self._refused(413)
        self._phase = _CHUNK_DATA if size else _TRAILERS

    def _check_partial_chunk(self):
        line = self._data
        if (
            len(line) > LONGEST_LINE
            or self._phase == _CHUNK_SIZE
            and not _CHUNK_BEGINNING.match(line)
            or self._phase == _CHUNK_END
            and line not in (b"", b"\r")
        ):
            raise self._refused(400)


def _valid_host(host):
    return _HOST.match(host) and b".." not in host
