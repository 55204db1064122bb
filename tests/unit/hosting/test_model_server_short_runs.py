"""A short run of a request that is alone has no thread of its own; any other run has one."""

import threading

import pytest
from clocks import PATIENCE as LONG
from merging_support import Signature, rows, together

from hosting.model_server import servable
from hosting.model_server.graph import native
from hosting.model_server.queues import merging


@pytest.fixture
def short(monkeypatch):
    """Every run is a short one, however slow the machine."""
    monkeypatch.setattr(merging, "SHORT", LONG)
    monkeypatch.setattr(merging, "QUIET", 1)


def known(serving, **options):
    """(requests, signature) of which one run, of two values, has been measured."""
    signature = Signature(lambda x: 2 * x)
    requests = serving(signature, **dict({"predictable": True}, **options))
    scheduler, ended, put_off = requests._scheduler, threading.Event(), []
    end = scheduler._end

    def noting(*arguments):
        end(*arguments)
        ended.set()

    scheduler._end = noting
    requests.send(rows(1, 2), put_off.append)
    assert ended.wait(LONG)
    assert not put_off, "nothing was known of its runs"
    return requests, signature


@pytest.mark.parametrize("merge", [True, False])
def test_a_short_run_of_a_request_that_is_alone_is_the_event_loops_own(serving, short, merge):
    requests, signature = known(serving, merge=merge)
    put_off = []
    number = requests.send(rows(3, 4), put_off.append)
    assert number not in requests.results
    for function in put_off:
        function()
    assert requests.results[number].tolist() == [[6], [8]]
    # Where each request has a run as on AWS, it is TensorFlow's threads that run it.
    assert signature.threads[1] == (threading.get_ident(), merge)


@pytest.mark.parametrize("merge", [True, False])
def test_requests_that_came_together_are_left_to_the_threads(serving, short, merge):
    requests, signature = known(serving, merge=merge)
    put_off = []
    numbers = [requests.send(rows(value), put_off.append) for value in range(3)]
    for function in put_off:
        function()
    results = requests.wait()
    assert [results[number].tolist() for number in numbers] == [[[0]], [[2]], [[4]]]
    assert all(thread != (threading.get_ident(), True) for thread in signature.threads)
    assert threading.get_ident() not in [thread for thread, _ in signature.threads]


@pytest.mark.parametrize("options, array, types", [
    ({}, rows(1, 2, 3), None),
    ({}, rows(1), (7,)),
    ({"predictable": False}, rows(1), None)], ids=["larger", "strings", "loops"])  # fmt: skip
def test_a_run_that_may_take_long_has_a_thread(serving, short, options, array, types):
    requests, _ = known(serving, **options)
    put_off = []
    requests.types = types
    requests.send(array, put_off.append)
    requests.wait()
    assert not put_off


def test_after_a_long_run_the_next_one_has_a_thread(serving, monkeypatch):
    monkeypatch.setattr(merging, "SHORT", 0.0)
    monkeypatch.setattr(merging, "QUIET", 1)
    requests, _ = known(serving)
    put_off = []
    requests.send(rows(1), put_off.append)
    requests.wait()
    assert not put_off


def test_a_run_for_which_others_waited_is_not_taken_for_short(serving, short, patient):
    signature = Signature(lambda x: 2 * x)
    requests = serving(signature, predictable=True)
    scheduler, seen = requests._scheduler, []
    end = scheduler._end

    def noting(*arguments):
        end(*arguments)
        seen.append(scheduler._alone)

    scheduler._end = noting
    with together(signature):
        for value in range(2):
            requests.send(rows(value))
    requests.wait()
    scheduler.close()
    assert seen[0] == 0


def test_closing_waits_for_a_run_that_was_put_off(serving, short):
    requests, _ = known(serving)
    put_off = []
    number = requests.send(rows(5), put_off.append)
    closing = threading.Thread(target=requests._scheduler.close)
    closing.start()
    for function in put_off:
        function()
    closing.join(LONG)
    assert not closing.is_alive()
    assert requests.results[number].tolist() == [[10]]


@pytest.mark.parametrize("operations, in_function, loops", [
    (["Placeholder", "MatMul", "Softmax"], [], False),
    (["Placeholder", "LoopCond"], [], True),
    (["Placeholder", "While"], [], True),
    (["PartitionedCall"], ["StatelessWhile"], True),
    (["PartitionedCall"], ["MatMul"], False),
])  # fmt: skip
def test_how_long_a_loop_takes_is_not_what_it_took_the_last_time(operations, in_function, loops):
    native.protos_without_tensorflow()
    from tensorflow.core.framework import graph_pb2

    graph_def = graph_pb2.GraphDef()
    for operation in operations:
        graph_def.node.add(name=operation, op=operation)
    function = graph_def.library.function.add()
    for operation in in_function:
        function.node_def.add(name=operation, op=operation)
    assert servable._has_loops(graph_def) is loops
