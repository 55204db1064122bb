"""The report in a real browser: looks right on every screen, asks for nothing, has no box."""

import json
import sys
import urllib.parse
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit" / "host"))

import report_runs
from chromium import SILENT
from project import REPOSITORY, Project

SCREENS = {"desktop": (1280, False), "phone": (390, False), "dark": (1280, True)}
PAGES = ("report.html", "report.ja.html")
FAMILIES = {"Hiragino Sans", "Yu Gothic", "Meiryo", "Noto Sans JP", "Noto Sans CJK JP"}
"""Of the page's own list: fonts with Japanese that a machine may have."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A report as `make report` writes it, with all there is to show; and what make printed."""
    project = Project(tmp_path_factory.mktemp("report"))
    report_runs.write_corpus(project.build / "runs")
    report_runs.write_measurements(project.build)
    printed = project.make("report", "DATASET=knbc", "LANG_REPORT=ja").stdout
    assert "build/reports/knbc/report.ja.html" in printed, printed
    return project.build / "reports" / "knbc"


@pytest.fixture(scope="module")
def pages(folder):
    """The made-up report and the committed ones, in both languages."""
    committed = [path.parent for path in (REPOSITORY / "results").glob("*/report.html")]
    return [where / name for where in (folder, *committed) for name in PAGES]


@pytest.fixture(scope="module")
def seen(browser, pages, tmp_path_factory):
    """What there is to see of each page on a screen: {screen: {page: facts}}; each opened once."""
    folder = tmp_path_factory.mktemp("shots")
    return {screen: {page: facts_of(browser, page, screen, folder) for page in pages}
            for screen in SCREENS}  # fmt: skip


def facts_of(browser, page, screen, folder):
    width, dark = SCREENS[screen]
    browser.open(page, width, dark=dark)
    asked = [event["params"]["request"]["url"] for event in browser.events
             if event["method"] == "Network.requestWillBeSent"]  # fmt: skip
    found = {
        "shot": browser.screenshot(folder / f"{page.stem}-{screen}.png"),
        "noise": [event for event in browser.events if event["method"] in SILENT],
        "asked": [url for url in asked if not url.startswith("data:")],
        "widths": browser.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"),
        "outside": browser.evaluate(OUTSIDE),
    }  # fmt: skip
    scripts = {"contrast": CONTRAST} if screen != "phone" else {}
    if screen == "desktop":
        scripts |= {"boxes": BOXES, "links": LINKS, "anchors": ANCHORS, "structure": STRUCTURE}
    return found | {name: browser.evaluate(script) for name, script in scripts.items()}


@pytest.mark.parametrize("screen", SCREENS)
def test_a_page_is_silent_asks_for_nothing_and_fits(seen, screen):
    for page, found in seen[screen].items():
        assert found["shot"].startswith(b"\x89PNG") and len(found["shot"]) > 50_000
        assert found["noise"] == []
        assert found["asked"] == [page.as_uri()]
        wide, visible = found["widths"]
        assert wide <= visible == SCREENS[screen][0]
        assert found["outside"] == []


OUTSIDE = """[...document.querySelectorAll('body *')]
  .filter(e => !e.closest('.scroll, pre, thead, .plot') && e.getBoundingClientRect().width > 0)
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(e => e.tagName + ': ' + e.textContent.slice(0, 60))"""


@pytest.mark.parametrize("screen", ["desktop", "dark"])
def test_text_stands_out_from_what_is_behind_it(seen, screen):
    """WCAG AA: a contrast of 4.5 to 1, in light and dark, plots and the confusion matrix too."""
    for found in seen[screen].values():
        measured = found["contrast"]
        assert measured["texts"] > 200
        assert measured["faint"] == []
        assert (measured["paper"] < 0.05) == SCREENS[screen][1]


