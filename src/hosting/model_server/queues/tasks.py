"""A request's tensors on their way through the session, alone or with others."""

import numpy as np

from hosting.model_server.errors import ServingError, internal
from hosting.model_server.graph.shapes import NUMPY_RANK


class Task:
    """One request's tensors and where its results go."""

    __slots__ = ("signature", "arrays", "outputs", "rows", "key", "timeout_ms", "types", "done")

    def __init__(self, signature, arrays, outputs, done, timeout_ms=0, types=None):
        """`arrays`: in the order of the signature's inputs; `outputs`: the names to fetch.

        `done(arrays, error)` is called once, from another thread: the error is
        a ServingError, or None when there are arrays. `types`: the arrays'
        types, where they may differ from the signature's.
        """
        self.signature = signature
        self.arrays = arrays
        self.outputs = outputs
        self.done = done
        self.timeout_ms = timeout_ms
        self.types = types or signature.types
        self.rows = _common_rows(arrays)
        self.key = None

    def merge_key(self):
        """What must be equal for two tasks to share a run; None: this one cannot."""
        if not self.rows or self.types != self.signature.types:
            return None
        if any(array.ndim > NUMPY_RANK for array in self.arrays):
            return None
        return (self.signature.name, self.outputs) + tuple(
            [array.shape[1:] for array in self.arrays]
        )


def _common_rows(arrays):
    """The size of the first dimension, which all must share, else 0."""
    rows = 0
    for array in arrays:
        if not array.ndim or rows and len(array) != rows:
            return 0
        rows = len(array)
    return rows


def result_alone(task, check=None, in_this_thread=False):
    """Run one task by itself; returns its arrays and None, or None and the error.

    `check(arrays, rows)` may refuse the results; `in_this_thread`: without TensorFlow's own
    threads for operations that could run side by side.
    """
    try:
        runner = task.signature.runner(task.outputs)
        arrays = runner(task.arrays, task.timeout_ms, task.types, in_this_thread)
        if check is not None:
            check(arrays, task.rows)
    except ServingError as error:
        return None, error
    except Exception as error:
        return None, internal(error)
    return arrays, None


def run_alone(task, check=None, in_this_thread=False):
    task.done(*result_alone(task, check, in_this_thread))


def run_merged(tasks, extra_rows=0):
    """The results of several tasks of one key run in one go, as a list of arrays for each.

    `extra_rows` copies of the last task's first row are run as well and
    dropped. None when the results cannot be told apart.
    """
    first, last = tasks[0], tasks[-1]
    columns = [list(parts) for parts in zip(*[task.arrays for task in tasks])]
    if extra_rows:
        for column, array in zip(columns, last.arrays):
            column.extend([array[:1]] * extra_rows)
    timeouts = [task.timeout_ms for task in tasks]
    merged = first.signature.runner(first.outputs)(
        [np.concatenate(column) for column in columns], max(timeouts) if all(timeouts) else 0
    )
    rows = sum(task.rows for task in tasks) + extra_rows
    if not all(result.ndim and len(result) == rows for result in merged):
        return None
    results = []
    start = 0
    for task in tasks:
        results.append([array[start : start + task.rows] for array in merged])
        start += task.rows
    return results


def run_together(tasks, extra_rows=0, check=None):
    """Run tasks of one key in one go and report.

    If that fails each is run by itself, so that only the guilty one fails.
    """
    results = None
    if len(tasks) > 1 or extra_rows:
        try:
            results = run_merged(tasks, extra_rows)
        except Exception:
            # Whatever it was, it shows again below, for the request it belongs to.
            results = None
    if results is None:
        for task in tasks:
            run_alone(task, check)
        return
    for task, arrays in zip(tasks, results):
        task.done(arrays, None)
