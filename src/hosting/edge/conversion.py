"""A5: how a plain endpoint makes TensorFlow Serving requests of what clients send.

The container does this in JavaScript on the body as one string, without parsing it. Its
quirks are part of the contract, so the same decisions are made here in the same order.
"""
import re

# JavaScript's white space (`\s`, `trim`), which is more than ASCII's.
_SPACE = '\t\n\x0b\x0c\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff'
_TRIMMED = ''.join(chr(code) for code in (
    0x9, 0xa, 0xb, 0xc, 0xd, 0x20, 0xa0, 0x1680, *range(0x2000, 0x200b), 0x2028, 0x2029, 0x202f,
    0x205f, 0x3000, 0xfeff))

_TFS_SHAPED = re.compile(r'"(?:instances|inputs|examples)"[%s]*:' % _SPACE)
_JSON_LINES = re.compile(r'[}\]][%s]*[\[{]' % _SPACE)
_NESTED_LIST = re.compile(r'[%s]*\[[%s]*\[' % (_SPACE, _SPACE))
_VERBATIM_CSV = re.compile(r'[%s]*["0-9.Ee+\-]' % _SPACE)
_LINE_END = re.compile(r'\r?\n')


class NoBody(ValueError):
    """The JavaScript would fail on a request without a body."""


def from_json(body, tfs_first):
    """JSON, JSON lines or a TensorFlow Serving request → a TensorFlow Serving request.

    >>> from_json(b'[1, 2]', tfs_first=False)
    b'{"instances":[[1, 2]]}'

    The body's shape decides, not the content type. `tfs_first`: the last container looks
    for a TensorFlow Serving request first, that of 2019 for JSON lines.
    """
    # An absent body is JavaScript's `undefined`, which the model server cannot parse.
    text = _text(body) if body else 'undefined'
    if tfs_first:
        if _TFS_SHAPED.search(text):
            return body
        if _JSON_LINES.search(text):
            return _bytes(_join_json_lines(text))
    else:
        if _JSON_LINES.search(text):
            return _bytes(_join_json_lines(text))
        if _TFS_SHAPED.search(text):
            return body
    if not _NESTED_LIST.match(text):
        text = '[' + text + ']'
    return _bytes('{"instances":' + text + '}')


def _join_json_lines(text):
    lines = _LINE_END.split(text.strip(_TRIMMED))
    if len(lines) == 1:
        # Not put in brackets: two objects on one line are not valid JSON.
        return '{"instances":' + lines[0] + '}'
    stripped = (line.strip(_TRIMMED) for line in lines)
    return '{"instances":[' + ','.join(line for line in stripped if line) + ']}'


def from_csv(body):
    """CSV → a TensorFlow Serving request.

    >>> from_csv(b'1.0,2.0')
    b'{"instances":[[1.0,2.0]]}'
    >>> from_csv(b'a,b,c')
    b'{"instances":[["a","b,c"]]}'

    Whether the values are quoted is decided once, by how the payload starts; only the first
    comma and the first quote of a line count.
    """
    if not body:
        raise NoBody('text/csv needs a body')
    text = _text(body)
    quoted = not _VERBATIM_CSV.match(text)
    rows = []
    for line in _LINE_END.split(text.strip(_TRIMMED)):
        line = line.strip(_TRIMMED)
        if not line:
            continue
        row = line
        if quoted:
            row = '"' + line.replace('"', '\\"', 1).replace(',', '","', 1) + '"'
        if ',' in line:
            row = '[' + row + ']'
        rows.append(row)
    return _bytes('{"instances":[' + ','.join(rows) + ']}')


def _text(body):
    return body.decode('utf-8', 'surrogateescape')


def _bytes(text):
    return text.encode('utf-8', 'surrogateescape')
