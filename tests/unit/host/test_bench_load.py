"""The bench's clients and what they ask: each answer is seen once, and a wrong one is noticed."""

import dataclasses
import json
import os
import socketserver
from collections import Counter
from collections.abc import Iterator

import pytest
import servers

from train2deploy.bench import measure, names, peers, workload
from train2deploy.bench.http_load import NO_ANSWER, ClosedLoop
from train2deploy.errors import JobFailed


class Echo(socketserver.StreamRequestHandler):
    """Answers with the request's own body; what it does besides, the body says."""

    def handle(self) -> None:
        while True:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = self.rfile.readline()
                if not line:
                    return
                head += line
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = self.rfile.read(length)
            self.server.seen[body[:20]] += 1
            if body.startswith(b"hang up"):
                return
            status = b"503 Service Unavailable" if body.startswith(b"busy") else b"200 OK"
            answer = b"HTTP/1.1 " + status + b"\r\ncontent-length: %d\r\n" % len(body)
            if body.startswith(b"close"):
                answer += b"Connection: close\r\n"
            answer += b"\r\n" + body
            if body.startswith(b"slow"):
                for piece in (answer[:10], answer[10:40], answer[40:]):
                    self.wfile.write(piece)
                    self.wfile.flush()
            else:
                self.wfile.write(answer)
            if body.startswith(b"close"):
                return


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Echo)
        self.seen: Counter[bytes] = Counter()


@pytest.fixture
def server() -> Iterator[Server]:
    with servers.running(Server()) as running:
        yield running


class Watch:
    """Counts (turn, status, body) and checks the order of the times."""

    def __init__(self, pause: float = 0.0) -> None:
        self.answers: Counter[tuple[int, int, bytes]] = Counter()
        self.ticks = 0
        self._pause = pause

    def answered(self, turn: int, status: int, body: bytes, sent: float, now: float) -> float:
        assert sent <= now
        self.answers[turn, status, body] += 1
        return self._pause

    def tick(self, now: float) -> None:
        self.ticks += 1


