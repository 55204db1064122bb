"""Numbers as RapidJSON 1.1 reads them: in its normal precision, which is not always the nearest.

It collects digits in a 64-bit integer up to 2⁵³, further ones in a double, and then
multiplies or divides once by a power of ten. With up to fifteen digits and a small exponent
that is exact; of doubles with sixteen or seventeen digits about one in ten is off by one bit.

>>> read_float('0.9424502837770503')
0.9424502837770504
"""

import re

from hosting.model_server.json.faults import (
    MISS_EXPONENT,
    MISS_FRACTION,
    TOO_BIG,
    VALUE_INVALID,
    Fault,
)

_WHOLE = re.compile(rb"0|[1-9][0-9]*")
_DIGITS = re.compile(rb"[0-9]+")
_POWERS = [float(f"1e{exponent}") for exponent in range(309)]

# Up to here the integer takes another digit of the fraction.
_MOST_SIGNIFICANT = (1 << 53) - 1
# After so many digits further ones of the fraction are ignored.
_MOST_DIGITS = 17
_TENTH_OF_MAX = 1.7976931348623157e307
# An exponent below the negative of this is cut off: the number is zero anyway.
_LEAST_EXPONENT = 214748364


def read_float(text):
    """The value of a number's text that is known to be well-formed."""
    whole, _, fraction = text.partition(".")
    try:
        significand = int(whole + fraction)
    except ValueError:  # it has an exponent
        return read_number(text.encode(), 0)[0]
    # Nearly all: one integer holds all the digits. (Zero may have a sign, which it does not.)
    if 0 < abs(significand) < 10 << 53 and len(fraction) <= 308:
        return significand / _POWERS[len(fraction)]
    return read_number(text.encode(), 0)[0]


def read_number(raw, start):
    """The number that begins at `start` and the offset of its end; a Fault if there is none."""
    negative = raw[start : start + 1] == b"-"
    position = start + negative
    match = _WHOLE.match(raw, position)
    special = None
    if match:
        digits, position = match.group(), match.end()
    else:
        # What follows NaN or Infinity may still make it a number: Infinity.5 is one half.
        digits = b"0"
        special, position = _not_finite(raw, position)
    integer = int(digits)
    double = _beyond_64_bits(digits, integer, negative, start)
    seen = len(digits) - 1
    scale = 0
    if raw[position : position + 1] == b".":
        position += 1
        match = _DIGITS.match(raw, position)
        if not match:
            raise Fault(MISS_FRACTION, position)
        position = match.end()
        if double is None:
            double, scale = _with_fraction(digits, integer, match.group(), seen)
    if raw[position : position + 1] in (b"e", b"E"):
        if double is None:
            double = float(integer)
        exponent, position = _exponent(raw, position + 1, 308 - scale, start)
        scale += exponent
    if double is not None:
        value = _scaled(double, scale)
        return -value if negative else value, position
    if special is not None:
        return -special if negative else special, position
    return -integer if negative else integer, position


def _not_finite(raw, position):
    """NaN, Inf or Infinity; of NaN a part may be missing where Inf follows (``NInf``)."""

    def take(word, position):
        for index in range(len(word)):
            if raw[position : position + 1] != word[index : index + 1]:
                return False, position
            position += 1
        return True, position

    if raw[position : position + 1] not in (b"N", b"I"):
        raise Fault(VALUE_INVALID, position)
    found, position = take(b"NaN", position)
    if found:
        return float("nan"), position
    found, position = take(b"Inf", position)
    if not found:
        raise Fault(VALUE_INVALID, position)
    if raw[position : position + 1] == b"i":
        found, position = take(b"inity", position)
        if not found:
            raise Fault(VALUE_INVALID, position)
    return float("inf"), position


def _beyond_64_bits(digits, integer, negative, start):
    """An integer that 64 bits cannot hold as a double, else None."""
    limit = 1 << 63 if negative else (1 << 64) - 1
    if integer <= limit:
        return None
    most = len(str(limit))
    if int(digits[:most]) > limit:
        most -= 1
    double = float(int(digits[:most]))
    for digit in digits[most:]:
        if double >= _TENTH_OF_MAX:
            raise Fault(TOO_BIG, start)
        double = double * 10 + (digit - 48)
    return double


def _with_fraction(digits, integer, fraction, seen):
    """The significand as a double and its power of ten; `seen`: digits counted so far."""
    taken = _digits_taken(digits, integer, fraction)
    leading = len(fraction) - len(fraction.lstrip(b"0")) if not integer else 0
    seen += max(0, taken - leading)
    double = float(int(digits + fraction[:taken]))
    rest = fraction[taken : taken + max(0, _MOST_DIGITS - seen)]
    for digit in rest:
        double = double * 10.0 + (digit - 48)
    return double, -(taken + len(rest))


def _digits_taken(digits, integer, fraction):
    """How many digits of the fraction go into the integer before it exceeds 2⁵³ - 1."""
    if integer > _MOST_SIGNIFICANT:
        return 0
    text = digits + fraction
    significant = text.lstrip(b"0")
    if len(significant) <= 16:
        return len(fraction)
    # Sixteen digits exceed it or, where they do not, seventeen.
    count = 16 if int(significant[:16]) > _MOST_SIGNIFICANT else 17
    return min(len(fraction), len(text) - len(significant) + count - len(digits))


def _exponent(raw, position, most, start):
    """The exponent that begins at `position` and the offset of its end."""
    sign = raw[position : position + 1]
    if sign in (b"+", b"-"):
        position += 1
    match = _DIGITS.match(raw, position)
    if not match:
        raise Fault(MISS_EXPONENT, position)
    # More digits than these make no difference, and would take long to convert.
    text = match.group().lstrip(b"0")[:10] or b"0"
    exponent = int(text)
    if sign == b"-":
        return -min(exponent, _LEAST_EXPONENT), match.end()
    if exponent > most:
        raise Fault(TOO_BIG, start)
    return exponent, match.end()


def _scaled(double, scale):
    """``StrtodNormalPrecision``: one multiplication or division, two for the smallest."""
    if scale < -308:
        double /= _POWERS[308]
        scale += 308
        if scale < -308:
            return 0.0
    return double * _POWERS[scale] if scale >= 0 else double / _POWERS[-scale]
