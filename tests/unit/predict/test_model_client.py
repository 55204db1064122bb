"""model_client against servers that keep, close, cut, stall and lie."""
import contextlib
import socket
import threading

import pytest

import model_client
from model_client import ModelClient, ModelServerError

ROWS = [[0] * 63 + [5], [1] * 64]
OUTPUTS = [[0.25, 0.5, 0.125, 0.125]] * 2


def test_rows_go_and_probabilities_come_back(model_server):
    assert ModelClient().predict(model_server.uri, ROWS) == OUTPUTS
    (path, headers, body), = model_server.requests
    assert path == '/v1/models/model:predict'
    assert headers['Content-Type'] == 'application/json'
    assert body == {'inputs': ROWS}


def test_a_connection_is_kept_for_the_next_call(model_server):
    client = ModelClient()
    for _ in range(5):
        client.predict(model_server.uri, ROWS)
    assert model_server.connections == 1


def test_calls_at_the_same_time_have_connections_of_their_own(model_server):
    client, barrier = ModelClient(), threading.Barrier(4, timeout=60)
    plain = model_server.answer

    def answer(rows):
        barrier.wait()  # all four are under way before the first is answered
        return plain(rows)

    model_server.answer = answer
    found = []
    threads = [threading.Thread(target=lambda: found.append(client.predict(model_server.uri, ROWS)))
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [OUTPUTS] * 4
    assert model_server.connections == 4
    model_server.answer = plain
    for _ in range(8):
        client.predict(model_server.uri, ROWS)
    assert model_server.connections == 4


def test_a_connection_that_was_closed_while_idle_is_made_anew(model_server):
    client = ModelClient()
    model_server.closes = True
    for _ in range(3):
        assert client.predict(model_server.uri, ROWS) == OUTPUTS
        idle, = client._idle
        assert idle._socket.recv(1, socket.MSG_PEEK) == b'', 'it was not closed'
    assert model_server.connections == 3
    assert len(model_server.requests) == 3


def test_an_error_answer_leaves_the_connection_usable(model_server):
    client, plain = ModelClient(), model_server.answer
    model_server.answer = lambda rows: (400, {'error': 'no such signature'})
    with pytest.raises(ModelServerError) as caught:
        client.predict(model_server.uri, ROWS)
    assert 'answered 400: no such signature' in str(caught.value)
    model_server.answer = plain
    assert client.predict(model_server.uri, ROWS) == OUTPUTS
    assert model_server.connections == 1


def test_another_address_gets_another_connection(model_server):
    client = ModelClient()
    with raw_server([answer_of(b'{"outputs": [[1.0]]}')]) as other:
        client.predict(model_server.uri, ROWS)
        assert client.predict(other.uri, ROWS) == [[1.0]]
        assert client.predict(model_server.uri, ROWS) == OUTPUTS


# --- servers that do one thing to each connection ----------------------------------------------

class RawServer:
    """Does `steps[i]` to the i-th connection (the last one to all that follow)."""

    def __init__(self, steps, listens=True):
        self.connections = 0
        self._steps = steps
        self._listener = socket.socket()
        self._listener.bind(('127.0.0.1', 0))
        if listens:
            self.listen()
        self.port = self._listener.getsockname()[1]
        self.uri = 'http://localhost:{}/v1/models/model:predict'.format(self.port)

    def listen(self):
        self._listener.listen(5)

    def serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            step = self._steps[min(self.connections, len(self._steps) - 1)]
            self.connections += 1
            with connection:
                request = connection.recv(1 << 16)
                while request and not request.rstrip().endswith(b']]}'):
                    request += connection.recv(1 << 16)
                step(connection)

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextlib.contextmanager
def raw_server(steps):
    server = RawServer(steps)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


def answer_of(body, head=b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n'):
    whole = (head % len(body) if b'%d' in head else head) + body
    return lambda connection: connection.sendall(whole)


def hang_up(connection):
    pass


def half_an_answer(connection):
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"outp')


def half_a_head(connection):
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Le')


GOOD = b'{"outputs": [[1.0]]}'


@pytest.mark.parametrize('fault', [hang_up, half_an_answer, half_a_head])
def test_a_server_that_dies_once_is_asked_once_more(fault):
    with raw_server([fault, answer_of(GOOD)]) as server:
        assert ModelClient().predict(server.uri, ROWS) == [[1.0]]
        assert server.connections == 2


@pytest.mark.parametrize('fault', [hang_up, half_an_answer, half_a_head])
def test_a_server_that_dies_each_time_is_not_asked_for_ever(fault):
    with raw_server([fault]) as server:
        with pytest.raises(ModelServerError) as caught:
            ModelClient().predict(server.uri, ROWS)
        assert 'closed the connection' in str(caught.value)
        assert server.connections == model_client.TRIES == 3


def test_connections_that_ended_with_their_server_cost_one_try():
    with raw_server([answer_of(GOOD)]) as server:
        client = ModelClient()
        client._idle = [model_client.Connection('127.0.0.1', server.port) for _ in range(4)]
        for connection in client._idle:
            connection._socket.shutdown(socket.SHUT_RDWR)
        assert client.predict(server.uri, ROWS) == [[1.0]]
        assert len(client._idle) == 1


@pytest.mark.parametrize('head', [
    b'HTTP/1.1 200 OK\r\ncontent-length:%d\r\n\r\n',
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCONTENT-LENGTH: %d\r\nDate: x\r\n\r\n',
    b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n',
    b'HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n',
    b'HTTP/1.0 200 OK\r\n\r\n',
    b'HTTP/1.1 200\r\nContent-Length: %d\r\n\r\n',
])
def test_an_answer_may_have_any_of_these_heads(head):
    with raw_server([answer_of(GOOD, head)]) as server:
        assert ModelClient().predict(server.uri, ROWS) == [[1.0]]


def test_an_answer_may_come_in_crumbs():
    def crumbs(connection):
        whole = b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s' % (len(GOOD), GOOD)
        for place in range(len(whole)):
            connection.sendall(whole[place:place + 1])

    with raw_server([crumbs]) as server:
        assert ModelClient().predict(server.uri, ROWS) == [[1.0]]


def test_a_large_batch_goes_and_comes_whole(model_server):
    rows = [[number % 4000] * 64 for number in range(2000)]
    model_server.answer = lambda rows: (200, {'outputs': [[row[0] / 7] for row in rows]})
    assert ModelClient().predict(model_server.uri, rows) == [[row[0] / 7] for row in rows]


@pytest.mark.parametrize('answer', [
    b'220 mail.example.org ESMTP\r\n\r\n', b'\x00\x01\r\n\r\n', b'HTTP/1.1 OK\r\n\r\n',
])
def test_what_is_no_http_is_told(answer):
    with raw_server([answer_of(b'', answer)]) as server, pytest.raises(ModelServerError):
        ModelClient().predict(server.uri, ROWS)


class Clock:
    """Stands for the module `time`: to sleep takes no time, and `slept(how often)` is told."""

    def __init__(self, slept=lambda count: None):
        self.now = 1000.0
        self._slept = slept
        self._count = 0

    def time(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self._count += 1
        self._slept(self._count)


def test_where_nothing_listens_it_waits_and_then_says_so(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(model_client, 'time', clock)
    with socket.socket() as taken:  # and does not listen
        taken.bind(('127.0.0.1', 0))
        port = taken.getsockname()[1]
        with pytest.raises(ModelServerError) as caught:
            ModelClient(patience=20).predict(
                'http://localhost:{}/v1/models/model:predict'.format(port), ROWS)
    assert 1020 <= clock.now < 1021
    assert 'the model server at 127.0.0.1:{} did not answer'.format(port) in str(caught.value)


def test_a_server_that_starts_late_is_waited_for(monkeypatch):
    threads = []

    def start(count):
        if count == 3:
            server.listen()
            threads.append(threading.Thread(target=server.serve))
            threads[0].start()

    monkeypatch.setattr(model_client, 'time', Clock(start))
    server = RawServer([answer_of(GOOD)], listens=False)
    try:
        assert ModelClient(patience=20).predict(server.uri, ROWS) == [[1.0]]
    finally:
        server.close()
        for thread in threads:
            thread.join()
    assert threads


def test_a_server_that_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(model_client, 'TIMEOUT_SECONDS', 0.2)
    done = threading.Event()
    with raw_server([lambda connection: done.wait(60)]) as server:
        try:
            with pytest.raises(ModelServerError) as caught:
                ModelClient().predict(server.uri, ROWS)
        finally:
            done.set()
    assert 'did not answer: timed out' in str(caught.value)
