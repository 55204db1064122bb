"""inference.handler: what it takes, what it answers, and what it says of wrong requests."""
import io
import json
import os

import pytest
from conftest import LABELS, Context, load
from hypothesis import given
from hypothesis import strategies as st

JSON, JSON_LINES = 'application/json', 'application/jsonlines'


@pytest.fixture
def ask(inference, model_server):
    """Gives the request to the handler as the container does; (body, content type)."""
    def send(body, content_type=JSON):
        data = body if isinstance(body, bytes) else body.encode('utf-8')
        return inference.handler(io.BytesIO(data), Context(model_server.uri, content_type))
    return send


def refusal(ask, body, content_type=JSON):
    with pytest.raises(ValueError) as caught:
        ask(body, content_type)
    return str(caught.value)


RANKING = [{'label': 'グルメ', 'prob': 0.5}, {'label': '京都', 'prob': 0.25},
           {'label': '携帯電話', 'prob': 0.125}, {'label': 'スポーツ', 'prob': 0.125}]


# --- answers ------------------------------------------------------------------------------------

def test_a_sentence_gives_its_labels_the_most_probable_first(ask):
    body, content_type = ask('{"q": "電波が悪い"}')
    assert json.loads(body) == RANKING
    assert content_type == JSON
    assert '携帯電話' in body, 'Japanese and not \\u escapes'


def test_equal_probabilities_stay_in_the_order_of_the_labels(ask, model_server):
    model_server.answer = lambda rows: (200, {'outputs': [[0.25] * 4]})
    assert [entry['label'] for entry in json.loads(ask('{"q": "x"}')[0])] == LABELS


def test_probabilities_are_passed_on_to_the_last_digit(ask, model_server):
    model_server.answer = lambda rows: (200, '{"outputs": [[0.96622, 2.31401e-02, 7.6e-3, 3e-10]]}')
    probabilities = [entry['prob'] for entry in json.loads(ask('{"q": "x"}')[0])]
    assert probabilities == [0.96622, 0.0231401, 0.0076, 3e-10]


def one_hot(encoder, texts):
    """Answers of a model that knows each text by its encoding: text i is label i."""
    place = {tuple(encoder.encode(text)): number for number, text in enumerate(texts)}

    def answer(rows):
        outputs = [[float(place[tuple(row)] % 4 == label) for label in range(4)] for row in rows]
        return 200, {'outputs': outputs}
    return answer


TEXTS = ['電波が悪い', '抹茶パフェを食べた', '祇園祭に行った', 'ゴールを決めた', '圏外']


def test_a_list_gives_a_list_in_its_order_from_one_call(ask, model_server, encoder):
    model_server.answer = one_hot(encoder, TEXTS)
    body, content_type = ask(json.dumps({'q': TEXTS}))
    assert [ranking[0]['label'] for ranking in json.loads(body)] == LABELS + LABELS[:1]
    assert content_type == JSON
    assert len(model_server.requests) == 1


@pytest.mark.parametrize('variables, sizes', [
    ({}, [5]), ({'ENABLE_BATCHING': 'false', 'MAX_BATCH_SIZE': '2'}, [5]),
    ({'ENABLE_BATCHING': 'true', 'MAX_BATCH_SIZE': '2'}, [2, 2, 1]),
    ({'ENABLE_BATCHING': 'true', 'MAX_BATCH_SIZE': '5'}, [5]),
    ({'ENABLE_BATCHING': 'true'}, [5])])
def test_a_model_server_that_batches_gets_no_more_than_a_batch_in_a_call(
        code, model_server, encoder, monkeypatch, variables, sizes):
    for name, value in variables.items():
        monkeypatch.setenv('SAGEMAKER_TFS_' + name, value)
    model_server.answer = one_hot(encoder, TEXTS)
    body = io.BytesIO(json.dumps({'q': TEXTS}).encode('utf-8'))
    answer, _ = load(code).handler(body, Context(model_server.uri, JSON))
    assert [ranking[0]['label'] for ranking in json.loads(answer)] == LABELS + LABELS[:1]
    assert [len(request['inputs']) for _, _, request in model_server.requests] == sizes


def test_a_list_of_one_gives_a_list_of_one(ask):
    assert json.loads(ask('{"q": ["電波が悪い"]}')[0]) == [RANKING]


def test_json_lines_give_a_line_for_each_from_one_call(ask, model_server, encoder):
    model_server.answer = one_hot(encoder, TEXTS)
    lines = '\n'.join(json.dumps({'q': text}, ensure_ascii=False) for text in TEXTS)
    body, content_type = ask(lines, JSON_LINES)
    assert body.endswith('\n')
    answers = [json.loads(line) for line in body.splitlines()]
    assert [ranking[0]['label'] for ranking in answers] == LABELS + LABELS[:1]
    assert content_type == JSON_LINES
    assert len(model_server.requests) == 1


