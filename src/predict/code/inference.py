"""Preprocessing and postprocessing inside the endpoint: text in, ranked labels out.

The container calls ``handler`` for each POST /invocations (contract A7). Requests:

    application/json       {"q": "電波が悪い"}  or  {"q": ["電波が悪い", "抹茶パフェ"]}
    application/jsonlines  {"q": "電波が悪い"}  on each line

Answers, as in the article, one list a sentence, the most probable label first:

    [{"label": "携帯電話", "prob": 0.966}, {"label": "京都", "prob": 0.023}, …]

A list of sentences gives a list of such lists, JSON lines one such list a line.
Two requests go beyond the article, for a model that can (v2), with application/json:
``"explain": true`` gives for each sentence ``{"labels": [...], "tokens": [{"token":
"電波", "weight": 0.61}, ...]}``, and ``"unknown": true`` puts the label ``unknown`` first
where the most probable one is below the confidence that training found.
All sentences of a request go to the model server in one call, or in several where it is
told to batch and would refuse larger ones. Anything wrong with
a request raises ValueError, whose text becomes the body ``{"error": …}``.
"""
import json
import os
import sys

CODE_DIRECTORY = os.path.dirname(os.path.abspath(__file__))
if CODE_DIRECTORY not in sys.path:
    sys.path.append(CODE_DIRECTORY)

from encoding import ModelInputs  # noqa: E402
from model_client import ModelClient, ModelServerError  # noqa: E402

JSON = 'application/json'
JSON_LINES = 'application/jsonlines'

EXAMPLE = '{"q": "電波が悪い"}'


def _path(name):
    return os.path.join(CODE_DIRECTORY, name)


def _read_labels():
    with open(_path('labels.json'), encoding='utf-8') as labels_file:
        return json.load(labels_file)


def _most_sentences():
    """How many the model server takes in one call: where it batches, no more than a batch."""
    if os.environ.get('SAGEMAKER_TFS_ENABLE_BATCHING', '').lower() != 'true':
        return sys.maxsize
    # 8 is the container's default; a number that is none keeps the model server from starting.
    size = os.environ.get('SAGEMAKER_TFS_MAX_BATCH_SIZE', '8')
    return max(1, int(size)) if size.isdigit() else 8


most_sentences = _most_sentences()
labels = _read_labels()
model_inputs = ModelInputs(CODE_DIRECTORY)
client = ModelClient()


def handler(data, context):
    """Answers one request.

    Args:
        data: the raw request stream.
        context: the container's Context.

    Returns:
        (body, content type)

    Raises:
        ValueError: the request is wrong; the text says what was expected.
        ModelServerError: the model server refused or could not be reached.
    """
    content_type = (context.request_content_type or '').split(';')[0].strip().lower()
    if content_type not in (JSON, JSON_LINES):
        raise ValueError('expected Content-Type {} or {}, found {!r}'.format(
            JSON, JSON_LINES, context.request_content_type))
    text = _decode(data.read())
    if content_type == JSON:
        request = _parse(text)
        query = _query(request)
        sentences = query if isinstance(query, list) else [query]
        answers = _classify(sentences, context, **_options(request))
        return _dump(answers if isinstance(query, list) else answers[0]), JSON
    sentences = []
    # Not splitlines: characters such as U+2028 may stand within a JSON string.
    for number, line in enumerate(text.split('\n'), start=1):
        if line.strip():
            request = _parse(line, number)
            query = _query(request, number)
            if any(_options(request, number).values()):
                raise ValueError('line {}: "explain" and "unknown" go with {}'.format(number, JSON))
            if isinstance(query, list):
                raise ValueError('line {}: expected a string as "q", found a list; give each'
                                 ' sentence a line of its own'.format(number))
            sentences.append(query)
    if not sentences:
        raise ValueError('expected lines such as {}, found an empty body'.format(EXAMPLE))
    return '\n'.join(map(_dump, _classify(sentences, context))) + '\n', JSON_LINES


def _classify(sentences, context, explain=False, unknown=False):
    if len(sentences) > most_sentences:
        parts = range(0, len(sentences), most_sentences)
        return [answer for start in parts for answer in _classify(
            sentences[start:start + most_sentences], context, explain, unknown)]
    inputs = model_inputs.encode(sentences)
    if len(inputs) == 1:
        inputs = inputs['inputs']
    if explain:
        outputs = client.predict(context.rest_uri, inputs, signature_name='explain')
        rows, weights = outputs['probabilities'], outputs['weights']
    else:
        rows = client.predict(context.rest_uri, inputs)
    _check_rows(rows, sentences)
    rankings = [_rank(row, unknown) for row in rows]
    if not explain:
        return rankings
    return [{'labels': ranking, 'tokens': _weighted_tokens(text, row)}
            for text, ranking, row in zip(sentences, rankings, weights)]


