"""How a plain endpoint makes TensorFlow Serving requests of what clients send.

docs/contract.md#a5

The container does this in JavaScript on the body as one string, without parsing it. Its
quirks are part of the contract, so the same decisions are made here in the same order.
"""

import re

# The body is bytes to the JavaScript: its `\s` and trim() know ASCII's white space only. (Today's
# has text: its trim() takes away more, see today.py.)
_SPACE = rb"[\t\n\x0b\x0c\r ]"
_TRIMMED = b"\t\n\x0b\x0c\r "

_TFS_SHAPED = re.compile(rb'"(?:instances|inputs|examples)"%b*:' % _SPACE)
_JSON_LINES = re.compile(rb"[}\]]%b*[\[{]" % _SPACE)
_NESTED_LIST = re.compile(rb"%b*\[%b*\[" % (_SPACE, _SPACE))
_VERBATIM_CSV = re.compile(rb'%b*["0-9.Ee+\-]' % _SPACE)
_LINE_END = re.compile(rb"\r?\n")


class NoBody(ValueError):
    """The JavaScript would fail on a request without a body."""


def _ascii_trimmed(text):
    return text.strip(_TRIMMED)


def from_json(body, tfs_first, trimmed=_ascii_trimmed):
    """JSON, JSON lines or a TensorFlow Serving request → a TensorFlow Serving request.

    >>> from_json(b'[1, 2]', tfs_first=False)
    b'{"instances":[[1, 2]]}'

    The body's shape decides, not the content type. `tfs_first`: the last container looks
    for a TensorFlow Serving request first, that of 2019 for JSON lines. `body` is None when
    the request has none; `trimmed` is what trim() does.
    """
    if body is None:
        body = b"undefined"  # as JavaScript writes it; the model server cannot parse it
    if tfs_first and _TFS_SHAPED.search(body):
        return body
    if _JSON_LINES.search(body):
        return _join_json_lines(body, trimmed)
    if _TFS_SHAPED.search(body):
        return body
    if not _NESTED_LIST.match(body):
        body = b"[" + body + b"]"
    return b'{"instances":' + body + b"}"


def _join_json_lines(body, trimmed):
    lines = _LINE_END.split(trimmed(body))
    if len(lines) == 1:
        # Not put in brackets: two objects on one line are not valid JSON.
        return b'{"instances":' + lines[0] + b"}"
    stripped = map(trimmed, lines)
    return b'{"instances":[' + b",".join(line for line in stripped if line) + b"]}"


def from_csv(body):
    """CSV → a TensorFlow Serving request.

    >>> from_csv(b'1.0,2.0')
    b'{"instances":[[1.0,2.0]]}'
    >>> from_csv(b'a,b,c')
    b'{"instances":[["a","b,c"]]}'

    Whether the values are quoted is decided once, by how the payload starts; only the first
    comma and the first quote of a line count.
    """
    if body is None:
        raise NoBody("text/csv needs a body")
    quoted = not _VERBATIM_CSV.match(body)
    rows = []
    for line in _LINE_END.split(body.strip(_TRIMMED)):
        line = line.strip(_TRIMMED)
        if not line:
            continue
        row = line
        if quoted:
            row = b'"' + line.replace(b'"', b'\\"', 1).replace(b",", b'","', 1) + b'"'
        if b"," in line:
            row = b"[" + row + b"]"
        rows.append(row)
    return b'{"instances":[' + b",".join(rows) + b"]}"
