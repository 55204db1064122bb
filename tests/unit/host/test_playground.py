"""The playground's server: what it serves, and whom it refuses."""

import contextlib
import http.client
import json
import re
import socket

import pytest
import servers

from train2deploy.endpoint import Answer, Endpoint
from train2deploy.errors import UserError
from train2deploy.playground import run, server
from train2deploy.playground.sides import Local, Package


class Side:
    """Remembers what it is asked."""

    def __init__(self):
        self.asked = []

    def ask(self, body, content_type, accept):
        self.asked.append((body, content_type, accept))
        return Answer(500, "text/html", b"<script>alert(1)</script>")

    def tokens(self, body):
        return [["a", 5, True, True]]

    def facts(self):
        return Package("v1", ["a"]).facts()


@contextlib.contextmanager
def serving(*names):
    made, sides = server.Server(0), {name: Side() for name in names}
    made.sides, made.about = sides, {"kind": "local"}
    with servers.running(made):
        yield made, sides


@pytest.fixture(scope="module")
def _served():
    with serving("a") as found:
        yield found


@pytest.fixture
def page(_served):
    made, sides = _served
    sides["a"].asked.clear()
    return made


@pytest.fixture
def side(_served):
    return _served[1]["a"]


def ask(page, method, path, body=None, **headers):
    """(status, headers, body); a header given as None is not sent."""
    connection = http.client.HTTPConnection("127.0.0.1", page.server_port, timeout=30)
    host = f"127.0.0.1:{page.server_port}"
    sent = {"Host": host, **({"Origin": f"http://{host}"} if method == "POST" else {})}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection.putrequest(method, path, skip_host=True)
    if body is not None:
        sent.setdefault("Content-Length", str(len(body)))
    for name, value in sent.items():
        if value is not None:
            connection.putheader(name, value.replace("PORT", str(page.server_port)))
    connection.endheaders(body)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, answer.headers, content


