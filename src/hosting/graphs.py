"""Two SavedModels of one network, run in turns: how long each takes.

    python -m hosting.graphs <packed model directory> <SavedModel> < sentences.json

Standard output gets a JSON object: for each batch size the medians in ms, the package's own
first. The sentences are encoded by the package's code.
"""

import json
import os
import sys
from time import perf_counter
from typing import List

import numpy as np
import tensorflow as tf

from hosting.packed import encoder, load

BATCHES = (1, 32)
SECONDS = 1.0  # for each batch size, both models together
WARM_UP = 3


def main(model_dir, other):
    encode = encoder(model_dir).encode
    runs = [_run(model_dir), _run(os.path.dirname(os.path.abspath(other)))]
    rows = np.array(encode(json.load(sys.stdin))["inputs"], dtype=np.float32)
    json.dump({str(batch): _medians(runs, rows, batch) for batch in BATCHES}, sys.stdout)


def _run(model_dir):
    session = tf.Session(graph=tf.Graph())
    with session.graph.as_default():
        tensors = load(session, model_dir)
    (inputs,) = tensors.inputs.values()
    return lambda rows: session.run(tensors.output, {inputs: rows})


def _medians(runs, rows, batch):
    starts = range(0, max(1, len(rows) - batch + 1), batch)
    batches = [
        np.resize(rows[start : start + batch], (batch,) + rows.shape[1:]) for start in starts
    ]
    taken: List[List[float]] = [[] for _ in runs]
    for run in runs:
        for _ in range(WARM_UP):
            run(batches[0])
    end, turn = perf_counter() + SECONDS, 0
    while perf_counter() < end or not turn:
        for run, times in zip(runs, taken):
            started = perf_counter()
            run(batches[turn % len(batches)])
            times.append((perf_counter() - started) * 1e3)
        turn += 1
    return [float(np.median(times)) for times in taken]


if __name__ == "__main__":
    main(*sys.argv[1:])
