"""Numbers in JSON: six digits as TF Serving 1.13 prints them, or as many as later ones do."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.model_server.json.decimals import decimal_string, decimal_strings

# The rules of later releases, by type: the digits that always suffice, and how to read them.
LATER = {np.float32: (9, lambda text: parse_float32(text)), np.float64: (17, float)}


def by_the_rule(value, dtype, later):
    """The rule, written down a second time with nothing but printf and a parser."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    text = "%g" % value
    digits, parse = LATER[dtype]
    if later and parse(text) != value:
        text = "%.*g" % (digits, value)
    return text if "." in text or "e" in text else text + ".0"


def parse_float32(text):
    """The float32 nearest to a decimal text, through the bits."""
    try:
        return struct.unpack("<f", struct.pack("<f", float(text)))[0]
    except OverflowError:
        return math.copysign(math.inf, float(text))


@pytest.mark.parametrize("value, text", [
    (555557.5, "555558.0"), (1 / 3, "0.333333"), (16777216, "1.67772e+07"),
    (123456.7, "123457.0"), (999999.5, "1e+06"), (999999, "999999.0"), (1000000, "1e+06"),
    (0.0231401, "0.0231401"), (0.5, "0.5"), (3, "3.0"), (-0.0, "-0.0"), (-2.5, "-2.5"),
    (0.0001, "0.0001"), (0.00003, "3e-05"), (0.000099999999, "0.0001"), (12345.04, "12345.0"),
    (99999.96, "100000.0"), (100000.5, "100000.0"), (100001.5, "100002.0"), (1e10, "1e+10"),
    (1e-45, "1.4013e-45"), (3.4028235e38, "3.40282e+38"),
    (float("nan"), "NaN"), (float("inf"), "Infinity"), (float("-inf"), "-Infinity")])  # fmt: skip
@pytest.mark.parametrize("count", [1, 40])
def test_1_13_prints_six_digits(value, text, count):
    for dtype in np.float32, np.float64:
        if dtype == np.float64 and value == 1e-45:
            text = "1e-45"
        array = np.array([value] * count, dtype=dtype)
        assert decimal_strings(array, later=False) == [text] * count


def test_1_13_prints_large_doubles_with_an_exponent_of_two_or_three_digits():
    values = np.array([123456789, 1.7976931348623157e308, 5e-324, 0.1 + 0.2, 1e100])
    assert decimal_strings(values, later=False) == [
        "1.23457e+08",
        "1.79769e+308",
        "4.94066e-324",
        "0.3",
        "1e+100",
    ]


@pytest.mark.parametrize("value, text", [
    (0.2, "0.2"), (1 / 3, "0.333333343"), (2.5, "2.5"), (3.0, "3.0"), (-0.0, "-0.0"),
    (9000000.0, "9e+06"), (0.00003, "3e-05"), (16777216.0, "16777216.0"), (123456.0, "123456.0"),
    (1234567.0, "1234567.0"), (1e10, "1e+10"), (1.17549435e-38, "1.17549435e-38"),
    (1e-45, "1.4013e-45"), (3.4028235e38, "3.40282347e+38"),
    (float("nan"), "NaN"), (float("inf"), "Infinity"), (float("-inf"), "-Infinity")])  # fmt: skip
def test_later_ones_print_a_float32_that_can_be_read_back(value, text):
    assert decimal_strings(np.array([value], dtype=np.float32), later=True) == [text]


@pytest.mark.parametrize("value, text", [
    (0.2, "0.2"), (0.1 + 0.2, "0.30000000000000004"), (1 / 3, "0.33333333333333331"),
    (1e22, "1e+22"), (123456789.0, "123456789.0"), (5e-324, "4.94066e-324"),
    (1.7976931348623157e308, "1.7976931348623157e+308")])  # fmt: skip
def test_later_ones_print_a_float64_that_can_be_read_back(value, text):
    assert decimal_strings(np.array([value], dtype=np.float64), later=True) == [text]


@pytest.mark.parametrize("later", [False, True])
@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(width=32), min_size=1, max_size=60))
def test_any_float32_follows_the_rule_one_by_one_and_many_at_once(later, values):
    expected = [by_the_rule(value, np.float32, later) for value in values]
    assert decimal_strings(np.array(values, dtype=np.float32), later) == expected
    assert [decimal_string(value, True, later) for value in values] == expected
    # Enough numbers for the vectorised way.
    assert decimal_strings(np.array(values * 30, dtype=np.float32), later) == expected * 30


@pytest.mark.parametrize("later", [False, True])
@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats() | st.floats(-1e7, 1e7) | st.integers(-1000000, 1000000).map(float),
                min_size=1, max_size=60))  # fmt: skip
def test_any_float64_follows_the_rule_one_by_one_and_many_at_once(later, values):
    expected = [by_the_rule(value, np.float64, later) for value in values]
    assert decimal_strings(np.array(values * 30, dtype=np.float64), later) == expected * 30


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("later", [False, True])
def test_decimals_of_few_digits_which_are_the_hard_ones_follow_the_rule(dtype, later):
    random = np.random.RandomState(1)
    values = random.randint(-(10**7), 10**7, 20000) / 10.0 ** random.randint(-9, 16, 20000)
    values = values.astype(dtype)
    assert decimal_strings(values, later) == [by_the_rule(v, dtype, later) for v in values.tolist()]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=30,
                max_size=80))  # fmt: skip
def test_what_later_ones_print_reads_back_as_the_same_float32(values):
    array = np.array(values, dtype=np.float32)
    back = np.array(
        [parse_float32(text) for text in decimal_strings(array, later=True)], dtype=np.float32
    )
    assert np.array_equal(back, array)
