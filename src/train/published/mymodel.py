"""The first model on SageMaker: a small BiLSTM (aws/sagemaker-with-mymodel, 2019-01-20).

Vectors: of Wikipedia as his, but brought from 100 dimensions down to the article's 50; that
training changes them is inferred from the date of text-vectorian. What the article searched, its
hidden units and dropout, `make tune VERSION=mymodel` searches in the same ranges.
"""
import driver
import layers
from texts import Reader

DEFAULTS = {'epochs': 10, 'batch-size': 512, 'hidden': 32, 'dropout': 0.1, 'patience': 5}
READS = [Reader('pieces', dimensions=50, longest_of=['train'])]
OPTIMIZER, SHUFFLE, MONITOR = 'nadam', True, 'acc'
RULE = 'last-epoch'


def build_model(tables, class_count, args):
    return layers.hidden_layer_classifier(tables[0], class_count, args.hidden, args.dropout)


driver.run(__name__)
