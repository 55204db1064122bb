"""console and invoke: bars, tables, and whatever text a user sends."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from train2deploy import console, invoke


@pytest.mark.parametrize(
    "fraction, width, expected",
    [
        (0, 4, "    "),
        (1, 4, "████"),
        (0.5, 4, "██  "),
        (0.3, 4, "█▎  "),
        (1 / 64, 8, "▏       "),
        (0.999, 4, "████"),
        (-1, 3, "   "),
        (2, 3, "███"),
        (0.5, 0, ""),
    ],
)
def test_a_bar_is_filled_in_eighths(fraction: float, width: int, expected: str):
    assert console.bar(fraction, width) == expected


@given(fraction=st.floats(allow_nan=False), width=st.integers(0, 60))
def test_a_bar_has_its_width(fraction: float, width: int):
    assert len(console.bar(fraction, width)) == width


@given(fractions=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_a_longer_bar_is_more(fractions: tuple[float, float]):
    def filled(bar: str) -> list[int]:
        return [" ▏▎▍▌▋▊▉█".index(cell) for cell in bar]

    smaller, larger = sorted(fractions)
    assert sum(filled(console.bar(smaller))) <= sum(filled(console.bar(larger)))


RANKING = [{"label": "携帯電話", "prob": 0.75}, {"label": "京都", "prob": 0.25}]


def printed(capsys: pytest.CaptureFixture[str], table: Table) -> list[str]:
    console.print_table(table)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_a_ranking_is_printed_with_bars(capsys: pytest.CaptureFixture[str]):
    title, first, second = printed(capsys, invoke.ranking_table("電波が悪い", RANKING))
    assert title == "電波が悪い"
    assert first.split() == ["携帯電話", "0.750000", console.bar(0.75).rstrip()]
    assert second.split() == ["京都", "0.250000", console.bar(0.25).rstrip()]


@pytest.mark.parametrize(
    "text", ["[red]赤[/red]", "[/b]", "[link=x]y", ":heart:", "a[0]", r"\[b]", "［グルメ］"]
)
def test_text_is_printed_as_it_is_and_not_as_markup(capsys: pytest.CaptureFixture[str], text: str):
    lines = printed(capsys, invoke.ranking_table(text, [{"label": text, "prob": 1.0}]))
    assert lines[0] == text
    assert lines[1].split()[0] == text


@pytest.mark.parametrize("label", ["a\nb", "\x1b[2Jx", "a\u2028b", "x" * 500, "\u202eabc", "a\tb"])
def test_a_label_of_any_text_is_one_line_of_the_ranking(capsys, label):
    lines = printed(capsys, invoke.ranking_table("x", [{"label": label, "prob": 0.5}]))
    assert len(lines) == 2
    assert lines[1].endswith(f"0.500000  {console.bar(0.5).rstrip()}")
    assert not {"\x1b", "\t", "\u2028", "\u202e"} & set(lines[1])


def test_a_line_of_a_log_is_not_wrapped(capsys: pytest.CaptureFixture[str]):
    console.say("x" * 300)
    assert capsys.readouterr().out == "x" * 300 + "\n"


class Terminal(io.StringIO):
    """Standard output that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_download_shows_a_bar(monkeypatch: pytest.MonkeyPatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    with console.download_progress("corpus.tar.bz2", 100, 0) as advance:
        advance(100)
    assert "corpus.tar.bz2" in terminal.getvalue()
    assert "100/100 bytes" in terminal.getvalue()


def test_in_a_log_a_download_of_unknown_length_prints_nothing(capsys: pytest.CaptureFixture[str]):
    with console.download_progress("x", None, 0) as advance:
        advance(10_000)
    assert capsys.readouterr().out == ""
