"""A large BiLSTM over the vectors of characters (ai_ml/comp-vectorizer, 2018-12-06).

Everything but the input is that of the model over pieces. Vectors: those that the channel has of
single characters, brought down to the article's 30 dimensions.
"""
import driver
import layers
from texts import Reader

DEFAULTS = {'epochs': 100, 'batch-size': 128, 'hidden': 512, 'dropout': 0.5, 'patience': 3}
READS = [Reader('characters', dimensions=30, zeros=True, behind=True)]
OPTIMIZER, SHUFFLE, MONITOR = 'rmsprop', True, 'mean_absolute_error'
RULE = 'last-epoch'


def build_model(tables, class_count, args):
    return layers.frozen_vectors_classifier(tables[0], class_count, args.hidden, args.dropout)


driver.run(__name__)