def post(body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def load(server: Server, bodies: list[bytes], clients: int = 0, pause: float = 0.0) -> Watch:
    """As many clients as bodies: however slow, each body is sent once at least."""
    watch, clients = Watch(pause), clients or len(bodies)
    ClosedLoop(server.server_address[1], [post(body) for body in bodies], clients).run(0.15, watch)
    return watch


@pytest.mark.parametrize("kind", [b"quick", b"slow", b"close"])
def test_each_answer_goes_with_its_request(server: Server, kind: bytes):
    bodies = [kind + b" %d" % number for number in range(7)]
    watch = load(server, bodies)
    assert {turn for turn, _, _ in watch.answers} == set(range(7))
    assert all((status, body) == (200, bodies[turn]) for turn, status, body in watch.answers)
    assert sum(watch.answers.values()) == sum(server.seen.values())
    assert watch.ticks >= 1


def test_a_request_larger_than_the_socket_s_buffer_arrives_whole(server: Server):
    body = b"large" * 2_000_000
    watch = load(server, [body], clients=1)
    assert set(watch.answers) == {(0, 200, body)}


def test_other_statuses_are_told(server: Server):
    watch = load(server, [b"busy"], pause=0.05)
    assert set(watch.answers) == {(0, 503, b"busy")}


def test_a_client_that_shall_pause_does(server: Server):
    watch = load(server, [b"busy"], clients=1, pause=0.1)
    assert sum(watch.answers.values()) <= 3


def test_a_second_load_starts_each_client_once(server: Server):
    loop, watch = ClosedLoop(server.server_address[1], [post(b"busy")], 1), Watch(pause=0.1)
    loop.run(0.05, watch)
    loop.run(0.15, watch)  # one request now, one after the pause
    assert sum(watch.answers.values()) <= 3


def test_a_connection_that_ends_is_no_answer_and_the_client_comes_again(server: Server):
    watch = load(server, [b"hang up", b"fine"])
    assert watch.answers[0, NO_ANSWER, b""] >= 1
    assert watch.answers[1, 200, b"fine"] >= 1


def test_a_refused_connection_is_no_answer():
    with Server() as closed:
        port = closed.server_address[1]
    watch = Watch()
    ClosedLoop(port, [post(b"x")], 1).run(0.05, watch)
    assert {status for _, status, _ in watch.answers} == {NO_ANSWER}


PROBABILITIES = [[0.1 + 0.001 * number, 0.9 - 0.001 * number] for number in range(10)]


def sentences(*further: str) -> workload.Sentences:
    """Ten; the model reads `inputs` and the further ones."""
    return workload.Sentences(
        texts=[f"文{number}" for number in range(10)],
        inputs={
            key: [[place, number] for number in range(10)]
            for place, key in enumerate(("inputs", *further))
        },
        probabilities=PROBABILITIES,
        output="dense/Softmax:0",
        labels=["京都", "携帯電話"],
    )


def ranking(row: list[float], shift: float = 0.0) -> list[dict[str, object]]:
    entries = zip(["京都", "携帯電話"], [row[0] + shift, row[1] - shift], strict=True)
    return sorted(
        ({"label": label, "prob": prob} for label, prob in entries), key=lambda e: -float(e["prob"])
    )


def dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def body_of(request: bytes) -> dict:
    return json.loads(request.partition(b"\r\n\r\n")[2])


def test_an_answer_counts_for_its_own_sentence_only():
    work = workload.invocations(sentences())
    for turn in range(10):
        assert body_of(work.requests[turn]) == {"q": f"文{turn}"}
        verdicts = [work.is_right(turn, dump(ranking(row))) for row in PROBABILITIES]
        assert verdicts == [other == turn for other in range(10)]


def test_rounding_is_no_fault_but_more_is():
    work = workload.invocations(sentences())
    assert work.is_right(0, dump(ranking(PROBABILITIES[0], 5e-6)))
    assert not work.is_right(0, dump(ranking(PROBABILITIES[0], 5e-5)))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'{"error": "x"}', dump(ranking(PROBABILITIES[0])[::-1]),
     dump(ranking(PROBABILITIES[0])[:1]), dump([{"label": "京都"}, {"label": "携帯電話"}])],
)  # fmt: skip
def test_what_is_no_ranking_is_wrong(body: bytes):
    assert not workload.invocations(sentences()).is_right(0, body)


def test_many_sentences_are_checked_each_in_its_place():
    work = workload.invocations(sentences(), per_request=3)
    assert body_of(work.requests[9]) == {"q": ["文9", "文0", "文1"]}
    rows = [ranking(PROBABILITIES[index]) for index in (9, 0, 1)]
    assert work.is_right(9, dump(rows))
    assert not work.is_right(9, dump(rows[::-1]))
    assert not work.is_right(9, dump(rows[:2]))


@pytest.mark.parametrize("form", ["one output", "several outputs"])
def test_the_model_server_s_rows_are_checked(form: str):
    work = workload.predict(sentences(), "model")
    assert work.requests[3].startswith(b"POST /v1/models/model:predict HTTP/1.1\r\n")
    assert body_of(work.requests[3]) == {"inputs": [[0, 3]]}

    def answer(row: list[float]) -> bytes:
        return dump({"outputs": [row] if form == "one output" else {"dense/Softmax:0": [row]}})

    assert work.is_right(3, answer(PROBABILITIES[3]))
    assert not work.is_right(3, answer(PROBABILITIES[4]))


def test_a_model_with_several_inputs_gets_each_by_its_name():
    work = workload.predict(sentences("ngrams"), "model")
    assert body_of(work.requests[3]) == {"inputs": {"inputs": [[0, 3]], "ngrams": [[1, 3]]}}
    assert work.is_right(3, dump({"outputs": [PROBABILITIES[3]]}))
    assert not work.is_right(3, dump({"outputs": [PROBABILITIES[4]]}))


