"""Faults on request: what goes wrong in an account now and then, on purpose.

A fault is written `kind:target[:number]`, several with commas between them:

    throttle:CreateEndpoint:3    the next 3 calls are refused (ThrottlingException)
    error:DescribeTrainingJob:2  the next 2 calls answer 500
    error:s3:4                   the next 4 calls of S3 answer 503 SlowDown
    slow:s3:0.5                  every call of S3 takes half a second longer
    hold:CreateModel             every call is carried out when other faults are set, not before
    drop:CreateTrainingJob:1     the connection is cut before the next call is carried out
    lost:CreateTrainingJob:1     the call is carried out, then the connection is cut
    capacity:ml.p2.xlarge        no instance of this type is available: the job fails
    limit:ml.p2.xlarge           the account may use none: the call is refused

The target is an operation, a service (s3, logs, …) or `*`.
"""

import threading
from dataclasses import dataclass

COUNTED = ("throttle", "error", "drop", "lost")
KINDS = (*COUNTED, "slow", "hold", "capacity", "limit")


@dataclass
class Fault:
    kind: str
    target: str
    number: float

    def concerns(self, service: str, operation: str) -> bool:
        return self.target in ("*", operation, service)


def parse(text: str) -> list[Fault]:
    """
    >>> parse("throttle:CreateEndpoint:3,capacity:ml.p2.xlarge")[0].number
    3.0

    Raises:
        ValueError: with what was expected.
    """
    faults = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        kind, _, rest = item.partition(":")
        target, _, number = rest.partition(":")
        try:
            count = float(number) if number else 1.0
        except ValueError:
            count = -1.0
        if kind not in KINDS or not target or count < 0:
            raise ValueError(
                f"FAULTS: expected kind:target[:number] with a kind of {', '.join(KINDS)},"
                f" found {item!r}."
            )
        faults.append(Fault(kind, target, count))
    return faults


class Faults:
    """The faults in force."""

    def __init__(self, text: str = "") -> None:
        self._lock = threading.Condition()
        self._faults = parse(text)

    def replace(self, text: str) -> None:
        faults = parse(text)
        with self._lock:
            self._faults = faults
            self._lock.notify_all()

    def take(self, service: str, operation: str) -> str | None:
        """The kind of the counted fault that this call runs into, which is used up by it."""
        with self._lock:
            for fault in self._faults:
                counts = fault.kind in COUNTED and fault.number >= 1
                if counts and fault.concerns(service, operation):
                    fault.number -= 1
                    return fault.kind
        return None

    def wait_while_held(self, service: str, operation: str) -> None:
        def is_held() -> bool:
            kinds = (fault.kind for fault in self._faults if fault.concerns(service, operation))
            return "hold" in kinds

        with self._lock:
            self._lock.wait_for(lambda: not is_held())

    def delay(self, service: str, operation: str) -> float:
        """Seconds that this call takes longer."""
        return sum(
            fault.number
            for fault in self._faults
            if fault.kind == "slow" and fault.concerns(service, operation)
        )

    def types(self, kind: str) -> set[str]:
        """Instance types of `capacity` or `limit` faults."""
        return {fault.target for fault in self._faults if fault.kind == kind}
