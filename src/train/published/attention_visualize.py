"""Attention, then BiLSTM: the order of the 2019-08 model (ai_ml/attention-visualize, 2019-04-28).

Tokenizer: that of the earlier articles, since his is gone (the longest sentence has 96 pieces, not
66). Vectors: of Wikipedia alone, 100 dimensions for his 300 of Wikipedia and BCCWJ.
"""
import driver
import layers
from texts import Reader

DEFAULTS = {'epochs': 50, 'batch-size': 256, 'hidden': 356, 'patience': 5}
READS = [Reader('pieces', dimensions=300, longest_of=['train'])]
OPTIMIZER, SHUFFLE, MONITOR = 'nadam', False, 'acc'
RULE = 'best-on-test'


def build_model(tables, class_count, args):
    indices, x = layers.embedded(tables[0], trainable=True)
    x = layers.bilstm(args.hidden)(layers.additive_attention()(x))
    return layers.classified(indices, x, class_count)


driver.run(__name__)
