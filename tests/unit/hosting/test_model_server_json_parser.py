"""Bodies that the fast JSON parser refuses are read, or refused, as RapidJSON does."""

import json
import math
import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hosting.model_server.errors import ServingError
from hosting.model_server.json import parser as json_parser
from hosting.model_server.json.faults import Fault
from hosting.model_server.json.numbers import read_number
from hosting.model_server.json.parser import members, parse, parse_as_rapidjson

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.text(max_size=10)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(min_value=-(1 << 63), max_value=(1 << 64) - 1),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=10,
)


class Refused(Exception):
    """What the reference below says to a text that is no number."""


def reference(text):
    """RapidJSON's ParseNumber, digit by digit in 64-bit integers and doubles: slow and plain."""
    position = 0

    def peek():
        return text[position : position + 1]

    def take(expected):
        nonlocal position
        if peek() == expected:
            position += 1
            return True
        return False

    def digit():
        return int(peek()) if "0" <= peek() <= "9" else None

    minus = take("-")
    integer, significant, double, special = 0, 0, None, None
    limit = 1 << 63 if minus else (1 << 64) - 1
    if take("0"):
        pass
    elif digit():
        integer = digit()
        position += 1
        while digit() is not None:
            if double is None and integer * 10 + digit() > limit:
                double = float(integer)
            if double is not None:
                if double >= 1.7976931348623157e307:
                    raise Refused("Number too big to be stored in double.")
                double = double * 10 + digit()
            else:
                integer = integer * 10 + digit()
                significant += 1
            position += 1
    elif peek() in ("N", "I"):
        if take("N") and take("a") and take("N"):
            special = math.nan
        elif take("I") and take("n") and take("f"):
            special = -math.inf if minus else math.inf
            if peek() == "i" and not all(take(letter) for letter in "inity"):
                raise Refused("Invalid value.")
        else:
            raise Refused("Invalid value.")
    else:
        raise Refused("Invalid value.")
    scale = 0
    if take("."):
        if digit() is None:
            raise Refused("Miss fraction part in number.")
        if double is None:
            while digit() is not None and integer < 1 << 53:
                integer = integer * 10 + digit()
                position += 1
                scale -= 1
                significant += integer != 0
            double = float(integer)
        while digit() is not None:
            if significant < 17:
                double = double * 10.0 + digit()
                scale -= 1
                significant += double > 0
            position += 1
    if take("e") or take("E"):
        if double is None:
            double = float(integer)
        negative = not take("+") and take("-")
        if digit() is None:
            raise Refused("Miss exponent in number.")
        exponent = digit()
        position += 1
        while digit() is not None:
            exponent = exponent * 10 + digit()
            position += 1
            if not negative and exponent > 308 - scale:
                raise Refused("Number too big to be stored in double.")
        scale += -exponent if negative else exponent
    if double is not None:
        for step in [-308, scale + 308] if scale < -308 else [scale]:
            if step < -308:
                double = 0.0
            else:
                power = float("1e%d" % abs(step))
                double = double * power if step >= 0 else double / power
        return -double if minus else double
    if special is not None:
        return special
    return -integer if minus else integer


DIGITS = st.text("0123456789", min_size=1, max_size=25)
NUMBER_TEXTS = st.builds(
    lambda *parts: "".join(parts),
    st.sampled_from(["", "-"]),
    DIGITS.map(lambda text: text.lstrip("0") or "0")
    | st.sampled_from(
        ["NaN", "Inf", "Infinity", "NInf", "NaInf", "Infin", "9" * 308, "1" + "0" * 309]
    ),
    st.just("") | DIGITS.map(".{}".format) | st.sampled_from([".", "." + "0" * 30 + "123"]),
    st.just("")
    | st.builds(
        "{}{}{}".format,
        st.sampled_from("eE"),
        st.sampled_from(["", "+", "-"]),
        st.integers(0, 400) | st.sampled_from(["", "0000000308", "99999"]),
    ),
)


