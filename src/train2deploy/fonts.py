"""A font for Japanese readers who have none: IPAex Gothic, cut down to the characters in use.

A page names the fonts that systems come with, and this one last, inside the page. So no text is
ever a row of boxes. The font is in the package matplotlib-fontja; its licence (IPA Font License)
allows embedding in documents.
"""

import base64
import importlib.util
import io
import re
from functools import cache
from pathlib import Path

PACKAGE, FILE = "matplotlib_fontja", "fonts/ipaexg.ttf"
FAMILY = "Report Japanese"

JAPANESE = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
RANGE = "U+2E80-9FFF,U+F900-FAFF,U+FF00-FFEF"


def find() -> Path | None:
    """The font file; None in an environment that draws no Japanese."""
    # Found, not imported: importing it would change matplotlib's settings.
    spec = importlib.util.find_spec(PACKAGE)
    return Path(spec.origin).parent / FILE if spec and spec.origin else None


def characters(text: str) -> str:
    """The Japanese characters of a text, each once, in order.

    >>> characters("v1: 京都 and 京都")
    '京都'
    """
    return "".join(sorted(set(JAPANESE.findall(text))))


@cache
def cut(wanted: str) -> bytes:
    """A TrueType font of these characters alone. The same characters give the same bytes.

    It is not compressed: what a compressor writes depends on its version. A character that
    the font lacks is left out, and to the reader's own fonts.
    """
    from fontTools import subset
    from fontTools.ttLib import TTFont

    font = TTFont(find(), recalcTimestamp=False)
    options = subset.Options(hinting=False, layout_features=[], name_IDs=[0, 1, 2, 13, 14])
    options.drop_tables += ["vhea", "vmtx", "DSIG"]
    cutter = subset.Subsetter(options)
    cutter.populate(text=wanted)
    cutter.subset(font)
    written = io.BytesIO()
    font.save(written)
    return written.getvalue()


def face(text: str) -> str:
    """An @font-face rule that holds the Japanese characters of `text`.

    Empty where it has none, and in an environment without the font: its reader's own will do.
    """
    wanted = characters(text)
    if not wanted or find() is None:
        return ""
    data = base64.b64encode(cut(wanted)).decode()
    return (
        f'@font-face{{font-family:"{FAMILY}";unicode-range:{RANGE};'
        f"src:url(data:font/ttf;base64,{data}) format('truetype')}}"
    )
