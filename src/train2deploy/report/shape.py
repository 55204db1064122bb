"""What a value of a TOML file must be; the message of a mistake names file and key."""

import re
from collections.abc import Iterable
from typing import Any

from train2deploy.errors import UserError
from train2deploy.texts import LANGUAGES

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class Printed(float):
    """A number that knows how many decimals it was printed with.

    >>> Printed("0.70").digits, Printed("0.70").is_rounding_of(0.7049)
    (2, True)
    """

    digits: int

    def __new__(cls, text: str) -> "Printed":
        made = super().__new__(cls, text)
        made.digits = len(text.partition(".")[2].lower().partition("e")[0])
        return made

    @property
    def rounding(self) -> float:
        """Half of the last printed decimal."""
        return 0.5 * 10.0**-self.digits

    def is_rounding_of(self, exact: float) -> bool:
        """Whether `exact` may have been printed so; a half may have gone either way."""
        return abs(exact - self) <= self.rounding + 1e-9

    def __str__(self) -> str:
        return f"{float(self):.{self.digits}f}"


def expect(holds: object, where: str, expected: str, found: object) -> None:
    """Raises UserError unless `holds`."""
    if not holds:
        raise UserError(f"{where}: expected {expected}, found {found!r}.")


def keys(where: str, entry: Any, required: set[str], further: Iterable[str] = ()) -> None:
    """A table with these keys and no others; `further` may be missing."""
    expect(isinstance(entry, dict), where, "a table", entry)
    missing, unknown = required - set(entry), set(entry) - required - set(further)
    expect(not missing, where, f"the keys {', '.join(sorted(required))}", sorted(entry))
    allowed = ", ".join(sorted({*required, *further}))
    expect(not unknown, where, f"no keys but {allowed}", sorted(unknown))


def one_of(where: str, value: Any, choices: Iterable[str]) -> None:
    choices = tuple(choices)
    expect(value in choices, where, f"one of {'; '.join(choices)}", value)


def text(where: str, value: Any) -> str:
    expect(isinstance(value, str) and value.strip(), where, "text", value)
    return str(value)


def date(where: str, value: Any) -> None:
    good = isinstance(value, str) and _DATE.fullmatch(value)
    expect(good, where, "a date such as 2019-01-20", value)


def whole(where: str, value: Any) -> int:
    expect(type(value) is int and value > 0, where, "a whole number above 0", value)
    return int(value)


def share(where: str, value: Any) -> Printed:
    good = isinstance(value, Printed) and 0 <= value <= 1
    expect(good, where, "a decimal number from 0 to 1", value)
    found: Printed = value
    return found


def texts(where: str, entry: Any) -> dict[str, str]:
    """A text in each language."""
    keys(where, entry, set(LANGUAGES))
    return {language: text(f"{where}.{language}", entry[language]) for language in LANGUAGES}
