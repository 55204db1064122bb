"""Issue 3, bad input: no crash, no hang, and no 200 for nonsense.

FUZZ_EXAMPLES is the number of generated requests for each kind of endpoint (default 200).
A URL suffices; of endpoints started here it is also checked that no process died.
"""
import contextlib
import json
import math
import os
import re
import socket
import struct
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get('FUZZ_EXAMPLES') or 200)
LIMIT = 60.0            # seconds in which every request must be over
MODEL = 'half_plus_three'


def share(part):
    """Settings for a test that makes this part of all examples."""
    return settings(max_examples=max(1, int(EXAMPLES * part)), deadline=None, database=None,
                    derandomize=bool(os.environ.get('CI')),
                    suppress_health_check=list(HealthCheck))


@pytest.fixture(scope='module')
def victim(request):
    """A plain endpoint with real models; afterwards everything must still be alive."""
    yield from unharmed(request, '_plain')


@pytest.fixture(scope='module')
def scripted_victim(request):
    """An endpoint with handlers/probe.py, which reports what it was given."""
    yield from unharmed(request, '_scripted')


def unharmed(request, kind):
    contract = os.environ.get('HOSTING_CONTRACT') or '2019'
    endpoint = request.getfixturevalue(kind)(contract)
    before = sorted(endpoint.descendants()) if endpoint.process else None
    yield endpoint
    assert endpoint.get('/ping').status == 200
    reply = endpoint.request('POST', f'/tfs/v1/models/{MODEL}:predict', '{"instances": [2]}')
    assert reply.json == {'predictions': [4.5]}
    if endpoint.process:
        assert sorted(endpoint.descendants()) == before, 'a process died'
        log = endpoint.log()
        assert 'unexpected' not in log and 'WORKER TIMEOUT' not in log
        assert 'handler failed' not in log and 'never retrieved' not in log


# -- an oracle: which requests y = x/2 + 3.5 can be computed for ---------------------------------

class Nonsense(ValueError):
    """No model server may answer this with 200."""


def expected(body):
    """The x of a request, flat; Nonsense if it is no request for this model.

    Only what JSON itself allows counts. A value that no float32 holds is given as infinite.
    The model server does not compare shapes: a value of any rank is computed.
    """
    def constant(name):
        raise Nonsense(name)

    def first_wins(pairs):
        return dict(reversed(pairs))

    try:
        request = json.loads(body.decode('utf-8'), parse_constant=constant,
                             object_pairs_hook=first_wins)
    except (ValueError, RecursionError) as error:
        raise Nonsense(str(error)) from None
    if not isinstance(request, dict) or ('instances' in request) == ('inputs' in request):
        raise Nonsense('not either of instances and inputs')
    if request.get('signature_name', 'serving_default') not in ('serving_default', ''):
        raise Nonsense('another signature')
    if 'inputs' in request:
        value = request['inputs']
        if isinstance(value, dict):
            value = value.get('x')  # other names are ignored in this format
    else:
        value = request['instances']
        if not isinstance(value, list) or not value:
            raise Nonsense('no list of instances')
        if isinstance(value[0], dict):
            value = [unnamed(item) for item in value]
    shape(value)
    return list(flat(value))


def unnamed(item):
    if not isinstance(item, dict) or list(item) != ['x']:
        raise Nonsense('other inputs than x')
    return item['x']


def shape(value):
    """The shape of nested lists of numbers; Nonsense if they are ragged or hold anything else."""
    if isinstance(value, list):
        shapes = {shape(item) for item in value}
        if len(shapes) > 1:
            raise Nonsense('ragged')
        return (len(value), *(shapes.pop() if shapes else ()))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Nonsense(f'{value!r} is not a number')
    return ()


def flat(value):
    if isinstance(value, list):
        for item in value:
            yield from flat(item)
    else:
        try:
            yield struct.unpack('f', struct.pack('f', value))[0]
        except (OverflowError, struct.error):
            yield math.inf


def check(reply, body):
    """A reply to a request of the predict API with that body."""
    assert reply.status in (200, 400), reply
    if reply.status == 400:
        assert b'error' in reply.body
        return
    try:
        values = expected(body)
    except Nonsense as why:
        # NaN and Infinity are no JSON, but the model server may know them.
        if re.search(rb'NaN|Inf', body) or b'\0' in body:
            return
        raise AssertionError(f'200 for nonsense ({why}): {body[:500]!r} → {reply!r}') from None
    answer = json.loads(reply.body)
    results = list(flat(answer['predictions' if 'predictions' in answer else 'outputs']))
    assert len(results) == len(values)
    for value, result in zip(values, results):
        if math.isfinite(value) and abs(value) < 1e37:
            assert math.isclose(result, value / 2 + 3.5, rel_tol=1e-5, abs_tol=1e-5)


# -- bodies -----------------------------------------------------------------------------------

