"""JSON as RapidJSON 1.1 reads it, by a fast parser if one can and by our own if not.

Fast parsers refuse NaN, strings that are not UTF-8 and deep nesting, which RapidJSON
takes; they keep the last of equal names where it keeps all; they round every number to
the nearest. And what RapidJSON refuses too must be reported in its words, with the offset
that it would give. So a fast parser's value is used only where it is certain to be the
same: `_FastParser` looks for the signs that it might not be. For the rest there is a parser
of our own, which does not recurse, so that no nesting is too deep. (python-rapidjson would
not do: it has no way to keep equal names, and takes no text that is not UTF-8.)
"""

import json
import re
from typing import Any

import orjson

from hosting.model_server import TODAY
from hosting.model_server.errors import invalid_argument
from hosting.model_server.json import faults
from hosting.model_server.json.faults import Fault
from hosting.model_server.json.numbers import read_float, read_number

_SPACE = re.compile(rb"[ \n\r\t]*")
_PLAIN_STRING = re.compile(rb'"[^"\\\x00-\x1f]*"')
_PLAIN_CHARACTERS = re.compile(rb'[^"\\\x00-\x1f]*')
_HEX = re.compile(rb"[0-9a-fA-F]{4}")
# Many numbers in a row are taken at one go: the bulk of a large body is such. Not all of
# them: what a pattern has repeated is remembered, at a hundred times the size of the text.
_SAFE_NUMBER = rb"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?[ \n\r\t]*"
_NUMBERS = re.compile(rb"(?:%s,[ \n\r\t]*){4,4096}" % _SAFE_NUMBER)
_ROWS = re.compile(
    rb"(?:\[[ \n\r\t]*(?:%s,[ \n\r\t]*){0,4096}%s\][ \n\r\t]*,[ \n\r\t]*){4,64}"
    % (_SAFE_NUMBER, _SAFE_NUMBER)
)

# A text's shape: every digit 0, every E small. Numbers show in it at the speed of a search.
_SHAPE = bytes.maketrans(b"123456789E", b"000000000e")
# Another: what may stand before a number is a comma, and its sign is gone.
_LEADING = bytes.maketrans(b"[: \n\r\t23456789", b",,,,,,11111111")
_LONG_INTEGER = re.compile(rb"(?<![.0])0{19}")
_LONE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_NAME_END = re.compile(rb'"[ \n\r\t]*:')

# orjson 2.0 (the newest for Python 3.6 up to 3.0 is no better) never frees what
# it has built of a text that then turns out wrong. So it is given no large
# ones, and none at all after so many bytes of wrong ones.
_SMALL = 64 * 1024
_MOST_WRONG = 256 * 1024
_MAX_DEPTH = 10000

_WORDS = {b"n": (b"null", None), b"t": (b"true", True), b"f": (b"false", False)}
_ESCAPES = {
    ord('"'): '"',
    ord("/"): "/",
    ord("\\"): "\\",
    ord("b"): "\b",
    ord("f"): "\f",
    ord("n"): "\n",
    ord("r"): "\r",
    ord("t"): "\t",
}


class Repeated(dict):
    """An object in which names are repeated: a dict of the first ones, and `pairs` of all."""

    def __init__(self, pairs):
        super().__init__(reversed(pairs))
        self.pairs = pairs


def members(value):
    """The (name, value) pairs of an object, in the text's order, repeated names included."""
    return value.pairs if type(value) is Repeated else value.items()


class _FastParser:
    """orjson for small texts as long as they are right, else the standard library."""

    def __init__(self):
        self.wrong = 0

    def loads(self, raw, exactly):
        """A text's value and whether its doubles are certain; ValueError for our own parser."""
        shape = raw.translate(_SHAPE)
        bare = shape.translate(None, b".+-")
        # Numbers that may be too big, surrogates that may be alone, no object at all.
        if (
            b"0" * 300 in bare
            or b"e000" in bare
            or (b"\\" in raw and _LONE_SURROGATE.search(raw))
            or (raw.lstrip(b" \n\r\t")[:1] != b"{")
        ):
            raise ValueError("left to the careful parser")
        exact = b"0" * 16 not in bare and b"e0" not in bare
        if exactly and not exact:
            if b"0" * 19 in shape and _LONG_INTEGER.search(shape):
                raise ValueError("left to the careful parser")
            exact = True
            value = json.loads(raw.decode("utf-8", "surrogateescape"), parse_float=read_float)
        else:
            value = self._nearest(
                raw,
                len(raw) <= _SMALL
                and (exact and b"." not in raw or _has_strict_numbers(raw, shape)),
            )
        if not _has_every_member(value, raw):
            raise ValueError("left to the careful parser")
        return value, exact

    def _nearest(self, raw, small_and_strict):
        if small_and_strict and self.wrong < _MOST_WRONG:
            try:
                return orjson.loads(raw)
            except ValueError:
                self.wrong += len(raw)
                raise
        return json.loads(raw.decode("utf-8", "surrogateescape"))


