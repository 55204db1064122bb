"""BiLSTM over characters (ai_ml/word-or-character, 2019-02-11).

Vectors: those that the channel has of single characters, brought down to the article's 30
dimensions; his were learnt from the characters of Wikipedia.
"""
import driver
import layers
from texts import Reader

DEFAULTS = {'epochs': 50, 'batch-size': 256, 'hidden': 356, 'patience': 3}
READS = [Reader('characters', dimensions=30)]
OPTIMIZER, SHUFFLE, MONITOR = 'nadam', False, 'acc'
RULE = 'stopped-on-test'


def build_model(tables, class_count, args):
    return layers.bilstm_classifier(tables[0], class_count, args.hidden)


driver.run(__name__)
