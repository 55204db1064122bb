"""encoding.Encoder gives what text-vectorian and Keras' pad_sequences give, for any text."""
import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import export
from encoding import INPUT_LENGTH, PADDING_INDEX, UNKNOWN_TOKEN, Encoder

# text-vectorian calls gensim in a way that gensim has given up.
pytestmark = pytest.mark.filterwarnings('ignore:Call to deprecated:DeprecationWarning')

LENGTHS = [0, 1, 63, 64, 65, 128, 129, 500]


@pytest.fixture(scope='module')
def encoder(vectors_dir, vectorian, tmp_path_factory):
    """Made as training makes it: from the gensim model's tokens."""
    tokens = list(vectorian.vectorizer.model.wv.index2word)
    tokenizer = os.path.join(vectors_dir, 'tokenizer.model')
    output = str(tmp_path_factory.mktemp('encoding'))
    return Encoder(*export.save_encoding(tokenizer, tokens, output))


@pytest.fixture(scope='module')
def reference(vectorian):
    """The article's way: text-vectorian's indices, padded by Keras."""
    from tensorflow.python.keras.preprocessing.sequence import pad_sequences

    def encode(text):
        indices = vectorian.fit(text).indices
        return pad_sequences([indices], maxlen=INPUT_LENGTH, dtype='float32')[0]
    return encode


def assert_same(encoder, reference, text):
    encoded = np.array(encoder.encode(text), dtype=np.float32)
    expected = reference(text)
    assert encoded.shape == expected.shape == (INPUT_LENGTH,)
    assert (encoded == expected).all(), text


def test_every_shipped_sentence_is_encoded_as_by_the_reference(encoder, reference, sample):
    for sentence, _ in sample:
        assert_same(encoder, reference, sentence)


def text_of(encoder, sample, count):
    """Text of exactly `count` pieces: the beginning of some sentences."""
    sentences = [sentence for sentence, _ in sample]
    for first in range(500):
        text = ''.join(sentences[first:first + 1 + count // 5])
        for size in range(count, len(text)) if count else [0]:
            found = len(encoder.pieces(text[:size]))
            if found == count:
                return text[:size]
            if found > count:
                break
    raise AssertionError('no text of {} pieces'.format(count))


@pytest.mark.parametrize('count', LENGTHS)
def test_a_text_of_any_length_is_encoded_as_by_the_reference(encoder, reference, sample, count):
    text = text_of(encoder, sample, count)
    assert len(encoder.pieces(text)) == count
    assert_same(encoder, reference, text)


@pytest.mark.parametrize('count', LENGTHS)
def test_padding_is_at_the_front_and_the_last_tokens_are_kept(encoder, sample, count):
    text = text_of(encoder, sample, count)
    indices = encoder.indices(text)
    padding = [PADDING_INDEX] * max(0, INPUT_LENGTH - count)
    assert encoder.encode(text) == padding + indices[-INPUT_LENGTH:]
    assert len(indices) == count
    assert PADDING_INDEX not in indices


@given(text=st.text(st.characters(blacklist_categories=('Cs',)), max_size=300))
@settings(max_examples=300)
def test_any_text_is_encoded_as_by_the_reference(encoder, reference, text):
    assert_same(encoder, reference, text)


@given(text=st.text('電波が悪いｱｲｳＡＢab𠮷İßẞ ﬁ\u3000\t\n▁<pad>0', max_size=200))
@settings(max_examples=300)
def test_text_of_difficult_characters_is_encoded_as_by_the_reference(encoder, reference, text):
    assert_same(encoder, reference, text)


@given(words=st.lists(st.sampled_from(['電波が悪い', '抹茶パフェ', '祇園祭', ' ', '!', 'ABC']),
                      min_size=20, max_size=120))
@settings(max_examples=100)
def test_long_text_is_encoded_as_by_the_reference(encoder, reference, words):
    assert_same(encoder, reference, ''.join(words))


def test_an_unknown_piece_gets_the_index_of_the_empty_one(encoder):
    *_, unknown = encoder.indices('\U0001F47E')
    assert encoder.pieces('\U0001F47E')[-1] == '\U0001F47E'
    space, _ = encoder.indices('\U0001F47E')
    assert encoder.pieces('\U0001F47E')[0] == UNKNOWN_TOKEN
    assert unknown == space


def test_pieces_are_looked_up_in_lower_case(vectors_dir, tmp_path):
    path = tmp_path / 'vocabulary.json'
    path.write_text(json.dumps(['<pad>', UNKNOWN_TOKEN, 'a', UNKNOWN_TOKEN + 'a']))
    encoder = Encoder(os.path.join(vectors_dir, 'tokenizer.model'), str(path))
    assert encoder.indices('A') == encoder.indices('a') != encoder.indices('電')


def test_another_length_can_be_asked_for(vectors_dir, encoder, tmp_path):
    path = tmp_path / 'vocabulary.json'
    path.write_text(json.dumps(['<pad>', UNKNOWN_TOKEN]))
    short = Encoder(os.path.join(vectors_dir, 'tokenizer.model'), str(path), length=3)
    assert [len(short.encode(text)) for text in ('', '電', '電波が悪い場所で話す')] == [3, 3, 3]


def test_a_vocabulary_without_the_unknown_token_is_refused(vectors_dir, tmp_path):
    path = tmp_path / 'vocabulary.json'
    path.write_text('["<pad>", "の"]', encoding='utf-8')
    with pytest.raises(ValueError) as caught:
        Encoder(os.path.join(vectors_dir, 'tokenizer.model'), str(path))
    assert 'vocabulary.json: expected the token' in str(caught.value)
    assert 'Build the vectors again' in str(caught.value)


def test_only_sentencepiece_is_imported():
    """Nothing that would make the endpoint's process large."""
    import subprocess
    import sys

    code = ('import sys, encoding; '
            'print(sorted({"tensorflow", "keras", "gensim", "numpy"} & set(sys.modules)))')
    done = subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE, check=True)
    assert done.stdout.decode().strip() == '[]'