_fast = _FastParser()


def _has_strict_numbers(raw, shape):
    """Whether there is certainly no number like ``1.`` or ``01.5``, which orjson takes."""
    leading = raw.translate(_LEADING, b"-")
    return (
        shape.count(b"0.") == shape.count(b"0.0")
        and b",00" not in leading
        and b",01" not in leading
    )


def _has_every_member(value, raw):
    """Whether no member of the text is missing, as it would be had a name been repeated.

    A text has at least as many colons as members, so if it has no more than were found none
    is missing. The usual bodies are counted without going through them.
    """
    colons = raw.count(b":")
    if type(value) is dict:
        found = len(value)
        if found == colons:
            return True
        for item in value.values():
            if type(item) is dict:
                found += len(item)
            elif type(item) is list:
                found += sum([len(row) for row in item if type(row) is dict])
        if found == colons:
            return True
    found = _count_members(value)
    return found == colons or found == len(_NAME_END.findall(raw))


def _count_members(value):
    """The number of members in a value; lists that begin with a scalar are passed over."""
    if type(value) is dict:
        return len(value) + sum(map(_count_members, value.values()))
    if type(value) is list and value and type(value[0]) in (dict, list):
        return sum(map(_count_members, value))
    return 0


def parse(raw, exactly=False):
    """The value of a JSON text as RapidJSON reads it, or an INVALID_ARGUMENT error.

    Returns it with whether its doubles are RapidJSON's to the last bit. If not, each is
    within eight units of the last place; `exactly` asks for them at some cost.
    """
    try:
        return _fast.loads(raw, exactly)
    except (ValueError, RecursionError):
        return parse_as_rapidjson(raw), True


def parse_as_rapidjson(raw):
    """The parsed value of a body, or an INVALID_ARGUMENT error that tells the offset.

    >>> parse_as_rapidjson(b'{"instances": [NaN, -Infinity]}')
    {'instances': [nan, -inf]}
    """
    try:
        return _Parser(raw).parse()
    except Fault as fault:
        raise invalid_argument(
            f"JSON Parse error: {fault.args[0]} at offset: {fault.args[1]}"
        ) from None


