"""Which models a multi-model endpoint of today's container has: all its workers share the list."""

import contextlib
import fcntl
import json
import os
import time

LOCK_SECONDS = 60
_POLL = 0.05


class LoadedModels:
    """{name: [(REST port, gRPC port, process id)]} in a file below `folder`."""

    def __init__(self, folder):
        self._path = os.path.join(folder, "models.json")
        self._lock = os.path.join(folder, "lock-file.lock")

    def read(self):
        """What the file says; empty where it is not there, or not whole."""
        try:
            with open(self._path) as stream:
                return json.load(stream)
        except (OSError, ValueError):
            return {}

    @contextlib.contextmanager
    def changed(self):
        """The models, to be changed by nobody else meanwhile; written back afterwards."""
        end = time.monotonic() + LOCK_SECONDS
        with open(self._lock, "w") as lock:
            # A lock that waits would hold up every greenlet of the worker.
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if time.monotonic() > end:
                        waited = f"the list of models was locked for {LOCK_SECONDS} s"
                        raise TimeoutError(waited) from None
                    time.sleep(_POLL)
            models = self.read()
            before = dict(models)
            yield models
            if models != before:
                self._write(models)

    def _write(self, models):
        new = self._path + ".new"
        with open(new, "w") as stream:
            json.dump(models, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(new, self._path)
