"""Errors with TensorFlow's status codes, as gRPC and REST report them."""

# tensorflow/core/lib/core/error_codes.proto, the same numbers as gRPC's.
OK = 0
CANCELLED = 1
UNKNOWN = 2
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
ALREADY_EXISTS = 6
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
ABORTED = 10
OUT_OF_RANGE = 11
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
DATA_LOSS = 15
UNAUTHENTICATED = 16

# How tensorflow::Status::ToString() writes each code.
CODE_NAMES = {
    CANCELLED: 'Cancelled',
    UNKNOWN: 'Unknown',
    INVALID_ARGUMENT: 'Invalid argument',
    DEADLINE_EXCEEDED: 'Deadline exceeded',
    NOT_FOUND: 'Not found',
    ALREADY_EXISTS: 'Already exists',
    PERMISSION_DENIED: 'Permission denied',
    RESOURCE_EXHAUSTED: 'Resource exhausted',
    FAILED_PRECONDITION: 'Failed precondition',
    ABORTED: 'Aborted',
    OUT_OF_RANGE: 'Out of range',
    UNIMPLEMENTED: 'Unimplemented',
    INTERNAL: 'Internal',
    UNAVAILABLE: 'Unavailable',
    DATA_LOSS: 'Data loss',
    UNAUTHENTICATED: 'Unauthenticated',
}

# How the enum tensorflow.error.Code spells each code (model status in JSON).
ENUM_NAMES = {code: name.upper().replace(' ', '_') for code, name in CODE_NAMES.items()}
ENUM_NAMES[OK] = 'OK'


class ServingError(Exception):
    """A request that ends with a status other than OK."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self):
        """As ``Status::ToString()``: ``Invalid argument: <message>``."""
        return '%s: %s' % (CODE_NAMES.get(self.code, 'Unknown'), self.message)


class Unloaded(ServingError):
    """A servable was closed after a request had found it and before it was queued."""

    def __init__(self, name):
        super().__init__(UNAVAILABLE, f'The model {name} is being unloaded')


def invalid_argument(*parts):
    """An INVALID_ARGUMENT error with the parts joined as ``StrCat`` does."""
    return ServingError(INVALID_ARGUMENT, ''.join(map(str, parts)))


def not_found(*parts):
    """A NOT_FOUND error with the parts joined."""
    return ServingError(NOT_FOUND, ''.join(map(str, parts)))


def internal(*parts):
    """An INTERNAL error with the parts joined."""
    return ServingError(INTERNAL, ''.join(map(str, parts)))
