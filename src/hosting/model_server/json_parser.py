"""JSON as RapidJSON 1.1 reads it, by a fast parser if one can and by our own if not.

Fast parsers refuse NaN, strings that are no UTF-8 and deep nesting, which
RapidJSON takes; and what it refuses too must be reported in its words, with the
offset that it would give. That is what `parse_as_rapidjson` is for. It does not
recurse, so that no nesting is too deep.
"""

import json
import re

import orjson

from hosting.model_server.errors import invalid_argument

VALUE_INVALID = 'Invalid value.'
DOCUMENT_EMPTY = 'The document is empty.'
ROOT_NOT_SINGULAR = 'The document root must not be followed by other values.'
MISS_NAME = 'Missing a name for object member.'
MISS_COLON = 'Missing a colon after a name of object member.'
MISS_COMMA_OR_CURLY = 'Missing a comma or } after an object member.'
MISS_COMMA_OR_SQUARE = 'Missing a comma or ] after an array element.'
BAD_HEX = 'Incorrect hex digit after \\u escape in string.'
BAD_SURROGATE = 'The surrogate pair in string is invalid.'
BAD_ESCAPE = 'Invalid escape character in string.'
MISS_QUOTE = 'Missing a closing quotation mark in string.'
TOO_BIG = 'Number too big to be stored in double.'
TOO_DEEP = 'Nested deeper than %d levels.'
MISS_FRACTION = 'Miss fraction part in number.'
MISS_EXPONENT = 'Miss exponent in number.'

_SPACE = re.compile(rb'[ \n\r\t]*')
_NUMBER = re.compile(rb'-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?')
_PLAIN_STRING = re.compile(rb'"[^"\\\x00-\x1f]*"')
_PLAIN_CHARACTERS = re.compile(rb'[^"\\\x00-\x1f]*')
_HEX = re.compile(rb'[0-9a-fA-F]{4}')
# Many numbers in a row are taken at one go: the bulk of a large body is such. Not all of
# them: what a pattern has repeated is remembered, at a hundred times the size of the text.
_SAFE_NUMBER = rb'-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?[ \n\r\t]*'
_NUMBERS = re.compile(rb'(?:%s,[ \n\r\t]*){4,4096}' % _SAFE_NUMBER)
_ROWS = re.compile(rb'(?:\[[ \n\r\t]*(?:%s,[ \n\r\t]*){0,4096}%s\][ \n\r\t]*,[ \n\r\t]*){4,64}'
                   % (_SAFE_NUMBER, _SAFE_NUMBER))
# What fast parsers take and RapidJSON may not: numbers with a large exponent or
# very many digits, and surrogates, which may be alone.
_SUSPECT = [re.compile(rb'e\+?[0-9]{3}'), re.compile(rb'E\+?[0-9]{3}'),
            re.compile(rb'[0-9]{300}'), re.compile(rb'\\u[dD][89a-fA-F]')]

# orjson 2.0 (the newest for Python 3.6 up to 3.0 is no better) never frees what
# it has built of a text that then turns out wrong. So it is given no large
# ones, and none at all after so many bytes of wrong ones.
_SMALL = 64 * 1024
_MOST_WRONG = 256 * 1024
_MAX_DEPTH = 10000

_WORDS = {b'n': (b'null', None), b't': (b'true', True), b'f': (b'false', False)}
_ESCAPES = {ord('"'): '"', ord('/'): '/', ord('\\'): '\\', ord('b'): '\b', ord('f'): '\f',
            ord('n'): '\n', ord('r'): '\r', ord('t'): '\t'}
_BYTE_ORDER_MARK = b'\xef\xbb\xbf'


class _Fault(Exception):
    """What is wrong, and at which offset."""


