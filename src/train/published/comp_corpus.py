"""BiLSTM over pieces, what two corpora are compared with (ai_ml/comp-corpus, 2019-03-01).

The vectors were of Wikipedia, and of Wikipedia and BCCWJ, 300 dimensions, each with a tokenizer of
its own. Here they are of Wikipedia, 100 dimensions, or with VECTORS=chive of the web, 300; both
with the tokenizer of the earlier articles.
"""
import driver
import layers
from texts import Reader

DEFAULTS = {'epochs': 50, 'batch-size': 256, 'hidden': 356, 'patience': 5}
READS = [Reader('pieces', dimensions=300)]
OPTIMIZER, SHUFFLE, MONITOR = 'nadam', False, 'acc'
RULE = 'best-on-test'


def build_model(tables, class_count, args):
    return layers.bilstm_classifier(tables[0], class_count, args.hidden)


driver.run(__name__)
