"""Merging: what waits while the session is busy goes together, and nothing else."""

import threading
import time

import numpy as np
import pytest
from clocks import PATIENCE as LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from merging_support import Requests, Signature, rows, together

from hosting.model_server import flags, server
from hosting.model_server.errors import ServingError, invalid_argument
from hosting.model_server.queues.merging import MAX_ROWS, PATIENCE, MergingScheduler


def test_told_not_to_merge_it_gives_each_request_a_run_of_its_own(serving):
    signature = Signature(lambda x: x * 2)
    requests = serving(signature, single_runs=4, merge=False)
    with together(signature):
        for value in range(12):
            requests.send(rows(value))
    assert [float(result) for _, result in sorted(requests.wait().items())] == [
        2.0 * value for value in range(12)
    ]
    assert signature.runs == [(1, 1)] * 12
    assert signature.most_under_way <= 4


def trust(requests):
    """Let the scheduler see that the rows are independent."""
    for turn in range(20):
        with together(requests._signature):
            for value in range(8):
                requests.send(rows(turn * 8 + value))
        requests.wait()
        if len(requests._scheduler._trials) and all(
            trial.passed for trial in requests._scheduler._trials.values()
        ):
            return
    raise AssertionError("the trial did not pass")


def slowly(function, seconds=0.02):
    def run(x):
        time.sleep(seconds)
        return function(x)

    return run


def test_a_lone_request_runs_at_once_and_alone(serving, patient):
    signature = Signature(lambda x: 2 * x)
    requests = serving(signature)
    requests.send(rows(1, 2))
    assert requests.wait()[0].tolist() == [[2], [4]]
    assert signature.runs == [(2, 1)]


def test_requests_that_wait_share_the_next_run(serving, patient):
    signature = Signature(lambda x: 2 * x)
    requests = serving(signature)
    trust(requests)
    signature.runs.clear()
    with together(signature):
        numbers = {requests.send(rows(value)): value for value in range(1000, 1030)}
    results = requests.wait()
    assert all(results[number].tolist() == [[2 * value]] for number, value in numbers.items())
    # The first runs with what is there when its thread begins, the others together.
    assert len(signature.runs) <= 2
    assert sum(shape[0] for shape in signature.runs) == 30


def test_a_run_has_no_more_rows_than_the_limit(serving):
    signature = Signature(lambda x: 2 * x)
    requests = serving(signature)
    trust(requests)
    signature.runs.clear()
    with together(signature):
        for value in range(20):
            requests.send(np.full((MAX_ROWS // 4, 1), value, np.float32))
        requests.send(np.zeros((MAX_ROWS * 2, 1), np.float32))
    requests.wait()
    assert max(shape[0] for shape in signature.runs if shape[0] != MAX_ROWS * 2) <= MAX_ROWS
    assert (MAX_ROWS * 2, 1) in signature.runs


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3)), min_size=1, max_size=40))
def test_results_never_mix_whatever_the_shapes(shapes):
    signature = Signature(slowly(lambda x: 3 * x + 1, 0.001))
    scheduler = MergingScheduler("model")
    requests = Requests(scheduler, signature)
    sent = {}
    for index, (count, width) in enumerate(shapes):
        array = (np.arange(count * width, dtype=np.float32) + 1000 * index).reshape(count, width)
        sent[requests.send(array)] = array
    results = requests.wait()
    scheduler.close()
    for number, array in sent.items():
        np.testing.assert_array_equal(results[number], 3 * array + 1)


def test_a_request_that_fails_in_a_batch_fails_alone(serving):
    def root(x):
        if (x < 0).any():
            raise invalid_argument("negative: ", x.min())
        return np.sqrt(x)

    signature = Signature(root)
    requests = serving(signature)
    trust(requests)
    with together(signature):
        numbers = {
            requests.send(rows(value)): value for value in [4, 9, -1, 16, 25, -2, 36, 49] * 5
        }
    results = requests.wait()
    for number, value in numbers.items():
        if value < 0:
            assert isinstance(results[number], ServingError)
            assert results[number].message == "negative: %s" % float(value)
        else:
            assert results[number].tolist() == [[np.sqrt(value)]]


def test_an_unforeseen_exception_is_the_answer_to_its_request_only(serving):
    def fragile(x):
        if (x < 0).any():
            raise ZeroDivisionError("no")
        return x

    requests = serving(Signature(fragile))
    bad, good = requests.send(rows(-1)), requests.send(rows(1))
    results = requests.wait()
    assert (results[bad].code, results[bad].message) == (13, "no")
    assert results[good].tolist() == [[1]]


