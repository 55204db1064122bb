"""Plots as files of their own, and the font that pages and plots carry."""

import base64
import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from report_runs import write_corpus

from train2deploy.report import font, pages


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on the KNB corpus."""
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder / "runs", runs=1)
    pages.write(pages.make("knbc", folder / "runs", folder, folder / "knbc"), folder / "knbc")
    return folder / "knbc"


def test_plots_are_files_that_any_program_can_read(corpus: Path):
    for path in sorted((corpus / "plots").iterdir()):
        root = ET.parse(path).getroot()
        assert root.attrib["role"] == "img"
        names = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert {"title", "desc", "style"} <= names
        assert "a" not in names  # links are of the page


def test_japanese_characters_of_a_plot_are_in_the_font_that_it_carries(corpus: Path):
    text = (corpus / "plots" / "ranking.svg").read_text(encoding="utf-8")
    data = re.search(r"base64,([^)]+)\)", text)
    assert data
    carried = TTFont(io.BytesIO(base64.b64decode(data[1])))
    wanted = font.characters(text)
    assert set("携帯電話京都グルメスポーツ") <= set(wanted)
    outlines = carried["glyf"]
    for character in wanted:
        name = carried.getBestCmap()[ord(character)]
        assert name != ".notdef" and outlines[name].numberOfContours != 0, character


def test_the_font_has_every_character_of_our_own_words(corpus: Path):
    for name in ("report.html", "report.md", "report.ja.html", "report.ja.md"):
        wanted = font.characters((corpus / name).read_text(encoding="utf-8"))
        assert len(wanted) > 10
        assert set(wanted) == characters_of(font.cut(wanted))


def test_a_character_that_the_font_lacks_is_left_to_the_readers_fonts():
    assert characters_of(font.cut("京\u9fff")) == {"京"}


def characters_of(data: bytes) -> set[str]:
    return {chr(code) for code in TTFont(io.BytesIO(data)).getBestCmap()} & set(
        font.characters("".join(map(chr, range(0x2E80, 0x10000))))
    )


def test_text_without_japanese_carries_no_font():
    assert font.face("only Latin ± 0.1") == ""


def test_the_licence_of_the_font_goes_with_it():
    names = TTFont(io.BytesIO(font.cut("京")))["name"]
    assert "IPA" in str(names.getDebugName(13))
