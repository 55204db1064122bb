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
import os
import unicodedata
import zlib

import sentencepiece

INPUT_LENGTH = 64
"""Positions of the model's input (the article's ``input_len``)."""

UNKNOWN_TOKEN = u'▁'
"""The token whose index stands for every piece without a vector (text-vectorian)."""

PADDING_INDEX = 0

TOKEN_END = u'\0'
"""Keeps runs of tokens apart from runs of characters, and one run from another."""

SPECIFICATION = 'encoding.json'
"""What a model reads beside its 64 tokens; a model without the file reads nothing else."""

ENCODER_TOKENIZER = 'encoder.model'
"""The SentencePiece model of a sentence encoder; only of a model that has one."""


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


class Ngrams:
    """Turns text into hashed n-grams of characters and of tokens, a view beside the tokens.

    Width, case and compatibility forms of characters are folded first (NFKC, lower
    case). Each different n-gram of the text, with ``^`` before and ``$`` behind it, and
    each different run of tokens becomes a bucket from 1 on; 0 is padding.

    >>> Ngrams([1, 2], buckets=100, length=8).encode('圏外')
    [4, 59, 49, 3, 19, 69, 0, 0]

    Args:
        orders: the values of n for characters.
        buckets: of the hash, that of the padding included.
        length: positions of the model's input; further n-grams are dropped, the
            longest ones first, those of tokens before those of characters.
        token_orders: the values of n for tokens.
    """

    def __init__(self, orders, buckets, length, token_orders=()):
        self.orders, self.buckets, self.length = orders, buckets, length
        self.token_orders = token_orders

    def encode(self, text, pieces=()):
        """``text``, whose tokens are ``pieces``, as ``length`` buckets, padded behind."""
        text = '^{}$'.format(unicodedata.normalize('NFKC', text).lower())
        grams = [text[start:start + order] for order in self.orders
                 for start in range(len(text) - order + 1)]
        pieces = [piece.lower() + TOKEN_END for piece in pieces] if self.token_orders else ()
        grams += [''.join(pieces[start:start + order]) for order in self.token_orders
                  for start in range(len(pieces) - order + 1)]
        buckets = (1 + zlib.crc32(gram.encode('utf-8', 'surrogatepass')) % (self.buckets - 1)
                   for gram in grams)
        different = list(dict.fromkeys(buckets))[:self.length]
        return different + [PADDING_INDEX] * (self.length - len(different))


class Pieces:
    """Turns text into what a sentence encoder reads: its own pieces, from begin to end.

    A piece is its number in the encoder's SentencePiece model plus one; 0 is padding.

    Args:
        tokenizer_path: the encoder's SentencePiece model.
        length: positions of the model's input; a long text keeps its last pieces.
    """

    BEGIN, END = 1 + 1, 2 + 1

    def __init__(self, tokenizer_path, length):
        self.length = length
        self._tokenizer = sentencepiece.SentencePieceProcessor()
        self._tokenizer.Load(tokenizer_path)

    def encode(self, text):
        """``text`` as ``length`` numbers, padded behind."""
        numbers = self._tokenizer.EncodeAsIds(text)[-(self.length - 2):]
        row = [self.BEGIN] + [number + 1 for number in numbers] + [self.END]
        return row + [PADDING_INDEX] * (self.length - len(row))


class ModelInputs:
    """Everything that a packed model reads, by the name of the model's input.

    Args:
        directory: holds tokenizer.model, vocabulary.json and, for a model that reads
            more than tokens, encoding.json; encoder.model for one with an encoder.
    """

    def __init__(self, directory):
        self.encoder = Encoder(os.path.join(directory, 'tokenizer.model'),
                               os.path.join(directory, 'vocabulary.json'))
        self.specification = {}
        path = os.path.join(directory, SPECIFICATION)
        if os.path.exists(path):
            with open(path, encoding='utf-8') as specification_file:
                self.specification = json.load(specification_file)
        self._ngrams = None
        if 'ngrams' in self.specification:
            self._ngrams = Ngrams(**self.specification['ngrams'])
        self._pieces = None
        if 'pieces' in self.specification:
            self._pieces = Pieces(os.path.join(directory, ENCODER_TOKENIZER),
                                  **self.specification['pieces'])

    def encode(self, texts):
        """A batch: dict of input name to a list of one list of numbers a text."""
        inputs = {'inputs': [self.encoder.encode(text) for text in texts]}
        if self._ngrams is not None:
            inputs['ngrams'] = [self._ngrams.encode(text, self.encoder.pieces(text))
                                for text in texts]
        if self._pieces is not None:
            inputs['pieces'] = [self._pieces.encode(text) for text in texts]
        return inputs
