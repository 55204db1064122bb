"""What the JavaScript of today's container decides otherwise than the final one's.

docs/contract.md#a5, docs/contract.md#a6
"""

import json
import re

from hosting.edge import conversion
from hosting.http.messages import Response

_TYPES = frozenset(["application/json", "application/jsonlines", "application/jsons", "text/csv"])
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LINE_END = re.compile(r"\r?\n")
# What trim() takes away from a text that is not ASCII: all that JavaScript calls white space.
_SPACE = "\t\n\x0b\x0c\r \xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_CHECKS = (
    ("tfs-model-name", re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")),
    ("tfs-model-version", re.compile(r"[0-9]+")),
    ("tfs-method", re.compile(r"predict|classify|regress")),
)


def request_body(header, body):
    """The model server's request, or a Response that refuses the content type.

    Args:
        body: None where the request has none.
    """
    content_type = (header or b"").decode("latin-1").partition(";")[0].strip().lower()
    if content_type not in _TYPES:
        return _error(415, "Unsupported Media Type: " + (content_type or "Unknown"))
    if body is not None:
        body = as_text(body)
    if content_type == "text/csv":
        return from_csv(body)
    return conversion.from_json(body, tfs_first=True, trimmed=_trimmed)


def as_text(body):
    """What the JavaScript, to which bodies are text, sees of one: U+FFFD for what is not UTF-8.

    >>> as_text(b'["\xff"]') == '["\ufffd"]'.encode()
    True
    """
    return body.decode("utf-8", "replace").encode("utf-8")


def _trimmed(text):
    return text.decode("utf-8").strip(_SPACE).encode("utf-8")


def from_csv(body):
    """CSV → a TensorFlow Serving request: numbers as they are, all else as strings.

    >>> from_csv(b'1.0,hello,"world,earth"')
    b'{"instances":[[1.0,"hello","world,earth"]]}'
    """
    if body is None:
        raise conversion.NoBody("text/csv needs a body")
    rows = []
    for line in _LINE_END.split(body.decode("utf-8").strip(_SPACE)):
        line = line.strip(_SPACE)
        if line:
            values = [_value(field) for field in _fields(line)]
            rows.append(values[0] if len(values) == 1 else "[%s]" % ",".join(values))
    return ('{"instances":[%s]}' % ",".join(rows)).encode("utf-8")


def _fields(line):
    """The fields of a line, without the quotes around them or parts of them."""
    fields, quoted = [""], False
    position = 0
    while position < len(line):
        character = line[position]
        if character == '"' and quoted and line[position + 1 : position + 2] == '"':
            fields[-1] += character
            position += 1
        elif character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            fields.append("")
        else:
            fields[-1] += character
        position += 1
    return fields


def _value(field):
    number = field.strip(_SPACE)
    if _NUMBER.fullmatch(number):
        return number
    return '"%s"' % field.replace("\\", "\\\\").replace('"', '\\"')


def accepted_type(accept):
    """application/json where the answer's newlines are to be removed, else None.

    >>> accepted_type(b'text/csv, application/jsonlines'), accepted_type(b'application/json;q=1')
    ('application/json', None)
    """
    entries = [entry.strip() for entry in (accept or b"").split(b",")]
    wanted = b"application/jsonlines" in entries or b"application/json" in entries
    return "application/json" if wanted else None


def refusal(attributes, with_method):
    """The Response to custom attributes that cannot be right, or None."""
    for name, pattern in _CHECKS if with_method else _CHECKS[:2]:
        if name in attributes and not pattern.fullmatch(attributes[name]):
            return _error(400, "invalid " + name)
    return None


def _error(status, message):
    text = json.dumps({"error": message}, ensure_ascii=False, separators=(",", ":"))
    return Response(status, text.encode("latin-1"), "application/json")
