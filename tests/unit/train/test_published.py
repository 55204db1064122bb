"""The published models: their parameters, what they read, and which epoch is whose figure."""
import argparse
import importlib
import os

import numpy as np
import pytest
from conftest import SRC

import curves
import driver
import layers
from texts import PADDING_TOKEN, Reader, Table, reduced

SCRIPTS = sorted(
    name[:-3] for name in os.listdir(os.path.join(SRC, 'train', 'published'))
    if name.endswith('.py') and name not in ('curves.py', 'driver.py', 'layers.py', 'texts.py'))


def table(tokens, dimensions, length):
    return Table(np.zeros((tokens, dimensions), dtype=np.float32), length)


def built(name, *tables):
    module = importlib.import_module(name)
    values = {option.replace('-', '_'): default
              for option, _, default, _ in driver.hyperparameters(module)}
    return module.build_model(tables, 4, argparse.Namespace(**values))


def sizes(model):
    return [layer.count_params() for layer in model.layers if layer.trainable_weights]


@pytest.mark.parametrize('name, tables, published, total', [
    ('comp_vectorizer_pieces', [(9, 50, 96)], [2306048, 2099200, 8196], 4413444),
    ('comp_vectorizer_characters', [(9, 30, 228)], [2224128, 2099200, 8196], 4331524),
    ('attention_visualize', [(196253, 300, 66)], [58875900, 19265, 1871136, 2852], 60769153),
])
def test_a_model_has_the_parameters_that_its_article_prints(name, tables, published, total):
    model = built(name, *(table(*each) for each in tables))
    assert sizes(model) == published
    assert driver.parameters(model)['trainable'] == total


def test_the_head_on_berts_features_has_the_parameters_that_its_article_prints():
    features = layers.Input((512, 768))
    model = layers.classified(features, layers.bilstm(356)(features), 4)
    assert sizes(model) == [3204000, 2852]
    assert model.count_params() == 3206852


def test_text_vectorians_own_example_has_the_parameters_of_its_readme():
    from tensorflow.python.keras.layers import LSTM

    indices, x = layers.embedded(table(171118, 50, 64), trainable=True)
    model = layers.classified(indices, LSTM(32, implementation=2)(x), 3)
    assert sizes(model) == [8555900, 10624, 99]
    assert model.count_params() == 8566623


@pytest.mark.parametrize('name, published', [
    # By the formulas: vectors, BiLSTM 8h(d + h + 1), attention 64d + 65, Dense in * out + out.
    ('mymodel', [8555900, 8 * 32 * 83, 64 * 64 + 64, 64 * 4 + 4]),
    ('bilstm', [8555900, 8 * 356 * 407, 712 * 712 + 712, 712 * 4 + 4]),
    ('bilstm_attention_pooling',
     [8555900, 8 * 356 * 407, 64 * 712 + 65, 712 * 712 + 712, 712 * 4 + 4]),
    ('word_or_character_pieces', [8555900, 8 * 356 * 407, 712 * 4 + 4]),
])
def test_a_model_whose_parameters_are_not_printed_has_the_layers_of_its_article(name, published):
    assert sizes(built(name, table(171118, 50, 96))) == published


def test_the_model_of_both_has_two_inputs_and_a_softmax_over_both_states():
    model = built('word_or_character_both', table(171118, 50, 96), table(14535, 30, 228))
    assert [each.shape.as_list() for each in model.inputs] == [[None, 96], [None, 228]]
    assert sizes(model)[-1] == 1424 * 4 + 4


def test_the_gates_are_hard_as_in_the_keras_of_the_day():
    lstm = layers.bilstm(4).forward_layer
    assert lstm.recurrent_activation.__name__ == 'hard_sigmoid'
    assert lstm.unit_forget_bias


@pytest.mark.parametrize('name', SCRIPTS)
def test_every_script_says_what_the_driver_asks(name):
    module = importlib.import_module(name)
    known = {option for option, _, _, _ in driver.HYPERPARAMETERS}
    assert set(module.DEFAULTS) <= known
    assert module.RULE in curves.RULES
    assert module.OPTIMIZER in ('nadam', 'rmsprop')
    assert module.MONITOR in ('acc', 'mean_absolute_error')
    assert all(isinstance(reader, Reader) for reader in module.READS)


# --- what is read -------------------------------------------------------------------------

TOKENS = [PADDING_TOKEN, '、', '▁', 'の', '電波', 'が', '悪', 'い']
VECTORS = np.arange(16, dtype=np.float32).reshape(8, 2)


def opened(monkeypatch, reader, pieces, train=('電波が悪い',), test=('が',)):
    class Tokenizer:
        def Load(self, path):
            pass

        def EncodeAsPieces(self, text):
            return pieces[text]

    monkeypatch.setattr('texts.sentencepiece.SentencePieceProcessor', Tokenizer)
    reader.open('tokenizer.model', TOKENS, VECTORS, {'train': list(train), 'test': list(test)})
    return reader


PIECES = {'電波が悪い': ['▁', '電波', 'が', '悪', 'い'], 'が': ['▁', 'が'], 'Ｘ': ['▁', 'X'],
          '長': ['▁'] * 3 + ['電波'] * 5}


def test_padding_is_the_most_frequent_token_and_stands_in_front(monkeypatch):
    reader = opened(monkeypatch, Reader('pieces'), PIECES)
    assert reader.encode(['が']).tolist() == [[0, 0, 0, 1, 4]]
    assert reader.table.vectors[0].tolist() == VECTORS[1].tolist()
    assert reader.encode(['Ｘ']).tolist() == [[0, 0, 0, 1, 1]], 'an unknown piece counts as ▁'
    assert reader.encode(['長']).tolist() == [[3] * 5], 'the beginning is what is lost'