class _FastParser:
    """orjson for small texts as long as they are right, else the standard library."""

    def __init__(self):
        self.wrong = 0

    def loads(self, raw):
        """The value of a text that this parser and RapidJSON read alike, else ValueError."""
        for suspect in _SUSPECT:
            if suspect.search(raw):
                raise ValueError('left to the careful parser')
        if len(raw) <= _SMALL and self.wrong < _MOST_WRONG:
            try:
                return orjson.loads(raw)
            except ValueError:
                self.wrong += len(raw)
                raise
        return json.loads(raw.decode('utf-8', 'surrogateescape'))


_fast = _FastParser()


def parse(raw):
    """The value of a JSON text as RapidJSON reads it, or an INVALID_ARGUMENT error."""
    try:
        return _fast.loads(raw)
    except (ValueError, RecursionError):
        return parse_as_rapidjson(raw)


def parse_as_rapidjson(raw):
    """The parsed value of a body, or an INVALID_ARGUMENT error that tells the offset.

    >>> parse_as_rapidjson(b'{"instances": [NaN, -Infinity]}')
    {'instances': [nan, -inf]}
    """
    try:
        return _Parser(raw).parse()
    except _Fault as fault:
        raise invalid_argument('JSON Parse error: ', fault.args[0],
                               ' at offset: ', fault.args[1]) from None