scalars = st.one_of(
    st.integers(), st.integers(-10**400, 10**400), st.floats(), st.booleans(), st.none(), st.text(),
    st.sampled_from([1e39, -1e39, 1e308, 5e-324, 2**63, -2**63 - 1, 2**64, 10**309]))
values = st.recursive(
    scalars | st.floats(width=32, allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=5)
    | st.dictionaries(st.sampled_from(['x', 'y', 'b64', 'instances', '']), inner, max_size=3),
    max_leaves=12)
rows = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False)
                | st.integers(-1000, 1000)
                | st.fixed_dictionaries({'x': st.floats(-1e6, 1e6)}), min_size=1, max_size=8)
requests = st.one_of(
    rows.map(lambda value: {'instances': value}),
    values.map(lambda value: {'instances': value}),
    st.dictionaries(st.sampled_from(['instances', 'inputs', 'examples', 'signature_name', 'x']),
                    values, min_size=1, max_size=4),
)
texts = requests.map(lambda value: json.dumps(value).encode())


@st.composite
def damaged(draw):
    """A request's text with a few bytes cut out, put in or exchanged."""
    body = bytearray(draw(texts))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body)))
        kind = draw(st.sampled_from(['cut', 'put', 'exchange', 'end', 'twice']))
        piece = draw(st.sampled_from([b'"', b'\\', b'{', b'}', b'[', b']', b',', b':', b'\xff',
                                      b'\xed\xa0\x80', b'\\ud800', b'\x00', b'1e9999', b'NaN', b'-',
                                      b'+', b'0', b'//', b'\xe3\x81', b'\xef\xbb\xbf', b' ']))
        if kind == 'cut':
            del body[at:at + draw(st.integers(1, 5))]
        elif kind == 'put':
            body[at:at] = piece
        elif kind == 'exchange':
            body[at:at + 1] = piece
        elif kind == 'twice':
            body[at:at] = body[:at]
        else:
            del body[at:]
    return bytes(body)


def deep(opening, closing, depth, closed):
    return (b'{"instances":' + opening * depth + b'1' + (closing * depth + b'}' if closed else b''))


nested = st.builds(deep, st.sampled_from([b'[', b'{"x":', b'[{"x":']),
                   st.sampled_from([b']', b'}']), st.integers(1, 200_000), st.booleans())
bodies = st.one_of(texts, damaged(), damaged(), nested, st.binary(max_size=200))


@share(0.55)
@given(body=bodies)
@example(body=b'{"instances": [NaN]}')
@example(body=b'{"instances": [' + b'[' * 1_000_000 + b']' * 1_000_000 + b']}')
@example(body=b'[' * 5_000_000)
@example(body=b'{"instances": ["\xff\xfe"]}')
@example(body=b'{"instances": [1]}' * 2)
@example(body=b'{"instances": [1]} x')
@example(body=b'{"instances": [1], "instances": []}')
@example(body=b'{"instances": [true]}')
@example(body=b'{"instances": [{"x": 1, "y": 2}]}')
@example(body=b'{"instances": [{"b64": "AAAA"}]}')
@example(body=b'{"instances": [[1, 2], [3]]}')
def test_bad_input_bodies_of_a_predict_request(victim, body):
    start = time.monotonic()
    check(victim.request('POST', f'/tfs/v1/models/{MODEL}:predict', body, timeout=LIMIT), body)
    assert time.monotonic() - start < LIMIT


@pytest.mark.parametrize('number', ['1e999', '-1e999', '1' + '0' * 309, '-1' + '0' * 5000,
                                    '1' + '0' * 400 + '.5'])
def test_bad_input_numbers_that_no_double_holds(victim, number):
    reply = victim.request('POST', f'/tfs/v1/models/{MODEL}:predict',
                           '{"instances": [%s]}' % number)
    assert reply.status == 400, reply


@share(0.15)
@given(body=st.one_of(bodies, st.text().map(lambda text: text.encode('utf-8', 'surrogatepass')),
                      st.from_regex(rb'[-+0-9eE., "\n\r\[\]{}a:]*', fullmatch=True)),
       content_type=st.sampled_from(['application/json', 'application/jsonlines',
                                     'application/jsons', 'text/csv']),
       accept=st.sampled_from([None, 'application/jsonlines', 'x/y, application/json']))
def test_bad_input_bodies_of_invocations(victim, body, content_type, accept):
    reply = victim.invoke(body, content_type, accept=accept, timeout=LIMIT)
    assert reply.status in (200, 400, 500), reply
    if reply.status == 200:
        answer = json.loads(reply.body.replace(b'NaN', b'0').replace(b'Infinity', b'0'))
        assert [*answer] in (['predictions'], ['outputs']) and answer != {'predictions': []}
    elif reply.status == 500:  # nginx's JavaScript has no answer to an empty CSV body
        assert content_type == 'text/csv' and not body


@share(0.1)
@given(body=st.one_of(st.binary(max_size=5000), bodies))
def test_bad_input_reaches_a_handler_byte_for_byte(scripted_victim, body):
    if b'"do"' not in body:
        assert scripted_victim.probe(body)['body'].encode('latin-1') == body


