"""The stand-in for the article's word vectors: its size, the model's indices, its own vectors."""
import json

import numpy as np
import pytest
import tensorflow as tf
from gensim.models.word2vec import Word2Vec

from bench import word_vectors

TOKENS = ['▁', '電波', 'が', '悪い']


@pytest.fixture
def saved(tmp_path):
    """Saves a model's variables and vocabulary; gives its directory."""
    def save(arrays):
        (tmp_path / 'code').mkdir()
        (tmp_path / 'code' / 'vocabulary.json').write_text(json.dumps(TOKENS), encoding='utf-8')
        (tmp_path / '1' / 'variables').mkdir(parents=True)
        with tf.Session(graph=tf.Graph()) as session:
            for name, array in arrays.items():
                tf.get_variable(name, initializer=tf.constant(array))
            session.run(tf.global_variables_initializer())
            tf.train.Saver().save(session, str(tmp_path / '1' / 'variables' / 'variables'))
        return tmp_path
    return save


def made(model_dir, words):
    path = model_dir / 'vectors.model'
    word_vectors.main(str(model_dir), str(path), words)
    return Word2Vec.load(str(path))


def random(*shape):
    return np.random.RandomState(0).rand(*shape).astype(np.float32)


def test_both_tables_have_as_many_rows_as_asked_and_the_tokens_come_first(saved):
    model = made(saved({'embedding/embeddings': random(4, 300)}), 50)
    assert model.wv.vectors.shape == model.trainables.syn1neg.shape == (50, 300)
    assert model.wv.vectors.dtype == model.trainables.syn1neg.dtype == np.float32
    assert model.wv.index2word[:4] == TOKENS
    assert all(' ' in word for word in model.wv.index2word[4:])


def test_the_tokens_have_the_model_s_own_vectors(saved):
    own = random(4, 300)
    vectors = made(saved({'embedding/embeddings': own, 'dense/kernel': random(4, 300)}), 50)
    assert np.array_equal(vectors.wv.vectors[:4], own)
    assert np.array_equal(vectors.wv.vectors[4:], word_vectors.filler(50)[4:])


@pytest.mark.parametrize('name, shape', [
    ('embedding/embeddings', (4, 20)),  # of another size
    ('units', (4, 300)),  # v2's folded table: as many rows and columns, no word vectors
])
def test_what_are_no_word_vectors_is_not_taken_for_them(saved, name, shape):
    model = made(saved({name: random(*shape)}), 10)
    assert np.array_equal(model.wv.vectors, word_vectors.filler(10))


def test_no_token_is_left_out_where_fewer_words_were_asked(saved):
    assert made(saved({'embedding/embeddings': random(4, 300)}), 2).wv.index2word == TOKENS


def test_the_filler_is_the_same_each_time_and_no_row_is_another_s():
    vectors = word_vectors.filler(30)
    assert np.array_equal(vectors, word_vectors.filler(30))
    assert len(np.unique(vectors, axis=0)) == 30
