"""A large BiLSTM over the vectors of pieces (ai_ml/comp-vectorizer, 2018-12-06).

Vectors: of Wikipedia as his, but brought from 100 dimensions down to the article's 50.
"""

import driver
import layers
from texts import Reader

DEFAULTS = {'epochs': 100, 'batch-size': 128, 'hidden': 512, 'dropout': 0.5, 'patience': 3}
READS = [Reader('pieces', dimensions=50, zeros=True, behind=True)]
OPTIMIZER, SHUFFLE, MONITOR = 'rmsprop', True, 'mean_absolute_error'
RULE = 'last-epoch'


def build_model(tables, class_count, args):
    """The article gives the network vectors; here it looks them up, and training leaves them."""
    return layers.frozen_vectors_classifier(tables[0], class_count, args.hidden, args.dropout)


driver.run(__name__)
