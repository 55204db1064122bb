"""Builds the ``vectors`` channel: a SentencePiece model and a vector for each piece.

Writes ``tokenizer.model`` and ``vectors.model*`` (a gensim model), the two files
that text-vectorian's ``SentencePieceVectorian`` opens. Five ways:

``words``: pieces are learnt from the given text and the most frequent words that
have a ready-made vector (so that more of the pieces are words); each gets the vector
of the word that it is, or else the mean of the vectors of the words that it consists
of (longest match first).
``characters``: the same, but the pieces are the characters of the given text.
``random``: the same pieces as ``words``, and random vectors that spread as theirs do.
``corpus``: pieces and vectors (word2vec) are learnt from the given text.
``table``: no pieces and no tokenizer, but the words themselves that have a ready-made
vector, for sentences that are cut into words.

With a given tokenizer no pieces are learnt, only vectors.

Index 0 is a padding token with a zero vector, so that padding is no word (in the
article's vectors index 0 is a real token).
"""
import argparse
import contextlib
import logging
import os
import shutil
import sys
import tempfile

import numpy as np
import sentencepiece
from gensim.models.word2vec import Word2Vec

PADDING_TOKEN = '<pad>'
UNKNOWN_TOKEN = '▁'
SPACE = '▁'

logger = logging.getLogger('build_vectors')


def train_tokenizer(text_paths, output_dir, vocabulary_size, characters=False):
    """Trains a SentencePiece model, as large as the text allows: unigram, or of characters.

    Args:
        text_paths: files, a sentence (or a word) a line.
        output_dir: gets tokenizer.model.
        vocabulary_size: pieces at most.
        characters: pieces are characters, all there are.

    Returns:
        str: the model's path.
    """
    path = os.path.abspath(os.path.join(output_dir, 'tokenizer.model'))
    with _scratch_directory([os.path.abspath(text) for text in text_paths]) as names:
        try:
            sentencepiece.SentencePieceTrainer.Train(
                '--input={} --model_prefix=tokenizer --vocab_size={} --character_coverage=1.0 '
                '--hard_vocab_limit=false --input_sentence_size=1000000 --num_threads=1{}'
                .format(','.join(names), vocabulary_size,
                        ' --model_type=char --use_all_vocab=true' if characters else ''))
        except RuntimeError as error:
            sys.exit('a vocabulary of {} pieces could not be made of this text; SentencePiece '
                     'says: {}'.format(vocabulary_size, str(error).split('] ')[-1]))
        shutil.copyfile('tokenizer.model', path)
    return path


def pieces_of(path):
    """The pieces of a SentencePiece model, lower-cased, without control symbols, in order."""
    tokenizer = sentencepiece.SentencePieceProcessor()
    tokenizer.Load(path)
    pieces = (tokenizer.IdToPiece(number) for number in range(tokenizer.GetPieceSize())
              if not tokenizer.IsControl(number) and not tokenizer.IsUnknown(number))
    return list(dict.fromkeys(piece.lower() for piece in pieces))


@contextlib.contextmanager
def _scratch_directory(paths):
    """Changes into a directory where the files have short names, for as long as it is needed.

    SentencePiece writes the names of its files into its model, which must not differ
    from machine to machine, and takes no name with a space or a comma in it.
    """
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as scratch:
        names = ['text{}'.format(number) for number, _ in enumerate(paths)]
        for name, path in zip(names, paths):
            os.symlink(path, os.path.join(scratch, name))
        os.chdir(scratch)
        try:
            yield names
        finally:
            os.chdir(before)


class WordVectors:
    """Ready-made vectors of words: ``words.txt``, ``rows.npy``, ``vectors.npy``.

    Args:
        directory: holds the three files; line i of words.txt has the vector
            ``vectors[rows[i]]``.
    """

    def __init__(self, directory):
        with open(os.path.join(directory, 'words.txt'), encoding='utf-8') as words_file:
            words = words_file.read().split('\n')
        rows = np.load(os.path.join(directory, 'rows.npy'), allow_pickle=False)
        self._row = dict(zip(words, rows.tolist()))
        self._vectors = np.load(os.path.join(directory, 'vectors.npy'), allow_pickle=False)
        self.dimensions = self._vectors.shape[1]
        self._longest = max(len(word) for word in words)

    def table(self):
        """(words, vectors): each word once, by the place of its vector."""
        words = sorted(self._row, key=self._row.get)
        return words, self._vectors[[self._row[word] for word in words]]

    def vector(self, word):
        """The vector of ``word``: its own, or the mean of the words it consists of.

        Returns:
            (float array (dimensions,), parts): parts is 1 for a word, more for a
            composition, 0 (and a zero vector) where nothing is known.
        """
        parts = self._split(word)
        if not parts:
            return np.zeros(self.dimensions, dtype=np.float32), 0
        return np.mean([self._vectors[row] for row in parts], axis=0, dtype=np.float32), len(parts)

    def _split(self, word):
        if word in self._row:
            return [self._row[word]]
        rows, start = [], 0
        while start < len(word):
            for end in range(min(len(word), start + self._longest), start, -1):
                row = self._row.get(word[start:end])
                if row is not None:
                    rows.append(row)
                    start = end
                    break
            else:
                start += 1
        return rows


