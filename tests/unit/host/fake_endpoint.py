"""An endpoint that answers /invocations with what a test says."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from train2deploy.endpoint import Endpoint

Answer = tuple[int, bytes]


def rankings_of(labels: list[str]) -> Answer:
    """An answer that is sure of each of `labels`."""
    return 200, json.dumps([[{"label": label, "prob": 1.0}] for label in labels]).encode()


@contextlib.contextmanager
def answering(
    answer: Callable[[list[str]], Answer], content_type: str = ""
) -> Iterator[Endpoint]:
    """An endpoint for the length of a `with` block; `answer` takes what was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert (self.path, self.headers["Content-Type"]) == ("/invocations", "application/json")
            status, content = answer(json.loads(body)["q"])
            if status == 0:
                self.wfile.write(content)
                return
            self.send_response(status)
            if content_type:
                self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Endpoint(server.server_address[1], 0, None)
        finally:
            server.shutdown()
            thread.join()
