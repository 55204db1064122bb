"""build_vectors: pieces and a vector for each, in files that text-vectorian opens."""
import os

import numpy as np
import pytest
from gensim.models.word2vec import Word2Vec

import build_vectors
from build_vectors import PADDING_TOKEN, UNKNOWN_TOKEN, WordVectors, compose
from vectors import load_vectors

# The third row belongs to no word alone: two words share it.
VECTORS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [2, 2, 2]], dtype=np.float32)
WORDS = {'電波': 0, '悪い': 1, 'が': 2, 'ga': 2, '携帯電話': 3, '電': 1}


@pytest.fixture
def words_dir(tmp_path):
    (tmp_path / 'words.txt').write_text('\n'.join(WORDS), encoding='utf-8')
    (tmp_path / 'frequent.txt').write_text('電波\n悪い\n鸚鵡\n', encoding='utf-8')
    np.save(str(tmp_path / 'rows.npy'), np.array(list(WORDS.values()), dtype=np.int32))
    np.save(str(tmp_path / 'vectors.npy'), VECTORS)
    return str(tmp_path)


@pytest.mark.parametrize('word, expected, parts', [
    ('電波', [1, 0, 0], 1),
    ('が', [0, 0, 1], 1),
    ('ga', [0, 0, 1], 1),
    ('電波が', [0.5, 0, 0.5], 2),
    ('電波が悪い', [1 / 3, 1 / 3, 1 / 3], 3),
    ('携帯電話', [2, 2, 2], 1),
    ('携帯電', [0, 1, 0], 1),
    ('電話が', [0, 0.5, 0.5], 2),
    ('未知', [0, 0, 0], 0),
    ('', [0, 0, 0], 0),
    ('未電波知', [1, 0, 0], 1),
])
def test_a_word_has_its_vector_or_the_mean_of_the_words_in_it(words_dir, word, expected, parts):
    vector, found = WordVectors(words_dir).vector(word)
    assert vector == pytest.approx(expected)
    assert (vector.dtype, found) == (np.float32, parts)


def test_the_longest_word_is_taken_first(words_dir):
    """電波 and not 電, though that is a word, too."""
    vector, parts = WordVectors(words_dir).vector('電波電')
    assert vector == pytest.approx([0.5, 0.5, 0])
    assert parts == 2


def test_pieces_are_looked_up_without_the_sign_for_a_space(words_dir):
    vectors = compose(['▁', '▁電波', 'が', '未知'], WordVectors(words_dir))
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_index_0_is_padding_with_a_zero_vector_and_the_order_is_kept(tmp_path):
    pieces = ['▁', '電波', 'が', 'b', 'a']
    vectors = np.arange(15, dtype=np.float32).reshape(5, 3) + 1
    path = str(tmp_path / 'vectors.model')
    build_vectors.save(pieces, vectors, path)
    loaded = Word2Vec.load(path).wv
    assert loaded.index2word == [PADDING_TOKEN] + pieces
    assert loaded.vectors.tolist() == [[0, 0, 0]] + vectors.tolist()
    for index, token in enumerate([PADDING_TOKEN] + pieces):
        assert loaded.vocab[token].index == index
        assert (loaded[token] == loaded.vectors[index]).all()


def text_file(directory, sentences):
    path = os.path.join(str(directory), 'text.txt')
    with open(path, 'w', encoding='utf-8') as target:
        target.write('\n'.join(sentences) + '\n')
    return path


def run(kind, text, output, *options):
    os.makedirs(str(output), exist_ok=True)
    build_vectors.main([kind, '--text', text, '--output', str(output)] + list(options))
    return str(output)


@pytest.fixture(scope='module')
def text(sample, tmp_path_factory):
    sentences = [sentence for sentence, _ in sample[:300]]
    return text_file(tmp_path_factory.mktemp('text'), sentences)


def content(directory):
    return {name: open_bytes(os.path.join(directory, name)) for name in os.listdir(directory)}


def open_bytes(path):
    with open(path, 'rb') as source:
        return source.read()


def test_corpus_makes_what_text_vectorian_opens(vectorian, vectors_dir):
    assert sorted(os.listdir(vectors_dir)) == ['tokenizer.model', 'vectors.model']
    tokens = vectorian.vectorizer.model.wv.index2word
    assert tokens[0] == PADDING_TOKEN
    assert UNKNOWN_TOKEN in tokens
    assert len(set(tokens)) == len(tokens) > 2000
    assert all(token == token.lower() for token in tokens)


def test_most_pieces_have_learnt_something(vectorian):
    vectors = vectorian.vectorizer.model.wv.vectors
    assert vectors.shape[1] == 8
    assert not vectors[0].any()
    assert vectors.any(axis=1).mean() > 0.5


def test_chive_gives_each_piece_its_words_vector(text, words_dir, tmp_path):
    output = run('words', text, tmp_path / 'out', '--words', words_dir, '--vocabulary-size', '2000')
    wv = Word2Vec.load(os.path.join(output, 'vectors.model')).wv
    words = WordVectors(words_dir)
    assert len(wv.index2word) > 1000
    for token in wv.index2word[1:]:
        assert (wv[token] == words.vector(token.strip('▁'))[0]).all()
    assert '鸚' in ''.join(wv.index2word), 'frequent words are learnt from, too'


