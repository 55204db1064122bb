"""build_vectors.py with gensim 4, which has renamed what that asks of gensim 3.8."""
import os
import sys

import numpy as np
from gensim.models.word2vec import Word2Vec

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import build_vectors
from build_vectors import PADDING_TOKEN, sentencepiece


def learn(text_path, output_dir, pieces, dimensions, seed):
    """Word2vec over the text cut into pieces: float32 array (len(pieces), dimensions)."""
    tokenizer = sentencepiece.SentencePieceProcessor()
    tokenizer.Load(os.path.join(output_dir, 'tokenizer.model'))
    with open(text_path, encoding='utf-8') as text:
        sentences = [[piece.lower() for piece in tokenizer.EncodeAsPieces(line.strip())]
                     for line in text]
    found = Word2Vec(sentences, vector_size=dimensions, window=5, min_count=2, sg=1, epochs=5,
                     workers=1, seed=seed).wv
    vectors = np.zeros((len(pieces), dimensions), dtype=np.float32)
    for index, piece in enumerate(pieces):
        if piece in found:
            vectors[index] = found[piece]
    return vectors


def save(pieces, vectors, path):
    """Writes the gensim model with the padding token at index 0."""
    tokens = [PADDING_TOKEN] + pieces
    vectors = np.concatenate([np.zeros((1, vectors.shape[1]), dtype=np.float32), vectors])
    model = Word2Vec(vector_size=vectors.shape[1], min_count=1)
    model.lifecycle_events = None  # the time, and the machine's name
    model.build_vocab_from_freq({token: len(tokens) - index for index, token in enumerate(tokens)})
    if model.wv.index_to_key != tokens:
        raise AssertionError('gensim changed the order of the tokens')
    model.wv.vectors = vectors
    model.syn1neg = np.zeros((0, vectors.shape[1]), dtype=np.float32)
    model.save(path)


if __name__ == '__main__':
    build_vectors.learn, build_vectors.save = learn, save
    build_vectors.main(sys.argv[1:])