def test_zeros_follow_the_sentence_where_the_article_has_it_so(monkeypatch):
    reader = opened(monkeypatch, Reader('pieces', zeros=True, behind=True), PIECES)
    assert reader.encode(['が']).tolist() == [[2, 5, 0, 0, 0]]
    assert not reader.table.vectors[0].any()
    assert reader.encode(['Ｘ']).tolist() == [[2, 0, 0, 0, 0]], 'an unknown piece is zeros, too'


def test_the_length_is_that_of_the_longest_sentence_of_the_articles_channels(monkeypatch):
    both = opened(monkeypatch, Reader('pieces'), PIECES, train=['が'], test=['電波が悪い'])
    assert both.table.length == 5
    train = opened(monkeypatch, Reader('pieces', longest_of=['train']), PIECES, train=['が'],
                   test=['電波が悪い'])
    assert train.table.length == 2


def test_a_character_is_a_token_and_an_unknown_one_counts_as_no(monkeypatch):
    reader = opened(monkeypatch, Reader('characters'), PIECES, train=['、が'])
    # Of one character are 、 ▁ の が 悪 い.
    assert reader.encode(['が悪']).tolist() == [[3, 4]]
    assert reader.encode([' 悪']).tolist() == [[2, 4]]
    assert reader.encode(['､い']).tolist() == [[0, 5]], 'a half-width comma is the full-width one'


def test_reduced_vectors_keep_what_differs_most_and_zero_stays_zero():
    wide = np.array([[0, 0, 0], [3, 0, 4], [6, 0, 8], [-3, 0.1, -4]])
    narrow = reduced(wide, 1)
    assert narrow.shape == (4, 1)
    assert narrow[0] == 0
    assert np.abs(narrow[:, 0]) == pytest.approx([0, 5, 10, 5], abs=0.01)
    assert reduced(wide, None) is wide
    assert reduced(wide, 300) is wide


# --- which epoch is whose -----------------------------------------------------------------

VALIDATION = [0.5, 0.6, 0.7, 0.6, 0.6, 0.8]
TEST = [0.4, 0.5, 0.5, 0.6, 0.7, 0.65, 0.6, 0.75]


def figures(rule, patience, validation=VALIDATION, test=TEST, monitor='val_acc'):
    history = {monitor: validation[:len(test)], 'test_acc': test[:len(validation)]}
    return (curves.ours(history, monitor, patience),
            curves.authors(history, rule, monitor, patience)['epoch'])


@pytest.mark.parametrize('rule, patience, ours, authors', [
    ('best-on-test', 3, 6, 5),
    ('best-on-test', 2, 3, 5),
    ('not-stated', 2, 3, 5),
    ('stopped-on-test', 1, 3, 3),
    ('last-epoch', 2, 3, 5),
    ('last-epoch', 3, 6, 6),
    ('last-epoch', None, 6, 6),
])
def test_the_epoch_of_a_rule(rule, patience, ours, authors):
    assert figures(rule, patience) == (ours, authors)


def test_what_comes_after_the_test_sentences_would_have_stopped_it_is_not_the_authors():
    test = [0.5, 0.7, 0.6, 0.6, 0.9]
    assert figures('best-on-test', 2, [0.1, 0.2, 0.3, 0.4, 0.5], test) == (5, 2)
    assert figures('stopped-on-test', 2, [0.1, 0.2, 0.3, 0.4, 0.5], test) == (5, 4)


def test_an_error_is_best_where_it_is_lowest():
    errors = [0.3, 0.2, 0.25, 0.25, 0.1]
    assert figures('last-epoch', 2, errors, TEST, 'val_mean_absolute_error') == (2, 4)


def test_the_published_trainings_end_where_this_rule_says():
    # comp-corpus, Wikipedia: accuracy on the test sentences, patience 5.
    accuracy = [.5919, .6897, .7518, .7566, .7613, .7685, .7685, .7709, .7709, .7709, .7685,
                .7661, .7637]
    history = {'val_acc': accuracy, 'test_acc': accuracy}
    assert curves.authors(history, 'best-on-test', 'val_acc', 5) == {
        'rule': 'best-on-test', 'epoch': 8, 'accuracy': .7709}
    assert curves.stop(accuracy, 'val_acc', 5) == 13
    # comp-vectorizer, words: error on the validation sentences, patience 3.
    error = [.276164, .248911, .246861, .208711, .208070, .216945, .247409, .193151, .186113,
             .196694, .185279, .165569, .164665, .170436, .164859, .179953]
    assert curves.stop(error, 'val_mean_absolute_error', 3) == 16


@pytest.mark.parametrize('rule, over', [
    ('last-epoch', True), ('best-on-test', False), ('stopped-on-test', False)])
def test_a_training_goes_on_until_both_figures_are_known(rule, over):
    history = {'val_acc': [0.5, 0.7, 0.6, 0.6], 'test_acc': [0.4, 0.5, 0.6, 0.7]}
    assert curves.is_over(history, rule, 'val_acc', 2) is over
    history['test_acc'] = [0.4, 0.7, 0.6, 0.6]
    assert curves.is_over(history, rule, 'val_acc', 2)
    assert not curves.is_over(history, rule, 'val_acc', None)
