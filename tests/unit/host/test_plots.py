"""Plots: nothing lies on anything else, any program reads them, and they carry their font."""

import base64
import io
import itertools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from train2deploy import fonts, plots, texts
from train2deploy.bench.names import ARTICLE, INVOCATIONS, RAW


def row(subject, clients, found):
    median = {"requests_per_s": found, "p50_ms": found}
    return {"subject": subject, "clients": clients, "sentences": 1, "median": median}


@pytest.mark.parametrize("raw", [1.0, 250.0, 8000.0])
def test_the_line_of_the_session_stays_within_its_plot_and_is_named(raw):
    rows = [row(RAW, 1, raw)] + [row(one, n, 100.0 * n) for one in (INVOCATIONS, ARTICLE)
                                 for n in (1, 8)]  # fmt: skip
    words = texts.load("en")
    drawing = plots.speed({"measurements": rows}, "p50_ms", words)
    assert drawing is not None
    svg = drawing.svg()
    drawn = [float(y) for path in re.findall(r' d="([^"]*)"', svg)
             for y in re.findall(r"[ML] \S+ (\S+)", path)]  # fmt: skip
    assert drawn and max(drawn) <= drawing.figure.get_size_inches()[1] * plots.POINTS
    assert f">{words.name(RAW)}</text>" in svg


@pytest.mark.parametrize("raw", [1.0, 214.0, 1400.0])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_session_is_named_where_no_curve_and_no_number_is(raw, language):
    rows = [row(RAW, 1, raw)]
    for clients in (1, 8, 32, 64):
        rows += [row(INVOCATIONS, clients, 20 * clients + 200), row(ARTICLE, clients, 1.2 * raw)]
    drawing = plots.speed({"measurements": rows}, "p50_ms", texts.load(language))
    assert drawing is not None
    assert overlapping(drawing.svg()) == []


def overlapping(svg: str) -> list[tuple[str, str]]:
    """Pairs of texts, or of a text and a dot, that share a place."""
    boxes = []
    for element in ET.fromstring(svg).iter():
        name, get = element.tag.rpartition("}")[2], element.attrib.get
        if name == "use":
            x, y = float(get("x", "")), float(get("y", ""))
            boxes.append(("dot", x - 3, y - 3, x + 3, y + 3))
        elif name == "text":
            words = element.text or ""
            width = sum(6.5 if one.isascii() else 11.5 for one in words)
            (anchor,) = re.findall(r"text-anchor: (\w+)", get("style", ""))
            shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
            left, base = float(get("x", "")) - shift * width, float(get("y", ""))
            boxes.append((words, left, base - 9, left + width, base + 2))
    return [
        (a[0], b[0])
        for a, b in itertools.combinations(boxes, 2)
        if (a[0], b[0]) != ("dot", "dot")
        and a[1] < b[3] and b[1] < a[3] and a[2] < b[4] and b[2] < a[4]
    ]  # fmt: skip


def test_a_long_label_of_a_ranking_is_cut_to_its_room():
    spread = {"mean": 0.5, "sd": None, "min": 0.5, "max": 0.5, "n": 1}
    ours = {"v1": {"probabilities": {"とても長いクラスの名前です": spread, "短い": spread}}}
    labels = list(ours["v1"]["probabilities"])
    svg = plots.ranking({"article": {}, "ours": ours}, labels, texts.load("en")).svg()
    assert ">とても長い…</text>" in svg
    assert ">短い</text>" in svg


@pytest.mark.parametrize("epochs, line", [([1, 2, 3], True), ([2, 19, 20], False)])
def test_what_was_printed_is_a_line_only_where_no_epoch_is_left_out(epochs: list[int], line: bool):
    model = {"id": "m", "name": {"en": "m"}, "curves": [], "log": {"epochs": epochs,
             "val_acc": [0.7, 0.75, 0.8]}}  # fmt: skip
    (axes,) = plots.epochs(model, texts.load("en")).figure.axes
    (printed,) = axes.lines
    assert list(printed.get_xdata()) == epochs
    assert (printed.get_linestyle() != "None") == line


def test_numbers_in_words_keep_their_digits():
    spread = {"mean": 0.9504, "sd": None, "min": 0.9, "max": 1.0, "n": 1}
    ours = {"v1": {"probabilities": {"京都": spread}}}
    svg = plots.ranking({"article": {}, "ours": ours}, ["京都"], texts.load("en")).svg()
    assert ">v1 0.950</text>" in svg


def test_plots_are_files_that_any_program_can_read(corpus: Path):
    for path in sorted((corpus / "plots").iterdir()):
        root = ET.parse(path).getroot()
        assert root.attrib["role"] == "img"
        names = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert {"title", "desc", "style"} <= names


def test_japanese_characters_of_a_plot_are_in_the_font_that_it_carries(corpus: Path):
    text = (corpus / "plots" / "ranking.svg").read_text(encoding="utf-8")
    data = re.search(r"base64,([^)]+)\)", text)
    assert data
    carried = TTFont(io.BytesIO(base64.b64decode(data[1])))
    wanted = fonts.characters(text)
    assert set("携帯電話京都グルメスポーツ") <= set(wanted)
    outlines = carried["glyf"]
    for character in wanted:
        name = carried.getBestCmap()[ord(character)]
        assert name != ".notdef" and outlines[name].numberOfContours != 0, character


def test_the_font_has_every_character_of_our_own_words(corpus: Path):
    for name in ("report.html", "report.md", "report.ja.html", "report.ja.md"):
        wanted = fonts.characters((corpus / name).read_text(encoding="utf-8"))
        assert len(wanted) > 10
        assert set(wanted) == characters_of(fonts.cut(wanted))


def test_a_character_that_the_font_lacks_is_left_to_the_readers_fonts():
    assert characters_of(fonts.cut("京\u9fff")) == {"京"}


def characters_of(data: bytes) -> set[str]:
    return {chr(code) for code in TTFont(io.BytesIO(data)).getBestCmap()} & set(
        fonts.characters("".join(map(chr, range(0x2E80, 0x10000))))
    )


def test_text_without_japanese_carries_no_font():
    assert fonts.face("only Latin ± 0.1") == ""


def test_the_licence_of_the_font_goes_with_it():
    names = TTFont(io.BytesIO(fonts.cut("京")))["name"]
    assert "IPA" in str(names.getDebugName(13))
