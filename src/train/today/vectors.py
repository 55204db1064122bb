"""The ``vectors`` channel, of either stack: gensim 4 reads what gensim 3 wrote."""
import os

from gensim.models.word2vec import Word2Vec


def load_vectors(directory):
    """(tokenizer_path, tokens, vectors): a path, list of str, float array (tokens, dimensions)."""
    words = Word2Vec.load(os.path.join(directory, 'vectors.model')).wv
    return os.path.join(directory, 'tokenizer.model'), list(words.index_to_key), words.vectors