def test_random_vectors_have_the_pieces_and_the_spread_of_the_words(text, words_dir, tmp_path):
    options = ['--words', words_dir, '--vocabulary-size', '2000']
    wvs = [Word2Vec.load(os.path.join(run(kind, text, tmp_path / name, *options),
                                      'vectors.model')).wv
           for kind, name in (('words', 'a'), ('random', 'b'), ('random', 'c'))]
    words, drawn, again = wvs
    assert drawn.index2word == words.index2word
    assert (drawn.vectors == again.vectors).all()
    assert not drawn.vectors[0].any(), 'padding is no word'
    assert abs(drawn.vectors[1:].std() / words.vectors[1:].std() - 1) < 0.05
    assert (drawn.vectors[1:] != words.vectors[1:]).all()


def test_of_characters_each_is_a_piece_with_the_vector_of_that_word(text, words_dir, tmp_path):
    output = run('characters', text, tmp_path / 'out', '--words', words_dir,
                 '--vocabulary-size', '100')
    wv = Word2Vec.load(os.path.join(output, 'vectors.model')).wv
    with open(text, encoding='utf-8') as source:
        characters = {character.lower() for line in source for character in line.strip()}
    assert {len(token) for token in wv.index2word[1:]} == {1}
    assert len(characters - set(wv.index2word)) < 0.05 * len(characters)  # normalised ones
    words = WordVectors(words_dir)
    for token in wv.index2word[1:]:
        assert (wv[token] == words.vector(token.strip('▁'))[0]).all()


def test_the_same_text_gives_the_same_bytes_wherever_it_lies(text, tmp_path):
    first = run('corpus', text, tmp_path / 'a', '--vocabulary-size', '2000', '--dimensions', '4')
    other = text_file(tmp_path, open_bytes(text).decode('utf-8').splitlines())
    second = run('corpus', other, tmp_path / 'b', '--vocabulary-size', '2000', '--dimensions', '4')
    first, second = content(first), content(second)
    assert first['tokenizer.model'] == second['tokenizer.model']
    assert first['vectors.model'] == second['vectors.model']


def test_no_name_of_this_machine_is_in_the_files(text, tmp_path):
    output = run('corpus', text, tmp_path / 'a', '--vocabulary-size', '2000', '--dimensions', '4')
    for name, data in content(output).items():
        assert os.path.basename(str(tmp_path)).encode() not in data, name
        assert os.path.dirname(text).encode() not in data, name


def test_paths_may_hold_spaces_and_commas(tmp_path, sample):
    folder = tmp_path / 'my own, texts'
    folder.mkdir()
    path = text_file(folder, [sentence for sentence, _ in sample[:300]])
    output = run('corpus', path, folder / 'out put', '--vocabulary-size', '2000',
                 '--dimensions', '4')
    assert sorted(os.listdir(output)) == ['tokenizer.model', 'vectors.model']


def test_the_working_directory_is_as_before(text, tmp_path):
    before = os.getcwd()
    run('corpus', text, tmp_path / 'a', '--vocabulary-size', '2000', '--dimensions', '4')
    with pytest.raises(SystemExit):
        run('corpus', text, tmp_path / 'b', '--vocabulary-size', '10')
    assert os.getcwd() == before


def test_a_vocabulary_smaller_than_the_characters_is_refused_with_the_reason(text, tmp_path):
    with pytest.raises(SystemExit) as caught:
        run('corpus', text, tmp_path / 'out', '--vocabulary-size', '100')
    assert str(caught.value).startswith('a vocabulary of 100 pieces could not be made of this text')
    assert 'required_chars' in str(caught.value)
    assert os.listdir(str(tmp_path / 'out')) == []


def test_a_vocabulary_larger_than_the_text_is_as_large_as_it_can_be(tmp_path):
    path = text_file(tmp_path, ['電波が悪い', '抹茶パフェ', '電波が強い'] * 20)
    output = run('corpus', path, tmp_path / 'out', '--vocabulary-size', '8000', '--dimensions', '4')
    tokens = Word2Vec.load(os.path.join(output, 'vectors.model')).wv.index2word
    assert 10 < len(tokens) < 100


def test_another_seed_learns_other_vectors(text, tmp_path):
    options = ['--vocabulary-size', '2000', '--dimensions', '4', '--seed']
    vectors = [
        Word2Vec.load(os.path.join(run('corpus', text, tmp_path / seed, *(options + [seed])),
                                   'vectors.model')).wv.vectors
        for seed in ('1', '2')]
    assert vectors[0].shape == vectors[1].shape
    assert not (vectors[0] == vectors[1]).all()


def test_a_table_of_words_has_each_word_and_its_vector_and_no_tokenizer(words_dir, tmp_path):
    output = tmp_path / 'table'
    output.mkdir()
    build_vectors.main(['table', '--words', words_dir, '--output', str(output)])
    tokenizer, tokens, vectors = load_vectors(str(output))
    assert tokenizer is None
    assert tokens[0] == PADDING_TOKEN
    assert {token: row.tolist() for token, row in zip(tokens[1:], vectors[1:])} == {
        word: VECTORS[row].tolist() for word, row in WORDS.items()}
    assert tokens[1] == '電波', 'the most frequent word comes first'
