"""The ``vectors`` channel: what build_vectors.py (or the article's author) made."""
import os

from gensim.models.word2vec import Word2Vec
from text_vectorian import SentencePieceVectorian


def load_vectors(directory):
    """Opens the channel with text-vectorian, as the article does.

    Returns:
        (tokenizer_path, tokens, vectors): a path, list of str, float array
        (tokens, dimensions). The path is None where the tokens are words.
    """
    tokenizer_path = os.path.join(directory, 'tokenizer.model')
    if not os.path.exists(tokenizer_path):
        words = Word2Vec.load(os.path.join(directory, 'vectors.model')).wv
        return None, list(words.index2word), words.vectors
    vectorian = SentencePieceVectorian(
        tokenizer_filename=tokenizer_path,
        vectorizer_filename=os.path.join(directory, 'vectors.model'))
    word_vectors = vectorian.vectorizer.model.wv
    return tokenizer_path, list(word_vectors.index2word), word_vectors.vectors
