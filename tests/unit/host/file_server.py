"""A web server for tests of downloads: what it does with a path is set from outside."""

import gzip
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class File:
    """What lies at a path.

    Attributes:
        resumable: Range is honoured.
        cut: connection ends after so many bytes of the body, once for each number.
        compressible: compressed on the way for a client that allows it.
        status: sent instead of the file.
    """

    content: bytes
    resumable: bool = True
    cut: list[int] = field(default_factory=list)
    compressible: bool = False
    status: int = 200


class Handler(BaseHTTPRequestHandler):
    """Serves FileServer.files."""

    server: "FileServer"

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers.get("Range")))
        file = self.server.files.get(self.path)
        if file is None or file.status != 200:
            self.send_error(404 if file is None else file.status)
            return
        compressed = file.compressible and "gzip" in self.headers.get("Accept-Encoding", "")
        whole = gzip.compress(file.content, mtime=0) if compressed else file.content
        wanted = self.headers.get("Range") if file.resumable else None
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if wanted and start >= len(whole):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(whole)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = whole[start:]
        self.send_response(206 if wanted else 200)
        if compressed:
            self.send_header("Content-Encoding", "gzip")
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: file.cut.pop(0)] if file.cut else body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


class FileServer(ThreadingHTTPServer):
    """Listens on a free port of the loopback interface.

    Attributes:
        files: path to File.
        requests: (path, Range header) of each request, in order.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, File] = {}
        self.requests: list[tuple[str, str | None]] = []

    def serve(self, path: str, content: bytes, **settings: object) -> str:
        """Puts a file there; returns its address."""
        self.files[path] = File(content, **settings)  # type: ignore[arg-type]
        return self.url(path)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"
