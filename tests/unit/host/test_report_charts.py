"""Plots of the report whose numbers lie far apart."""

import re

import pytest

from train2deploy.bench.measure import ARTICLE, INVOCATIONS, RAW
from train2deploy.report import charts, texts


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


@pytest.mark.parametrize("beside", [0.9, 1.0, 1.4, 1.6, 3.0])
def test_the_session_is_named_where_no_curve_runs(beside):
    raw = 214.0
    rows = [row(RAW, 1, raw)]
    for clients in (1, 8, 32, 64):
        rows += [row(INVOCATIONS, clients, 20 * clients + 200), row(ARTICLE, clients, beside * raw)]
    words = texts.load("en")
    drawing = charts.speed({"measurements": rows}, "p50_ms", words)
    assert drawing is not None
    svg = drawing.svg()
    name = words(charts.SUBJECTS[RAW])
    baseline = float(re.search(rf'\by="([0-9.]+)"[^>]*>{name}</text>', svg)[1])  # type: ignore[index]
    dots = [float(found) for found in re.findall(r'\bcy="([0-9.]+)"', svg)]
    assert len(dots) == 8
    assert not [dot for dot in dots if baseline - 11 < dot < baseline + 3]