def test_the_page_and_all_that_it_names_is_served_by_its_own_server_alone(page):
    status, headers, body = ask(page, "GET", "/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    named = re.findall(r'(?:src|href)="([^"]+)"', body.decode())
    for content in page.files.values():
        named += re.findall(r"from '\./([^']+)'", content[1].decode())
        assert re.findall(r"(?<![\w/])(?:https?:)?//[\w.-]+\.\w+/", content[1].decode()) == [
            "http://www.w3.org/"
        ] * (content[0] == "image/svg+xml")
    assert {ask(page, "GET", f"/{name}")[0] for name in named} == {200}
    assert {f"/{name}" for name in named} | {"/"} == set(page.files)


def test_every_answer_keeps_the_page_to_itself(page):
    for method, path in (("GET", "/"), ("GET", "/about"), ("GET", "/nothing"), ("POST", "/x")):
        _, headers, _ = ask(page, method, path, *([b"{}"] if method == "POST" else []))
        assert "default-src 'none'; script-src 'self'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in headers


def test_an_answer_comes_as_bytes_with_its_status_beside_it(page, side):
    status, headers, body = ask(page, "POST", "/a/invocations", b"{", Content_Type="text/csv")
    assert (status, body) == (200, b"<script>alert(1)</script>")
    assert headers["Content-Type"] == "application/octet-stream"
    assert (headers["X-Answer-Status"], headers["X-Answer-Type"]) == ("500", "text/html")
    assert float(headers["X-Answer-Milliseconds"]) >= 0
    assert side.asked == [(b"{", "text/csv", "")]


def test_a_connection_takes_one_request_after_the_other(page):
    connection = http.client.HTTPConnection("127.0.0.1", page.server_port, timeout=30)
    for _ in range(3):
        headers = {"Origin": f"http://127.0.0.1:{page.server_port}"}
        connection.request("POST", "/a/tokens", b'{"q": "a"}', headers)
        assert json.loads(connection.getresponse().read()) == [["a", 5, True, True]]
    connection.close()


@pytest.mark.parametrize("host", [
    None, "", "evil.example", "evil.example:PORT", "127.0.0.1", "127.0.0.1:1", "localhost",
    "127.0.0.1.evil.example:PORT", "[::1]:PORT", "0.0.0.0:PORT", "127.1:PORT",
    "user@localhost:PORT",
])  # fmt: skip
@pytest.mark.parametrize("method, path", [("GET", "/"), ("POST", "/a/invocations")])
def test_another_name_for_this_server_is_refused(page, side, method, path, host):
    origin = {"Origin": f"http://{host}"} if method == "POST" else {}
    status, headers, body = ask(page, method, path, b"{}", Host=host, **origin)
    assert (status, headers["Connection"]) == (421, "close")
    assert f"open {page.url}" in body.decode()
    assert side.asked == []


def test_localhost_is_a_name_of_this_server(page, side):
    there = {"Host": "localhost:PORT", "Origin": "http://localhost:PORT"}
    assert ask(page, "POST", "/a/invocations", b"{}", **there)[0] == 200


def test_two_hosts_are_refused(page):
    with socket.create_connection(("127.0.0.1", page.server_port), 30) as connection:
        host = f"Host: 127.0.0.1:{page.server_port}\r\n"
        connection.sendall(f"GET / HTTP/1.1\r\n{host}{host}\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 421 ")


@pytest.mark.parametrize("headers", [
    {"Origin": None}, {"Origin": "null"}, {"Origin": ""}, {"Origin": "http://evil.example"},
    {"Origin": "https://127.0.0.1:PORT"}, {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://localhost:PORT"}, {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"}, {"Sec_Fetch_Site": "none"},
])  # fmt: skip
@pytest.mark.parametrize("path", ["/a/invocations", "/a/tokens"])
def test_a_request_of_another_site_reaches_no_endpoint(page, side, path, headers):
    status, _, body = ask(page, "POST", path, b'{"q": "x"}', **headers)
    assert (status, side.asked) == (403, []), body


@pytest.mark.parametrize("path", ["/about", "/page.js"])
def test_another_site_embeds_nothing_of_the_page(page, path):
    for site in ("cross-site", "same-site"):
        assert ask(page, "GET", path, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors")[0] == 403
    assert ask(page, "GET", path, Sec_Fetch_Site="same-origin", Sec_Fetch_Mode="cors")[0] == 200
    linked = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert ask(page, "GET", "/", **linked)[0] == 200


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/a/invocations", 404), ("GET", "/../server.py", 404), ("GET", "/%2e%2e/x", 404),
    ("GET", "/index.html", 404), ("GET", "http://127.0.0.1:PORT/", 404),
    ("POST", "/", 404), ("POST", "/invocations", 404), ("POST", "/b/invocations", 404),
    ("POST", "/a/ping", 404), ("POST", "/a/invocations/", 404), ("POST", "/a/invocations?x", 404),
    ("POST", "/a/invocations/../ping", 404), ("PUT", "/a/invocations", 501),
    ("OPTIONS", "/a/invocations", 501), ("DELETE", "/", 501), ("CONNECT", "127.0.0.1:1", 501),
])  # fmt: skip
def test_there_is_one_way_to_an_endpoint_and_no_other(page, side, method, path, status):
    body = None if method == "GET" else b"{}"
    found, headers, content = ask(page, method, path, body)
    assert (found, headers["Content-Type"]) == (status, "text/plain; charset=utf-8"), content
    assert side.asked == []


@pytest.mark.parametrize("headers, status", [
    ({"Content_Length": None}, 411), ({"Content_Length": "x"}, 400),
    ({"Content_Length": "-1"}, 400), ({"Content_Length": "٣"}, 400),
    ({"Content_Length": str(server.LARGEST_BODY + 1)}, 413),
    ({"Content_Length": "9" * 5000}, 413), ({"Transfer_Encoding": "chunked"}, 411),
])  # fmt: skip
def test_a_body_without_a_length_or_too_large_is_not_read(page, side, headers, status):
    sent = {name: value and value.encode("utf-8").decode("latin-1") for name, value in
            headers.items()}  # fmt: skip
    found, answered, _ = ask(page, "POST", "/a/invocations", b"{}", **sent)
    assert (found, answered["Connection"], side.asked) == (status, "close", [])


def test_a_body_that_ends_early_reaches_no_endpoint(page, side):
    with socket.create_connection(("127.0.0.1", page.server_port), 30) as connection:
        host = f"127.0.0.1:{page.server_port}"
        head = f"POST /a/invocations HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
        connection.sendall(f"{head}Content-Length: 9\r\n\r\n{{}}".encode())
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
    assert side.asked == []


def test_the_largest_body_is_passed_on(page, side):
    body = b"x" * server.LARGEST_BODY
    assert ask(page, "POST", "/a/invocations", body)[0] == 200
    assert side.asked[0][0] == body


def test_a_head_has_no_body(page):
    status, headers, body = ask(page, "HEAD", "/")
    assert (status, body) == (200, b"") and int(headers["Content-Length"]) > 1000


def test_a_port_that_is_taken_is_named_with_a_free_one(page):
    with pytest.raises(UserError, match=rf"PORT_UI={page.server_port}: .* PORT_UI=\d+") as caught:
        server.Server(page.server_port)
    assert "\n" not in str(caught.value)


def test_an_endpoint_that_is_gone_is_said_and_not_a_failure_of_the_page():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        gone = Local(Endpoint(probe.getsockname()[1], 0, None), Package(""))
    answer = gone.ask(b"{}", "", "")
    assert answer.status == 0 and b"gave no answer: " in answer.body


@pytest.mark.parametrize("labels, kinds", [
    ({"京都", "グルメ"}, list(run.EXAMPLES)), (set(), list(run.EXAMPLES)),
    ({"肯定", "否定"}, ["own", "empty"]),
])  # fmt: skip
def test_examples_are_of_the_topics_that_the_model_knows(project, labels, kinds):
    assert [kind for kind, _ in run.examples(labels)] == kinds


def test_the_articles_sentence_is_the_first_example_and_an_empty_one_is_there():
    assert next(iter(run.EXAMPLES.values())) == "電波が悪い"
    assert run.EXAMPLES["empty"] == ""
