"""Plots of the report whose numbers lie far apart."""

import itertools
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from train2deploy.bench.measure import ARTICLE, INVOCATIONS, RAW
from train2deploy.report import charts, render, texts

REFERENCE = Path(__file__).resolve().parents[3] / "results" / "sample"


def row(subject, clients, found):
    median = {"requests_per_s": found, "p50_ms": found}
    return {"subject": subject, "clients": clients, "sentences": 1, "median": median}


@pytest.mark.parametrize("raw", [1.0, 250.0, 8000.0])
def test_the_line_of_the_session_stays_within_its_plot_and_is_named(raw):
    rows = [row(RAW, 1, raw)] + [row(one, n, 100.0 * n) for one in (INVOCATIONS, ARTICLE)
                                 for n in (1, 8)]  # fmt: skip
    words = texts.load("en")
    drawing = charts.speed({"measurements": rows}, "p50_ms", words)
    assert drawing is not None
    svg = drawing.svg()
    heights = [float(found) for found in re.findall(r'\by[12]?="(-?[0-9.]+)"', svg)]
    assert heights and min(heights) >= 0
    assert f">{words(charts.SUBJECTS[RAW])}</text>" in svg


@pytest.mark.parametrize("raw", [1.0, 214.0, 1400.0])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_session_is_named_where_no_curve_and_no_number_is(raw, language):
    rows = [row(RAW, 1, raw)]
    for clients in (1, 8, 32, 64):
        rows += [row(INVOCATIONS, clients, 20 * clients + 200), row(ARTICLE, clients, 1.2 * raw)]
    drawing = charts.speed({"measurements": rows}, "p50_ms", texts.load(language))
    assert drawing is not None
    assert overlapping(drawing.svg()) == []


def overlapping(svg: str) -> list[tuple[str, str]]:
    """Pairs of texts, or of a text and a dot, that share a place."""
    boxes = []
    for element in ET.fromstring(svg).iter():
        name, get = element.tag.rpartition("}")[2], element.attrib.get
        if name == "circle":
            x, y = float(get("cx", "")), float(get("cy", ""))
            boxes.append(("dot", x - 3, y - 3, x + 3, y + 3))
        elif name == "text":
            words = element.text or ""
            width = sum(6.5 if one.isascii() else 11.5 for one in words)
            shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[get("text-anchor", "")]
            left, base = float(get("x", "")) - shift * width, float(get("y", ""))
            boxes.append((words, left, base - 9, left + width, base + 2))
    return [
        (a[0], b[0])
        for a, b in itertools.combinations(boxes, 2)
        if (a[0], b[0]) != ("dot", "dot")
        and a[1] < b[3] and b[1] < a[3] and a[2] < b[4] and b[2] < a[4]
    ]  # fmt: skip


def test_no_words_of_any_plot_lie_on_others():
    content = json.loads((REFERENCE / "report.json").read_text(encoding="utf-8"))
    for language in ("en", "ja"):
        for name, svg in render.plots(content, language).items():
            assert overlapping(svg) == [], name


def test_a_long_label_of_a_ranking_is_cut_to_its_room():
    spread = {"mean": 0.5, "sd": None, "min": 0.5, "max": 0.5, "n": 1}
    ours = {"v1": {"probabilities": {"とても長いクラスの名前です": spread, "短い": spread}}}
    svg = charts.ranking({"article": {}, "ours": ours}, texts.load("en")).svg()
    assert ">とても長…</text>" in svg
    assert ">短い</text>" in svg


@pytest.mark.parametrize("epochs, line", [([1, 2, 3], True), ([2, 19, 20], False)])
def test_what_was_printed_is_a_line_only_where_no_epoch_is_left_out(epochs: list[int], line: bool):
    model = {"id": "m", "name": {"en": "m"}, "curves": [], "log": {"epochs": epochs,
             "val_acc": [0.7, 0.75, 0.8]}}  # fmt: skip
    drawn = "".join(charts.epochs(model, texts.load("en")).elements)
    assert drawn.count('class="dot printed"') == 3
    assert drawn.count('<path class="printed"') == 1 + line, "one is the legend's"