# -- headers ----------------------------------------------------------------------------------

latin = st.text(st.characters(min_codepoint=32, max_codepoint=255,
                              blacklist_characters='\x7f'), max_size=60).map(str.strip)
attributes = st.one_of(latin, st.lists(st.sampled_from([
    'tfs-model-name=', 'tfs-model-version=', 'tfs-method=', 'half_plus_two', '..', '/', '%2e%2e',
    '?a=b', '123', '99999999999999999999', ',', '=', ' ', '#', ':predict', '%00', '\xe3\x81'
]), max_size=8).map(''.join))


@share(0.1)
@given(content_type=st.none() | latin, accept=st.none() | latin, custom=attributes)
def test_bad_input_headers(victim, content_type, accept, custom):
    headers = {'X-Amzn-SageMaker-Custom-Attributes': custom, 'Accept': accept,
               'Content-Type': content_type}
    headers = {name: value.encode('latin-1') for name, value in headers.items()
               if value is not None}
    reply = victim.request('POST', '/invocations', '{"instances": "no list"}', headers,
                           timeout=LIMIT)
    assert reply.status in (400, 404, 405, 415, 500), reply
    assert victim.request('GET', '/ping', None, headers).status in (200, 500, 502)


# -- below HTTP -------------------------------------------------------------------------------

WHOLE = (b'POST /tfs/v1/models/half_plus_three:predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\n'
         b'Content-Length: 18\r\n\r\n{"instances": [2]}')


@st.composite
def raw_requests(draw):
    """A request of which something is missing, doubled or exchanged."""
    data = bytearray(WHOLE)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(['cut', 'put', 'line']))
        if kind == 'cut':
            del data[at:at + draw(st.integers(1, 30))]
        elif kind == 'put':
            data[at:at] = draw(st.binary(max_size=20))
        else:
            line = draw(st.sampled_from([
                b'Content-Length: 18', b'Content-Length: 5', b'Content-Length: 1e3',
                b'Content-Length: 99999999999999999999', b'Transfer-Encoding: chunked',
                b'Transfer-Encoding: x', b'Expect: 100-continue', b'Host: y', b' folded: z',
                b'Upgrade: websocket\r\nConnection: Upgrade', b'X: ' + b'y' * 9000,
                b'Connection: keep-alive', b'\xff: \xff', b':']))
            data[at:at] = b'\r\n' + line + b'\r\n'
    return bytes(data)


@share(0.1)
@given(data=raw_requests())
@example(data=WHOLE.replace(b'Content-Length: 18\r\n', b''))
@example(data=WHOLE.replace(b'18', b'19'))
@example(data=b'')
def test_bad_input_below_http(victim, data):
    """What comes back is HTTP, or nothing; it ends when the client has ended."""
    answer = victim.raw(data, half_close=True)
    assert not answer.endswith(b'<open>'), 'the connection did not end'
    statuses = rb'HTTP/1\.1 (100|200|400|404|405|408|413|414|415|501) '
    assert answer == b'' or re.match(statuses, answer)
    replies = re.findall(rb'(?s)HTTP/1\.1 (\d+) .*?\r\n\r\n(.*?)(?=HTTP/1\.1 |$)', answer)
    for status, body in replies:
        if status == b'200' and b'predictions' in body:
            assert 'predictions' in json.loads(body)


@pytest.mark.parametrize('body, size', [
    ('[', 20_000_000), ('"', 20_000_000), ('{"instances": [', 20_000_000), (' ', 20_000_000),
    ('1,', 4_000_000), ('[1],', 4_000_000)])  # wrong at their very end: searched bit by bit
def test_bad_input_of_many_megabytes(victim, body, size):
    start = time.monotonic()
    reply = victim.invoke((body * (size // len(body) + 1))[:size], timeout=LIMIT)
    assert reply.status == 400, reply
    assert time.monotonic() - start < LIMIT


def test_bad_input_of_20_valid_megabytes_is_answered(victim):
    count = 4_000_000
    reply = victim.invoke('{"instances": [' + '2.0,' * (count - 1) + '2.0]}', timeout=LIMIT)
    assert reply.status == 200
    assert reply.body.count(b'4.5') == count


def test_bad_input_slow_senders_hold_up_nobody(victim):
    with contextlib.ExitStack() as stack:
        slow = []
        for i in range(100):
            connection = stack.enter_context(
                socket.create_connection((victim.host, victim.port), timeout=LIMIT))
            connection.sendall(WHOLE[:i])
            slow.append(connection)
        for _ in range(5):
            assert victim.invoke('{"instances": [2]}').json == {'predictions': [4.5]}
        for i, connection in enumerate(slow):  # and they are served when they are done
            connection.sendall(WHOLE[i:])
        for connection in slow:
            assert connection.recv(100).startswith(b'HTTP/1.1 200 OK')
