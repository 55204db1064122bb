"""SavedModels of TensorFlow 2.x, and those of tests/saved_models made by it: FOLDER [MODEL …].

`functions` has four signatures, a resource variable and a table that an initialisation operation
fills; `keras` is Keras 3's own export of a recurrent network, with what it says beside it.
"""
import os
import sys

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'saved_models'))

import make
import tensorflow as tf

NUMBERS = [tf.TensorSpec([None], tf.float32, name='x')]


class Functions(tf.Module):
    def __init__(self):
        super().__init__()
        self.half = tf.Variable(0.5)
        self.calls = tf.Variable(0.0)
        of = tf.lookup.KeyValueTensorInitializer(['a', 'b'], [1.0, 2.0])
        self.table = tf.lookup.StaticHashTable(of, -1.0)

    @tf.function(input_signature=NUMBERS)
    def plus(self, x):
        return {'y': self.half * x + 2}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name='word')])
    def look_up(self, word):
        return {'number': self.table.lookup(word), 'twice': tf.strings.join([word, word])}

    @tf.function(input_signature=NUMBERS)
    def from_mean(self, x):
        return {'y': x - tf.reduce_mean(x, axis=0)}

    @tf.function(input_signature=NUMBERS)
    def count(self, x):
        self.calls.assign_add(1.0)
        return {'y': x * 0 + self.calls}


def functions(folder):
    module = Functions()
    signatures = {name: getattr(module, name) for name in ('look_up', 'from_mean', 'count')}
    tf.saved_model.save(module, os.path.join(folder, 'functions', '1'),
                        signatures={'serving_default': module.plus, **signatures})


def keras(folder):
    import keras
    import numpy as np

    keras.utils.set_random_seed(1)
    network = keras.Sequential([keras.layers.Input((5, 3)), keras.layers.LSTM(4),
                                keras.layers.Dense(2, activation='softmax')])
    network.export(os.path.join(folder, 'keras', '1'), verbose=False)
    rows = np.arange(30, dtype=np.float32).reshape(2, 5, 3) / 30
    np.save(os.path.join(folder, 'keras.npy'), network.predict(rows, verbose=0))


if __name__ == '__main__':
    folder, *names = sys.argv[1:]
    for name in names:
        globals().get(name, getattr(make, name, None))(folder)
