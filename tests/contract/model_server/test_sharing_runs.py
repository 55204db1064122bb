"""Requests under load: what shares a run, what never mixes, what fails alone.

docs/contract.md#a8
"""
import concurrent.futures
import time

import pytest
from model_server_support import error_text, in_parallel


def ask(server, model, signature=None):
    """A function: the reply to one request's rows, on a connection of its own."""
    def one(rows):
        body = {'instances': rows}
        if signature:
            body['signature_name'] = signature
        return server.post(model, body)
    return one


def test_results_never_mix_under_load_whatever_the_sizes(server):
    requests = [[[float(seed * 100 + row * 10 + column) for column in range(8)]
                 for row in range(seed % 4 + 1)] for seed in range(400)]
    for rows, reply in zip(requests, in_parallel(ask(server, 'wide'), requests, 32)):
        assert reply.status == 200
        assert [item['twice'] for item in reply.json['predictions']] == [
            [2 * value for value in row] for row in rows]
        assert [item['sum'] for item in reply.json['predictions']] == [
            pytest.approx(sum(row)) for row in rows]


def test_requests_of_different_models_and_formats_do_not_mix(server):
    def one(seed):
        if seed % 3 == 0:
            return server.post('half_plus_two', {'instances': [seed]}).json['predictions'][0] - 2
        if seed % 3 == 1:
            return server.post('half_plus_three', {'inputs': [seed]}, version=123).json[
                'outputs'][0] - 3
        return server.post('signatures', {'signature_name': 'pairs', 'instances': [[seed, 0]]}
                           ).json['predictions'][0][0] / -2
    assert in_parallel(one, range(300), 32) == [seed / 2 for seed in range(300)]


def test_requests_that_wait_go_together_and_take_less_time_than_one_by_one(server):
    """By the shortest times of all: what else the machine does makes single ones longer."""
    one = ask(server, 'slow')
    alone, together = [], []

    def seconds(work):
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    def many():
        replies = in_parallel(one, [[float(value)] for value in range(32)], 32)
        assert [reply.json['predictions'] for reply in replies] == [
            [value**2.0] for value in range(32)]

    def go_together():
        alone.extend(seconds(lambda: one([1.0])) for _ in range(3))
        together.append(seconds(many))
        return min(together) < 32 * min(alone) / 3

    server.wait_until(go_together, 'requests that share runs')


def test_a_request_that_fails_in_a_batch_fails_alone(server):
    values = [[4.0], [-1.0], [9.0], [16.0], [-2.0], [25.0]] * 20
    replies = in_parallel(lambda value: server.post('failing', {'instances': [value]}), values, 24)
    for (value,), reply in zip(values, replies):
        if value < 0:
            assert reply.status == 400
            assert error_text(reply).startswith('not a number')
        else:
            assert (reply.status, reply.json) == (200, {'predictions': [[value**0.5]]})


@pytest.mark.parametrize('signature, expected', [
    ('centred', lambda rows: [[-1.0, -1.0], [1.0, 1.0]]),
    ('gram', lambda rows: [sum(a * c + b * d for c, d in rows) for a, b in rows])])
def test_rows_that_depend_on_each_other_are_not_mixed_with_other_requests(server, signature,
                                                                          expected):
    requests = [[[float(seed), float(seed)], [seed + 2.0, seed + 2.0]] for seed in range(60)]
    replies = in_parallel(ask(server, 'mixing', signature), requests, 16)
    for rows, reply in zip(requests, replies):
        wanted = expected(rows)
        assert reply.json['predictions'] == [
            pytest.approx(item, rel=1e-5, abs=1e-4) for item in wanted]


def test_a_model_that_counts_its_runs_counts_every_request(server):
    ask_count = ask(server, 'mixing', 'counted')
    first = max(max(row) for row in ask_count([[1.0, 1.0]]).json['predictions'])
    in_parallel(ask_count, [[[float(seed), 0.0]] for seed in range(30)], 16)
    last = max(max(row) for row in ask_count([[1.0, 1.0]]).json['predictions'])
    assert last == first + 31


@pytest.fixture(scope='module')
def batching(model_servers, saved_models, tmp_path_factory):
    """A function: a server with batching parameters, as the variables give them."""
    folder = tmp_path_factory.mktemp('batching')
    started = []

    def start(**parameters):
        path = folder / f'{len(started)}.cfg'
        path.write_text(''.join(f'{name} {{ value: {value} }}\n'
                                for name, value in parameters.items()))
        made = saved_models('wide', 'gated', 'failing')
        started.append(model_servers.start(
            {name: made / name for name in ('wide', 'gated', 'failing')},
            '--enable_batching=true', f'--batching_parameters_file={path}'))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def test_a8_configured_batching_keeps_results_apart_and_errors_alone(batching):
    server = batching(max_batch_size=8, batch_timeout_micros=1000, num_batch_threads=2,
                      max_enqueued_batches=1000)
    requests = [[[float(seed * 10 + column) for column in range(8)]] * (seed % 3 + 1)
                for seed in range(200)]
    for rows, reply in zip(requests, in_parallel(ask(server, 'wide'), requests, 32)):
        assert [item['twice'] for item in reply.json['predictions']] == [
            [2 * value for value in row] for row in rows]
    values = [[4.0], [-1.0], [9.0]] * 20
    replies = in_parallel(lambda value: server.post('failing', {'instances': [value]}), values, 16)
    assert [reply.status for reply in replies] == [200, 400, 200] * 20


def test_a8_more_than_max_batch_size_rows_are_refused(batching):
    server = batching(max_batch_size=4, batch_timeout_micros=0, num_batch_threads=1,
                      max_enqueued_batches=10)
    reply = server.post('wide', {'instances': [[0.0] * 8] * 5})
    assert (reply.status, error_text(reply)) == (
        400, 'Task size 5 is larger than maximum batch size 4')
    assert server.post('wide', {'instances': [[0.0] * 8] * 4}).status == 200


def test_a8_a_full_queue_is_503(batching, tmp_path):
    server = batching(max_batch_size=1, batch_timeout_micros=0, num_batch_threads=1,
                      max_enqueued_batches=1)
    until = tmp_path / 'until'
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(ask(server, 'gated'), [str(until)]) for _ in range(12)]
        # One runs, and one waits unless it came before that.
        server.wait_until(lambda: sum(future.done() for future in asked) >= 10, 'refusals')
        until.touch()
    refused = [reply for reply in (future.result() for future in asked) if reply.status != 200]
    assert len(refused) in (10, 11)
    assert {(reply.status, error_text(reply)) for reply in refused} == {
        (503, 'The batch scheduling queue to which this task was submitted is full')}


def test_a8_a_lone_request_waits_for_the_batch_timeout(batching):
    server = batching(max_batch_size=8, batch_timeout_micros=1000000, num_batch_threads=2,
                      max_enqueued_batches=10)
    started = time.perf_counter()
    assert server.post('wide', {'instances': [[0.0] * 8]}).status == 200
    assert time.perf_counter() - started > 0.99


def test_a8_a_full_batch_does_not_wait_for_the_batch_timeout(batching):
    server = batching(max_batch_size=8, batch_timeout_micros=3600 * 1000000, num_batch_threads=2,
                      max_enqueued_batches=10)
    replies = in_parallel(ask(server, 'wide'), [[[0.0] * 8]] * 8, 8)
    assert [reply.status for reply in replies] == [200] * 8