@settings(max_examples=500, deadline=None)
@given(NUMBER_TEXTS | st.floats(allow_nan=False, allow_infinity=False).map(repr))
def test_numbers_are_read_with_rapidjsons_normal_precision(text):
    try:
        expected = reference(text)
    except Refused as refused:
        with pytest.raises(Fault) as fault:
            read_number(text.encode(), 0)
        assert fault.value.args[0] == str(refused)
    else:
        value, end = read_number(text.encode() + b",", 0)
        assert end == len(text)
        assert type(value) is type(expected)
        assert repr(value) == repr(expected)


@pytest.mark.parametrize("text, value", [
    (b"0.9424502837770503", 0.9424502837770504), (b"1.7976931348623158e308", math.inf),
    (b"1.0e30", 9.999999999999999e29), (b"18446744073709551616", 1.8446744073709552e19),
    (b"-9223372036854775808", -9223372036854775808), (b"-9223372036854775809", -2.0 ** 63),
    (b"Infinity.5", 0.5), (b"-Infinity.5", -0.5), (b"NaN.5e3", 500.0), (b"NaNe5", 0.0),
    (b"NInf", math.inf), (b"-NInfinity", -math.inf), (b"-0", 0), (b"5e-324", 5e-324),
    (b"1e-400", 0.0), (b"1e-99999999999", 0.0)])  # fmt: skip
def test_numbers_that_only_rapidjson_reads_so(text, value):
    assert repr(read_number(text, 0)[0]) == repr(value)


NOT_TWO = r"The document root must not be followed by other values."


def with_rapidjsons_numbers(value):
    if isinstance(value, list):
        return [with_rapidjsons_numbers(item) for item in value]
    if isinstance(value, dict):
        return {name: with_rapidjsons_numbers(item) for name, item in value.items()}
    return reference(repr(value)) if isinstance(value, float) else value


@settings(max_examples=100, deadline=None)
@given(VALUES, st.sampled_from([None, 0, 1]), st.booleans())
def test_every_valid_text_is_read_as_by_python(value, indent, ascii_only):
    raw = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert parse_as_rapidjson(raw) == with_rapidjsons_numbers(json.loads(json.dumps(value)))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40) | st.text(alphabet='[]{}":,.-+eE0123456789truefalsn \\u', max_size=30)
       .map(str.encode))  # fmt: skip
def test_no_bytes_do_anything_but_be_read_or_be_refused_with_an_offset(raw):
    try:
        parse_as_rapidjson(raw)
    except ServingError as error:
        assert error.code == 3
        words, _, offset = error.message.rpartition(" at offset: ")
        assert words.startswith("JSON Parse error: ")
        assert 0 <= int(offset) <= len(raw)


