"""The yardstick for starting: import TensorFlow, load a SavedModel, run it once.

    python -m hosting.bench.first_run <model directory> <positions of the input>
"""
import sys

import numpy as np
import tensorflow as tf

from hosting.bench.raw_session import load


def main(model_dir, length):
    with tf.Session(graph=tf.Graph()) as session:
        tensors = load(session, model_dir)
        session.run(tensors.output, {tensors.input: np.zeros((1, length), dtype=np.float32)})
    print('answered', flush=True)


if __name__ == '__main__':
    main(sys.argv[1], int(sys.argv[2]))
