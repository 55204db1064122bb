"""A BiLSTM over pieces beside one over characters (ai_ml/word-or-character, 2019-02-11).

Vectors: as of the two models that read one of them.
"""
from tensorflow.python.keras.layers import concatenate

import driver
import layers
from texts import Reader

DEFAULTS = {'epochs': 50, 'batch-size': 256, 'hidden': 356, 'patience': 3}
READS = [Reader('pieces', dimensions=50), Reader('characters', dimensions=30)]
OPTIMIZER, SHUFFLE, MONITOR = 'nadam', False, 'acc'
RULE = 'stopped-on-test'


def build_model(tables, class_count, args):
    inputs, vectors = zip(*(layers.embedded(table, trainable=True) for table in tables))
    read = [layers.bilstm(args.hidden)(each) for each in vectors]
    return layers.classified(list(inputs), concatenate(read), class_count)


driver.run(__name__)
