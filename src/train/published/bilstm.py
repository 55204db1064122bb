"""BiLSTM (ai_ml/text-classification-by-selfattention, 2019-01-27).

What the attention is compared with. The article shows the layers alone; inferred from the articles
before and after it are 356 hidden units, ReLU, dropout 0.7, trainable vectors of 50 dimensions,
batches of 256 and a patience of 5. Vectors: of Wikipedia, brought from 100 dimensions down to 50.
"""
import driver
import layers
from texts import Reader

DEFAULTS = {'epochs': 50, 'batch-size': 256, 'hidden': 356, 'dropout': 0.7, 'patience': 5}
READS = [Reader('pieces', dimensions=50)]
OPTIMIZER, SHUFFLE, MONITOR = 'nadam', True, 'acc'
RULE = 'not-stated'


def build_model(tables, class_count, args):
    return layers.hidden_layer_classifier(tables[0], class_count, args.hidden, args.dropout)


driver.run(__name__)
