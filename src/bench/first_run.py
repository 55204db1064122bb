"""The yardstick for starting: import TensorFlow, load a SavedModel, run it once.

python -m bench.first_run <model directory>
"""

import sys

import numpy as np
import tensorflow as tf

from hosting.packed import load


def zeros(graph, name):
    """A batch of one for the placeholder of this name."""
    tensor = graph.get_tensor_by_name(name)
    shape = [size or 1 for size in tensor.shape.as_list()]
    return np.zeros(shape, dtype=tensor.dtype.as_numpy_dtype)


def main(model_dir):
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        tensors = load(session, model_dir)
        session.run(
            tensors.output, {name: zeros(session.graph, name) for name in tensors.inputs.values()}
        )
    print("answered", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
