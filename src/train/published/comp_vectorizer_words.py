"""Frozen vectors of words, BiLSTM (ai_ml/comp-vectorizer, 2018-12-06).

Words: base forms by janome, with its own dictionary and not NEologd. Vectors: of Wikipedia as his,
100 dimensions for the 300 of his wikipedia2vec, so that the network has fewer parameters.
"""
import driver
import layers
from texts import Reader

DEFAULTS = {'epochs': 100, 'batch-size': 128, 'hidden': 512, 'dropout': 0.5, 'patience': 3}
READS = [Reader('words', dimensions=300, zeros=True, behind=True, folded=True)]
OPTIMIZER, SHUFFLE, MONITOR = 'rmsprop', True, 'mean_absolute_error'
RULE = 'last-epoch'


def build_model(tables, class_count, args):
    return layers.frozen_vectors_classifier(tables[0], class_count, args.hidden, args.dropout)


driver.run(__name__)
