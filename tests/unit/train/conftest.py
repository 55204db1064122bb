"""Small vectors made from the shipped sentences, once for all tests of the training side."""
import csv
import importlib
import logging
import os
import warnings

import generated
import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
SRC = os.path.join(ROOT, 'src')

# What packages of 2019 warn of at their import is not ours to mend; what comes later is an error.
with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    for name in ('build_vectors', 'train_v1', 'train_v2'):
        importlib.import_module(name)

generated.use_profile()


@pytest.fixture(scope='session')
def sample():
    """The shipped data set: list of (sentence, label)."""
    path = os.path.join(ROOT, 'data', 'sample', 'sentences.csv')
    with open(path, encoding='utf-8', newline='') as source:
        return [(row['feature'], row['label']) for row in csv.DictReader(source)]


@pytest.fixture(scope='session')
def vectors_dir(sample, tmp_path_factory):
    """A `vectors` channel learnt from the shipped sentences, of few dimensions."""
    import build_vectors

    directory = tmp_path_factory.mktemp('vectors')
    text = directory / 'text.txt'
    text.write_text('\n'.join(sentence for sentence, _ in sample) + '\n', encoding='utf-8')
    build_vectors.main(['corpus', '--text', str(text), '--output', str(directory),
                        '--vocabulary-size', '4000', '--dimensions', '8'])
    text.unlink()
    return str(directory)


@pytest.fixture(scope='session')
def vectorian(vectors_dir):
    """The reference: what the article encodes with."""
    from text_vectorian import SentencePieceVectorian

    # It logs a line for each piece that it does not know.
    logging.getLogger('text_vectorian.sentencepiece').setLevel(logging.ERROR)
    return SentencePieceVectorian(tokenizer_filename=os.path.join(vectors_dir, 'tokenizer.model'),
                                  vectorizer_filename=os.path.join(vectors_dir, 'vectors.model'))
