"""What a value must be: a hyperparameter of a script, or a variable of make.

Standard library alone: make asks before any environment is made.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

WHOLE, NUMBER, SWITCH, TEXT, PATH = "whole", "number", "switch", "text", "path"
CONTENT_TYPE = "type"
SWITCHES = {"1": True, "true": True, "0": False, "false": False}
_BOUNDS = re.compile(r"(>?)(-?[0-9.]*?)(?:\.\.(<?)(-?[0-9.]*))?")


@dataclass(frozen=True)
class Kind:
    """A type and a range."""

    type: str = TEXT
    # least, most: of a number; None: any. above, below: the bound itself is out.
    least: float | None = None
    most: float | None = None
    above: bool = False
    below: bool = False
    choices: tuple[str, ...] = ()  # the only texts that will do; () takes any
    several: bool = False  # values with commas between them

    @property
    def is_number(self) -> bool:
        return self.type in (WHOLE, NUMBER) and not self.choices

    @property
    def is_whole(self) -> bool:
        return self.type == WHOLE

    def value(self, text: str) -> object:
        """What a text stands for.

        Raises:
            ValueError: with what was expected.

        >>> parsed("whole 1..").value("3"), parsed("number 0..<1").value("0.5")
        (3, 0.5)
        """
        if self.several:
            for part in text.split(","):
                self._one(part)
            return text
        return self._one(text)

    def _one(self, text: str) -> object:
        if self.choices and text not in self.choices:
            raise ValueError(self.described())
        if self.type == SWITCH:
            if text.lower() not in SWITCHES:
                raise ValueError(self.described())
            return SWITCHES[text.lower()]
        if self.type == PATH and not Path(text).exists():
            raise ValueError(self.described())
        if self.type == CONTENT_TYPE and not is_content_type(text):
            raise ValueError(self.described())
        if self.type in (TEXT, PATH, CONTENT_TYPE):
            return text
        try:
            # Not int() alone: it takes 1_000 and full-width digits, which the script would not.
            number = int(text) if self.is_whole else float(text)
            if not text.isascii() or "_" in text:
                raise ValueError
        except ValueError:
            raise ValueError(self.described()) from None
        if not math.isfinite(number) or not self._is_within(number):
            raise ValueError(self.described())
        return number

    def _is_within(self, number: float) -> bool:
        if self.least is not None and (number <= self.least if self.above else number < self.least):
            return False
        return self.most is None or (number < self.most if self.below else number <= self.most)

    def described(self) -> str:
        """What was expected, for a message.

        >>> parsed("whole 1..").described(), parsed("number 0..<1").described()
        ('a whole number, 1 or more', 'a number, 0 to less than 1')
        >>> parsed("number >0").described(), parsed("keep|drop").described()
        ('a number above 0', 'keep or drop')
        """
        if len(self.choices) == 1:
            return f"{self.choices[0]}, or nothing"
        if self.choices:
            return (
                " or ".join(self.choices)
                if len(self.choices) < 3
                else ", ".join(self.choices[:-1]) + f" or {self.choices[-1]}"
            )
        if self.type == SWITCH:
            return "1 or 0"
        if self.type == TEXT:
            return "text"
        if self.type == PATH:
            return "a file or folder that is there"
        if self.type == CONTENT_TYPE:
            return "a content type, such as text/csv"
        name = "a whole number" if self.is_whole else "a number"
        if self.several:
            name = "whole numbers with commas between them" if self.is_whole else "numbers"
        if self.least is None:
            return name
        if self.most is None:
            return (
                f"{name} above {self.least:g}" if self.above else f"{name}, {self.least:g} or more"
            )
        to = "less than " if self.below else ""
        return f"{name}, {_plain(self.least)} to {to}{_plain(self.most)}"


def is_content_type(text: str) -> bool:
    """Whether a text may stand in a Content-Type header.

    >>> is_content_type("text/csv; header=absent"), is_content_type("csv")
    (True, False)
    """
    return "/" in text and text.isascii() and text.isprintable()


def parsed(text: str) -> Kind:
    """A kind as the Makefile's `#:` lines write it.

    `whole 0..65535`, `number >0`, `number 0..<1`, `whole 1.. …` (several), `path`, `type` (of
    content), or the choices with a bar between them; a single choice is a switch that is left
    empty to be off.

    >>> parsed("whole 0..65535").most, parsed("0|1").choices, parsed("1").choices
    (65535.0, ('0', '1'), ('1',))
    """
    words = text.split()
    if words in ([PATH], [CONTENT_TYPE]):
        return Kind(words[0])
    if words[0] not in (WHOLE, NUMBER):
        return Kind(choices=tuple(text.split("|")))
    found = _BOUNDS.fullmatch(words[1] if len(words) > 1 else "")
    assert found is not None, text
    above, least, below, most = found.groups()
    return Kind(
        words[0],
        float(least) if least else None,
        float(most) if most else None,
        bool(above),
        bool(below),
        several=words[-1] == "…",
    )


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:g}"
