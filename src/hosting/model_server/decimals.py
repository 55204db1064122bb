"""Floating-point numbers as TF Serving 1.13 prints them in JSON.

Its rule (``WriteDecimal``): six significant digits as printf's ``%g``; if that
does not read back as the same number, nine digits for float32 and seventeen
for float64; a whole number without exponent gets ``.0``; ``NaN``, ``Infinity``
and ``-Infinity`` are written bare.

>>> decimal_strings(np.array([0.2, 1 / 3, 2, 9e6, float('nan')], dtype=np.float32))
['0.2', '0.333333343', '2.0', '9e+06', 'NaN']
"""

import numpy as np

# With fewer numbers than this a loop is faster than numpy's fixed costs.
_VECTOR_FROM = 24
# Between these, six digits can be judged in double arithmetic (see _short).
_SAFE_LOW, _SAFE_HIGH = 1e-15, 1e15

_FORMATS = np.array(['%.9g', '%.9g.0', '%.6g', '%.6g.0'], dtype=object)
_FORMATS_DOUBLE = np.array(['%.17g', '%.17g.0', '%.6g', '%.6g.0'], dtype=object)


def decimal_string(value, single=True):
    """One number; `value` is a Python float that holds a float32 or a float64."""
    text = '%.6g' % value
    back = float(text)
    if single and back == back:
        back = float(np.float32(back))
    if back != value:
        if value != value:
            return 'NaN'
        text = '%.9g' % value if single else '%.17g' % value
    if '.' not in text and 'e' not in text:
        if text == 'inf':
            return 'Infinity'
        if text == '-inf':
            return '-Infinity'
        return text + '.0'
    return text


def _short(values, doubles):
    """Which numbers six digits suffice for, given that all are of a safe size.

    ``rint(v·10ᵏ)/10ᵏ`` is the six-digit decimal up to the last bit of a double,
    which is enough to tell whether a float32 next to it is the same number. For
    float64 the decimal must be hit exactly: 10ᵏ is exact below 1e22 and one
    division rounds correctly, but for large numbers (k < 0) the product may not,
    so that case stays with the caller's exact comparison.
    """
    with np.errstate(all='ignore'):
        exponent = np.floor(np.log10(np.abs(doubles)))
        scale = 5 - exponent
        up = np.power(10.0, np.maximum(scale, 0))
        down = np.power(10.0, np.maximum(-scale, 0))
        digits = np.rint(doubles * up / down)
        decimal = digits * down / up
        return decimal.astype(values.dtype) == values


def decimal_strings(array):
    """The numbers of a float array, flattened, as a list of strings."""
    flat = array.ravel()
    single = flat.dtype.itemsize <= 4
    if flat.dtype == np.float16:
        flat = flat.astype(np.float32)
    values = flat.tolist()
    if len(values) < _VECTOR_FROM:
        return [decimal_string(value, single) for value in values]
    doubles = flat.astype(np.float64)
    size = np.abs(doubles)
    zero = size == 0
    with np.errstate(invalid='ignore'):
        safe = (size >= _SAFE_LOW) & (size < _SAFE_HIGH) | zero
    if not safe.all():
        # Rare: infinities, NaN, and numbers so small or large that only the
        # text itself can be trusted.
        texts = np.empty(len(values), dtype=object)
        texts[safe] = decimal_strings(flat[safe]) if safe.any() else []
        texts[~safe] = [decimal_string(value, single) for value in flat[~safe].tolist()]
        return texts.tolist()
    short = _short(flat, np.where(zero, 1.0, doubles)) | zero
    whole = (doubles == np.rint(doubles)) & (size < np.where(short, 1e6, 1e9 if single else 1e17))
    formats = (_FORMATS if single else _FORMATS_DOUBLE)[2 * short + whole]
    return (' '.join(formats.tolist()) % tuple(values)).split(' ')
