"""The published models that read words: what they look up, their sizes, and the answers."""
from argparse import Namespace

import numpy as np
import pytest

import attention_visualize_with_spacy as spacy
import comp_vectorizer_words as vectorizer
import determinism
from texts import BETWEEN_WORDS, PADDING_TOKEN, Reader, Table

TOKENS = [PADDING_TOKEN, 'が', '電波', 'ＤＯＣＯＭＯ', 'ｄｏｃｏｍｏ', '悪い']
VECTORS = np.array([[0, 0], [1, 0], [2, 0], [3, 0], [4, 0], [5, 0]], dtype=np.float32)


def cut(sentence):
    return sentence.replace(' ', BETWEEN_WORDS)


def seen(reader, sentence, longest='電波 が 悪い'):
    """The first number of the vector at each position."""
    texts = {'train': [cut(longest)], 'test': [cut(longest)]}
    reader.open(None, TOKENS, VECTORS, texts)
    rows = reader.encode([cut(sentence)])
    return reader.table.vectors[rows[0].astype(int), 0].tolist()


@pytest.mark.parametrize('sentence, expected', [
    ('電波 が 悪い', [2, 1, 5]),
    ('が', [1, 0, 0]),
    ('未知 が', [0, 1, 0]),
    ('', [0, 0, 0]),
    # The more frequent of two spellings, whichever stands in the sentence.
    ('docomo DOCOMO ＤＯＣＯＭＯ', [3, 3, 3]),
])
def test_the_vectorizer_folds_words_and_pads_with_zeros_behind(sentence, expected):
    assert seen(vectorizer.READS[0], sentence) == expected


@pytest.mark.parametrize('sentence, expected', [
    ('電波 が 悪い', [2, 1, 5]),
    ('が', [0, 0, 1]),
    ('未知 が', [0, 0, 1]),
    ('ＤＯＣＯＭＯ ｄｏｃｏｍｏ DOCOMO', [3, 4, 0]),
    ('が が 電波 が 悪い', [2, 1, 5]),
])
def test_spacys_words_are_looked_up_as_they_are_written_and_zeros_stand_in_front(
        sentence, expected):
    assert seen(spacy.READS[0], sentence) == expected


def table(length, dimensions):
    return Table(np.random.RandomState(1).rand(9, dimensions).astype(np.float32), length)


def sizes(model):
    return [layer.count_params() for layer in model.layers if layer.trainable_weights]


def test_the_vectorizer_has_the_parameters_that_the_article_prints():
    determinism.new_session(1, True)
    args = Namespace(**{name: vectorizer.DEFAULTS[name] for name in ('hidden', 'dropout')})
    model = vectorizer.build_model([table(128, 300)], 4, args)
    assert sizes(model) == [3330048, 2099200, 8196]
    assert sum(sizes(model)) == 5437444


@pytest.mark.parametrize('length', [7, 134])
def test_attention_over_words_has_the_parameters_that_the_article_prints(length):
    determinism.new_session(1, True)
    model = spacy.build_model([table(length, 100)], 4, Namespace())
    assert sizes(model) == [6465, 400 * length + 4]


def test_a_word_weighs_its_share_of_the_largest_values_less_the_smallest_share():
    found = spacy.weights(np.array([[0.5, -2], [1, 0], [0, 0]], dtype=np.float32))
    shares = np.exp([2, 1, 0]) / np.exp([2, 1, 0]).sum()
    assert found == pytest.approx(shares - shares[2])


def test_the_articles_sentences_are_answered_with_a_weight_for_each_word():
    determinism.new_session(1, True)
    reader = Reader('words', longest_of=['train'], zeros=True)
    reader.open(None, TOKENS, np.random.RandomState(2).rand(6, 5), {'train': [cut('a ' * 8)]})
    model = spacy.build_model([reader.table], 4, Namespace())
    labels = ['京都', '携帯電話', 'スポーツ', 'グルメ']
    found = spacy.answers(model, reader.encode, labels)
    assert [each['text'] for each in found] == [
        'みんなでサッカーをした', '夕食は焼肉だ', 'DOCOMOの最新機種だ']
    for each in found:
        assert len(each['weights']) == len(each['words'])
        assert min(each['weights']) == 0
        assert sum(each['probabilities'].values()) == pytest.approx(1, abs=1e-6)
        assert each['label'] == max(each['probabilities'], key=each['probabilities'].get)