@pytest.mark.parametrize("name, body, answer", [
    ("MLflow", {"inputs": [[0]]}, [PROBABILITIES[0]]),
    ("BentoML", {"inputs": {"tokens": [[0]]}}, [PROBABILITIES[0]]),
    ("simple-tensorflow-serving", {"data": {"tokens": [[0]]}},
     {"attention": [[1.0]], "dense/Softmax:0": [PROBABILITIES[0]]}),
])  # fmt: skip
def test_a_peer_is_asked_for_the_same_rows_and_held_to_the_same_answers(name, body, answer):
    kind = peers.PEERS[name]
    asked = dataclasses.replace(sentences(), inputs={"tokens": [[n] for n in range(10)]})
    work = workload.rows_of(asked, kind.path, kind.body, kind.rows)
    head, _, sent = work.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(f"POST {kind.path} HTTP/1.1".encode())
    assert json.loads(sent) == body
    assert work.is_right(0, dump(answer)) and not work.is_right(1, dump(answer))


def test_each_package_s_answers_are_checked_against_its_own_model():
    other = dataclasses.replace(sentences(), probabilities=PROBABILITIES[::-1])
    asked = {names.INVOCATIONS: sentences(), names.OTHER: other}
    bench = measure.Bench(dict.fromkeys(asked), asked, "model", {}, None)
    answer = dump(ranking(PROBABILITIES[0]))
    for turn in range(10):
        assert bench._work(names.INVOCATIONS).is_right(turn, answer) == (turn == 0)
        assert bench._work(names.OTHER).is_right(turn, answer) == (turn == 9)


class SlowSession:
    """One that answers nothing in less than a time."""

    pid = os.getpid()

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.asked: list[float] = []

    def ask(self, seconds: float, **command: int) -> dict:
        self.asked.append(seconds)
        return {"latencies_ms": [1.0] * (seconds >= self.seconds), "seconds": seconds}


def test_a_measurement_too_short_for_an_answer_is_made_longer_and_not_for_ever():
    slow, dead = SlowSession(3.0), SlowSession(1e9)
    served = {names.INVOCATIONS: None}
    sessions = {names.RAW: slow, names.PACKED: dead}
    bench = measure.Bench(served, {names.INVOCATIONS: sentences()}, "model", sessions, None)
    assert bench.measure(measure.Cell(names.RAW, 1), 0.2).requests == 1
    assert slow.asked == pytest.approx([0.2, 0.8, 3.2])
    with pytest.raises(JobFailed, match="no answer within 30 s"):
        bench.measure(measure.Cell(names.PACKED, 1), 10.0)


def answers(probabilities: list[list[float]], pieces: int = 5) -> dict:
    """What a session says to so many sentences."""
    count = len(probabilities)
    rows = [[number] for number in range(count)]
    return {"probabilities": probabilities, "inputs": {"tokens": rows, "ngrams": rows[::-1]},
            "pieces": [pieces] * count, "output": "o"}  # fmt: skip


def test_sentences_with_the_same_answer_are_chosen_once():
    assert workload.distinct([answers(PROBABILITIES * 2)]) == list(range(10))


def test_every_model_must_tell_the_sentences_apart():
    other = [*PROBABILITIES[:9], PROBABILITIES[0]]
    assert workload.distinct([answers(PROBABILITIES), answers(other)]) == list(range(9))
    assert workload.distinct([answers(other), answers(PROBABILITIES)]) == list(range(9))


def test_what_was_chosen_is_taken_of_every_input():
    texts = [f"文{number}" for number in range(10)]
    picked = workload.pick(texts, answers(PROBABILITIES), ["京都", "携帯電話"], [1, 8])
    assert picked == workload.Sentences(
        texts=["文1", "文8"],
        inputs={"tokens": [[1], [8]], "ngrams": [[8], [1]]},
        probabilities=[PROBABILITIES[1], PROBABILITIES[8]],
        output="o",
        labels=["京都", "携帯電話"],
    )


@pytest.mark.parametrize("pieces, rows", [(5, PROBABILITIES[:3]), (65, PROBABILITIES)])
def test_too_few_distinct_answers_are_refused(pieces: int, rows: list[list[float]]):
    with pytest.raises(JobFailed, match="tells 8 of"):
        workload.distinct([answers(rows, pieces)])