class _Parser:
    """One pass over one body; `position` is where RapidJSON's stream would stand."""

    def __init__(self, raw):
        # RapidJSON takes a NUL byte for the end.
        end = raw.find(b'\0')
        self.raw = raw if end < 0 else raw[:end]
        self.position = 3 if raw.startswith(_BYTE_ORDER_MARK) else 0

    def parse(self):
        """The value of the whole text."""
        self._space()
        if self.position >= len(self.raw):
            raise _Fault(DOCUMENT_EMPTY, self.position)
        value = self._value()
        self._space()
        if self.position < len(self.raw):
            raise _Fault(ROOT_NOT_SINGULAR, self.position)
        return value

    def _space(self):
        self.position = _SPACE.match(self.raw, self.position).end()

    def _peek(self):
        return self.raw[self.position:self.position + 1]

    def _take(self, text):
        """Step over `text` as far as it is there; True when it is there whole."""
        raw = self.raw
        for index in range(len(text)):
            if raw[self.position:self.position + 1] != text[index:index + 1]:
                return False
            self.position += 1
        return True

    def _value(self):
        """One value with everything in it; containers wait on a stack, not in recursion."""
        stack = []
        while True:
            if len(stack) > _MAX_DEPTH:
                # RapidJSON recurses here until the process crashes.
                raise _Fault(TOO_DEEP % _MAX_DEPTH, self.position)
            # Here a value begins.
            first = self._peek()
            if first == b'[':
                self.position += 1
                self._space()
                if not self._take(b']'):
                    stack.append([])
                    self._numbers(stack[-1])
                    continue
                value = []
            elif first == b'{':
                self.position += 1
                self._space()
                if not self._take(b'}'):
                    stack.append(({}, self._name()))
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
                    if self._take(b','):
                        self._space()
                        self._numbers(top)
                        break
                    if not self._take(b']'):
                        raise _Fault(MISS_COMMA_OR_SQUARE, self.position)
                    value = stack.pop()
                else:
                    # Of equal names RapidJSON's look-up finds the first.
                    top[0].setdefault(top[1], value)
                    if self._take(b','):
                        self._space()
                        stack[-1] = (top[0], self._name())
                        break
                    if not self._take(b'}'):
                        raise _Fault(MISS_COMMA_OR_CURLY, self.position)
                    value = stack.pop()[0]
            else:
                return value

    def _numbers(self, into):
        raw = self.raw
        match = (_ROWS if raw[self.position:self.position + 1] == b'[' else _NUMBERS).match(
            raw, self.position)
        if match:
            into.extend(orjson.loads(b'[%s]' % match.group().rstrip(b' \n\r\t')[:-1]))
            self.position = match.end()

    def _name(self):
        if self._peek() != b'"':
            raise _Fault(MISS_NAME, self.position)
        name = self._string()
        self._space()
        if not self._take(b':'):
            raise _Fault(MISS_COLON, self.position)
        self._space()
        return name

    def _scalar(self, first):
        if first == b'"':
            return self._string()
        if first in _WORDS:
            word, value = _WORDS[first]
            if not self._take(word):
                raise _Fault(VALUE_INVALID, self.position)
            return value
        return self._number()

    def _number(self):
        start = self.position
        match = _NUMBER.match(self.raw, start)
        if not match:
            return self._not_finite()
        self.position = match.end()
        text = match.group()
        following = self._peek()
        if following == b'.' and b'.' not in text and b'e' not in text and b'E' not in text:
            raise _Fault(MISS_FRACTION, self.position + 1)
        if following in (b'e', b'E') and b'e' not in text and b'E' not in text:
            self.position += 1
            if self._peek() in (b'+', b'-'):
                self.position += 1
            raise _Fault(MISS_EXPONENT, self.position)
        if text.lstrip(b'-').isdigit():
            value = int(text) if len(text) < 40 else float(text)
            if -(1 << 63) <= value < 1 << 64 and type(value) is int:
                # Minus zero is an integer there, as in Python.
                return value
        value = float(text)
        if value in (float('inf'), float('-inf')) and _too_big(text):
            raise _Fault(TOO_BIG, start)
        return value

    def _not_finite(self):
        minus = self._take(b'-')
        first = self._peek()
        if first == b'N' and self._take(b'NaN'):
            return float('nan')
        if first == b'I' and self._take(b'Inf'):
            if self._peek() == b'i' and not self._take(b'inity'):
                raise _Fault(VALUE_INVALID, self.position)
            return float('-inf') if minus else float('inf')
        raise _Fault(VALUE_INVALID, self.position)

    def _string(self):
        raw = self.raw
        match = _PLAIN_STRING.match(raw, self.position)
        if match:
            self.position = match.end()
            return match.group()[1:-1].decode('utf-8', 'surrogateescape')
        pieces = []
        self.position += 1
        while True:
            match = _PLAIN_CHARACTERS.match(raw, self.position)
            pieces.append(match.group().decode('utf-8', 'surrogateescape'))
            self.position = match.end()
            if self.position >= len(raw):
                raise _Fault(MISS_QUOTE, self.position)
            character = raw[self.position]
            if character == ord('"'):
                self.position += 1
                return ''.join(pieces)
            if character != ord('\\'):
                raise _Fault(BAD_ESCAPE, self.position)
            pieces.append(self._escape())

    def _escape(self):
        start = self.position
        self.position += 1
        kind = self.raw[self.position] if self.position < len(self.raw) else 0
        if kind in _ESCAPES:
            self.position += 1
            return _ESCAPES[kind]
        if kind != ord('u'):
            raise _Fault(BAD_ESCAPE, start)
        self.position += 1
        point = self._hex(start)
        if 0xD800 <= point <= 0xDBFF:
            if not self._take(b'\\u'):
                raise _Fault(BAD_SURROGATE, start)
            low = self._hex(start)
            if not 0xDC00 <= low <= 0xDFFF:
                raise _Fault(BAD_SURROGATE, start)
            point = (point - 0xD800 << 10 | low - 0xDC00) + 0x10000
        elif 0xDC00 <= point <= 0xDFFF:
            # A low surrogate alone is written as its three bytes, which are no UTF-8.
            return chr(point).encode('utf-8', 'surrogatepass').decode('utf-8', 'surrogateescape')
        return chr(point)

    def _hex(self, start):
        match = _HEX.match(self.raw, self.position)
        if not match:
            raise _Fault(BAD_HEX, start)
        self.position = match.end()
        return int(match.group(), 16)


def _too_big(text):
    """Whether RapidJSON refuses a number beyond double (a little beyond it reads as infinity)."""
    digits, _, exponent = text.lower().partition(b'e')
    whole, _, fraction = digits.partition(b'.')
    if exponent and int(exponent) > 308 + len(fraction):
        return True
    return len(whole.lstrip(b'-')) > 308
