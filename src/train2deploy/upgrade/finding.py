"""A finding of the linter: one line, with the place and what to do."""

from dataclasses import dataclass

TODAY, HEAD = "today", "head"
"""The contracts that a finding is about."""
PACKAGES = "a7-packages"
"""The section of docs/contract.md on the container's Python and what it finds."""


@dataclass(frozen=True)
class Finding:
    """Something in a package that a newer contract refuses, or treats in another way.

    Attributes:
        place: a file below the package, with its line; or what else was looked at.
        since: the first contract that it is about.
        section: of docs/contract.md.
    """

    place: str
    text: str
    since: str = TODAY
    section: str = "a7"

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"
