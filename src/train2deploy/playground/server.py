"""The page's server, on the loopback interface: its files, and one way to each endpoint.

What a page of another site could do here is refused: the Host must be this server's own (a name
that was made to resolve to 127.0.0.1 is not), and a POST must come from this server's page. An
endpoint's answer, whatever its status, comes back as bytes in a 200 with `X-Answer-…` headers, so
that nothing of it is ever a page of this origin, and an error of the model is none of the page.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from train2deploy.endpoint import ADDRESS, not_free
from train2deploy.playground.sides import Side

LARGEST_BODY = 5 * 1024 * 1024  # of a request: what SageMaker takes in an invocation
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'; require-trusted-types-for 'script'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
BYTES = "application/octet-stream"
JSON = "application/json"


def page_files() -> dict[str, tuple[str, bytes]]:
    """The page's files by their path here: (content type, content)."""
    found = {
        f"/{path.name}": (TYPES[path.suffix], path.read_bytes())
        for path in Path(__file__).with_name("page").iterdir()
        if path.suffix in TYPES
    }
    return {"/": found.pop("/index.html"), **found}


class Server(ThreadingHTTPServer):
    """Bound when it is made; what it is in front of is set before it serves.

    Args:
        port: PORT_UI=; 0 takes a free one.
    """

    daemon_threads = True
    block_on_close = False
    sides: Mapping[str, Side]  # the endpoints by name, `a` and perhaps `b`
    about: Mapping[str, Any]  # what the page asks first

    def __init__(self, port: int) -> None:
        self.sides, self.about = {}, {}
        self.files = page_files()
        try:
            super().__init__((ADDRESS, port), Handler)
        except (OverflowError, OSError) as error:
            raise not_free(port, error, "PORT_UI") from error
        self.hosts = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}
        if self.server_port == 80:
            self.hosts |= {ADDRESS, "localhost"}

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing is said of a browser that goes away in the middle."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class Refused(Exception):
    """A request that is not answered: (status, why)."""


class Handler(BaseHTTPRequestHandler):
    """One connection of a browser."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "train2deploy", ""
    timeout = 75
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """A file of the page, or what the page asks first."""
        self._answer(self._get)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """A request for one of the endpoints, or for the tokens of a sentence."""
        self._answer(self._post)

    def _answer(self, what: Callable[[], tuple[str, bytes, Mapping[str, str]]]) -> None:
        try:
            self._check_host()
            kind, content, further = what()
        except Refused as refused:
            self.send_error(*refused.args)
            return
        self._send(HTTPStatus.OK, kind, content, further)

    def _get(self) -> tuple[str, bytes, Mapping[str, str]]:
        site, mode = self.headers.get("Sec-Fetch-Site"), self.headers.get("Sec-Fetch-Mode")
        if site not in (None, "same-origin", "none") and mode != "navigate":
            raise Refused(HTTPStatus.FORBIDDEN, "this page answers itself alone")
        if self.path == "/about":
            return JSON, json.dumps(self.server.about, ensure_ascii=False).encode(), {}
        if self.path not in self.server.files:
            raise Refused(HTTPStatus.NOT_FOUND, "no such file")
        return (*self.server.files[self.path], {})

    def _post(self) -> tuple[str, bytes, Mapping[str, str]]:
        origin, site = self.headers.get_all("Origin"), self.headers.get("Sec-Fetch-Site")
        if origin != [f"http://{self.headers['Host']}"] or site not in (None, "same-origin"):
            raise Refused(HTTPStatus.FORBIDDEN, "this page answers itself alone")
        name, _, what = self.path.removeprefix("/").partition("/")
        side = self.server.sides.get(name)
        if side is None or what not in ("invocations", "tokens"):
            raise Refused(HTTPStatus.NOT_FOUND, "no such endpoint")
        body = self._body()
        if what == "tokens":
            return JSON, json.dumps(side.tokens(body), ensure_ascii=False).encode(), {}
        kind, accept = (self.headers.get(name, "") for name in ("Content-Type", "Accept"))
        started = time.perf_counter()
        answer = side.ask(body, kind, "" if accept == "*/*" else accept)
        seconds = time.perf_counter() - started
        return (
            BYTES,
            answer.body,
            {
                "X-Answer-Status": str(answer.status),
                "X-Answer-Type": _one_line(answer.content_type),
                "X-Answer-Milliseconds": f"{seconds * 1000:.2f}",
            },
        )

    def _check_host(self) -> None:
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].lower() not in self.server.hosts:
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, f"open {self.server.url}")

    def _body(self) -> bytes:
        lengths = self.headers.get_all("Content-Length") or []
        if len(lengths) != 1 or "Transfer-Encoding" in self.headers:
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "expected one Content-Length")
        if not (lengths[0].isascii() and lengths[0].isdigit()):
            raise Refused(HTTPStatus.BAD_REQUEST, "Content-Length is not a number")
        if int(lengths[0][:20]) > LARGEST_BODY:
            said = f"more than {LARGEST_BODY:,} bytes, SageMaker's limit of an invocation"
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, said)
        body = self.rfile.read(int(lengths[0]))
        if len(body) < int(lengths[0]):
            raise Refused(HTTPStatus.BAD_REQUEST, "the body ended early")
        return body

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Plain text, and the end of the connection: what follows on it may be a body."""
        self.close_connection = True
        said = f"{code} {HTTPStatus(code).phrase}" + (f": {message}" if message else "")
        self._send(code, "text/plain; charset=utf-8", f"{said}\n".encode(), {"Connection": "close"})

    def _send(self, status: int, kind: str, content: bytes, further: Mapping[str, str]) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(content))}
        for name, value in {**headers, **HEADERS, **further}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Sentences are nobody's business."""


def _one_line(header: str) -> str:
    """What somebody's handler gave as a header, as one that can be sent.

    >>> _one_line("text/plain\\r\\n x: 日")
    'text/plain x: ?'
    """
    return " ".join(header.encode("latin-1", "replace").decode("latin-1").split())