@pytest.mark.parametrize("raw, words, offset", [
    (b"", "The document is empty.", 0),
    (b" \n", "The document is empty.", 2),
    (b'{"a" 1}', "Missing a colon after a name of object member.", 5),
    (b'{"a":1', "Missing a comma or '}' after an object member.", 6),
    (b'{"a":1,}', "Missing a name for object member.", 7),
    (b"{'a':1}", "Missing a name for object member.", 1),
    (b"[1 2]", "Missing a comma or ']' after an array element.", 3),
    (b"[1,2,3,4,5,6,]", "Invalid value.", 13),
    (b"[[1,2],[1,2],[1,2],[1,2],[1,x]]", "Invalid value.", 28),
    (b"nul", "Invalid value.", 3),
    (b'{"a":tru}', "Invalid value.", 8),
    (b"None", "Invalid value.", 1),
    (b"[1]x", NOT_TWO, 3),
    (b"01", NOT_TWO, 1),
    (b"1.", "Miss fraction part in number.", 2),
    (b"1.e5", "Miss fraction part in number.", 2),
    (b"1e+", "Miss exponent in number.", 3),
    (b"[1e400]", "Number too big to be stored in double.", 1),
    (b"[0e309]", "Number too big to be stored in double.", 1),
    (b"[1,-0e310]", "Number too big to be stored in double.", 3),
    (b"[" + b"9" * 309 + b"e-300]", "Number too big to be stored in double.", 1),
    (b'{"instances":[1.]}', "Miss fraction part in number.", 16),
    (b'{"instances":[1.e5]}', "Miss fraction part in number.", 16),
    (b'{"instances":[01.5]}', "Missing a comma or ']' after an array element.", 15),
    (b'{"instances":[NaN5]}', "Missing a comma or ']' after an array element.", 17),
    (b'{"instances":[Infin]}', "Invalid value.", 19),
    (b'"abc', "Missing a closing quotation mark in string.", 4),
    (b'"a\\x"', "Invalid escape character in string.", 2),
    (b'"\\u12g4"', "Incorrect hex digit after \\u escape in string.", 1),
    (b'"\\ud800x"', "The surrogate pair in string is invalid.", 1),
    (b'"a\nb"', "Invalid escape character in string.", 2),
    (b"[" * 20000, "Nested deeper than 10000 levels.", 10001),
])  # fmt: skip
def test_a_fault_is_named_with_its_offset(raw, words, offset):
    with pytest.raises(ServingError) as refused:
        parse_as_rapidjson(raw)
    assert refused.value.message == "JSON Parse error: %s at offset: %d" % (words, offset)
    with pytest.raises(ServingError) as refused:
        parse(raw)
    assert refused.value.message == "JSON Parse error: %s at offset: %d" % (words, offset)


@pytest.fixture(params=["orjson", "the standard library"])
def fast(request, monkeypatch):
    """Either of the fast parsers."""
    monkeypatch.setattr(json_parser, "_SMALL", 1 << 30 if request.param == "orjson" else -1)
    monkeypatch.setattr(json_parser, "_fast", json_parser._FastParser())


