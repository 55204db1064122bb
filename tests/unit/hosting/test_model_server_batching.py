"""Configured batching: TF Serving's rules for full, due and refused batches.

docs/contract.md#a8
"""

import threading
import time

import numpy as np
import pytest
from clocks import PATIENCE, ManualClock
from hypothesis import given, settings
from hypothesis import strategies as st
from test_model_server_merging import Requests, Signature, rows, slowly

from hosting.model_server.errors import ServingError, invalid_argument
from hosting.model_server.queues import batching
from hosting.model_server.queues import parameters as batching_parameters
from hosting.model_server.queues.batching import BatchScheduler, BatchThreads, pad_inner
from hosting.model_server.queues.parameters import BatchingParameters


def serving(function, **parameters):
    """Requests to a fake session behind a batch scheduler with these parameters."""
    signature = Signature(function)
    scheduler = BatchScheduler(BatchThreads(BatchingParameters(**parameters)), "model")
    return Requests(scheduler, signature), signature


@pytest.fixture
def clock(monkeypatch):
    """The schedulers' time, which stands still until `let_pass` changes it."""
    clock = ManualClock()
    monkeypatch.setattr(batching, "time", clock)
    return clock


def let_pass(requests, clock, seconds):
    """Let time go by for a scheduler's threads."""
    condition = requests._scheduler._threads.condition
    with condition:
        clock.now += seconds
        condition.notify_all()


def test_a8_requests_within_the_time_share_a_run(clock):
    requests, signature = serving(
        lambda x: 2 * x, batch_timeout_micros=400000, max_batch_size=8, num_batch_threads=1
    )
    for value in range(5):
        requests.send(rows(value))
    let_pass(requests, clock, 0.4)
    results = requests.wait()
    assert [results[number].tolist() for number in range(5)] == [[[2 * v]] for v in range(5)]
    assert signature.runs == [(5, 1)]


def test_a8_a_full_batch_does_not_wait(clock):
    requests, signature = serving(
        lambda x: x, batch_timeout_micros=400000, max_batch_size=4, num_batch_threads=1
    )
    for value in range(4):
        requests.send(rows(value))
    requests.wait()
    assert signature.runs == [(4, 1)]


def test_a8_a_lone_request_waits_for_the_time(clock):
    requests, signature = serving(lambda x: x, batch_timeout_micros=400000, num_batch_threads=2)
    requests.send(rows(1))
    let_pass(requests, clock, 0.39)
    time.sleep(0.05)  # in which it would run, if it did
    assert signature.runs == []
    let_pass(requests, clock, 0.02)
    requests.wait()


def test_a8_the_time_is_in_microseconds():
    requests, _ = serving(lambda x: x, batch_timeout_micros=100000, num_batch_threads=2)
    started = time.perf_counter()
    requests.send(rows(1))
    requests.wait()
    assert time.perf_counter() - started > 0.099


def test_a8_no_timeout_means_no_wait(clock):
    requests, _ = serving(lambda x: x, batch_timeout_micros=0)
    requests.send(rows(1))
    requests.wait()


def test_a8_when_the_queue_is_full_requests_are_refused_as_unavailable():
    begun, release = threading.Event(), threading.Event()

    def held(x):
        begun.set()
        release.wait(PATIENCE)
        return x

    requests, _ = serving(held, max_batch_size=1, max_enqueued_batches=2, num_batch_threads=1)
    refused = []
    for value in range(6):
        try:
            requests.send(rows(value))
        except ServingError as error:
            refused.append(error)
            requests._sent -= 1
        assert begun.wait(PATIENCE)
    release.set()
    requests.wait()
    # One runs, two wait.
    assert len(refused) == 3
    assert {error.code for error in refused} == {14}
    assert (
        refused[0].message == "The batch scheduling queue to which this task was submitted is full"
    )


def test_a8_a_request_larger_than_a_batch_is_refused():
    requests, _ = serving(lambda x: x, max_batch_size=3)
    with pytest.raises(ServingError) as refused:
        requests.send(rows(1, 2, 3, 4))
    assert (refused.value.code, refused.value.message) == (
        3,
        "Task size 4 is larger than maximum batch size 3",
    )


def test_a8_a_scalar_has_no_batch_dimension():
    requests, _ = serving(lambda x: x)
    with pytest.raises(ServingError) as refused:
        requests.send(np.float32(1).reshape(()))
    assert (
        refused.value.message
        == "Batching session Run() input tensors must have at least one dimension"
    )


def test_a8_an_output_without_the_batch_is_an_error_even_alone():
    requests, _ = serving(lambda x: x.sum(axis=0))
    requests.send(rows(1, 2))
    error = requests.wait()[0]
    assert (error.code, error.message) == (
        9,
        "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension "
        "sizes of the input tensors",
    )


