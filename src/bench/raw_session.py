"""The yardstick: ``session.run`` in a process of its own, no server around it.

    python -m bench.raw_session <model directory>

Commands, one JSON object a line:

    {"sentences": ["…", …]}                      → inputs, probabilities, output, versions
    {"batch": 1, "threads": 1, "seconds": 2.0}   → latencies in ms, seconds
"""

import platform
import sys
import threading
from time import perf_counter
from typing import Dict, List

import numpy as np
import tensorflow as tf

from hosting.packed import answer_commands, encoder, load

ROWS_AT_ONCE = 64


class RawSession:
    """A session with a packed model, and the rows that it is run on."""

    versions: Dict[str, str] = {}

    def __init__(self, model_dir):
        self._encoder = encoder(model_dir)
        self._tensors = self._open(model_dir)
        self._rows = None

    def _open(self, model_dir):
        """Loads the model for `_run`; returns its Tensors."""
        session = tf.compat.v1.Session(graph=tf.Graph())
        with session.graph.as_default():
            tensors = load(session, model_dir)
        self._run = lambda feed: session.run(tensors.output, feed)
        return tensors

    def answer(self, command):
        """The answer to one command."""
        if "sentences" in command:
            return self._encode(command["sentences"])
        return self._measure(command["batch"], command["threads"], command["seconds"])

    def _encode(self, sentences):
        encoded = self._encoder.encode(sentences)
        if len(encoded) == 1:  # whatever the signature calls it, as the handler does
            encoded = dict(zip(self._tensors.inputs, encoded.values()))
        self._rows = {
            self._tensors.inputs[key]: np.array(rows, dtype=np.float32)
            for key, rows in encoded.items()
        }
        probabilities = []
        for start in range(0, len(sentences), ROWS_AT_ONCE):
            probabilities += self._run(self._feed(start, ROWS_AT_ONCE)).tolist()
        encoder = self._encoder.encoder
        return {
            "inputs": encoded,
            "probabilities": probabilities,
            "output": self._tensors.output_key,
            "pieces": [len(encoder.pieces(sentence)) for sentence in sentences],
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "numpy": np.__version__,
            **self.versions,
        }

    def _feed(self, start, batch):
        """What a run reads: ``batch`` rows of each input."""
        return {name: rows[start : start + batch] for name, rows in self._rows.items()}

    def _measure(self, batch, threads, seconds):
        count = len(next(iter(self._rows.values())))
        feeds = [self._feed(start, batch) for start in range(0, count - batch + 1, batch)]
        self._run(feeds[0])
        latencies: List[List[float]] = [[] for _ in range(threads)]
        started = perf_counter()
        end = started + seconds

        def work(number):
            now = perf_counter()
            turn = number
            while now < end:
                self._run(feeds[turn % len(feeds)])
                turn += threads
                before, now = now, perf_counter()
                latencies[number].append(round((now - before) * 1e3, 4))

        workers = [threading.Thread(target=work, args=(number,)) for number in range(1, threads)]
        for worker in workers:
            worker.start()
        work(0)
        for worker in workers:
            worker.join()
        return {
            "latencies_ms": [latency for one in latencies for latency in one],
            "seconds": perf_counter() - started,
        }


if __name__ == "__main__":
    answer_commands(RawSession(sys.argv[1]).answer)
