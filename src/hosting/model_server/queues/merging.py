"""Which requests share a session run when no batching is configured.

Requests that arrive while the session is busy wait, and when it is free all
that fit together go in one run: one signature, equal inner shapes and types, a
batch dimension in every input and output. A lone request is never delayed, and
where its run will be short it has no thread of its own: handing it over and
back costs as much as a tenth of a small model's run. TensorFlow Serving merges
nothing unless it is told to batch; HOSTING_MERGE=0 does the same.
"""

import collections
import os
import threading
import time
from typing import Deque, Dict

from hosting.model_server.errors import Unloaded
from hosting.model_server.graph import dtypes
from hosting.model_server.graph.independence import TRIAL_TASKS, Trial
from hosting.model_server.monitoring import Runs
from hosting.model_server.queues.tasks import (
    Task,
    result_alone,
    run_alone,
    run_merged,
    run_together,
)

# More rows than this in one run only make every request in it wait longer: by
# then the cost of a row has long stopped falling.
MAX_ROWS = 64
# A run that takes this long lets others start beside it, so that one large
# request does not hold up all small ones.
PATIENCE = 0.2
# A run of fewer seconds may hold up an event loop, if the one before it took no longer.
SHORT = 0.002
# So many runs in a row must have been alone before.
QUIET = 8
# As many requests as TF Serving's REST API has threads for.
SINGLE_RUNS = 4 * (os.cpu_count() or 1)


