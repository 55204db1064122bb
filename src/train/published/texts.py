"""How a published model reads a sentence: its tokens, their vectors, and where the padding goes.

The tokens are the author's: the pieces of his tokenizer, single characters, or words. His vectors
are gone, so they are taken from the ``vectors`` channel (see ../build_vectors.py), brought down
to as many dimensions as his had where the channel's have more.
"""
import unicodedata

import numpy as np
import sentencepiece

PADDING_TOKEN = '<pad>'
UNKNOWN_PIECE = '▁'
UNKNOWN_CHARACTER = 'の'
"""Whose vector text-vectorian gives to a piece, or a character, that it does not know."""
BETWEEN_WORDS = '\x1f'
"""In the channel of a model that reads words, which are cut beforehand."""


class Table:
    """The vectors that an input of the network is read through.

    Args:
        vectors: float array (tokens, dimensions).
        length: positions of the input.
    """

    def __init__(self, vectors, length):
        self.vectors, self.length = vectors, length


class Reader:
    """What a model reads, and how.

    Args:
        kind: ``pieces``, ``characters`` or ``words``.
        dimensions: of the author's vectors; None takes the channel's as they are.
        longest_of: the channels whose longest sentence gives the input's length.
        zeros: padding and unknown tokens are zero vectors. Otherwise padding is index 0, the
            most frequent token, and there is no mask: so text-vectorian does it.
        behind: padding follows the sentence; otherwise it precedes it.
        folded: words are looked up whatever their case and width; otherwise as they are written.
    """

    def __init__(self, kind, dimensions=None, longest_of=('train', 'test'), zeros=False,
                 behind=False, folded=False):
        self.kind, self.dimensions, self.longest_of = kind, dimensions, longest_of
        self.zeros, self.behind, self.folded = zeros, behind, folded
        self._cut = self._index = self._unknown = self.table = None

    def open(self, tokenizer_path, tokens, vectors, texts):
        """Takes tokens and vectors from the channel, and the length from the sentences.

        Args:
            tokenizer_path, tokens, vectors: as vectors.load_vectors gives them.
            texts: dict of channel to its sentences.
        """
        rows = [row for row, token in enumerate(tokens)
                if token != PADDING_TOKEN and (self.kind != 'characters' or len(token) == 1)]
        self._cut = self._cutter(tokenizer_path)
        self._index = {}
        for place, row in enumerate(rows, int(self.zeros)):  # of equals the most frequent
            self._index.setdefault(self._spelt(tokens[row]), place)
        vectors = reduced(vectors[rows], self.dimensions)
        if self.zeros:
            vectors = np.concatenate([np.zeros((1, vectors.shape[1]), vectors.dtype), vectors])
            self._unknown = 0
        else:
            known_for = UNKNOWN_CHARACTER if self.kind == 'characters' else UNKNOWN_PIECE
            self._unknown = self._index.get(known_for, 0)
        length = max(len(self._cut(text)) for channel in self.longest_of for text in texts[channel])
        self.table = Table(vectors.astype(np.float32), max(1, length))

    def encode(self, texts):
        """An array (sentences, length) of indices. What is too long loses its beginning."""
        encoded = np.zeros((len(texts), self.table.length), dtype=np.float32)
        for row, text in zip(encoded, texts):
            indices = [self._index.get(token, self._unknown) for token in self._cut(text)]
            indices = indices[-self.table.length:]
            if indices and self.behind:
                row[:len(indices)] = indices
            elif indices:
                row[-len(indices):] = indices
        return encoded

    def _cutter(self, tokenizer_path):
        """A function from a sentence to its tokens, as the vocabulary spells them."""
        if self.kind == 'words':
            return lambda text: [self._spelt(word) for word in text.split(BETWEEN_WORDS) if word]
        if self.kind == 'characters':
            return self._characters
        tokenizer = sentencepiece.SentencePieceProcessor()
        tokenizer.Load(tokenizer_path)
        return lambda text: [piece.lower() for piece in tokenizer.EncodeAsPieces(text)]

    def _spelt(self, token):
        return unicodedata.normalize('NFKC', token).lower() if self.folded else token

    def _characters(self, text):
        """One token a character. Our vectors know half-width letters and digits alone."""
        characters = [character.lower() for character in text]
        return [character if character in self._index
                else unicodedata.normalize('NFKC', character).lower() for character in characters]


def reduced(vectors, dimensions):
    """The vectors' coordinates along the axes on which they differ most.

    The axes go through the origin, so that a zero vector stays one.

    Args:
        dimensions: how many axes; None, or more than there are, changes nothing.
    """
    if dimensions is None or dimensions >= vectors.shape[1]:
        return vectors
    exact = vectors.astype(np.float64)
    _, axes = np.linalg.eigh(exact.T.dot(exact))  # by rising eigenvalue
    return exact.dot(axes[:, ::-1][:, :dimensions])
