"""Attention over words, and no LSTM (ai_ml/attention-visualize-with-spacy, 2020-05-31).

Vectors: the author's own, ja-ginza 3.1.0's. Words: cut as ginza 3.1.2 cuts them, with a dictionary
three years younger and without its parser, which joins some of them again. The article draws
80 : 20 and scores no sentence; it prints three answers.
"""
import numpy as np
from tensorflow.python.keras import Model
from tensorflow.python.keras.layers import Reshape

import driver
import layers
from texts import BETWEEN_WORDS, Reader

DEFAULTS = {'epochs': 4, 'batch-size': 32}
READS = [Reader('words', longest_of=['train'], zeros=True)]
OPTIMIZER, SHUFFLE, MONITOR = 'nadam', True, 'acc'
RULE = 'last-epoch'

ASKED = ['みんな で サッカー を し た', '夕食 は 焼肉 だ', 'DOCOMO の 最新 機種 だ']
"""The sentences that the article has answered, in the words that it prints."""


def build_model(tables, class_count, args):
    table = tables[0]
    indices, x = layers.embedded(table, trainable=False)
    x = layers.additive_attention('sigmoid')(x)
    # The article's Flatten does not know how long what the attention gives is.
    x = Reshape((table.length * table.vectors.shape[1],))(x)
    return layers.classified(indices, x, class_count)


def answers(model, encode, labels):
    """A dict for each sentence of ASKED: its probabilities, and the weight of each word."""
    rows = encode([sentence.replace(' ', BETWEEN_WORDS) for sentence in ASKED])
    attention = next(layer for layer in model.layers if isinstance(layer, layers.SeqSelfAttention))
    attended = Model(model.inputs, attention.output).predict(rows)
    found = []
    for sentence, output, probabilities in zip(ASKED, attended, model.predict(rows)):
        words = sentence.split(' ')
        found.append({
            'text': ''.join(words),
            'label': labels[probabilities.argmax()],
            'probabilities': dict(zip(labels, rounded(probabilities))),
            'words': words,
            'weights': rounded(weights(output[-len(words):])),
        })
    return found


def weights(output):
    """As the article weighs words: of each one's attention output the largest absolute value,
    a softmax over the words of the sentence, less the smallest of them.

    Args:
        output: float array (words, dimensions).
    """
    largest = np.abs(output.astype(np.float64)).max(axis=1)
    shares = np.exp(largest - largest.max())
    shares /= shares.sum()
    return shares - shares.min()


def rounded(values):
    return [round(float(value), 8) for value in values]


driver.run(__name__)
