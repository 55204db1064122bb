"""A scheduler's requests and what runs them, without TensorFlow."""

import contextlib
import threading

import numpy as np
from clocks import PATIENCE as LONG

from hosting.model_server.queues.tasks import Task

FLOAT = 1


class Signature:
    """A signature whose session is a Python function, and which notes its runs.

    `gate`: closed (cleared), it holds up every run.
    """

    def __init__(self, function, is_batched=True, mixing=None):
        self.name = "fake"
        self.types = (FLOAT,)
        self.is_batched = is_batched
        self.mixing = mixing
        self.runs = []
        self.threads = []
        self.gate = threading.Event()
        self.gate.set()
        self.under_way = self.most_under_way = 0
        self._function = function
        self._lock = threading.Lock()

    def runner(self, outputs):
        def run(arrays, timeout_ms=0, types=None, in_this_thread=False):
            with self._lock:
                self.runs.append(arrays[0].shape)
                self.threads.append((threading.get_ident(), in_this_thread))
                self.under_way += 1
                self.most_under_way = max(self.most_under_way, self.under_way)
            try:
                assert self.gate.wait(LONG)
                return [self._function(arrays[0])]
            finally:
                with self._lock:
                    self.under_way -= 1

        return run


class Requests:
    """Submits arrays and collects what comes back, each under its own number."""

    def __init__(self, scheduler, signature):
        self._scheduler = scheduler
        self._signature = signature
        self._done = threading.Condition()
        self._sent = 0
        self.types = None
        self.results = {}

    def send(self, array, later=None):
        number = self._sent
        self._sent += 1

        def done(arrays, error):
            with self._done:
                assert number not in self.results, "a request was answered twice"
                self.results[number] = error if error is not None else arrays[0]
                self._done.notify_all()

        task = Task(self._signature, [array], ("y",), done, types=self.types)
        self._scheduler.submit(task, later)
        return number

    def wait(self):
        with self._done:
            assert self._done.wait_for(lambda: len(self.results) == self._sent, LONG)
        return self.results


def rows(*values):
    return np.array(values, dtype=np.float32).reshape(-1, 1)


@contextlib.contextmanager
def together(signature):
    """What is sent meanwhile waits until all of it is there."""
    signature.gate.clear()
    yield
    signature.gate.set()
