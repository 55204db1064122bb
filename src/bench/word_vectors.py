"""A file of word vectors that text-vectorian opens, as large as the article's handler loads.

    python -m bench.word_vectors <model directory> <file to write> <words>

In the training environment. text-vectorian's own file holds 171,000 words of 300
dimensions, twice: the vectors, and the weights that word2vec would go on training with.
A handler loads both. The tokens of the packed model come first, in its order, so that
their indices are the model's; behind them comes filler. The handler reads nothing but
indices, the vectors take memory.
"""

import json
import os
import sys

import numpy as np
import tensorflow as tf
from gensim.models.word2vec import Word2Vec

from hosting.packed import version_directory

DIMENSIONS = 300
FILLER = "filler {}"  # no piece holds a blank, so no sentence finds a filler word
SEED = 1
ROWS_AT_ONCE = 10000


def embedding(variables, tokens):
    """The word vectors (tokens, 300) in a SavedModel's variables; None where it has none such.

    A model may hold other tables with a row for each token (v2's are folded, with as many
    columns as it has units): those are no word vectors.
    """
    for name, shape in tf.train.list_variables(variables):
        if shape == [tokens, DIMENSIONS] and "embedding" in name:
            return tf.train.load_variable(variables, name)
    return None


def filler(words):
    """Vectors of fixed seed, float32."""
    random = np.random.RandomState(SEED)
    vectors = np.empty((words, DIMENSIONS), dtype=np.float32)
    for start in range(0, words, ROWS_AT_ONCE):
        rows = vectors[start : start + ROWS_AT_ONCE]
        rows[:] = random.uniform(-0.5, 0.5, rows.shape)
    return vectors


def main(model_dir, path, words):
    with open(os.path.join(model_dir, "code", "vocabulary.json"), encoding="utf-8") as source:
        tokens = json.load(source)
    names = tokens + [FILLER.format(number) for number in range(words - len(tokens))]
    vectors = filler(len(names))
    variables = os.path.join(version_directory(model_dir), "variables", "variables")
    own = embedding(variables, len(tokens))
    if own is not None:
        vectors[: len(tokens)] = own
    model = Word2Vec(size=DIMENSIONS, min_count=1)
    # The more frequent a word, the lower its index.
    model.build_vocab_from_freq({name: len(names) - index for index, name in enumerate(names)})
    model.wv.vectors = vectors
    model.save(path)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
