"""Errors with TensorFlow's status codes, as gRPC and REST report them."""

from hosting.model_server import TODAY

# tensorflow/core/lib/core/error_codes.proto, the same numbers as gRPC's.
OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND = range(6)
ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED, FAILED_PRECONDITION = range(6, 10)
ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS = range(10, 16)
UNAUTHENTICATED = 16

# How tensorflow::Status::ToString() writes each code.
_NAMES = (
    "Cancelled, Unknown, Invalid argument, Deadline exceeded, Not found, Already exists, "
    "Permission denied, Resource exhausted, Failed precondition, Aborted, Out of range, "
    "Unimplemented, Internal, Unavailable, Data loss, Unauthenticated"
)
CODE_NAMES = dict(enumerate(_NAMES.split(", "), 1))

# How the enum tensorflow.error.Code spells each code (model status in JSON).
ENUM_NAMES = {code: name.upper().replace(" ", "_") for code, name in CODE_NAMES.items()}
ENUM_NAMES[OK] = "OK"


class ServingError(Exception):
    """A request that ends with a status other than OK."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self):
        """As ``Status::ToString()``: ``Invalid argument: <message>``, in 2.20 INVALID_ARGUMENT."""
        names = ENUM_NAMES if TODAY else CODE_NAMES
        return "%s: %s" % (names.get(self.code, names[UNKNOWN]), self.message)


class Unloaded(ServingError):
    """A servable was closed after a request had found it and before it was queued."""

    def __init__(self, name):
        super().__init__(UNAVAILABLE, f"The model {name} is being unloaded")


def _maker(code):
    """A function that makes errors of this code, with its arguments joined as ``StrCat`` does."""
    return lambda *parts: ServingError(code, "".join(map(str, parts)))


invalid_argument = _maker(INVALID_ARGUMENT)
not_found = _maker(NOT_FOUND)
internal = _maker(INTERNAL)
failed_precondition = _maker(FAILED_PRECONDITION)
unimplemented = _maker(UNIMPLEMENTED)