def test_a_model_whose_rows_depend_on_each_other_is_found_out_and_answers_right(serving):
    signature = Signature(lambda x: x - x.mean(axis=0))
    requests = serving(signature)
    with together(signature):
        numbers = {requests.send(rows(value, value + 2)): value for value in range(40)}
    results = requests.wait()
    assert all(results[number].tolist() == [[-1], [1]] for number in numbers)
    requests._scheduler.close()  # the answers come before the evidence
    assert [trial.refused for trial in requests._scheduler._trials.values()] == [True]


def test_a_signature_known_to_mix_rows_never_shares_a_run(serving):
    signature = Signature(lambda x: x, mixing="Mean")
    requests = serving(signature)
    with together(signature):
        for value in range(12):
            requests.send(rows(value))
    requests.wait()
    assert signature.runs == [(1, 1)] * 12


def test_requests_without_a_batch_dimension_run_side_by_side(serving):
    meeting = threading.Barrier(4, timeout=LONG)

    def meet(x):
        meeting.wait()
        return x

    signature = Signature(meet, is_batched=False)
    requests = serving(signature, single_runs=4)
    for value in range(8):
        requests.send(rows(value))
    assert all(not isinstance(result, ServingError) for result in requests.wait().values())
    assert signature.most_under_way == 4


def test_a_long_run_does_not_hold_up_the_others(serving):
    begun, release = threading.Event(), threading.Event()

    def run(x):
        if x[0, 0] == 1000:
            begun.set()
            release.wait(LONG)
        return 2 * x

    requests = serving(Signature(run))
    started = time.perf_counter()
    long = requests.send(rows(1000))
    assert begun.wait(LONG)
    others = [requests.send(rows(value)) for value in range(5)]
    with requests._done:
        assert requests._done.wait_for(lambda: len(requests.results) == 5, LONG / 2)
    assert time.perf_counter() - started > PATIENCE * 0.99
    assert sorted(requests.results) == others
    release.set()
    assert requests.wait()[long].tolist() == [[2000]]


def test_what_a_large_request_leaves_in_the_queue_is_not_forgotten(serving):
    begun, release = threading.Event(), threading.Event()

    def run(x):
        if len(x) == MAX_ROWS:
            begun.set()
            release.wait(LONG)
        return x

    requests = serving(Signature(run))
    first = requests.send(rows(1))
    # Both may be queued before any thread looks.
    requests.send(np.zeros((MAX_ROWS, 1), np.float32))
    last = requests.send(rows(2))
    with requests._done:
        assert requests._done.wait_for(lambda: {first, last} <= set(requests.results), LONG / 2)
    release.set()
    requests.wait()


def test_outputs_that_lost_the_batch_are_run_again_one_by_one(serving):
    signature = Signature(lambda x: x.sum(axis=0, keepdims=True))
    requests = serving(signature)
    with together(signature):
        numbers = {requests.send(rows(value, 1)): value for value in range(20)}
    results = requests.wait()
    assert all(results[number].tolist() == [[value + 1]] for number, value in numbers.items())


def test_closing_finishes_what_is_queued_and_refuses_the_rest():
    signature = Signature(slowly(lambda x: x))
    scheduler = MergingScheduler("model")
    requests = Requests(scheduler, signature)
    with together(signature):
        for value in range(10):
            requests.send(rows(value))
    scheduler.close()
    assert sorted(requests.results) == list(range(10))
    with pytest.raises(ServingError) as refused:
        requests.send(rows(1))
    assert refused.value.code == 14


def test_many_threads_get_their_own_results(serving):
    signature = Signature(slowly(lambda x: 7 * x, 0.001))
    requests = serving(signature)
    trust(requests)
    signature.runs.clear()
    scheduler = requests._scheduler
    wrong = []

    def client(seed):
        own = Requests(scheduler, signature)
        for turn in range(20):
            value = seed * 100 + turn
            number = own.send(rows(value, -value))
            if own.wait()[number].tolist() != [[7 * value], [-7 * value]]:
                wrong.append(value)

    clients = [threading.Thread(target=client, args=(seed,)) for seed in range(16)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join(LONG)
    assert not wrong
    assert not any(thread.is_alive() for thread in clients)
    assert len(signature.runs) < 16 * 20


@pytest.mark.parametrize("value, arguments, merges", [
    (None, [], True), ("", [], True), ("1", [], True), ("0", [], False),
    ("1", ["--enable_batching=true"], False)])  # fmt: skip
def test_our_own_variable_says_whether_requests_share_runs(value, arguments, merges, monkeypatch):
    monkeypatch.delenv("HOSTING_MERGE", raising=False)
    if value is not None:
        monkeypatch.setenv("HOSTING_MERGE", value)
    options = server.ServableOptions(flags.parse(["--model_base_path=/m"] + arguments))
    assert options.merge is merges
