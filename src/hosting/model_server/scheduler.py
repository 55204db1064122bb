"""Which requests share a session run when no batching is configured.

Requests that arrive while the session is busy wait, and when it is free all
that fit together go in one run: one signature, equal inner shapes and types, a
batch dimension in every input and output. A lone request is never delayed.
"""

import collections
import threading

import numpy as np

from hosting.model_server.errors import ServingError, internal

# More rows than this in one run only make every request in it wait longer: the
# cost of a row has long stopped falling.
MAX_ROWS = 64


class Task:
    """One request's tensors on their way through the session."""

    __slots__ = ('signature', 'arrays', 'outputs', 'rows', 'key', 'timeout_ms', 'types', 'done')

    def __init__(self, signature, arrays, outputs, done, timeout_ms=0, types=None):
        """`arrays`: by the order of the signature's inputs; `outputs`: names to fetch.

        `done(arrays, error)` is called once, from another thread: the error is
        a ServingError, or None when there are arrays. `types`: the arrays'
        types, if they need not be the signature's.
        """
        self.signature = signature
        self.arrays = arrays
        self.outputs = outputs
        self.done = done
        self.timeout_ms = timeout_ms
        self.types = types or signature.types
        self.rows = 0
        self.key = None
        if signature.is_batched and self.types == signature.types:
            rows = None
            for array in arrays:
                if not array.ndim or rows is not None and len(array) != rows:
                    return
                rows = len(array)
            if rows:
                self.rows = rows
                self.key = (signature.name, outputs) + tuple(array.shape[1:] for array in arrays)


def run_alone(task):
    """Run one task by itself and report."""
    try:
        runner = task.signature.runner(task.outputs)
        results = runner(task.arrays, task.timeout_ms, task.types)
    except ServingError as error:
        task.done(None, error)
    except Exception as error:  # noqa: B902 - a request must get an answer
        task.done(None, internal(error))
    else:
        task.done(results, None)


def run_together(tasks):
    """Run tasks of one key in one go; if that fails, each by itself, so that only the guilty fails."""
    if len(tasks) == 1:
        run_alone(tasks[0])
        return
    first = tasks[0]
    rows = sum(task.rows for task in tasks)
    try:
        arrays = [np.concatenate(parts) for parts in zip(*[task.arrays for task in tasks])]
        timeouts = [task.timeout_ms for task in tasks]
        results = first.signature.runner(first.outputs)(
            arrays, max(timeouts) if all(timeouts) else 0)
        good = all(result.ndim and len(result) == rows for result in results)
    except Exception:  # noqa: B902 - whatever it was, it shows again below, for its own request
        good = False
    if not good:
        for task in tasks:
            run_alone(task)
        return
    start = 0
    for task in tasks:
        end = start + task.rows
        task.done([result[start:end] for result in results], None)
        start = end


class NaturalScheduler:
    """Runs tasks in threads; those that can share a run do when the session is busy."""

    def __init__(self, name, shared_runs=1, single_runs=8):
        """`shared_runs`: runs of batchable tasks under way at once; `single_runs`: of others."""
        self._name = name
        self._limit = {True: shared_runs, False: single_runs}
        self._running = {True: 0, False: 0}
        self._queues = {True: collections.deque(), False: collections.deque()}
        self._condition = threading.Condition(threading.Lock())
        self._idle = 0
        self._threads = 0
        self._closed = False

    def submit(self, task):
        """Queue a task; it runs at once when the session is free."""
        shared = task.key is not None
        with self._condition:
            if self._closed:
                raise ServingError(14, 'The model %s is being unloaded' % self._name)
            self._queues[shared].append(task)
            if self._running[shared] < self._limit[shared]:
                if self._idle:
                    self._condition.notify()
                else:
                    self._start_thread()

    def _start_thread(self):
        self._threads += 1
        threading.Thread(target=self._work, name='run-%s-%d' % (self._name, self._threads),
                         daemon=True).start()

    def _next(self):
        """The kind of the next run, or None: nothing to do or no room."""
        for shared in (True, False):
            if self._queues[shared] and self._running[shared] < self._limit[shared]:
                return shared
        return None

    def _take(self, shared):
        queue = self._queues[shared]
        task = queue.popleft()
        tasks = [task]
        if shared and queue:
            rows = task.rows
            left = []
            while queue:
                other = queue.popleft()
                if other.key == task.key and rows + other.rows <= MAX_ROWS:
                    tasks.append(other)
                    rows += other.rows
                else:
                    left.append(other)
            queue.extend(left)
        return tasks

    def _work(self):
        condition = self._condition
        while True:
            with condition:
                shared = self._next()
                while shared is None:
                    if self._closed:
                        self._threads -= 1
                        condition.notify_all()
                        return
                    self._idle += 1
                    condition.wait()
                    self._idle -= 1
                    shared = self._next()
                tasks = self._take(shared)
                self._running[shared] += 1
            try:
                run_together(tasks)
            finally:
                # What waits for a place is taken by this same thread next.
                del tasks
                with condition:
                    self._running[shared] -= 1

    def close(self, timeout=30.0):
        """Finish what is queued, refuse the rest, end the threads."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
            self._condition.wait_for(lambda: not self._threads, timeout)
