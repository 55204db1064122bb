"""encoding in the serving environment: the same indices as in the training environment."""
import json
import os
import shutil
import subprocess

from conftest import ROOT, SRC

import encoding
from encoding import ModelInputs, Pieces
from hosting.package_tokens import described

TRAIN_PYTHON = os.path.join(ROOT, '.venvs', 'train', 'bin', 'python')
ENCODE = """
import json, sys
from encoding import Encoder
encoder = Encoder(sys.argv[1], sys.argv[2])
with open(sys.argv[3], encoding='utf-8') as source:
    print(json.dumps([encoder.encode(text) for text in json.load(source)]))
"""


def test_training_and_endpoint_encode_every_shipped_sentence_alike(
        encoder, code, sentences, tmp_path):
    long = [''.join(sentences[start:start + 20]) for start in range(0, 200, 20)]
    texts = sentences + long + ['', 'ＡＢｃ ｱｲｳ𠮷']
    path = tmp_path / 'texts.json'
    path.write_text(json.dumps(texts), encoding='utf-8')
    done = subprocess.run(
        [TRAIN_PYTHON, '-c', ENCODE, os.path.join(code, 'tokenizer.model'),
         os.path.join(code, 'vocabulary.json'), str(path)],
        env={'PYTHONPATH': SRC, 'PYTHONDONTWRITEBYTECODE': '1'}, stdout=subprocess.PIPE, check=True)
    assert [encoder.encode(text) for text in texts] == json.loads(done.stdout.decode())


def test_rows_have_the_models_length_and_known_indices(encoder, code, sentences):
    with open(os.path.join(code, 'vocabulary.json'), encoding='utf-8') as source:
        size = len(json.load(source))
    for sentence in sentences:
        row = encoder.encode(sentence)
        assert len(row) == 64
        assert all(isinstance(index, int) and 0 <= index < size for index in row)


def test_the_end_of_a_long_text_decides(encoder, sentences):
    end = ''.join(sentences[:30])
    assert encoder.encode(sentences[40] + end) == encoder.encode(end)


def test_tokens_are_told_with_their_index_what_is_unknown_and_what_is_cut(encoder, code, sentences):
    with open(os.path.join(code, 'vocabulary.json'), encoding='utf-8') as vocabulary:
        known = set(json.load(vocabulary))
    text = ''.join(sentences[:20])
    found = described(encoding, encoder, text)
    assert [token for token, _, _, _ in found] == encoder.pieces(text)
    assert [index for _, index, _, is_seen in found if is_seen] == encoder.encode(text)
    assert [has_vector for _, _, has_vector, _ in found] == [
        token.lower() in known for token, _, _, _ in found]
    assert {has_vector for _, _, has_vector, _ in found} == {True, False}
    assert [is_seen for _, _, _, is_seen in found][-65:] == [False] + [True] * 64
    assert described(encoding, encoder, '') == []


def test_an_encoders_pieces_begin_and_end_and_a_long_text_keeps_its_end(code, sentences):
    pieces = Pieces(os.path.join(code, 'tokenizer.model'), 12)
    for text in sentences + ['', 'ＡＢｃ ｱｲｳ𠮷', ''.join(sentences[:30])]:
        row = pieces.encode(text)
        assert len(row) == 12
        used = [number for number in row if number]
        assert row == used + [0] * (12 - len(used))
        assert (used[0], used[-1]) == (Pieces.BEGIN, Pieces.END)
    end = ''.join(sentences[:30])
    assert pieces.encode(sentences[40] + end) == pieces.encode(end)


def test_a_model_with_an_encoder_gets_the_encoders_pieces_beside_the_tokens(code, tmp_path):
    directory = str(tmp_path / 'code')
    shutil.copytree(code, directory)
    shutil.copy(os.path.join(code, 'tokenizer.model'), os.path.join(directory, 'encoder.model'))
    with open(os.path.join(directory, 'encoding.json'), 'w', encoding='utf-8') as target:
        json.dump({'pieces': {'length': 16}}, target)
    inputs = ModelInputs(directory).encode(['電波が悪い', '圏外'])
    assert sorted(inputs) == ['inputs', 'pieces']
    assert [len(row) for row in inputs['pieces']] == [16, 16]
