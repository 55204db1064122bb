"""Writes networks.npz: small networks of v1 and v2, and what TensorFlow 1.12 makes of them.

    PYTHONPATH=src:src/train .venvs/train/bin/python tests/today/made_by_tensorflow_1.py
"""
import argparse
import os

os.environ['TF_KERAS'] = '1'

import numpy as np
import tensorflow as tf

import determinism
import network
import train_v1

WORDS, DIMENSIONS, CLASSES, BUCKETS = 40, 6, 3, 50
random = np.random.RandomState(7)


def filled(model):
    """The model's weights, each replaced by random numbers: biases, too."""
    weights = [random.normal(0, 0.4, array.shape).astype(np.float32)
               for array in model.get_weights()]
    model.set_weights(weights)
    return weights


def named(prefix, arrays):
    return {'{}_{:02d}'.format(prefix, number): array for number, array in enumerate(arrays)}


def main():
    # With several threads TensorFlow 1.12 may count a step before it reads the count, or after.
    determinism.new_session(1, single_thread=True)
    vectors = random.normal(0, 1, (WORDS, DIMENSIONS)).astype(np.float32)
    tokens = random.randint(1, WORDS, (8, 64)).astype(np.float32)
    for row, padding in zip(tokens, (0, 10, 30, 60, 63, 50, 40, 20)):
        row[:padding] = 0
    grams = random.randint(1, BUCKETS, (8, 20)).astype(np.float32)
    grams[:4, 12:] = 0
    targets = np.eye(CLASSES, dtype=np.float32)[random.randint(0, CLASSES, 8)]
    made = {'tokens': tokens, 'grams': grams, 'targets': targets}

    v1 = train_v1.build_model(vectors, 4, CLASSES, dropout=0)
    made.update(named('v1', filled(v1)), answers1=v1.predict(tokens))
    v1.compile(loss='categorical_crossentropy', optimizer=tf.keras.optimizers.Nadam(lr=0.02))
    for _ in range(5):
        v1.train_on_batch(tokens, targets)
    made.update(named('v1trained', v1.get_weights()))

    args = argparse.Namespace(members=2, hidden=5, dropout=0, ngram_dropout=0, ngram_dimensions=4)
    v2 = network.build_model(vectors, CLASSES, {'buckets': BUCKETS}, args)
    filled(v2)
    layers = [layer for layer in v2.layers if layer.get_weights()]
    for layer in layers:
        made.update(named('v2_' + layer.name, layer.get_weights()))
    made['answers2'] = v2.predict([tokens, grams]).reshape(8, 2, CLASSES)
    network.compile_model(v2, CLASSES, tf.keras.optimizers.Adam(0.02))
    for _ in range(5):
        v2.train_on_batch([tokens, grams], targets)
    for layer in layers:
        made.update(named('v2trained_' + layer.name, layer.get_weights()))
    np.savez_compressed(os.path.join(os.path.dirname(__file__), 'networks.npz'), **made)


if __name__ == '__main__':
    main()