@settings(max_examples=40, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(value=VALUES, ascii_only=st.booleans(), tail=st.sampled_from([b"", b" ", b",", b"}", b"x"]))
def test_the_fast_parsers_agree_with_the_careful_one(fast, value, ascii_only, tail):
    # Twenty numbers of the same form, so that the ways for many are taken too.
    text = json.dumps({"a": value, "b": [value] * 20}, ensure_ascii=ascii_only)
    raw = text.encode("utf-8", "surrogatepass") + tail
    try:
        expected = parse_as_rapidjson(raw)
    except ServingError as error:
        for exactly in False, True:
            with pytest.raises(ServingError) as refused:
                parse(raw, exactly)
            assert refused.value.message == error.message
    else:
        assert parse(raw, exactly=True) == (expected, True)
        found, exact = parse(raw)
        assert found == expected if exact else nearly(found, expected)


def nearly(value, other):
    """Whether two values are the same but for the last bits of their floats."""
    if isinstance(value, list):
        return len(value) == len(other) and all(map(nearly, value, other))
    if isinstance(value, dict):
        return list(value) == list(other) and all(map(nearly, value.values(), other.values()))
    if isinstance(value, float):
        return type(other) is float and (
            math.isclose(value, other, rel_tol=2.0**-49)
            or abs(value - other) <= 5e-324
            or math.isinf(other)
            and abs(value) > 1.797e308
        )
    return type(value) is type(other) and value == other


@pytest.mark.parametrize("raw", [
    b'{"a": %s}' % value for value in (
        b"1e400", b'"\\ud800"', b"1E+999", b'"\\udc00\\ud800"', b"1.", b"-1.", b"[1.5,1.]",
        b"1.e5", b"01.5", b"-00.5", b"01e5", b"-09223372036854775809", b"[1,\n02.5]",
        b"0e309", b"-0e310",
        b"9" * 310 + b"e-5", b"1.0\0", b'"\x01"')])  # fmt: skip
def test_what_the_fast_parsers_would_take_wrongly_is_refused(fast, raw):
    with pytest.raises(ServingError) as refused:
        parse(raw)
    with pytest.raises(ServingError) as expected:
        parse_as_rapidjson(raw)
    assert refused.value.message == expected.value.message


def test_wrong_bodies_leave_no_memory_behind():
    def memory():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096

    def send(count):
        for _ in range(count):
            with pytest.raises(ServingError):
                parse(b'{"instances": [%s]' % b",".join([b"1.5"] * 2000))

    send(300)
    before = memory()
    send(1000)
    assert memory() - before < 10 << 20


def test_nan_and_infinity_are_numbers_in_each_spelling():
    values = parse_as_rapidjson(b"[NaN, -NaN, Inf, -Inf, Infinity, -Infinity]")
    assert [math.isnan(value) for value in values] == [True, True] + [False] * 4
    assert values[2:] == [math.inf, -math.inf, math.inf, -math.inf]


def test_bytes_that_are_no_utf8_pass_through_strings():
    assert (
        parse_as_rapidjson(b'"\xff\xe3\x81"').encode("utf-8", "surrogateescape") == b"\xff\xe3\x81"
    )


@pytest.mark.parametrize("raw, pairs", [
    (b'{"a": 1, "a": 2}', [("a", 1), ("a", 2)]),
    (b'{"a": 1, "b": ":", "a": 2}', [("a", 1), ("b", ":"), ("a", 2)]),
    (b'{"a": 1, "\\u0061": "x: y"}', [("a", 1), ("a", "x: y")])])  # fmt: skip
def test_of_equal_names_the_first_counts_and_all_are_kept(fast, raw, pairs):
    for read in parse_as_rapidjson, lambda text: parse(text)[0]:
        value = read(raw)
        assert value["a"] == 1
        assert list(members(value)) == pairs
        nested = read(b'{"x": [[{"y": "a:b", "z": ' + raw + b"}]]}")
        assert list(members(nested["x"][0][0]["z"])) == pairs


def test_integers_beyond_64_bits_are_floating_point():
    assert parse_as_rapidjson(b"[18446744073709551615, 18446744073709551616]") == [
        18446744073709551615,
        1.8446744073709552e19,
    ]
    assert isinstance(parse_as_rapidjson(b"[18446744073709551616]")[0], float)


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xef", b"\xbb", b"\xbf", b"\xef\xbb",
                                  b"\xef\xbf", b"\xbb\xbf"])  # fmt: skip
def test_each_byte_of_a_byte_order_mark_is_skipped_and_a_nul_ends_the_text(mark):
    assert parse(mark + b'{"a": 1}\0garbage') == ({"a": 1}, True)
    with pytest.raises(ServingError) as refused:
        parse(mark + b'{"a": 1}x')
    assert refused.value.message.endswith(" at offset: %d" % (len(mark) + 8))


def test_a_byte_order_mark_in_another_order_is_no_such_thing():
    with pytest.raises(ServingError) as refused:
        parse(b"\xbb\xef{}")
    assert refused.value.message == "JSON Parse error: Invalid value. at offset: 1"


@pytest.mark.parametrize("element", ["1,", "[1],", "[1.5,2],"])
def test_a_large_body_that_is_wrong_takes_no_hundredfold_of_memory(element):
    script = (
        "import resource\n"
        "from hosting.model_server.errors import ServingError\n"
        "from hosting.model_server.json.parser import parse\n"
        'raw = b\'{{"instances": [\' + b"{0}" * (5000000 // len("{0}")) + b"]}}"\n'
        "try:\n"
        "    parse(raw)\n"
        "except ServingError as error:\n"
        '    assert "at offset: " in error.message\n'
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000)\n"
    ).format(element)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    megabytes = int(subprocess.check_output([sys.executable, "-c", script], env=environment))
    assert megabytes < 1000
