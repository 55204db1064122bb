"""A finding of the linter: one line, with the place and what to do."""

from dataclasses import dataclass

TODAY, HEAD = "today", "head"  # the contracts that a finding is about
PROCESSES, PLAIN, ATTRIBUTES = "a12-processes", "a12-plain", "a12-attributes"
HANDLER = "a12-handler"  # sections of docs/contract.md on today's container


@dataclass(frozen=True)
class Finding:
    """Something in a package that a newer contract refuses, or treats in another way."""

    place: str  # a file below the package, with its line; or what else was looked at
    text: str
    since: str = TODAY  # the first contract that it is about
    section: str = HANDLER  # of docs/contract.md

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"
