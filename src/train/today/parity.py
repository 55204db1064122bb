"""What the networks in Keras 3 say with the weights of a package of TensorFlow 1.12.

    python src/train/today/parity.py <unpacked package> <temperature> < sentences.json

prints a row of probabilities a sentence, as JSON. The temperature is v2's, see calibration.py.
"""
import argparse
import json
import os
import sys
import types

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import keras
import networks
import numpy as np
import tensorflow as tf
import training

import calibration
from encoding import ModelInputs

sys.modules['tensorflow.python.keras.layers'] = types.SimpleNamespace(LSTM=keras.layers.LSTM)
import serving_lstm  # noqa: E402


def article(arrays):
    """v1's network with its weights; the attention's bias, which changes nothing, is not packed."""
    lstm = {name[len('lstm_'):]: array for name, array in arrays.items() if 'lstm_' in name}
    classes, vectors = arrays['classes_bias'], arrays['word_vectors']
    model = networks.article(vectors, len(arrays['lstm_recurrent']) // 2, len(classes))
    model.set_weights(
        [vectors, arrays['attention'], np.zeros(1)] + serving_lstm.unfold(lstm)
        + [arrays[layer + part] for layer in ('hidden', 'classes')
           for part in ('_kernel', '_bias')])
    return model


def committee(arrays, ngrams):
    """v2's with its weights. A package holds each member's units of each token instead of word
    vectors and a layer: here the units are the vectors, and the layer takes a member's."""
    members = sum(name.startswith('units_') for name in arrays)
    tables = [arrays['units_{}'.format(number)] for number in range(members)]
    hidden, classes = tables[0].shape[1], len(arrays['bias_0'])
    args = argparse.Namespace(members=members, hidden=hidden, dropout=0, ngram_dropout=0,
                              ngram_dimensions=arrays['ngrams_0'].shape[1])
    model, whole = networks.committee(np.concatenate(tables, axis=1), classes, ngrams, args)

    def give(layer, number, *weights):
        model.get_layer('{}_{}'.format(layer, number)).set_weights(weights)

    for number, units in enumerate(tables):
        give('token', number, np.eye(members * hidden)[:, number * hidden:(number + 1) * hidden],
             np.zeros(hidden))
        columns = np.column_stack([units, np.ones(len(units))]).astype(np.float64)
        found = np.linalg.lstsq(columns, arrays['scores_{}'.format(number)], rcond=None)[0]
        give('attention', number, found[:-1, np.newaxis], found[-1:])
        give('ngram_vectors', number, arrays['ngrams_{}'.format(number)])
        give('logits', number, arrays['kernel_{}'.format(number)],
             arrays['bias_{}'.format(number)])
    return whole


def main(package, temperature):
    reader = tf.train.load_checkpoint(os.path.join(package, '1', 'variables', 'variables'))
    arrays = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    inputs = ModelInputs(os.path.join(package, 'code'))
    rows = {name: np.array(each, dtype=np.float32)
            for name, each in inputs.encode(json.load(sys.stdin)).items()}
    training.seed(1, single_thread=True)
    if 'units_0' in arrays:
        model = committee(arrays, inputs.specification['ngrams'])
        logits = model.predict([rows['inputs'], rows['ngrams']], batch_size=256, verbose=0)[0]
        found = calibration.probabilities(logits, float(temperature))
    else:
        found = article(arrays).predict(rows['inputs'], batch_size=256, verbose=0)
    json.dump(found.tolist(), sys.stdout)


if __name__ == '__main__':
    main(*sys.argv[1:])
