"""BiLSTM, self-attention, pooling (ai_ml/text-classification-by-selfattention, 2019-01-27).

The article shows the layers alone; all sizes are those of bilstm.py, with which it compares this
model. The attention is the package's default, additive, which the article does not state either.
"""
from tensorflow.python.keras.layers import Dense, Dropout, GlobalMaxPooling1D

import driver
import layers
from texts import Reader

DEFAULTS = {'epochs': 50, 'batch-size': 256, 'hidden': 356, 'dropout': 0.7, 'patience': 5}
READS = [Reader('pieces', dimensions=50)]
OPTIMIZER, SHUFFLE, MONITOR = 'nadam', True, 'acc'
RULE = 'not-stated'


def build_model(tables, class_count, args):
    indices, x = layers.embedded(tables[0], trainable=True)
    x = layers.additive_attention()(layers.bilstm(args.hidden, sequences=True)(x))
    x = GlobalMaxPooling1D()(x)
    x = Dense(2 * args.hidden, activation='relu')(x)
    return layers.classified(indices, Dropout(args.dropout)(x), class_count)


driver.run(__name__)
