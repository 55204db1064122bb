"""Batching as ``--enable_batching`` configures it: SharedBatchScheduler's rules.

docs/contract.md#a8

Each signature of each model has a queue of batches; the last one is open for
more requests until it is full or its time is up. The threads are shared by all.
"""

import collections
import itertools
import threading
import time
from typing import Counter, Deque

import numpy as np

from hosting.model_server.errors import (
    UNAVAILABLE,
    ServingError,
    Unloaded,
    failed_precondition,
    invalid_argument,
)
from hosting.model_server.monitoring import Runs
from hosting.model_server.queues.tasks import run_alone, run_together


class _Batch:
    """Requests that will run together; open as long as it is the last of its queue."""

    __slots__ = ("runs", "tasks", "rows", "due")

    def __init__(self, runs):
        self.runs = runs
        self.tasks = []
        self.rows = 0
        self.due = None


def check_rows(results, rows):
    """Refuse outputs that are no batch: TF Serving does so even for a batch of one request."""
    for array in results:
        if not array.ndim:
            raise failed_precondition("Batched output tensor has 0 dimensions")
        if len(array) != rows:
            raise failed_precondition(
                "Batched output tensor's 0th dimension does not equal the sum of the 0th "
                "dimension sizes of the input tensors",
            )


def check_input(arrays):
    """Refuse inputs that have no common batch dimension."""
    if any(not array.ndim for array in arrays):
        raise invalid_argument(
            "Batching session Run() input tensors must have at least one dimension"
        )
    if len({len(array) for array in arrays}) > 1:
        raise invalid_argument(
            "Batching session Run() input tensors must have equal 0th-dimension size"
        )


def pad_inner(arrays):
    """Extend arrays to their largest inner dimensions, each with its own first value."""
    sizes = [max(dims) for dims in zip(*[array.shape[1:] for array in arrays])]
    padded = []
    for array in arrays:
        if list(array.shape[1:]) != sizes and array.size:
            larger = np.full([len(array)] + sizes, array.flat[0], dtype=array.dtype)
            larger[tuple(slice(size) for size in array.shape)] = array
            array = larger
        padded.append(array)
    return padded


class BatchThreads:
    """The threads that run the batches of all models, and the queues they serve in turn."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.condition = threading.Condition()
        self.queues: collections.OrderedDict[tuple, Deque[_Batch]] = collections.OrderedDict()
        self.running: Counter[int] = collections.Counter()  # by a batch's scheduler
        for number in range(parameters.num_batch_threads):
            threading.Thread(target=self._work, name=f"batch-{number}", daemon=True).start()

    def _due(self, now):
        """The key of a queue whose first batch may run now, else None and when one may."""
        wake = None
        for key, queue in self.queues.items():
            if not queue or not queue[0].tasks:
                continue
            first = queue[0]
            if len(queue) > 1 or first.rows >= self.parameters.max_batch_size or first.due <= now:
                # The others have their turn before this one has it again.
                self.queues.move_to_end(key)
                return key, None
            wake = first.due if wake is None else min(wake, first.due)
        return None, wake

    def _work(self):
        while True:
            with self.condition:
                while True:
                    now = time.monotonic()
                    key, wake = self._due(now)
                    if key is not None:
                        break
                    self.condition.wait(None if wake is None else wake - now)
                batch = self.queues[key].popleft()
                self.running[key[0]] += 1
                # There may be another batch due for another thread.
                self.condition.notify()
            begun = time.monotonic()
            self._run(batch.tasks)
            with self.condition:
                batch.runs.add(batch.tasks, time.monotonic() - begun)
                self.running[key[0]] -= 1
                self.condition.notify_all()
            del batch

    def _run(self, tasks):
        parameters = self.parameters
        alone = [task for task in tasks if task.merge_key() is None]
        tasks = [task for task in tasks if task.merge_key() is not None]
        if parameters.pad_variable_length_inputs and len(tasks) > 1:
            ranks = {tuple(array.ndim for array in task.arrays) for task in tasks}
            if len(ranks) == 1:
                columns = [pad_inner(column) for column in zip(*[task.arrays for task in tasks])]
                for task, arrays in zip(tasks, zip(*columns)):
                    task.arrays = list(arrays)
        # TF Serving fails a whole batch for one request of another shape; here
        # each shape has its own run.
        for _, group in itertools.groupby(sorted(tasks, key=_order), key=_order):
            together = list(group)
            rows = sum(task.rows for task in together)
            run_together(together, parameters.padding(rows), check_rows)
        for task in alone:
            run_alone(task, check_rows)


def _order(task):
    return str(task.merge_key())


class BatchScheduler:
    """The batch queues of one servable."""

    def __init__(self, threads, name):
        self.runs = Runs()
        self._threads = threads
        self._name = name
        self._closed = False

    def submit(self, task, later=None):
        """Put a task into its signature's open batch, or into a new one; its thread runs it."""
        parameters = self._threads.parameters
        check_input(task.arrays)
        size = len(task.arrays[0])
        if size > parameters.max_batch_size:
            raise invalid_argument(
                f"Task size {size} is larger than maximum batch size {parameters.max_batch_size}"
            )
        with self._threads.condition:
            if self._closed:
                raise Unloaded(self._name)
            queue = self._threads.queues.setdefault(
                (id(self), task.signature.name, frozenset(task.outputs)), collections.deque()
            )
            if not queue:
                queue.append(_Batch(self.runs))
            if queue[-1].rows + size > parameters.max_batch_size:
                if len(queue) >= parameters.max_enqueued_batches:
                    raise ServingError(
                        UNAVAILABLE,
                        "The batch scheduling queue to which this task was submitted is full",
                    )
                queue.append(_Batch(self.runs))
            batch = queue[-1]
            if not batch.tasks:
                batch.due = time.monotonic() + parameters.batch_timeout_micros / 1e6
            batch.tasks.append(task)
            batch.rows += size
            self._threads.condition.notify()

    def close(self, timeout=30.0):
        """Finish what is queued and refuse the rest."""
        threads = self._threads

        def empty():
            return not threads.running[id(self)] and not any(
                key[0] == id(self) and queue and queue[0].tasks
                for key, queue in threads.queues.items()
            )

        with threads.condition:
            self._closed = True
            threads.condition.notify_all()
            threads.condition.wait_for(empty, timeout)
            for key in [key for key in threads.queues if key[0] == id(self)]:
                del threads.queues[key]
            del threads.running[id(self)]