class MergingScheduler:
    """Runs tasks in threads; those that can share a run do when the session is busy."""

    def __init__(self, name, single_runs=SINGLE_RUNS, merge=True, predictable=False):
        """A scheduler with empty queues.

        `single_runs`: how many tasks that cannot share a run may be under way at once;
        `merge`: False gives every task a run of its own; `predictable`: whether inputs of a
        size take the time that the last ones of that size took, whatever their values.
        """
        self.runs = Runs()
        self._name = name
        self._merge = merge
        self._single_runs = single_runs
        self._single = 0  # runs under way of tasks that cannot share
        self._begun = []  # when each other run under way began
        self._queues: Dict[bool, Deque[Task]] = {}
        self._queues[True], self._queues[False] = collections.deque(), collections.deque()
        self._condition = threading.Condition(threading.Lock())
        self._trials = {}
        self._predictable = predictable
        self._latest = {}  # values and seconds of the latest run, by its signature's name
        self._alone = 0  # runs in a row for which no other request waited
        self._idle = 0
        self._threads = 0
        self._closed = False

    def submit(self, task, later=None):
        """Queue a task; it runs at once when the session is free.

        `later(function)` calls a function when the caller, an event loop, has taken all that
        its clients have sent so far: then, a task that is alone and short runs in this thread.
        """
        if self._merge and task.signature.is_batched and not task.signature.mixing:
            task.key = task.merge_key()
            if task.key is not None and self._trial(task).refused:
                task.key = None
        shared = task.key is not None
        with self._condition:
            if self._closed:
                raise Unloaded(self._name)
            queue = self._queues[shared]
            queue.append(task)
            # For the first that has to wait, a thread must watch how long.
            if self._has_room(shared) or shared and len(queue) == 1:
                if later is not None and self._is_short(task):
                    later(self._run_here)
                else:
                    self._wake()

    def _trial(self, task):
        key = (task.signature.name, task.outputs)
        trial = self._trials.get(key)
        if trial is None:
            trial = self._trials[key] = Trial(f"{task.signature.name} of {self._name}")
        return trial

    def _wake(self):
        """Let a thread look at the queues."""
        if self._idle:
            self._condition.notify()
        elif self._threads < 2 * self._single_runs:
            self._threads += 1
            threading.Thread(
                target=self._work, name=f"run-{self._name}-{self._threads}", daemon=True
            ).start()

    def _is_short(self, task):
        if not self._predictable or self._alone < QUIET or dtypes.STRING in task.types:
            return False
        values, seconds = self._latest.get(task.signature.name, (0, 0.0))
        return seconds < SHORT and _values([task]) <= values

    def _run_here(self):
        """Run a task that has stayed alone, else leave all to the threads."""
        with self._condition:
            alone = (
                len(self._queues[True]) + len(self._queues[False]) == 1
                and not self._begun
                and not self._single
            )
            shared = self._next()
            if shared is None:  # done already
                return
            if not alone:
                self._alone = 0
                self._wake()
                return
            tasks, begun = self._begin(shared)
        # TensorFlow Serving hands every run to TensorFlow's threads, and so does MERGE=0.
        run_alone(tasks[0], in_this_thread=self._merge)
        with self._condition:
            self._end(tasks, shared, begun)
            for queue in self._queues.values():
                if queue:
                    self._wake()
            if self._closed:
                self._condition.notify_all()

    def _has_room(self, shared):
        """Whether one more run of a kind may start: of those that share one, and one more for
        each that takes too long."""
        if not shared:
            return self._single < self._single_runs
        if not self._begun:
            return True
        return self._patience() <= 0 and len(self._begun) < self._single_runs

    def _patience(self):
        """For how long a waiting task still has to wait for the latest run to end."""
        return self._begun[-1] + PATIENCE - time.monotonic()

    def _next(self):
        """The kind of the next run, or None: nothing to do or no room."""
        for shared in (True, False):
            if self._queues[shared] and self._has_room(shared):
                return shared
        return None

    def _take(self, shared):
        """The first task that waits and, if it can share a run, those that fit to it."""
        queue = self._queues[shared]
        task = queue.popleft()
        tasks = [task]
        if shared and queue:
            rows = task.rows
            most = len(queue) + 1 if self._trial(task).passed else TRIAL_TASKS
            left = []
            while queue and len(tasks) < most:
                other = queue.popleft()
                if rows + other.rows <= MAX_ROWS and other.key == task.key:
                    tasks.append(other)
                    rows += other.rows
                else:
                    left.append(other)
            queue.extendleft(reversed(left))
        return tasks

    def _begin(self, shared):
        """Take the tasks of the next run; when it begins."""
        tasks = self._take(shared)
        begun = time.monotonic()
        if shared:
            self._begun.append(begun)
            if self._queues[True]:
                self._wake()
        else:
            self._single += 1
        return tasks, begun

    def _end(self, tasks, shared, begun):
        seconds = time.monotonic() - begun
        if shared:
            self._begun.remove(begun)
        else:
            self._single -= 1
        self.runs.add(tasks, seconds)
        # Among many clients' requests an event loop has better things to do.
        busy = len(tasks) > 1 or self._begun or self._single or any(self._queues.values())
        self._alone = 0 if busy else self._alone + 1
        self._latest[tasks[0].signature.name] = _values(tasks), seconds

    def _run(self, tasks):
        if len(tasks) == 1:
            run_alone(tasks[0])
            return
        trial = self._trial(tasks[0])
        if trial.passed:
            run_together(tasks)
        elif trial.refused:
            for task in tasks:
                run_alone(task)
        else:
            self._try(trial, tasks)

    @staticmethod
    def _try(trial, tasks):
        """Run tasks both by themselves, for the answers, and together, for the evidence."""
        separate = [result_alone(task) for task in tasks]
        good = [(task, arrays) for task, (arrays, error) in zip(tasks, separate) if error is None]
        for task, (arrays, error) in zip(tasks, separate):
            task.done(arrays, error)
        if len(good) < 2:
            return
        tasks = [task for task, _ in good]
        try:
            merged = run_merged(tasks)
        except Exception:
            merged = None
        if merged is not None:
            trial.compare(tasks, merged, [arrays for _, arrays in good])

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
                    # With room missing, a run that ends is followed by the next in its thread.
                    condition.wait(self._patience() if self._queues[True] and self._begun else None)
                    self._idle -= 1
                    shared = self._next()
                tasks, begun = self._begin(shared)
            self._run(tasks)
            with condition:
                self._end(tasks, shared, begun)
            # Not to keep the tensors while waiting for the next.
            del tasks

    def close(self, timeout=30.0):
        """Finish what is queued, refuse the rest, end the threads."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
            self._condition.wait_for(self._is_finished, timeout)

    def _is_finished(self):
        return not (self._threads or self._begun or self._single or any(self._queues.values()))


def _values(tasks):
    return sum([array.size for task in tasks for array in task.arrays])
