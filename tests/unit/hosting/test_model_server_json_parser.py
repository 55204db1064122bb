"""Bodies that the fast JSON parser refuses are read, or refused, as RapidJSON does."""
import json
import math
import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hosting.model_server import json_parser
from hosting.model_server.errors import ServingError
from hosting.model_server.json_parser import parse, parse_as_rapidjson

VALUES = st.recursive(
    st.none() | st.booleans() | st.text(max_size=10)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(min_value=-(1 << 63), max_value=(1 << 64) - 1),
    lambda inner: st.lists(inner, max_size=5)
    | st.dictionaries(st.text(max_size=5), inner, max_size=5), max_leaves=10)

NOT_TWO = r'The document root must not be followed by other values.'


@settings(max_examples=100, deadline=None)
@given(VALUES, st.sampled_from([None, 0, 1]), st.booleans())
def test_every_valid_text_is_read_as_by_python(value, indent, ascii_only):
    raw = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode('utf-8', 'surrogatepass')
    assert parse_as_rapidjson(raw) == json.loads(json.dumps(value))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40) | st.text(alphabet='[]{}":,.-+eE0123456789truefalsn \\u', max_size=30)
       .map(str.encode))
def test_no_bytes_do_anything_but_be_read_or_be_refused_with_an_offset(raw):
    try:
        parse_as_rapidjson(raw)
    except ServingError as error:
        assert error.code == 3
        words, _, offset = error.message.rpartition(' at offset: ')
        assert words.startswith('JSON Parse error: ')
        assert 0 <= int(offset) <= len(raw)


@pytest.mark.parametrize('raw, words, offset', [
    (b'', 'The document is empty.', 0),
    (b' \n', 'The document is empty.', 2),
    (b'{"a" 1}', 'Missing a colon after a name of object member.', 5),
    (b'{"a":1', 'Missing a comma or } after an object member.', 6),
    (b'{"a":1,}', 'Missing a name for object member.', 7),
    (b"{'a':1}", 'Missing a name for object member.', 1),
    (b'[1 2]', 'Missing a comma or ] after an array element.', 3),
    (b'[1,2,3,4,5,6,]', 'Invalid value.', 13),
    (b'[[1,2],[1,2],[1,2],[1,2],[1,x]]', 'Invalid value.', 28),
    (b'nul', 'Invalid value.', 3),
    (b'{"a":tru}', 'Invalid value.', 8),
    (b'None', 'Invalid value.', 1),
    (b'[1]x', NOT_TWO, 3),
    (b'01', NOT_TWO, 1),
    (b'1.', 'Miss fraction part in number.', 2),
    (b'1.e5', 'Miss fraction part in number.', 2),
    (b'1e+', 'Miss exponent in number.', 3),
    (b'[1e400]', 'Number too big to be stored in double.', 1),
    (b'"abc', 'Missing a closing quotation mark in string.', 4),
    (b'"a\\x"', 'Invalid escape character in string.', 2),
    (b'"\\u12g4"', 'Incorrect hex digit after \\u escape in string.', 1),
    (b'"\\ud800x"', 'The surrogate pair in string is invalid.', 1),
    (b'"a\nb"', 'Invalid escape character in string.', 2),
    (b'[' * 20000, 'Nested deeper than 10000 levels.', 10001),
])
def test_a_fault_is_named_with_its_offset(raw, words, offset):
    with pytest.raises(ServingError) as refused:
        parse_as_rapidjson(raw)
    assert refused.value.message == 'JSON Parse error: %s at offset: %d' % (words, offset)


@pytest.fixture(params=['orjson', 'the standard library'])
def fast(request, monkeypatch):
    """Either of the fast parsers."""
    monkeypatch.setattr(json_parser, '_SMALL', 1 << 30 if request.param == 'orjson' else -1)
    monkeypatch.setattr(json_parser, '_fast', json_parser._FastParser())


@settings(max_examples=40, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=VALUES, ascii_only=st.booleans(), tail=st.sampled_from([b'', b' ', b',', b'}', b'x']))
def test_the_fast_parsers_agree_with_the_careful_one(fast, value, ascii_only, tail):
    raw = json.dumps([value], ensure_ascii=ascii_only).encode('utf-8', 'surrogatepass') + tail
    try:
        expected = parse_as_rapidjson(raw)
    except ServingError as error:
        with pytest.raises(ServingError) as refused:
            parse(raw)
        assert refused.value.message == error.message
    else:
        assert parse(raw) == expected


@pytest.mark.parametrize('raw', [b'[1e400]', b'["\\ud800"]', b'[1E+999]', b'["\\udc00\\ud800"]'])
def test_what_the_fast_parsers_would_take_wrongly_is_refused(fast, raw):
    with pytest.raises(ServingError) as refused:
        parse(raw)
    with pytest.raises(ServingError) as expected:
        parse_as_rapidjson(raw)
    assert refused.value.message == expected.value.message


def test_wrong_bodies_leave_no_memory_behind():
    def memory():
        with open('/proc/self/statm') as file:
            return int(file.read().split()[1]) * 4096

    def send(count):
        for _ in range(count):
            with pytest.raises(ServingError):
                parse(b'{"instances": [%s]' % b','.join([b'1.5'] * 2000))

    send(300)
    before = memory()
    send(1000)
    assert memory() - before < 10 << 20


def test_nan_and_infinity_are_numbers_in_each_spelling():
    values = parse_as_rapidjson(b'[NaN, -NaN, Inf, -Inf, Infinity, -Infinity]')
    assert [math.isnan(value) for value in values] == [True, True] + [False] * 4
    assert values[2:] == [math.inf, -math.inf, math.inf, -math.inf]


def test_bytes_that_are_no_utf8_pass_through_strings():
    assert parse_as_rapidjson(b'"\xff\xe3\x81"').encode('utf-8', 'surrogateescape') == \
        b'\xff\xe3\x81'


def test_of_equal_names_the_first_counts():
    assert parse_as_rapidjson(b'{"a": 1, "a": 2}') == {'a': 1}


def test_integers_beyond_64_bits_are_floating_point():
    assert parse_as_rapidjson(b'[18446744073709551615, 18446744073709551616]') == [
        18446744073709551615, 1.8446744073709552e19]
    assert isinstance(parse_as_rapidjson(b'[18446744073709551616]')[0], float)


def test_a_byte_order_mark_is_skipped_and_a_nul_ends_the_text():
    assert parse_as_rapidjson(b'\xef\xbb\xbf{"a": 1}\0garbage') == {'a': 1}


@pytest.mark.parametrize('element', ['1,', '[1],', '[1.5,2],'])
def test_a_large_body_that_is_wrong_takes_no_hundredfold_of_memory(element):
    script = (
        'import resource\n'
        'from hosting.model_server.errors import ServingError\n'
        'from hosting.model_server.json_parser import parse\n'
        'raw = b\'{{"instances": [\' + b"{0}" * (5000000 // len("{0}")) + b"]}}"\n'
        'try:\n'
        '    parse(raw)\n'
        'except ServingError as error:\n'
        '    assert "at offset: " in error.message\n'
        '    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000)\n').format(element)
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}
    megabytes = int(subprocess.check_output([sys.executable, '-c', script], env=environment))
    assert megabytes < 1000
