"""The file of word vectors that text-vectorian opens, taken from a packed model.

    python -m hosting.bench.word_vectors <model directory> <file to write>

In the training environment. The article's handler needs the vectors themselves; the
package holds them as the embedding's weights, in the order of code/vocabulary.json.
"""
import glob
import json
import os
import sys

import numpy as np
import tensorflow as tf
from gensim.models.word2vec import Word2Vec


def embedding(variables, rows):
    """The weights with so many rows in a SavedModel's variables."""
    for name, shape in tf.train.list_variables(variables):
        if len(shape) == 2 and shape[0] == rows:
            return tf.train.load_variable(variables, name)
    sys.exit('{}: expected a variable with {} rows, found none'.format(variables, rows))


def main(model_dir, path):
    with open(os.path.join(model_dir, 'code', 'vocabulary.json'), encoding='utf-8') as source:
        tokens = json.load(source)
    index = sorted(glob.glob(os.path.join(model_dir, '*', 'variables', 'variables.index')))[-1]
    vectors = embedding(index[:-len('.index')], len(tokens))
    model = Word2Vec(size=vectors.shape[1], min_count=1)
    model.build_vocab_from_freq({token: len(tokens) - index for index, token in enumerate(tokens)})
    model.wv.vectors = vectors
    model.trainables.syn1neg = np.zeros((0, vectors.shape[1]), dtype=np.float32)
    model.save(path)


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2])
