"""What the scripts for Keras 3 share: start, seeds, the log's lines, and the SavedModel."""
import logging
import os
import sys
import time
import types

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

import arguments
import channels
import export

# batches.py names the Keras inside TensorFlow 1.12, which TensorFlow 2.21 has not got any more.
sys.modules['tensorflow.python.keras'] = types.ModuleType('tensorflow.python.keras')
sys.modules['tensorflow.python.keras.utils'] = types.SimpleNamespace(Sequence=keras.utils.PyDataset)
import batches  # noqa: E402


class Batches(batches.Batches):
    """As v2 reads them."""

    def __init__(self, *arrays, **options):
        keras.utils.PyDataset.__init__(self)
        batches.Batches.__init__(self, *arrays, **options)

    def __getitem__(self, number):
        features, targets = batches.Batches.__getitem__(self, number)
        return tuple(features), targets


def start(argv, hyperparameters, description):
    """A script's arguments, with every generator seeded.

    Args:
        description: the script's docstring.
    """
    args = arguments.parse(argv, hyperparameters, description.splitlines()[0])
    logging.basicConfig(level=args.container_log_level, stream=sys.stdout)
    seed(args.seed, args.single_thread)
    return args


def seed(number, single_thread):
    """Clears Keras and seeds every generator; call it before the first layer is made.

    An operation that could add in any order takes a fixed one. How many threads share it
    still matters: ``single_thread`` gives the same bits on every machine.
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(number)
    tf.config.experimental.enable_op_determinism()
    if single_thread:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)


class Log(keras.callbacks.Callback):
    """An epoch's line as Keras 2 prints it: the metric definitions read it."""

    def on_epoch_begin(self, epoch, logs=None):
        self._started = time.monotonic()
        print('Epoch {}/{}'.format(epoch + 1, self.params['epochs']), flush=True)

    def on_epoch_end(self, epoch, logs=None):
        values = ''.join(' - {}: {:.4f}'.format(name, value) for name, value in _in_order(logs))
        print(' - {:.0f}s{}'.format(time.monotonic() - self._started, values), flush=True)


def _in_order(logs):
    """The loss first, then the metrics, then those of the validation sentences."""
    return sorted(logs.items(), key=lambda pair: (pair[0].startswith('val_'),
                                                  not pair[0].endswith('loss')))


def save_model(signatures, inputs, model_dir, features, expected):
    """Writes ``<model_dir>/1``, whose bytes follow from the weights alone, and checks it.

    Args:
        signatures: dict of name to (Keras model, names of its outputs); the first is
            ``serving_default``, and gives ``expected`` first.
        inputs: (name, positions) of each input, in the model's order.
        features, expected: sentences, and the probabilities that the SavedModel must give.

    Raises:
        AssertionError: it does not.
    """
    path = os.path.join(model_dir, export.MODEL_VERSION)
    module = tf.Module()
    module.weights = [weight.value for model, _ in signatures.values() for weight in model.weights]
    tf.saved_model.save(module, path, signatures={
        name: _function(model, outputs, inputs) for name, (model, outputs) in signatures.items()})
    _same_bytes(path)
    served = tf.saved_model.load(path).signatures['serving_default']
    names = [name for name, _ in inputs]
    found = np.concatenate([
        served(**{name: tf.constant(rows[start:start + export.BATCH])
                  for name, rows in zip(names, features)})['probabilities'].numpy()
        for start in range(0, len(expected), export.BATCH)])
    worst = float(np.abs(found - expected).max())
    if not worst <= export.TOLERANCE:
        raise AssertionError('the SavedModel differs from the trained model by {:.2g} at most;'
                             ' expected {:g}'.format(worst, export.TOLERANCE))


def _function(model, outputs, inputs):
    def predict(*rows):
        found = model(list(rows) if len(rows) > 1 else rows[0], training=False)
        return dict(zip(outputs, found if len(outputs) > 1 else [found]))
    return tf.function(predict, input_signature=[
        tf.TensorSpec([None, positions], tf.float32, name=name) for name, positions in inputs])


def _same_bytes(path):
    """Rewrites saved_model.pb with its maps in order; the fingerprint holds a random number."""
    os.remove(os.path.join(path, 'fingerprint.pb'))
    name = os.path.join(path, 'saved_model.pb')
    saved_model = saved_model_pb2.SavedModel()
    with open(name, 'rb') as source:
        saved_model.ParseFromString(source.read())
    with open(name, 'wb') as target:
        target.write(saved_model.SerializeToString(deterministic=True))


def run(main, name):
    """A script's end: what is wrong with a channel in one line."""
    try:
        main(sys.argv[1:])
    except channels.ChannelError as error:
        sys.exit('{}: {}'.format(name, error))