@pytest.mark.parametrize('lines', [
    '{"q": "a"}\n{"q": "b"}', '{"q": "a"}\n{"q": "b"}\n', '{"q": "a"}\r\n{"q": "b"}\r\n',
    '\n\n{"q": "a"}\n  \n{"q": "b"}\n\n', ' {"q": "a"} \n\t{"q": "b"}',
])
def test_lines_may_end_either_way_and_blank_ones_do_not_count(ask, lines):
    assert len(ask(lines, JSON_LINES)[0].splitlines()) == 2


@pytest.mark.parametrize('separator', ['\u2028', '\u2029', '\x85', '\x7f'])
def test_a_separator_within_a_string_does_not_end_a_line(ask, model_server, separator):
    body, _ = ask('{{"q": "前{}後"}}\n{{"q": "b"}}'.format(separator), JSON_LINES)
    assert len(model_server.requests[0][2]['inputs']) == 2
    assert body.count('\n') == 2


def test_the_model_gets_what_the_encoder_gives(ask, model_server, encoder):
    long = '電波が悪い場所で話す' * 40
    ask(json.dumps({'q': ['電波が悪い', long]}))
    (path, headers, body), = model_server.requests
    assert path == '/v1/models/model:predict'
    assert headers['Content-Type'] == 'application/json'
    encode = encoder.encode
    assert body == {'inputs': [encode('電波が悪い'), encode(long)]}
    assert [len(row) for row in body['inputs']] == [64, 64]


@pytest.mark.parametrize('content_type', [
    'application/json', 'application/json; charset=utf-8', 'Application/JSON',
    ' application/json ;charset=UTF-8',
])
def test_json_may_be_named_with_a_charset_and_in_capitals(ask, content_type):
    assert ask('{"q": "x"}', content_type)[1] == JSON


def test_further_keys_are_left_alone(ask):
    assert json.loads(ask('{"id": 7, "q": "電波"}')[0]) == RANKING


def test_its_files_are_read_once_and_not_at_each_request(code, model_server, tmp_path):
    import shutil

    copy = str(tmp_path / 'code')
    shutil.copytree(code, copy)
    inference = load(copy)
    shutil.rmtree(copy)
    body, _ = inference.handler(io.BytesIO(b'{"q": "x"}'), Context(model_server.uri, JSON))
    assert json.loads(body) == RANKING


def test_no_pickle_is_opened(code):
    assert [name for name in os.listdir(code) if 'pickle' in name] == []
    with open(os.path.join(code, 'inference.py'), encoding='utf-8') as source:
        assert 'pickle' not in source.read()


# --- refusals -----------------------------------------------------------------------------------

EXAMPLE = '{"q": "電波が悪い"}'


@pytest.mark.parametrize('content_type', [
    'text/csv', 'text/plain', '', None, 'application/jsonline'])
def test_another_content_type_is_refused_by_name(ask, content_type):
    assert refusal(ask, EXAMPLE, content_type) == (
        'expected Content-Type application/json or application/jsonlines, found {!r}'.format(
            content_type))


@pytest.mark.parametrize('body, message', [
    ('', 'expected a body such as ' + EXAMPLE + ', found an empty one'),
    ('電波が悪い', 'expected JSON such as ' + EXAMPLE),
    ('{"q": "a"', 'expected JSON such as ' + EXAMPLE),
    ("{'q': 'a'}", 'expected JSON such as ' + EXAMPLE),
    ('{"q": "a"} {"q": "b"}', 'expected JSON such as ' + EXAMPLE),
    ('{"q": NaN}', 'NaN is not valid JSON'),
    ('{"q": -Infinity}', '-Infinity is not valid JSON'),
    ('\ufeff{"q": "a"}', 'expected JSON such as ' + EXAMPLE),
    ('[' * 100000, 'too deeply nested'),
    ('{}', 'expected an object with the key "q" such as ' + EXAMPLE + ', found an object without'),
    ('{"Q": "a"}', 'found an object without it'),
    ('["a"]', 'expected an object with the key "q" such as ' + EXAMPLE + ', found a list'),
    ('"a"', 'found a string'),
    ('1', 'found a number'),
    ('true', 'found a boolean'),
    ('null', 'found null'),
    ('{"q": null}', '"q": expected a string, found null'),
    ('{"q": 1.5}', '"q": expected a string, found a number'),
    ('{"q": false}', '"q": expected a string, found a boolean'),
    ('{"q": {"q": "a"}}', '"q": expected a string, found an object'),
    ('{"q": ""}', '"q": expected a sentence, found an empty string'),
    ('{"q": " \\t\\u3000"}', '"q": expected a sentence, found an empty string'),
    ('{"q": []}', 'expected at least one sentence in "q", found an empty list'),
    ('{"q": ["a", 7]}', '"q"[1]: expected a string, found a number'),
    ('{"q": ["a", ""]}', '"q"[1]: expected a sentence, found an empty string'),
    ('{"q": [["a"]]}', '"q"[0]: expected a string, found a list'),
    ('{"q": "a\\ud83d"}', '"q": expected text, found a lone surrogate (\\ud83d) at position 1'),
])
def test_a_wrong_body_is_refused_with_what_was_expected(ask, model_server, body, message):
    assert message in refusal(ask, body)
    assert model_server.requests == []


