"""Names of what is made in the account: the project's or the endpoint's, and a digest behind it.

SageMaker's names have at most 63 characters, a tuning job's 32. Where one would be longer, the
beginning is cut and gets a digest of the whole: `topics-of-ou--0a1b2c3d4e`. Two hyphens in a
row stand in no name that a user may give, so a cut name is never somebody's whole one.
"""

import re

from train2deploy.hashing import sha256_value

LONGEST = 63
LONGEST_TUNING = 32
DIGITS = 10  # of the digest that stands for what was cut off
ATTEMPTS = 50  # jobs of the same inputs at most: the second one's name ends with -2

_ATTEMPT = len("-49")
_TRAINING = len("-v1-0123456789") + _ATTEMPT
_BATCH = len("-batch-0123456789") + _ATTEMPT
_TUNING = len("-tune-01234567")
_SERVING = len("-0123456789ab")


def training(project: str) -> str:
    """How the names of its training jobs begin."""
    return _fitted(project, LONGEST - _TRAINING)


def training_job(project: str, version: str, fingerprint: str) -> str:
    """The name of the first job of these inputs; the fingerprint tells versions apart.

    >>> training_job("topics", "v1", "0123456789")
    'topics-v1-0123456789'
    """
    stem = training(project)
    version = re.sub(r"[^a-zA-Z0-9]+", "-", version).strip("-") or "model"
    room = LONGEST - len(stem) - len("--") - len(fingerprint) - _ATTEMPT
    return f"{stem}-{version[:room].rstrip('-')}-{fingerprint}"


def batch(project: str) -> str:
    """How the names of its transform jobs begin."""
    return _fitted(project, LONGEST - _BATCH)


def tuning(project: str) -> str:
    """How the names of its tuning jobs, and of the training jobs of those, begin."""
    return _fitted(project, LONGEST_TUNING - _TUNING)


def serving(endpoint: str) -> str:
    """How the names of an endpoint's models and configurations begin."""
    return _fitted(endpoint, LONGEST - _SERVING)


def jobs(project: str) -> list[str]:
    """How the names of its jobs of any kind begin.

    >>> jobs("topics")
    ['topics']
    """
    return sorted({training(project), batch(project), tuning(project)})


def attempt(name: str, number: int) -> str:
    """
    >>> attempt("topics-v1-0123456789", 1), attempt("topics-v1-0123456789", 2)
    ('topics-v1-0123456789', 'topics-v1-0123456789-2')
    """
    return name if number == 1 else f"{name}-{number}"


def _fitted(name: str, room: int) -> str:
    if len(name) <= room:
        return name
    digest = sha256_value(name)[:DIGITS]
    kept = name[: room - DIGITS - 2].rstrip("-")
    return f"{kept}--{digest}"
