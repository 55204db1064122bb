"""What Keras 3 makes of networks.npz, as JSON; test_networks runs it in today's environment."""
import argparse
import json
import os
import sys

import numpy as np

import layers
import networks
import train_v2

made = dict(np.load(sys.argv[1]))


def arrays(prefix):
    """Those of a prefix, in their order."""
    return [made[name] for name in sorted(made) if name.rpartition('_')[0] == prefix]


def without_bias(weights, place):
    """Without an attention's bias: its gradient is 0 up to rounding, which Adam makes a step of."""
    return [array for number, array in enumerate(weights) if number != place]


def worst(pairs):
    return max(float(np.abs(one - other).max()) for one, other in pairs)


def article():
    weights = arrays('v1')
    model = networks.article(weights[0], 4, made['targets'].shape[1], dropout=0)
    model.set_weights(weights)
    answers = model.predict(made['tokens'], verbose=0)
    model.compile(loss='categorical_crossentropy', optimizer=layers.Nadam(0.02))
    for _ in range(5):
        model.train_on_batch(made['tokens'], made['targets'])
    return {'answers': worst([(answers, made['answers1'])]),
            'trained': worst(zip(without_bias(model.get_weights(), 2),
                                 without_bias(arrays('v1trained'), 2)))}


def committee():
    args = argparse.Namespace(members=2, hidden=5, dropout=0, ngram_dropout=0, ngram_dimensions=4)
    ngrams = {'buckets': len(made['v2_ngram_vectors_0_00'])}
    model, whole = networks.committee(made['v2_word_vectors_00'], made['targets'].shape[1], ngrams,
                                      args)
    with_weights = [layer for layer in model.layers if layer.get_weights() and layer.weights]
    for layer in with_weights:
        layer.set_weights(arrays('v2_' + layer.name))
    inputs = [made['tokens'], made['grams']]
    answers = model.predict(inputs, verbose=0)
    mean, weights = whole.predict(inputs, verbose=0)
    model.compile(loss=train_v2.loss, optimizer=layers.Adam(0.02))
    for _ in range(5):
        model.train_on_batch(inputs, made['targets'])
    return {'answers': worst([(answers, made['answers2']), (mean, answers.mean(axis=1))]),
            'padding': float(weights[made['tokens'] == 0].max()),
            'sum': worst([(weights.sum(axis=1), 1.0)]),
            'layers': sorted(layer.name for layer in with_weights),
            'trained': worst((one, other) for layer in with_weights for one, other in zip(
                without_bias(layer.get_weights(), 1 if 'attention' in layer.name else None),
                arrays('v2trained_' + layer.name)))}


if __name__ == '__main__':
    os.environ['TF_CPP_MIN_LOG_LEVEL'] = '2'
    print(json.dumps({'v1': article(), 'v2': committee()}))
