"""An endpoint that answers /invocations with what a test says."""

import contextlib
import json
from collections.abc import Callable, Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import servers

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

    def of_sentences(path: str, headers: Message, body: bytes) -> Answer:
        assert (path, headers["Content-Type"]) == ("/invocations", "application/json")
        return answer(json.loads(body)["q"])

    with serving(of_sentences, content_type) as endpoint:
        yield endpoint


@contextlib.contextmanager
def answering_anything(answer: Answer) -> Iterator[tuple[Endpoint, list[tuple[Message, bytes]]]]:
    """One that always says the same, and the list of (headers, body) that it is asked."""
    asked = []

    def same(path: str, headers: Message, body: bytes) -> Answer:
        asked.append((headers, body))
        return answer

    with serving(same) as endpoint:
        yield endpoint, asked


@contextlib.contextmanager
def serving(
    answer: Callable[[str, Message, bytes], Answer], content_type: str = ""
) -> Iterator[Endpoint]:
    """One whose `answer` takes path, headers and body of a POST."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, content = answer(self.path, self.headers, body)
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

    with servers.running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield Endpoint(server.server_address[1], 0, None)