def compose(pieces, word_vectors):
    """A vector for each piece.

    Returns:
        float32 array (len(pieces), dimensions).
    """
    vectors = np.zeros((len(pieces), word_vectors.dimensions), dtype=np.float32)
    kinds = {'words': 0, 'compositions': 0, 'nothing': 0}
    for index, piece in enumerate(pieces):
        vectors[index], parts = word_vectors.vector(piece.strip(SPACE))
        kinds[{0: 'nothing', 1: 'words'}.get(parts, 'compositions')] += 1
    logger.info('pieces: %d (%s)', len(pieces),
                ', '.join('{}: {}'.format(kind, count) for kind, count in sorted(kinds.items())))
    return vectors


def draw(vectors, seed):
    """Random vectors as many and as spread as the given ones: what these are worth beyond that."""
    return np.random.RandomState(seed).normal(
        vectors.mean(), vectors.std(), vectors.shape).astype(np.float32)


def learn(text_path, output_dir, pieces, dimensions, seed):
    """Word2vec over the text cut into pieces.

    Returns:
        float32 array (len(pieces), dimensions); zero for a piece too rare to learn.
    """
    tokenizer = sentencepiece.SentencePieceProcessor()
    tokenizer.Load(os.path.join(output_dir, 'tokenizer.model'))
    with open(text_path, encoding='utf-8') as text:
        sentences = [[piece.lower() for piece in tokenizer.EncodeAsPieces(line.strip())]
                     for line in text]
    # One worker: with more, the order of updates and so the vectors are not the same twice.
    model = Word2Vec(sentences, size=dimensions, window=5, min_count=2, sg=1, iter=5,
                     workers=1, seed=seed)
    vectors = np.zeros((len(pieces), dimensions), dtype=np.float32)
    for index, piece in enumerate(pieces):
        if piece in model.wv:
            vectors[index] = model.wv[piece]
    return vectors


def save(pieces, vectors, path):
    """Writes the gensim model with the padding token at index 0."""
    tokens = [PADDING_TOKEN] + pieces
    vectors = np.concatenate([np.zeros((1, vectors.shape[1]), dtype=np.float32), vectors])
    model = Word2Vec(size=vectors.shape[1], min_count=1)
    model.build_vocab_from_freq({token: len(tokens) - index for index, token in enumerate(tokens)})
    if model.wv.index2word != tokens:
        raise AssertionError('gensim changed the order of the tokens')
    model.wv.vectors = vectors
    model.trainables.syn1neg = np.zeros((0, vectors.shape[1]), dtype=np.float32)
    model.save(path)


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument('kind', choices=['words', 'characters', 'random', 'corpus', 'table'])
    parser.add_argument('--text', help='UTF-8, a sentence a line (all but table)')
    parser.add_argument('--words', help='directory of ready-made vectors (all but corpus)')
    parser.add_argument('--tokenizer', help='a SentencePiece model, instead of learning one')
    parser.add_argument('--output', required=True)
    parser.add_argument('--vocabulary-size', type=int, default=12000)
    parser.add_argument('--dimensions', type=int, default=300, help='of learnt vectors (corpus)')
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING)
    logger.setLevel(logging.INFO)

    if args.kind == 'table':
        save(*WordVectors(args.words).table(), path=os.path.join(args.output, 'vectors.model'))
        return
    if args.tokenizer:
        tokenizer = shutil.copyfile(args.tokenizer, os.path.join(args.output, 'tokenizer.model'))
    else:
        pieces_of_words = args.kind in ('words', 'random')
        frequent = [os.path.join(args.words, 'frequent.txt')] if pieces_of_words else []
        tokenizer = train_tokenizer([args.text] + frequent, args.output, args.vocabulary_size,
                                    characters=args.kind == 'characters')
    pieces = pieces_of(tokenizer)
    if UNKNOWN_TOKEN not in pieces:
        pieces.insert(0, UNKNOWN_TOKEN)
    if args.words:
        vectors = compose(pieces, WordVectors(args.words))
        if args.kind == 'random':
            vectors = draw(vectors, args.seed)
    else:
        vectors = learn(args.text, args.output, pieces, args.dimensions, args.seed)
    save(pieces, vectors, os.path.join(args.output, 'vectors.model'))


if __name__ == '__main__':
    main(sys.argv[1:])
