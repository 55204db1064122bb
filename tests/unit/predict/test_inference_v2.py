"""What v2 and v3 add to the handler: n-grams beside tokens, `explain`, `unknown`."""
import io
import json
import os
import shutil

import pytest
from conftest import Context, load

JSON, JSON_LINES = 'application/json', 'application/jsonlines'
SPECIFICATION = {'ngrams': {'orders': [1, 2], 'buckets': 100, 'length': 16}, 'explain': True,
                 'unknown_below': 0.6}


@pytest.fixture(scope='module')
def inference(code, tmp_path_factory):
    """The handler of a package that holds encoding.json."""
    directory = tmp_path_factory.mktemp('package') / 'code'
    shutil.copytree(code, str(directory), ignore=shutil.ignore_patterns('__pycache__'))
    (directory / 'encoding.json').write_text(json.dumps(SPECIFICATION), encoding='utf-8')
    return load(str(directory))


@pytest.fixture
def ask(inference, model_server):
    def send(value, content_type=JSON):
        body = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        answer, _ = inference.handler(
            io.BytesIO(body.encode('utf-8')), Context(model_server.uri, content_type))
        return json.loads(answer)
    return send


def answering(probabilities, weights=None):
    def answer(inputs):
        count = len(inputs['inputs'])
        if weights is None:
            return 200, {'outputs': [probabilities] * count}
        return 200, {'outputs': {'probabilities': [probabilities] * count,
                                 'weights': [weights] * count}}
    return answer


def test_both_views_of_each_sentence_go_to_the_model(ask, model_server, inference):
    model_server.answer = answering([0.7, 0.1, 0.1, 0.1])
    ask({'q': ['電波が悪い', '圏外']})
    (_, _, body), = model_server.requests
    assert body == {'inputs': inference.model_inputs.encode(['電波が悪い', '圏外'])}
    assert [len(row) for row in body['inputs']['ngrams']] == [16, 16]


def test_explain_gives_each_token_its_weight_in_order(ask, model_server, inference):
    pieces = inference.model_inputs.encoder.pieces('電波が悪い')
    weights = [0.0] * (64 - len(pieces)) + [float(n) for n in range(len(pieces))]
    model_server.answer = answering([0.7, 0.1, 0.1, 0.1], weights)
    answer = ask({'q': '電波が悪い', 'explain': True})
    assert model_server.requests[0][2]['signature_name'] == 'explain'
    assert [entry['token'] for entry in answer['tokens']] == pieces
    assert [entry['weight'] for entry in answer['tokens']] == [float(n) for n in range(len(pieces))]
    assert answer['labels'][0] == {'label': '京都', 'prob': 0.7}


def test_unknown_comes_first_only_below_the_threshold_and_only_when_asked_for(ask, model_server):
    model_server.answer = answering([0.55, 0.25, 0.1, 0.1])
    assert ask({'q': 'x', 'unknown': True})[0] == {'label': 'unknown', 'prob': None}
    assert ask({'q': 'x'})[0]['label'] == '京都'
    model_server.answer = answering([0.65, 0.15, 0.1, 0.1])
    assert ask({'q': 'x', 'unknown': True})[0]['label'] == '京都'


@pytest.mark.parametrize('request_body, content_type, expected', [
    ({'q': 'x', 'explain': 1}, JSON, '"explain": expected true or false, found a number'),
    ('{"q": "x", "explain": true}', JSON_LINES, 'line 1: "explain" and "unknown" go with'),
])
def test_a_wrong_option_is_named(ask, request_body, content_type, expected):
    with pytest.raises(ValueError) as caught:
        ask(request_body, content_type)
    assert expected in str(caught.value)


def test_v3_gets_tokens_and_pieces_and_says_unknown_but_does_not_explain(
        code, model_server, tmp_path):
    directory = str(tmp_path / 'code')
    shutil.copytree(code, directory, ignore=shutil.ignore_patterns('__pycache__'))
    with open(os.path.join(directory, 'encoding.json'), 'w', encoding='utf-8') as target:
        json.dump({'pieces': {'length': 16}, 'unknown_below': 0.6}, target)
    shutil.copy(os.path.join(code, 'tokenizer.model'), os.path.join(directory, 'encoder.model'))
    inference = load(directory)
    model_server.answer = answering([0.55, 0.25, 0.1, 0.1])

    def answer(option):
        body = json.dumps({'q': '電波が悪い', option: True}).encode('utf-8')
        return inference.handler(io.BytesIO(body), Context(model_server.uri, JSON))[0]

    assert [entry['label'] for entry in json.loads(answer('unknown'))][:2] == ['unknown', '京都']
    (_, _, body), = model_server.requests
    assert body == {'inputs': inference.model_inputs.encode(['電波が悪い'])}
    assert sorted(body['inputs']) == ['inputs', 'pieces']
    with pytest.raises(ValueError) as caught:
        answer('explain')
    assert 'this model has no such answer' in str(caught.value)


def test_v1_refuses_to_explain(code, model_server):
    assert not os.path.exists(os.path.join(code, 'encoding.json'))
    with pytest.raises(ValueError) as caught:
        load(code).handler(io.BytesIO(b'{"q": "x", "explain": true}'),
                           Context(model_server.uri, JSON))
    assert 'this model has no such answer' in str(caught.value)
