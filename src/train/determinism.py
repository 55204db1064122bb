"""Seeds and threads: what makes two runs of one job give the same weights.

TensorFlow 1.x adds floating point numbers in an order that depends on its
threads, so the same seed alone is not enough: ``single_thread`` gives up speed
for bit-identical results. PYTHONHASHSEED must be set before Python starts;
whoever starts the job does that.
"""
import random

import numpy as np
import tensorflow as tf


def new_session(seed, single_thread):
    """Clears Keras, seeds every generator and installs a fresh session.

    Call it before the first layer is made: in TensorFlow 1.x an operation's
    seed is derived from the graph's seed at the moment it is created.

    Returns:
        tf.Session: now Keras' own.
    """
    tf.keras.backend.clear_session()
    random.seed(seed)
    np.random.seed(seed)
    tf.set_random_seed(seed)
    threads = 1 if single_thread else 0
    session = tf.Session(config=tf.ConfigProto(
        intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads))
    tf.keras.backend.set_session(session)
    return session
