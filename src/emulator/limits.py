"""What the platform gives an endpoint (docs/contract.md#a9), and shorter times for a rehearsal.

Limits that differ are written `name:number`, several with commas between them:

    response:2     seconds that an invocation may take; AWS: 60
    start:20       seconds until the health check must pass; AWS: 480
    minute:2       seconds that a minute lasts: of metrics, alarms, cool-downs and bake times
"""

from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class Limits:
    """AWS's."""

    response: float = 60.0  # seconds from an invocation's request to its answer
    start: float = 480.0  # seconds from a container's start to its first healthy answer
    body: int = 5 * 1024 * 1024  # bytes of an invocation's request
    # seconds that a minute lasts of what AWS waits for or counts by the minute
    minute: float = 60.0

    def seconds(self, of_aws: float) -> float:
        """How long what lasts `of_aws` seconds on AWS lasts here: periods, bake times, cool-downs.

        >>> Limits().seconds(300), Limits(minute=2).seconds(300)
        (300.0, 10.0)
        """
        return of_aws * self.minute / 60.0


TIMES = tuple(each.name for each in fields(Limits) if each.name != "body")


def parse(text: str) -> Limits:
    """
    >>> parse("response:2").response, parse("").response
    (2.0, 60.0)

    Raises:
        ValueError: with what was expected.
    """
    chosen: dict[str, Any] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = item.partition(":")
        try:
            chosen[name] = float(number)
        except ValueError:
            chosen[name] = -1.0
        if name not in TIMES or not 0 < chosen[name] < float("inf"):
            raise ValueError(
                f"LIMITS: expected name:seconds with a name of {', '.join(TIMES)}, found {item!r}."
            )
    return replace(Limits(), **chosen)