class _Parser:
    """One pass over one body; `position` is where RapidJSON's stream would stand."""

    def __init__(self, raw):
        # RapidJSON takes a NUL byte for the end.
        end = raw.find(b"\0")
        self.raw = raw if end < 0 else raw[:end]
        # Each byte of a byte order mark is skipped if it is there.
        self.position = 0
        for byte in b"\xef", b"\xbb", b"\xbf":
            self._take(byte)

    def parse(self):
        """The value of the whole text."""
        self._space()
        if self.position >= len(self.raw):
            raise Fault(faults.DOCUMENT_EMPTY, self.position)
        value = self._value()
        self._space()
        if self.position < len(self.raw) and not TODAY:
            raise Fault(faults.ROOT_NOT_SINGULAR, self.position)
        return value

    def _space(self):
        self.position = _SPACE.match(self.raw, self.position).end()

    def _peek(self):
        return self.raw[self.position : self.position + 1]

    def _take(self, text):
        """Step over `text` as far as it is there; True when it is there whole."""
        raw = self.raw
        for index in range(len(text)):
            if raw[self.position : self.position + 1] != text[index : index + 1]:
                return False
            self.position += 1
        return True

    def _value(self):
        """One value with everything in it; containers wait on a stack, not in recursion."""
        stack: list = []
        value: Any
        while True:
            if len(stack) > _MAX_DEPTH:
                # RapidJSON recurses here until the process crashes.
                raise Fault(faults.TOO_DEEP % _MAX_DEPTH, self.position)
            # Here a value begins.
            first = self._peek()
            if first == b"[":
                self.position += 1
                self._space()
                if not self._take(b"]"):
                    stack.append([])
                    self._numbers(stack[-1])
                    continue
                value = []
            elif first == b"{":
                self.position += 1
                self._space()
                if not self._take(b"}"):
                    stack.append(([], self._name()))
                    continue
                value = {}
            else:
                value = self._scalar(first)
            # Here a value has ended, and maybe some containers with it.
            while stack:
                self._space()
                top = stack[-1]
                if type(top) is list:
                    top.append(value)
                    if self._take(b","):
                        self._space()
                        self._numbers(top)
                        break
                    if not self._take(b"]"):
                        raise Fault(faults.MISS_COMMA_OR_SQUARE, self.position)
                    value = stack.pop()
                else:
                    top[0].append((top[1], value))
                    if self._take(b","):
                        self._space()
                        stack[-1] = (top[0], self._name())
                        break
                    if not self._take(b"}"):
                        raise Fault(faults.MISS_COMMA_OR_CURLY, self.position)
                    value = _object(stack.pop()[0])
            else:
                return value

    def _numbers(self, into):
        raw = self.raw
        match = (_ROWS if raw[self.position : self.position + 1] == b"[" else _NUMBERS).match(
            raw, self.position
        )
        if match:
            text = match.group().rstrip(b" \n\r\t")[:-1].decode()
            into.extend(json.loads(f"[{text}]", parse_float=read_float))
            self.position = match.end()

    def _name(self):
        if self._peek() != b'"':
            raise Fault(faults.MISS_NAME, self.position)
        name = self._string()
        self._space()
        if not self._take(b":"):
            raise Fault(faults.MISS_COLON, self.position)
        self._space()
        return name

    def _scalar(self, first):
        if first == b'"':
            return self._string()
        if first in _WORDS:
            word, value = _WORDS[first]
            if not self._take(word):
                raise Fault(faults.VALUE_INVALID, self.position)
            return value
        value, self.position = read_number(self.raw, self.position)
        return value

    def _string(self):
        raw = self.raw
        match = _PLAIN_STRING.match(raw, self.position)
        if match:
            self.position = match.end()
            return match.group()[1:-1].decode("utf-8", "surrogateescape")
        pieces = []
        self.position += 1
        while True:
            match = _PLAIN_CHARACTERS.match(raw, self.position)
            pieces.append(match.group().decode("utf-8", "surrogateescape"))
            self.position = match.end()
            if self.position >= len(raw):
                raise Fault(faults.MISS_QUOTE, self.position)
            character = raw[self.position]
            if character == ord('"'):
                self.position += 1
                return "".join(pieces)
            if character != ord("\\"):
                raise Fault(faults.BAD_ESCAPE, self.position)
            pieces.append(self._escape())

    def _escape(self):
        start = self.position
        self.position += 1
        kind = self.raw[self.position] if self.position < len(self.raw) else 0
        if kind in _ESCAPES:
            self.position += 1
            return _ESCAPES[kind]
        if kind != ord("u"):
            raise Fault(faults.BAD_ESCAPE, start)
        self.position += 1
        point = self._hex(start)
        if 0xD800 <= point <= 0xDBFF:
            if not self._take(b"\\u"):
                raise Fault(faults.BAD_SURROGATE, start)
            low = self._hex(start)
            if not 0xDC00 <= low <= 0xDFFF:
                raise Fault(faults.BAD_SURROGATE, start)
            point = (point - 0xD800 << 10 | low - 0xDC00) + 0x10000
        elif 0xDC00 <= point <= 0xDFFF:
            # A low surrogate alone is written as its three bytes, which are no UTF-8.
            return chr(point).encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
        return chr(point)

    def _hex(self, start):
        match = _HEX.match(self.raw, self.position)
        if not match:
            raise Fault(faults.BAD_HEX, start)
        self.position = match.end()
        return int(match.group(), 16)


def _object(pairs):
    value = dict(pairs)
    return value if len(value) == len(pairs) else Repeated(pairs)
