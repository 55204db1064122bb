"""Floating-point numbers as TF Serving prints them in JSON (its ``WriteDecimal``).

TF Serving 1.13: six significant digits as printf's ``%g``; a number without a point or an
exponent gets ``.0``; ``NaN``, ``Infinity`` and ``-Infinity`` are written bare. Later releases
do the same where six digits read back as the same number, and print nine digits for float32
and seventeen for float64 where they do not.

>>> values = np.array([0.2, 1 / 3, 2, 9e6, 123456.7, float('nan')], dtype=np.float32)
>>> decimal_strings(values, later=False)
['0.2', '0.333333', '2.0', '9e+06', '123457.0', 'NaN']
>>> decimal_strings(values, later=True)
['0.2', '0.333333343', '2.0', '9e+06', '123456.703', 'NaN']
"""

import numpy as np

from hosting.model_server import LATER

# With fewer numbers than this a loop is faster than numpy's fixed costs.
_VECTOR_FROM = 24
# Between these, six digits can be judged in double arithmetic (see _short).
_SAFE_LOW, _SAFE_HIGH = 1e-15, 1e15


def _finished(text):
    """The text that printf has made, as it stands in JSON."""
    if "." in text or "e" in text:
        return text
    if text[-1].isdigit():
        return text + ".0"
    return {"inf": "Infinity", "-inf": "-Infinity"}.get(text, "NaN")


def decimal_string(value, single=True, later=LATER):
    """One number; `value` is a Python float that holds a float32 or a float64."""
    text = f"{value:.6g}"
    if later:
        back = float(text)
        if single:
            back = float(np.float32(back))
        if back != value:
            text = f"{value:.9g}" if single else f"{value:.17g}"
    return _finished(text)


def decimal_strings(array, later=LATER):
    """The numbers of a float array, flattened, as a list of strings."""
    flat = array.ravel()
    single = flat.dtype.itemsize <= 4
    values = flat.tolist()
    if len(values) < _VECTOR_FROM:
        return [decimal_string(value, single, later) for value in values]
    doubles = flat.astype(np.float64)
    formats = _formats(flat, doubles, single) if later else ["%.6g"] * len(values)
    texts = (" ".join(formats) % tuple(values)).split(" ")
    # What may lack a point: numbers that are near a whole one, and those that are none.
    with np.errstate(invalid="ignore"):
        fractional = np.abs(doubles - np.rint(doubles)) > 1e-5 * np.abs(doubles)
    for index in np.flatnonzero(~fractional).tolist():
        texts[index] = _finished(texts[index])
    return texts


def _formats(flat, doubles, single):
    """For each number the format whose digits read back as the same number."""
    size = np.abs(doubles)
    zero = size == 0
    with np.errstate(invalid="ignore"):
        safe = (size >= _SAFE_LOW) & (size < _SAFE_HIGH) | zero
    short = _short(flat, np.where(safe & ~zero, doubles, 1.0)) | zero
    for index in np.flatnonzero(~safe).tolist():
        # Rare: numbers so small or large that only the text itself can be trusted.
        value = flat[index]
        short[index] = flat.dtype.type(float(f"{value:.6g}")) == value
    return np.where(short, "%.6g", "%.9g" if single else "%.17g").tolist()


def _short(values, doubles):
    """Which numbers six digits suffice for, given that all are of a safe size.

    ``rint(v·10ᵏ)/10ᵏ`` is the six-digit decimal up to the last bit of a double,
    which is enough to tell whether a float32 next to it is the same number. For
    float64 the decimal must be hit exactly: 10ᵏ is exact below 1e22 and one
    division rounds correctly, but for large numbers (k < 0) the product may not,
    so that case stays with the caller's exact comparison.
    """
    with np.errstate(all="ignore"):
        exponent = np.floor(np.log10(np.abs(doubles)))
        scale = 5 - exponent
        up = np.power(10.0, np.maximum(scale, 0))
        down = np.power(10.0, np.maximum(-scale, 0))
        digits = np.rint(doubles * up / down)
        decimal = digits * down / up
        return decimal.astype(values.dtype) == values
