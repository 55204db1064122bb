"""What a user sees: tables and progress on a terminal, plain lines in a log."""

import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # where something is shown: a third of a command's start
    from rich.console import Console
    from rich.table import Table

WIDTH_OF_A_LOG = 100
LONGEST = 40  # characters of a label that a table or a plot shows


def make_console() -> "Console":
    """A console on standard output: its own width on a terminal, a fixed one in a log.

    Sentences and labels are printed as they are, so nothing in them is markup.
    """
    from rich.console import Console

    class Ours(Console):
        def on_broken_pipe(self) -> None:
            raise  # Rich calls this while it handles the error; exits.run ends with it

    is_terminal = sys.stdout.isatty()
    return Ours(
        width=None if is_terminal else WIDTH_OF_A_LOG,
        highlight=False,
        soft_wrap=not is_terminal,
        markup=False,
        emoji=False,
    )


def say(line: str) -> None:
    """One line of plain text, at once."""
    print(line, flush=True)


def shown(text: str, most: int | None = LONGEST) -> str:
    """A user's label or sentence on one line, its control characters as pictures.

    >>> shown("a\\nb\\x1b[31m"), shown("x" * 50, 5)
    ('a␊b␛[31m', 'xxxx…')
    """
    visible = "".join(map(_picture, text))
    return visible if most is None or len(visible) <= most else visible[: most - 1] + "…"


def _picture(one: str) -> str:
    if one < " ":
        return chr(0x2400 + ord(one))
    # Formats turn the direction of text round or are not seen; a joiner is part of an emoji.
    if one != "\u200d" and unicodedata.category(one) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp"):
        return f"\\u{ord(one):04x}"
    return one


def assignments(variables: Mapping[str, object]) -> str:
    """As they are given to make.

    >>> assignments({"SEED": 1, "REPRO": 1})
    'SEED=1 REPRO=1'
    """
    return " ".join(f"{name}={value}" for name, value in variables.items())


def note(line: str) -> None:
    """A remark beside the output, on standard error."""
    print(line, file=sys.stderr, flush=True)


def bar(fraction: float, width: int = 30) -> str:
    """A bar of `width` cells, filled in eighths.

    >>> bar(0.5, 4)
    '██  '
    >>> bar(0.3, 4)
    '█▎  '
    """
    eighths = round(max(0.0, min(1.0, fraction)) * width * 8)
    full, part = divmod(eighths, 8)
    return ("█" * full + (" ▏▎▍▌▋▊▉"[part] if part else "")).ljust(width)


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], **options: Any
) -> "Table":
    """A table whose first column is text and the others numbers."""
    from rich.table import Table

    made = Table(title=title, **options)
    for place, column in enumerate(columns):
        made.add_column(column, justify="right" if place else "left")
    for row in rows:
        made.add_row(*row)
    return made


def print_table(table: "Table") -> None:
    make_console().print(table)


@contextmanager
def download_progress(name: str, total: int | None, start: int) -> Iterator[Callable[[int], None]]:
    """Yields a function that takes the number of bytes that came: a bar, or lines per tenth."""
    if sys.stdout.isatty():
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TransferSpeedColumn,
        )

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with Progress(*columns, TransferSpeedColumn()) as progress:
            task = progress.add_task(name, total=total, completed=start)
            yield lambda size: progress.update(task, advance=size)
        return

    state = {"done": start, "tenth": 0}

    def line(size: int) -> None:
        state["done"] += size
        tenth = state["done"] * 10 // total if total else 0
        if tenth > state["tenth"]:
            state["tenth"] = tenth
            say(f"{name}: {tenth * 10} % of {total:,} bytes")

    yield line