CONTRAST = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (colour, behind) => {
    canvas.fillStyle = behind; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data.slice(0, 3);
  };
  const light = c => [...c].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = getComputedStyle(document.body).backgroundColor;
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor;
      if (c !== 'rgba(0, 0, 0, 0)') return c;
    }
    return paper;
  };
  let texts = 0; const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement, words = walker.currentNode.textContent.trim();
    if (!words || e.closest('title, desc, style') || !e.getClientRects().length) continue;
    const back = behind(e), style = getComputedStyle(e);
    const front = e instanceof SVGElement ? style.fill : style.color;
    const opacity = +style.opacity;
    const mixed = rgb(back, paper).map((v, i) => v + (rgb(front, back)[i] - v) * opacity);
    const [a, b] = [light(mixed), light(rgb(back, paper))].sort((x, y) => y - x);
    texts += 1;
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.push([words, front, back]);
  }
  return {texts, faint, paper: light(rgb(paper, 'white'))};
})()"""


def test_no_character_is_a_box(seen):
    for facts in seen["desktop"].values():
        found = facts["boxes"]
        assert found["control"] is True, "a character that no font has must look like a box"
        assert len(found["characters"]) > 20
        assert found["boxes"] == []


BOXES = r"""(async () => {
  const text = document.documentElement.textContent;
  const characters = [...new Set(text.match(/[⺀-鿿豈-﫿＀-￯]/g))];
  await document.fonts.load("24px 'Report Japanese'", characters.join(''));
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const look = (character, family) => {
    canvas.clearRect(0, 0, 48, 48); canvas.font = '24px ' + family;
    canvas.fillText(character, 8, 34);
    return canvas.getImageData(0, 0, 48, 48).data.join();
  };
  const families = ['body', 'h1', 'code'].map(
    name => getComputedStyle(document.querySelector(name)).fontFamily);
  const boxes = families.flatMap(family => {
    const missing = new Set(['\uE001', '\u{EFFFD}', '\uFFFF'].map(c => look(c, family)));
    return characters.filter(c => missing.has(look(c, family)));
  });
  const control = look('\uE001', families[0]) === look('\uE002', families[0]);
  return {characters, boxes, control};
})()"""


@pytest.mark.parametrize("name", ["ranking.svg", "learning-v2.ja.svg", "speed-p50-ms.ja.svg"])
def test_a_plot_as_a_file_of_its_own_has_its_characters(browser, folder, name):
    browser.open(folder / "plots" / name, 500)
    assert [event for event in browser.events if event["method"] in SILENT] == []
    root = browser.ask("DOM.getDocument")["root"]["nodeId"]
    nodes = browser.ask("DOM.querySelectorAll", nodeId=root, selector="text")["nodeIds"]
    japanese = 0
    for node in nodes:
        words = browser.ask("DOM.getOuterHTML", nodeId=node)["outerHTML"]
        if not any("\u3000" < character < "\u9fff" for character in words):
            continue
        japanese += 1
        fonts = browser.ask("CSS.getPlatformFontsForNode", nodeId=node)["fonts"]
        assert any(font["isCustomFont"] or font["familyName"] in FAMILIES for font in fonts), words
    assert japanese > 1


LINKS = """[...document.querySelectorAll('a')].map(a => a.href.baseVal === undefined
  ? a.href : new URL(a.href.baseVal, location).href)"""
ANCHORS = """[...document.querySelectorAll('a[href^="#"]')]
  .filter(a => !document.querySelector(a.hash)).length"""


def test_every_link_of_a_page_resolves(seen):
    read = set()
    for found in seen["desktop"].values():
        links = found["links"]
        assert len(links) > 200
        files = {urllib.parse.unquote(urllib.parse.urlsplit(link).path)
                 for link in links if link.startswith("file:")}  # fmt: skip
        assert [path for path in sorted(files) if not Path(path).is_file()] == []
        for path in files - read:
            if path.endswith(".json"):
                json.loads(Path(path).read_text(encoding="utf-8"))
        read |= files
        others = {link.split("/")[2] for link in links if not link.startswith("file:")}
        assert others <= {"www.inoue-kobo.com"}
        assert found["anchors"] == 0


def test_on_paper_nothing_is_folded_away(browser, folder):
    browser.open(folder / "report.html", 1280)
    folded = "document.querySelector('details tbody').checkVisibility()"
    assert browser.evaluate(folded) is False
    browser.ask("Emulation.setEmulatedMedia", media="print", features=[])
    try:
        assert browser.evaluate(folded) is True
        assert browser.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    finally:
        browser.ask("Emulation.setEmulatedMedia", media="", features=[])


def test_a_reader_who_does_not_see_it_hears_what_is_there(seen):
    for page, found in seen["desktop"].items():
        assert found["structure"] == {
            "language": "ja" if ".ja." in page.name else "en", "titles": 1, "plots": True,
            "tables": True, "levels": True, "regions": True}  # fmt: skip


STRUCTURE = """(() => {
  const all = query => [...document.querySelectorAll(query)];
  const levels = all('h1, h2, h3').map(h => +h.tagName[1]);
  return {
    language: document.documentElement.lang,
    titles: all('h1').length,
    plots: all('svg').every(s => s.getAttribute('role') === 'img'
      && s.getAttribute('aria-labelledby').split(' ').every(id => document.getElementById(id))),
    tables: all('table').every(t => t.querySelector('thead th[scope=col]'))
      && all('tbody tr:not(.more)').every(r => r.querySelector('th[scope]')),
    levels: levels.every((level, i) => i === 0 ? level === 1 : level <= levels[i - 1] + 1),
    regions: all('section').every(s => document.getElementById(s.getAttribute('aria-labelledby'))),
  };
})()"""