def _weighted_tokens(text, weights):
    """The tokens that the model saw, in order, with how much each counted."""
    tokens = model_inputs.encoder.pieces(text)[-len(weights):]
    return [{'token': token, 'weight': weight}
            for token, weight in zip(tokens, weights[len(weights) - len(tokens):])]


def _check_rows(rows, sentences):
    if not isinstance(rows, list) or len(rows) != len(sentences) or not all(
            isinstance(row, list) and len(row) == len(labels) for row in rows):
        raise ModelServerError(
            'expected {} probabilities for each of {} sentences from the model, found others;'
            ' is it the model that labels.json belongs to?'.format(len(labels), len(sentences)))


def _rank(probabilities, unknown=False):
    """Labels with their probabilities, the most probable first; ties in the order of labels.

    With ``unknown`` an entry of that name, without a probability, is the first where the
    best label's is below the model's threshold.
    """
    order = sorted(range(len(probabilities)), key=lambda index: -probabilities[index])
    ranking = [{'label': labels[index], 'prob': probabilities[index]} for index in order]
    if unknown and ranking[0]['prob'] < model_inputs.specification['unknown_below']:
        ranking.insert(0, {'label': 'unknown', 'prob': None})
    return ranking


def _decode(body):
    if not body:
        raise ValueError('expected a body such as {}, found an empty one'.format(EXAMPLE))
    try:
        return body.decode('utf-8')
    except UnicodeDecodeError as error:
        raise ValueError('expected UTF-8, found the byte 0x{:02x} at offset {}'.format(
            body[error.start], error.start))


def _parse(text, line=None):
    # json.loads would make a decoder for each call; it has words of its own for a byte order mark.
    loads = json.loads if text.startswith('\ufeff') else _decoder.decode
    try:
        return loads(text)
    except (ValueError, RecursionError) as error:
        reason = 'too deeply nested' if isinstance(error, RecursionError) else error
        raise ValueError('{}expected JSON such as {}, found something else ({})'.format(
            _at(line), EXAMPLE, reason))


def _refuse_constant(name):
    raise ValueError('{} is not valid JSON'.format(name))


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


def _query(request, line=None):
    """The sentence, or list of sentences, of a parsed request."""
    if not isinstance(request, dict) or 'q' not in request:
        raise ValueError('{}expected an object with the key "q" such as {}, found {}'.format(
            _at(line), EXAMPLE,
            'an object without it' if isinstance(request, dict) else _kind(request)))
    query = request['q']
    if isinstance(query, list):
        if not query:
            raise ValueError('{}expected at least one sentence in "q", found an empty list'.format(
                _at(line)))
        for index, text in enumerate(query):
            _check(text, '{}"q"[{}]: '.format(_at(line), index))
    else:
        _check(query, '{}"q": '.format(_at(line)))
    return query


def _options(request, line=None):
    """What a request asks for beside the ranking: dict of option to bool."""
    chosen = {}
    for name, needs in (('explain', 'explain'), ('unknown', 'unknown_below')):
        value = request.get(name, False)
        if not isinstance(value, bool):
            raise ValueError('{}"{}": expected true or false, found {}'.format(
                _at(line), name, _kind(value)))
        if value and not model_inputs.specification.get(needs):
            raise ValueError('{}"{}": this model has no such answer (v2 has)'.format(
                _at(line), name))
        chosen[name] = value
    return chosen


def _check(text, where):
    if not isinstance(text, str):
        raise ValueError('{}expected a string, found {}'.format(where, _kind(text)))
    if not text.strip():
        raise ValueError('{}expected a sentence, found an empty string'.format(where))
    try:
        text.encode('utf-8')
    except UnicodeEncodeError as error:
        raise ValueError('{}expected text, found a lone surrogate (\\u{:04x}) at position {}'
                         .format(where, ord(text[error.start]), error.start))


def _kind(value):
    names = {dict: 'an object', list: 'a list', str: 'a string', bool: 'a boolean',
             int: 'a number', float: 'a number', type(None): 'null'}
    return names[type(value)]


def _at(line):
    return '' if line is None else 'line {}: '.format(line)


_dump = json.JSONEncoder(ensure_ascii=False).encode
