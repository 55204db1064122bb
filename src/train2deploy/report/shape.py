"""What a value of a TOML file must be; the message of a mistake names file and key.

A check takes the place (for the message) and the value, and gives the value as it is kept.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, field, fields
from typing import Any, TypeVar

from train2deploy.errors import UserError
from train2deploy.texts import LANGUAGES

Check = Callable[[str, Any], Any]
T = TypeVar("T")
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


def key(check: Check, default: Any = MISSING, name: str = "") -> Any:
    """A field of a dataclass that `table` fills; without a default its key must be there.

    Args:
        name: of the key, where it is not the field's.
    """
    made = {"check": check, "key": name}
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=made)
    return field(default=default, metadata=made)


def table(kind: type[T], where: str, entry: Any, **given: Any) -> T:
    """A dataclass of a table that has a key for each field made by `key`, and no others.

    Args:
        given: the other fields.
    """
    known = {one.metadata["key"] or one.name: one for one in fields(kind) if one.metadata}  # type: ignore[arg-type]
    required = {
        name
        for name, one in known.items()
        if one.default is MISSING and one.default_factory is MISSING
    }
    keys(where, entry, required, known)
    found = {
        known[name].name: known[name].metadata["check"](f"{where}.{name}", value)
        for name, value in entry.items()
    }
    return kind(**found, **given)


def a(kind: type[Any]) -> Check:
    """A table inside another."""
    return lambda where, entry: table(kind, where, entry)


def rows(kind: type[Any], each: str = "row") -> Check:
    """A list of tables."""
    return lambda where, entries: tuple(
        table(kind, f"{where}, {each} {number}", entry)
        for number, entry in enumerate(entries, start=1)
    )


def mapping(check: Check) -> Check:
    """A table whose keys are free."""
    return lambda where, entry: {k: check(f"{where}.{k}", value) for k, value in entry.items()}


def one_of(*choices: str) -> Check:
    def check(where: str, value: Any) -> str:
        expect(value in choices, where, f"one of {'; '.join(choices)}", value)
        return str(value)

    return check


def any_value(where: str, value: Any) -> Any:
    return value


def text(where: str, value: Any) -> str:
    expect(isinstance(value, str) and value.strip(), where, "text", value)
    return str(value)


def date(where: str, value: Any) -> str:
    good = isinstance(value, str) and _DATE.fullmatch(value)
    expect(good, where, "a date such as 2019-01-20", value)
    return str(value)


def whole(where: str, value: Any) -> int:
    expect(type(value) is int and value > 0, where, "a whole number above 0", value)
    return int(value)


def decimal(where: str, value: Any) -> Printed:
    expect(isinstance(value, Printed), where, "a decimal number", value)
    found: Printed = value
    return found


def share(where: str, value: Any) -> Printed:
    good = isinstance(value, Printed) and 0 <= value <= 1
    expect(good, where, "a decimal number from 0 to 1", value)
    return decimal(where, value)


def texts(where: str, entry: Any) -> Mapping[str, str]:
    """A text in each language."""
    keys(where, entry, set(LANGUAGES))
    return {language: text(f"{where}.{language}", entry[language]) for language in LANGUAGES}
