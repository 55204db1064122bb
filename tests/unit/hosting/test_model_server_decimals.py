"""Numbers in JSON: TF Serving's rule (six digits, or nine or seventeen; ``.0``; NaN)."""
import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.model_server.decimals import decimal_string, decimal_strings


def by_the_rule(value, digits, parse):
    """The rule, written down a second time with nothing but printf and a parser."""
    if math.isnan(value):
        return 'NaN'
    if math.isinf(value):
        return 'Infinity' if value > 0 else '-Infinity'
    text = '%g' % value
    if parse(text) != value:
        text = '%.*g' % (digits, value)
    return text if '.' in text or 'e' in text else text + '.0'


def parse_float32(text):
    """The float32 nearest to a decimal text, through the bits."""
    try:
        return struct.unpack('<f', struct.pack('<f', float(text)))[0]
    except OverflowError:
        return math.copysign(math.inf, float(text))


@pytest.mark.parametrize('value, text', [
    (0.2, '0.2'), (1 / 3, '0.333333343'), (2.5, '2.5'), (3.0, '3.0'), (-0.0, '-0.0'),
    (9000000.0, '9e+06'), (0.00003, '3e-05'), (16777216.0, '16777216.0'), (123456.0, '123456.0'),
    (1234567.0, '1234567.0'), (1e10, '1e+10'), (1.17549435e-38, '1.17549435e-38'),
    (1e-45, '1.4013e-45'), (3.4028235e38, '3.40282347e+38'),
    (float('nan'), 'NaN'), (float('inf'), 'Infinity'), (float('-inf'), '-Infinity')])
def test_float32_is_printed_as_tf_serving_prints_it(value, text):
    assert decimal_strings(np.array([value], dtype=np.float32)) == [text]


@pytest.mark.parametrize('value, text', [
    (0.2, '0.2'), (0.1 + 0.2, '0.30000000000000004'), (1 / 3, '0.33333333333333331'),
    (1e22, '1e+22'), (123456789.0, '123456789.0'), (5e-324, '4.94066e-324'),
    (1.7976931348623157e308, '1.7976931348623157e+308')])
def test_float64_is_printed_as_tf_serving_prints_it(value, text):
    assert decimal_strings(np.array([value], dtype=np.float64)) == [text]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(width=32), min_size=1, max_size=60))
def test_any_float32_follows_the_rule_one_by_one_and_many_at_once(values):
    expected = [by_the_rule(value, 9, parse_float32) for value in values]
    assert decimal_strings(np.array(values, dtype=np.float32)) == expected
    assert [decimal_string(value) for value in values] == expected
    # Enough numbers for the vectorised way.
    assert decimal_strings(np.array(values * 30, dtype=np.float32)) == expected * 30


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(), min_size=1, max_size=60))
def test_any_float64_follows_the_rule_one_by_one_and_many_at_once(values):
    expected = [by_the_rule(value, 17, float) for value in values]
    assert decimal_strings(np.array(values * 30, dtype=np.float64)) == expected * 30


@pytest.mark.parametrize('dtype, digits, parse', [(np.float32, 9, parse_float32),
                                                  (np.float64, 17, float)])
def test_decimals_of_few_digits_which_are_the_hard_ones_follow_the_rule(dtype, digits, parse):
    random = np.random.RandomState(1)
    values = (random.randint(-10**7, 10**7, 20000) / 10.0 ** random.randint(-9, 16, 20000))
    values = values.astype(dtype)
    assert decimal_strings(values) == [by_the_rule(v, digits, parse) for v in values.tolist()]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=30,
                max_size=80))
def test_what_is_printed_reads_back_as_the_same_float32(values):
    array = np.array(values, dtype=np.float32)
    back = np.array([parse_float32(text) for text in decimal_strings(array)], dtype=np.float32)
    assert np.array_equal(back, array)
