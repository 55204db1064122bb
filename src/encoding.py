"""Text to model input: the one implementation, in training and in the endpoint.

A sentence is cut into SentencePiece pieces, each piece is looked up in the
vocabulary of the word vectors, and the indices are laid right-aligned into a
fixed number of positions:

>>> encoder = Encoder('tokenizer.model', 'vocabulary.json')    # doctest: +SKIP
>>> encoder.pieces('電波が悪い')                                 # doctest: +SKIP
['▁', '電波', 'が', '悪い']
>>> encoder.encode('電波が悪い')[-5:]                            # doctest: +SKIP
[0, 5, 1713, 4, 1200]

This is what the article does with text-vectorian's ``SentencePieceVectorian``
followed by Keras' ``pad_sequences`` (padding and truncation at the front, so a
long text keeps its LAST tokens), without Keras, gensim or TensorFlow: the
endpoint's process stays small. Only SentencePiece is imported.
"""
import json

import sentencepiece

INPUT_LENGTH = 64
"""Positions of the model's input (the article's ``input_len``)."""

UNKNOWN_TOKEN = u'▁'
"""The token whose index stands for every piece without a vector (text-vectorian)."""

PADDING_INDEX = 0


class Encoder:
    """Turns text into the indices that the model was trained on.

    Args:
        tokenizer_path: a SentencePiece model file.
        vocabulary_path: a JSON list of tokens; a token's place is its index.
        length: positions of the model's input.

    Raises:
        ValueError: the vocabulary lacks the token for unknown pieces.
    """

    def __init__(self, tokenizer_path, vocabulary_path, length=INPUT_LENGTH):
        with open(vocabulary_path, encoding='utf-8') as vocabulary_file:
            tokens = json.load(vocabulary_file)
        self.length = length
        self._tokenizer = sentencepiece.SentencePieceProcessor()
        self._tokenizer.Load(tokenizer_path)
        self._index = {token: index for index, token in enumerate(tokens)}
        if UNKNOWN_TOKEN not in self._index:
            raise ValueError('{}: expected the token {!r}, to which unknown pieces are mapped; '
                             'found {} tokens without it. Build the vectors again.'
                             .format(vocabulary_path, UNKNOWN_TOKEN, len(tokens)))
        self._unknown = self._index[UNKNOWN_TOKEN]

    def pieces(self, text):
        """The SentencePiece pieces of ``text``, in order; ``[]`` for an empty one."""
        return self._tokenizer.EncodeAsPieces(text)

    def indices(self, text):
        """The index of each piece of ``text``: as many as there are pieces."""
        index, unknown = self._index, self._unknown
        return [index.get(piece.lower(), unknown) for piece in self.pieces(text)]

    def encode(self, text):
        """``text`` as a list of ``length`` indices, padded at the front with zeros."""
        indices = self.indices(text)[-self.length:]
        return [PADDING_INDEX] * (self.length - len(indices)) + indices