def test_an_object_in_the_place_of_a_string_is_called_an_object(ask):
    assert refusal(ask, '{"q": {"a": 1}}').endswith('found an object')


@pytest.mark.parametrize('body, message', [
    (b'{"q": "\x93d\x94g"}', 'expected UTF-8, found the byte 0x93 at offset 7'),
    (b'\xff\xfe{\x00', 'expected UTF-8, found the byte 0xff at offset 0'),
    (b'{"q": "\xe9\x9b', 'expected UTF-8, found the byte 0xe9 at offset 7'),
])
@pytest.mark.parametrize('content_type', [JSON, JSON_LINES])
def test_another_encoding_is_refused_with_the_place(ask, body, message, content_type):
    assert refusal(ask, body, content_type) == message


@pytest.mark.parametrize('body, message', [
    ('', 'expected a body'),
    ('\n \n', 'expected lines such as ' + EXAMPLE + ', found an empty body'),
    ('{"q": "a"}\n電波\n', 'line 2: expected JSON such as'),
    ('\n{"q": "a"}\n{}', 'line 3: expected an object with the key "q"'),
    ('{"q": "a"}\n{"q": ["b"]}', 'line 2: expected a string as "q", found a list'),
    ('{"q": 1}', 'line 1: "q": expected a string, found a number'),
    ('{"q": "a"}{"q": "b"}', 'line 1: expected JSON'),
    ('{"q": []}', 'line 1: expected at least one sentence'),
])
def test_a_wrong_line_is_refused_with_its_number(ask, model_server, body, message):
    assert message in refusal(ask, body, JSON_LINES)
    assert model_server.requests == []


# --- anything -----------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(['q', 'Q', '']), inner, max_size=2),
    max_leaves=6)


@given(value=VALUES, content_type=st.sampled_from([JSON, JSON_LINES]))
def test_whatever_json_comes_it_is_answered_or_refused(ask, value, content_type):
    try:
        body, _ = ask(json.dumps(value), content_type)
    except ValueError as error:
        assert str(error).encode('utf-8')
    else:
        assert json.loads(body)


@given(body=st.binary(max_size=40), content_type=st.sampled_from([JSON, JSON_LINES]))
def test_whatever_bytes_come_they_are_answered_or_refused(ask, body, content_type):
    try:
        ask(body, content_type)
    except ValueError as error:
        assert str(error)


@given(text=st.text(st.characters(blacklist_categories=('Cs',)), min_size=1).filter(str.strip),
       escaped=st.booleans())
def test_any_text_is_answered(ask, text, escaped):
    assert json.loads(ask(json.dumps({'q': text}, ensure_ascii=escaped))[0]) == RANKING


# --- the model server's own faults --------------------------------------------------------------

@pytest.mark.parametrize('status, body, message', [
    (404, {'error': 'Servable not found'}, 'answered 404: Servable not found'),
    (400, {'error': 'Could not parse example input'}, 'answered 400: Could not parse'),
    (500, ['strange'], "answered 500: ['strange']"),
    (503, '<html>busy</html>', 'answered 503 and no JSON'),
    (200, '', 'answered 200 and no JSON'),
    (200, b'\xff', 'answered 200 and no JSON'),
    (200, {'predictions': [[1.0]]}, 'answered 200 without "outputs"'),
    (200, [1], 'answered 200 without "outputs"'),
])
def test_an_error_of_the_model_server_is_told_in_its_own_words(
        ask, inference, model_server, status, body, message):
    model_server.answer = lambda rows: (status, body)
    with pytest.raises(Exception) as caught:
        ask('{"q": "x"}')
    assert type(caught.value).__name__ == 'ModelServerError'
    assert message in str(caught.value)


@pytest.mark.parametrize('outputs', [
    [], [[0.5, 0.5]], [[0.2] * 5], [[0.25] * 4] * 2, [0.25] * 4, {'a': [[0.25] * 4], 'b': [[1.0]]},
])
def test_an_answer_that_does_not_fit_the_labels_is_no_ranking(ask, model_server, outputs):
    """A model of other labels, or another number of rows, must not be answered as if it fitted."""
    model_server.answer = lambda rows: (200, {'outputs': outputs})
    with pytest.raises(Exception) as caught:
        ask('{"q": "x"}')
    assert 'expected 4 probabilities for each of 1 sentences' in str(caught.value)
