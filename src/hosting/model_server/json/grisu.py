"""Doubles as RapidJSON's writer prints them: with Grisu2, whose digits are few, not always fewest.

Error messages quote JSON values in this form.

>>> shortest(1e30), shortest(2.0 ** 64), shortest(1e-6)
('1e30', '18446744073709553000.0', '0.000001')
"""

import functools
import math
import struct

_HIDDEN_BIT = 1 << 52
_MASK = (1 << 64) - 1


@functools.lru_cache(maxsize=None)
def _power(decimal):
    """10**decimal as 64 bits and a binary exponent, rounded to the nearest."""
    if decimal >= 0:
        numerator, denominator = 10**decimal, 1
    else:
        numerator, denominator = 1, 10**-decimal
    exponent = numerator.bit_length() - denominator.bit_length() - 64
    while True:
        up, down = max(-exponent, 0), max(exponent, 0)
        fraction = ((numerator << up + 1) // (denominator << down) + 1) >> 1
        if fraction >> 64:
            exponent += 1
        elif not fraction >> 63:
            exponent -= 1
        else:
            return fraction, exponent


def _times(a, b):
    """The upper 64 bits of a product, rounded."""
    product = a * b
    return (product >> 64) + (product >> 63 & 1)


def _digits(value):
    """The digits of a positive double as an integer's text, and its power of ten."""
    bits = struct.unpack("<Q", struct.pack("<d", value))[0]
    biased = bits >> 52
    fraction = bits & _HIDDEN_BIT - 1
    if biased:
        fraction, exponent = fraction + _HIDDEN_BIT, biased - 1075
    else:
        exponent = -1074
    # The limits between which a text reads as this number, and the number, with 64 bits each.
    shift = 64 - (2 * fraction + 1).bit_length()
    upper, upper_exponent = 2 * fraction + 1 << shift, exponent - 1 - shift
    if fraction == _HIDDEN_BIT:
        lower = 4 * fraction - 1 << exponent - 2 - upper_exponent
    else:
        lower = 2 * fraction - 1 << exponent - 1 - upper_exponent
    number = fraction << 64 - fraction.bit_length()
    wanted = math.ceil((-61 - upper_exponent) * 0.30102999566398114 + 347)
    decimal = -348 + ((wanted >> 3) + 1) * 8
    power, power_exponent = _power(decimal)
    number, upper, lower = _times(number, power), _times(upper, power), _times(lower, power)
    return _generate(
        number, upper - 1, upper - lower - 2, upper_exponent + power_exponent + 64, -decimal
    )


def _generate(number, upper, delta, exponent, decimal):
    """As few digits as `delta` below `upper` allows, the last one moved towards `number`."""
    shift = -exponent
    one = 1 << shift
    distance = upper - number
    whole, rest = upper >> shift, upper & one - 1
    text = str(whole)
    for length in range(1, len(text) + 1):
        unit = 10 ** (len(text) - length)
        left = (whole % unit << shift) + rest
        if left <= delta:
            return (
                _nearer(int(text[:length]), delta, left, unit << shift, distance),
                decimal + len(text) - length,
            )
    digits, after = whole, 0
    while True:
        rest *= 10
        delta *= 10
        after += 1
        digits = digits * 10 + (rest >> shift)
        rest &= one - 1
        if rest < delta:
            distance = distance * 10**after & _MASK if after < 9 else 0
            return _nearer(digits, delta & _MASK, rest, one, distance), decimal - after


def _nearer(digits, delta, left, unit, distance):
    """Lower the last digit while that comes nearer to the number."""
    while (
        left < distance
        and delta - left >= unit
        and (left + unit < distance or distance - left > left + unit - distance)
    ):
        digits -= 1
        left += unit
    return digits


def shortest(value):
    """A finite double in plain notation up to 21 digits, else with an exponent."""
    if not value:
        return "-0.0" if math.copysign(1, value) < 0 else "0.0"
    digits, power = _digits(abs(value))
    return ("-" if value < 0 else "") + _plain_or_exponent(str(digits), power)


def _plain_or_exponent(text, power):
    point = len(text) + power
    if power >= 0 and point <= 21:
        return text + "0" * power + ".0"
    if 0 < point <= 21:
        return text[:point] + "." + text[point:]
    if -6 < point <= 0:
        return "0." + "0" * -point + text
    return "%s%se%d" % (text[0], "." + text[1:] if len(text) > 1 else "", point - 1)