def test_a8_the_guilty_request_fails_alone():
    def root(x):
        if (x < 0).any():
            raise invalid_argument("negative")
        return np.sqrt(x)

    requests, signature = serving(
        root, batch_timeout_micros=400000, max_batch_size=3, num_batch_threads=1
    )
    for value in (4, -1, 9):
        requests.send(rows(value))
    results = requests.wait()
    assert signature.runs[0] == (3, 1)
    assert results[0].tolist() == [[2]]
    assert results[1].message == "negative"
    assert results[2].tolist() == [[3]]


def test_a8_batches_are_padded_to_an_allowed_size_and_the_padding_is_dropped(clock):
    requests, signature = serving(
        lambda x: x,
        batch_timeout_micros=400000,
        max_batch_size=8,
        allowed_batch_sizes=[2, 4, 8],
        num_batch_threads=1,
    )
    for value in range(3):
        requests.send(rows(value))
    let_pass(requests, clock, 0.4)
    results = requests.wait()
    assert signature.runs == [(4, 1)]
    assert [results[number].tolist() for number in range(3)] == [[[0]], [[1]], [[2]]]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 2)), min_size=1, max_size=30),
       st.integers(1, 3), st.integers(4, 9))  # fmt: skip
def test_a8_results_never_mix_whatever_the_shapes_and_sizes(shapes, threads, size):
    requests, signature = serving(
        slowly(lambda x: 3 * x + 1, 0.001),
        max_batch_size=size,
        batch_timeout_micros=1000,
        max_enqueued_batches=1000,
        num_batch_threads=threads,
    )
    sent = {}
    for index, (count, width) in enumerate(shapes):
        array = (np.arange(count * width, dtype=np.float32) + 1000 * index).reshape(count, width)
        sent[requests.send(array)] = array
    results = requests.wait()
    for number, array in sent.items():
        np.testing.assert_array_equal(results[number], 3 * array + 1)
    assert max(shape[0] for shape in signature.runs) <= size
    assert signature.most_under_way <= threads


def test_a8_closing_finishes_what_is_queued():
    signature = Signature(slowly(lambda x: x))
    scheduler = BatchScheduler(
        BatchThreads(
            BatchingParameters(
                max_batch_size=2, batch_timeout_micros=50000, max_enqueued_batches=100
            )
        ),
        "model",
    )
    requests = Requests(scheduler, signature)
    for value in range(9):
        requests.send(rows(value))
    scheduler.close()
    assert sorted(requests.results) == list(range(9))
    with pytest.raises(ServingError):
        requests.send(rows(1))


def test_inner_dimensions_are_padded_with_the_first_value():
    padded = pad_inner([np.array([[1, 2]]), np.array([[5, 6, 7], [8, 9, 10]])])
    assert [array.tolist() for array in padded] == [[[1, 2, 1]], [[5, 6, 7], [8, 9, 10]]]


def test_the_parameters_file_is_read_in_protobufs_text_form():
    parameters = batching_parameters.parse(
        "max_batch_size { value: 8 }\nbatch_timeout_micros { value: 1000 }\n"
        "max_enqueued_batches { value: 4 }\nnum_batch_threads { value: 2 }\n"
        'thread_pool_name { value: "pool" } allowed_batch_sizes: 4 allowed_batch_sizes: 8',
        "file",
    )
    assert (
        parameters.max_batch_size,
        parameters.batch_timeout_micros,
        parameters.max_enqueued_batches,
        parameters.num_batch_threads,
        parameters.allowed_batch_sizes,
    ) == (8, 1000, 4, 2, [4, 8])


def test_the_defaults_are_tf_servings():
    parameters = batching_parameters.parse("", "file")
    assert (
        parameters.max_batch_size,
        parameters.batch_timeout_micros,
        parameters.max_enqueued_batches,
    ) == (1000, 0, 10)


@pytest.mark.parametrize("text, message", [
    ('max_batch_size { value: "x" }', "Invalid protobuf file: 'file'"),
    ("nonsense: 1", "Invalid protobuf file: 'file'"),
    ("num_batch_threads { value: 0 }", "num_batch_threads must be positive; was 0"),
    ("max_batch_size { value: 4 } allowed_batch_sizes: 2",
     "Last entry in allowed_batch_sizes must match max_batch_size; last entry was 2; expected 4"),
])  # fmt: skip
def test_wrong_parameters_are_refused(text, message):
    with pytest.raises(ServingError) as refused:
        batching_parameters.parse(text, "file")
    assert refused.value.message.startswith(message)
