"""Drawing: SVG elements, scales and axes. Colours and fonts are the style sheet's, by class."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from html import escape

Scale = Callable[[float], float]
Point = tuple[float, float]


def linear(domain: tuple[float, float], pixels: tuple[float, float]) -> Scale:
    """Maps a range of values to a range of pixels.

    >>> linear((0, 10), (0, 100))(2.5)
    25.0
    """
    (low, high), (first, last) = domain, pixels
    return lambda value: first + (value - low) / ((high - low) or 1.0) * (last - first)


def logarithmic(domain: tuple[float, float], pixels: tuple[float, float]) -> Scale:
    """The same with equal distances for equal ratios; values above 0."""
    inner = linear((math.log(domain[0]), math.log(domain[1])), pixels)
    return lambda value: inner(math.log(value))


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from `low` or below to `high` or above.

    >>> ticks(0.63, 0.97, 4)
    [0.6, 0.7, 0.8, 0.9, 1.0]
    """
    raw = (high - low) / max(about, 1) or 1.0
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


def number(value: float) -> str:
    """A coordinate: one decimal is a tenth of a pixel.

    >>> number(3.0), number(2.25), number(-0.01)
    ('3', '2.2', '0')
    """
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def fitted(text: str, pixels: float, size: float = 13.0) -> str:
    """As much of a text as has room; a Japanese character is as wide as the font's size.

    >>> fitted("スポーツ", 80), fitted("a very long name", 70), fitted("国際連合教育科学", 80)
    ('スポーツ', 'a very …', '国際連合教…')
    """
    widths = [size * (0.6 if one.isascii() else 1.0) for one in text]
    if sum(widths) <= pixels:
        return text
    kept = next(n for n in range(len(text), -1, -1) if sum(widths[:n]) + size <= pixels or not n)
    return f"{text[:kept]}…"


class Drawing:
    """One plot: elements in the order they were added.

    Args:
        name: unique in the page; ids are made of it.
        title, description: what a reader hears who does not see the plot.
    """

    def __init__(self, name: str, width: float, height: float, title: str, description: str):
        self.name, self.width, self.height = name, width, height
        self.title, self.description = title, description
        self.elements: list[str] = []

    def line(self, start: Point, end: Point, kind: str) -> None:
        (x1, y1), (x2, y2) = start, end
        self._add("line", kind, x1=x1, y1=y1, x2=x2, y2=y2)

    def rectangle(self, x: float, y: float, width: float, height: float, kind: str) -> None:
        self._add("rect", kind, x=x, y=y, width=max(0.0, width), height=max(0.0, height))

    def circle(
        self, centre: Point, radius: float, kind: str, tip: str = "", link: str = ""
    ) -> None:
        """A dot; a page's reader gets `tip` on pointing at it and `link` on following it."""
        self._add("circle", kind, tip, cx=centre[0], cy=centre[1], r=radius)
        if link:
            self.elements[-1] = f'<a href="{escape(link)}">{self.elements[-1]}</a>'

    def polyline(self, points: Iterable[Point], kind: str, tip: str = "") -> None:
        path = "L".join(f"{number(x)} {number(y)}" for x, y in points)
        self._element(f'path class="{kind}" d="M{path}"', tip)

    def text(
        self, x: float, y: float, words: str, kind: str = "label", anchor: str = "start"
    ) -> None:
        """`anchor`: start, middle or end of the words lies at x; y is their base line."""
        self.elements.append(
            f'<text class="{kind}" x="{number(x)}" y="{number(y)}" text-anchor="{anchor}">'
            f"{escape(words)}</text>"
        )

    def x_axis(
        self, scale: Scale, at: Sequence[float], across: Point, y: float, form: str, name: str
    ) -> None:
        """A line at y with numbers below it, and the name below them at the right end."""
        for value in at:
            self.text(scale(value), y + 16, format(value, form), "tick", "middle")
        self.line((across[0], y), (across[1], y), "axis")
        if name:
            self.text(across[1], y + 34, name, "axis-name", "end")

    def y_axis(
        self, scale: Scale, at: Sequence[float], across: Point, form: str, name: str
    ) -> None:
        """Grid lines from across[0] to across[1], numbers left of them, the name on top."""
        for value in at:
            self.line((across[0], scale(value)), (across[1], scale(value)), "grid")
            self.text(across[0] - 8, scale(value) + 4, format(value, form), "tick", "end")
        if name:
            self.text(across[0] - 34, scale(at[-1]) - 14, name, "axis-name")

    def legend(self, entries: Sequence[tuple[str, str]], y: float, advance: float = 7.0) -> None:
        """A row of short lines with their names, to the right end.

        Args:
            entries: class of the line and its name.
            advance: about the width of a character; a Japanese one has twice that.
        """
        right = self.width - 12
        for kind, words in reversed(entries):
            width = sum(advance if one.isascii() else 12 for one in words)
            self.text(right - width, y, words, "tick")
            self.polyline([(right - width - 26, y - 4), (right - width - 7, y - 4)], kind)
            right -= width + 44

    def svg(self, style: str = "") -> str:
        """The element, for a page; with `style`, a file of its own, without links."""
        elements = "".join(self.elements)
        if style:
            elements = re.sub(r"</?a\b[^>]*>", "", elements)
        size = f'viewBox="0 0 {number(self.width)} {number(self.height)}"'
        own = f' width="{number(self.width)}" height="{number(self.height)}"' if style else ""
        names = f'aria-labelledby="{self.name}-title {self.name}-text"'
        return "".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" {size}{own}',
                f" {names}>",
                f'<title id="{self.name}-title">{escape(self.title)}</title>',
                f'<desc id="{self.name}-text">{escape(self.description)}</desc>',
                f"<style>{style}</style>" if style else "",
                elements,
                "</svg>",
            ]
        )

    def __html__(self) -> str:
        """What a template shows: it asks this of whatever may stand in HTML as it is."""
        return self.svg()

    def _add(self, name: str, kind: str, tip: str = "", **numbers: float) -> None:
        given = " ".join(f'{key}="{number(value)}"' for key, value in numbers.items())
        self._element(f'{name} class="{kind}" {given}', tip)

    def _element(self, opening: str, tip: str) -> None:
        if tip:
            name = opening.split()[0]
            self.elements.append(f"<{opening}><title>{escape(tip)}</title></{name}>")
        else:
            self.elements.append(f"<{opening}/>")
