"""The playground's page in a real browser, in front of endpoints that say what a test wants."""

import csv
import io
import json
import re
import threading
import time

import chromium
import pytest
from playground_page import LABELS, WORDS, Page, Side, serving
from project import PATIENCE_SECONDS

from train2deploy.endpoint import Answer
from train2deploy.playground.sides import Package

SCREENS = {"desktop": (1280, False), "phone": (390, False), "dark": (1280, True)}


@pytest.fixture(scope="module")
def _one():
    yield from serving({"a": Side(Package("v1, build/model.tar.gz", LABELS, True, False, False))})


@pytest.fixture(scope="module")
def _two():
    one = Side(Package("v1, one.tar.gz", LABELS, True, False, False), blind=["寺"])
    yield from serving({"a": one, "b": Side(Package("v2, two.tar.gz", LABELS, True, True, True))})


@pytest.fixture(scope="module")
def _unknown():
    yield from serving(
        {"a": Side(Package("topics"), url="")}, kind="cloud", endpoint="topics", region="eu-west-1",
        cost={"instances": "2 × ml.m5.large", "usd_an_hour": 0.23, "source": "prices"})  # fmt: skip


def opened(browser, running):
    page = Page(browser, running).open()
    yield page
    silent, what = page.is_silent()
    assert silent, what


@pytest.fixture
def one(browser, _one):
    yield from opened(browser, _one)


@pytest.fixture
def two(browser, _two):
    yield from opened(browser, _two)


# ---- one sentence ------------------------------------------------------------------------------


def test_the_ranking_follows_what_is_typed(one):
    one.type("電波が悪い")
    one.wait_for_answer_to("電波が悪い")
    bars = one.do("[...document.querySelectorAll('.ranking li')].map(li => li.innerText)")
    assert bars[0].split("\n") == ["携帯電話", "90.0 %"] and len(bars) == 4
    assert one.asked()[-1] == "電波が悪い"
    assert re.search(r"\d+\.\d ms", one.text(".latency"))
    one.wait("document.querySelector('#spoken').textContent === '携帯電話, 90.0 %'")
    sent = '{"q": "電波が悪い"}'
    assert one.text("#request-a").endswith(sent)
    assert one.text("#curl").endswith(f"--data-binary '{sent}'")
    code = one.text("#boto3")
    assert "invoke_endpoint(" in code and "json.dumps({'q': \"電波が悪い\"}).encode()" in code
    compile(code, "boto3", "exec")


def test_the_last_answer_wins_whenever_the_others_come(one):
    gate = one.sides["a"].held["前"] = threading.Event()
    one.type("前")
    one.wait("performance.getEntriesByName(location + 'a/tokens').length")
    one.do("document.querySelector('#sentence').select()")
    one.browser.type("電波")
    one.wait_for_answer_to("電波")
    gate.set()
    one.wait("performance.getEntriesByName(location + 'a/invocations').length >="
             f" {len(one.asked())}")  # fmt: skip
    one.do("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    one.wait_for_answer_to("電波")
    assert "前" in one.asked()


def test_japanese_is_asked_when_it_is_composed_and_not_before(one):
    one.do("document.querySelector('#sentence').focus()")
    for part in ("d", "で", "でn", "でん", "でんぱ"):
        one.browser.ask("Input.imeSetComposition", text=part, selectionStart=len(part),
                        selectionEnd=len(part))  # fmt: skip
    one.browser.press("Enter", 13)  # chooses a candidate
    assert one.do("document.querySelector('#sentence').value") == "でんぱ"
    one.do("new Promise(later => setTimeout(later, 150))")  # longer than typing is waited for
    assert one.asked() == []
    one.browser.ask("Input.insertText", text="電波")
    one.wait_for_answer_to("電波")
    assert set(one.asked()) == {"電波"}


def test_an_error_is_shown_as_the_endpoint_said_it(one):
    one.do("document.querySelector('[data-kind=empty]').click()")
    one.wait("!document.querySelector('#sides pre').hidden")
    assert one.text("#sides pre") == '{"error": "\\"q\\": found an empty string"}'
    assert "answered 500" in one.text(".side")
    one.type("壊")
    one.wait_for_answer_to("壊")
    assert one.text("#sides pre") == '{"error": "broken <b>on purpose</b>"}'
    assert one.text("#answer-a").startswith("500 application/json")


def test_v1s_tokens_have_indices_the_unknown_and_the_cut_are_marked(one):
    one.do("document.querySelector('#live').click()")
    one.browser.ask("Input.insertText", text="")
    one.type("電👻" + "あ" * 64)
    assert one.asked() == []  # not while typing
    one.browser.press("Enter", 13, "\r")
    one.wait("document.querySelectorAll('.tokens li').length === 66")
    note = one.text(".tokens").split("\n")
    assert note[:2] == ["電", str(ord("電") % 1000)]
    assert one.do("[...document.querySelectorAll('.tokens li.cut')].map(li => li.title)") == [
        f"電: index {ord('電') % 1000}, cut off",
        f"👻: index {ord('👻') % 1000}, unknown, cut off",
    ]
    said = "66 tokens · 1 unknown to the word vectors · the first 2 are not seen"
    assert said in one.do("document.querySelector('.side').innerText")


def test_two_packages_stand_side_by_side_with_what_they_disagree_on(two):
    two.type("寺")
    two.wait("document.querySelector('#agreement.differs')")
    assert two.text("#agreement") == "A and B disagree: A says スポーツ 30.0 %, B says 京都 90.0 %"
    assert two.sides["b"].asked[-1] == {"q": "寺", "explain": True, "unknown": True}
    assert two.sides["a"].asked[-1] == {"q": "寺"}
    two.type("で抹茶")
    two.wait_for_answer_to("寺で抹茶", "b")
    two.wait("document.querySelectorAll('.side:nth-child(2) .tokens li.weighed').length === 4")
    shade = "getComputedStyle(document.querySelector('.tokens li.weighed')).backgroundColor"
    assert two.do(shade) not in ("rgba(0, 0, 0, 0)", None)
    assert "weight 25.0 %" in two.do("document.querySelector('.weighed').title")


def test_weights_are_shown_of_a_package_that_is_not_here(two, monkeypatch):
    monkeypatch.setattr(two.sides["b"], "tokens", lambda body: None)
    two.type("寺")
    two.wait("document.querySelector('.weighed')")
    assert two.do("document.querySelector('.weighed').title") == "寺, weight 100.0 %"


def test_a_model_that_is_not_sure_says_unknown(two):
    two.type("何")
    two.wait_for_answer_to("何", "b")
    assert two.text(".side:nth-child(2) .ranking li").startswith("unknown: ")
    two.do("document.querySelector('#unknown').click()")
    two.wait("document.querySelector('.side:nth-child(2) .ranking li').innerText"
             ".startsWith('スポーツ')")  # fmt: skip


def test_any_body_can_be_sent_and_a_call_is_copied(one):
    one.do("document.querySelector('#own').open = true")
    one.do("document.querySelector('#own-body').value = '{\"q\": [\"電波\", \"抹茶\"]}'")
    one.do("document.querySelector('#own-form button').click()")
    one.wait("document.querySelector('#answer-a').textContent.includes('グルメ')")
    assert one.asked()[-1] == ["電波", "抹茶"]
    one.do("document.querySelector('[data-copy=curl]').click()")
    one.wait("document.querySelector('[data-copy=curl]').textContent === 'Copied'")


def test_what_an_unknown_package_can_is_found_out_by_asking(browser, _unknown):
    page = Page(browser, _unknown).open()
    page.type("電波")
    page.browser.press("Enter", 13, "\r")
    page.wait_for_answer_to("電波")
    assert page.sides["a"].asked == [
        {"q": "電波", "explain": True, "unknown": True}, {"q": "電波", "unknown": True},
        {"q": "電波"}]  # fmt: skip
    assert page.do("document.querySelector('#explain-option').hidden") is True


def test_on_aws_a_call_is_made_when_it_is_asked_for_and_its_cost_is_said(browser, _unknown):
    page = Page(browser, _unknown).open()
    assert "2 × ml.m5.large: 0.230 USD an hour" in page.text("#cost")
    page.type("電波")
    paste(page, "\n".join(["電波"] * 2000))
    page.wait("document.querySelector('#loaded-what').textContent.includes('2000 rows')")
    assert page.text("#many-cost") == "2000 sentences in 40 calls of the endpoint."
    page.do("new Promise(later => setTimeout(later, 500))")  # longer than typing is waited for
    assert page.asked() == []
    page.browser.press("Enter", 13, "\r")
    page.wait_for_answer_to("電波")
    assert "--endpoint-name topics --region eu-west-1" in page.text("#curl")
    page.do("document.querySelector('#run').click()")
    page.wait_for_table(2000)
    silent, what = page.is_silent()
    assert silent, what


def test_another_handler_is_sent_bodies(browser):
    body = '{"instances": [1.0]}'
    made = Side(Package("mine", (), False, False, False, body))
    made.ask = lambda sent, kind, accept: Answer(200, "application/json", b'{"predictions": [2.5]}')
    served = serving({"a": made})
    page = Page(browser, next(served)).open()
    assert page.do("document.querySelector('#form').checkVisibility()") is False
    assert page.do("document.querySelector('#own-body').value") == body
    page.do("document.querySelector('#own-form button').click()")
    page.wait("document.querySelector('#answer-a').textContent.includes('predictions')")
    assert "The answer is not a ranking of labels" in page.text(".side")
    next(served, None)


# ---- many sentences ----------------------------------------------------------------------------

ROWS = [("電波が悪い", "携帯電話"), ("抹茶、パフェ", "グルメ"), ('"寺"の前', "京都"),
        ("ゴールの後の寺", "京都"), ("", "京都"), ("壊れた", "京都")]  # fmt: skip


def write(path, rows, encoding, **options):
    with path.open("w", encoding=encoding, newline="") as target:
        csv.writer(target, **options).writerows(rows)
    return path


@pytest.mark.parametrize("name, encoding, header, options", [
    ("rows.csv", "utf-8-sig", [("label", "feature")], {}),
    ("rows.csv", "cp932", [], {"delimiter": ";"}),
    ("rows.tsv", "utf-16", [("正解", "本文")], {"delimiter": "\t", "lineterminator": "\n"}),
])  # fmt: skip
def test_a_dropped_file_becomes_a_table_with_a_confusion_matrix(
        one, tmp_path, name, encoding, header, options):  # fmt: skip
    rows = [*header, *((label, text) for text, label in ROWS)]
    one.drop(write(tmp_path / name, rows, encoding, **options))
    one.wait_for_table(6)
    assert one.text("#loaded-what") == f"{name}: 6 rows"
    table = one.table()
    assert [row[1:3] for row in table] == [list(row) for row in ROWS]
    assert [row[3] for row in table[:4]] == ["携帯電話", "グルメ", "京都", "スポーツ"]
    assert table[4][3] == "empty, not asked"
    assert table[5][3] == '{"error": "broken <b>on purpose</b>"}'
    summary = one.text("#summary")
    assert "3 of 4 right (75.0 %)" in summary and "2 rows were answered with an error" in summary
    cells = one.do("[...document.querySelectorAll('.matrix tbody tr')]"
                   ".map(row => [...row.cells].map(cell => cell.innerText))")  # fmt: skip
    assert ["京都", *cells[[row[0] for row in cells].index("京都")][1:]][-1] == "50.0 %"


def test_a_table_is_sorted_filtered_and_downloaded(one, tmp_path):
    one.drop(write(tmp_path / "rows.csv", [("text", "label"), *ROWS[:4]], "utf-8"))
    one.wait_for_table(4)
    label = "document.querySelector('#table [data-key=label-a]')"
    one.do(f"{label}.focus()")
    one.browser.press("Enter", 13, "\r")
    assert [row[3] for row in one.table()] == sorted(row[3] for row in one.table())
    assert one.do(f"{label}.closest('th').ariaSort") == "ascending"
    one.browser.press("Enter", 13, "\r")
    assert one.do(f"{label}.closest('th').ariaSort") == "descending"
    one.do("document.querySelector('#only').click()")
    assert [row[1] for row in one.table()] == ["ゴールの後の寺"]
    one.do("document.querySelector('#only').click()")
    one.browser.ask("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    one.do("document.querySelector('#download').click()")
    target, end = tmp_path / "rows-answers.csv", time.monotonic() + PATIENCE_SECONDS
    while not target.exists() and time.monotonic() < end:
        one.do("null")
    text = target.read_bytes().decode("utf-8")
    assert text.startswith("\ufeff")
    head, *rows = csv.reader(io.StringIO(text[1:]))
    assert head == ["#", "Sentence", "label", "answer", "probability"]
    assert {(row[1], row[2]) for row in rows} == set(ROWS[:4])


def test_pasted_lines_are_asked_in_batches_and_shown_a_page_at_a_time(two):
    lines = [f"{list(WORDS)[number % 4]}、その{number}" for number in range(1230)]
    paste(two, "\n".join(lines) + "\n\n")
    two.wait_for_table(1230)
    assert two.do("document.querySelector('#lines').value") == ""
    for side in two.sides.values():
        sizes = [len(each["q"]) for each in side.asked]
        assert sum(sizes) == 1230 and max(sizes) == 50
    assert len(two.table()) == 25
    two.do("document.querySelector('#next').click()")
    assert two.text("#page") == "rows 26 to 50 of 1230"
    assert two.table()[0][1] == lines[25]
    assert "A and B agree on 922 of 1230 (75.0 %)" in two.text("#summary")
    assert two.text(".matrix caption") == "Where A and B disagree"


def paste(page, text):
    page.do("(() => {const data = new DataTransfer();"
            f" data.setData('text/plain', {json.dumps(text)});"
            " document.querySelector('#lines').dispatchEvent(new ClipboardEvent('paste',"
            " {clipboardData: data, bubbles: true, cancelable: true}));})()")  # fmt: skip


# ---- for everybody -----------------------------------------------------------------------------


def test_everything_is_reached_by_the_keyboard_and_seen_to_be(one):
    paste(one, "\n".join(["電波"] * 6000))
    one.wait_for_table(6000)
    controls = one.do("[...document.querySelectorAll('button, textarea, input, select, summary,"
                      " [tabindex]')].filter(e => e.checkVisibility() && !e.disabled).length")
    one.do("document.activeElement.blur()")
    reached, hidden = set(), []
    for _ in range(controls + 5):
        one.browser.press("Tab", 9)
        name, outline = one.do(FOCUSED)
        if not name:
            break
        reached.add(name)
        hidden += [name] if not outline else []
    assert len(reached) == controls
    assert hidden == []


FOCUSED = """(() => {
  const e = document.activeElement;
  if (e === document.body) return ['', true];
  e.dataset.stop ??= String(document.querySelectorAll('[data-stop]').length);
  return [e.dataset.stop, parseFloat(getComputedStyle(e).outlineWidth) >= 2];
})()"""


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    return chromium.axe(tmp_path_factory.mktemp("axe"))


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("screen", SCREENS)
def test_a_page_full_of_answers_has_no_serious_finding_and_fits(
        browser, _two, axe, tmp_path, screen, language):  # fmt: skip
    width, dark = SCREENS[screen]
    page = Page(browser, _two).open(width, dark, language)
    page.do("document.querySelector('[data-kind=mixed]').click()")
    page.drop(write(tmp_path / "rows.csv", [("text", "label"), *ROWS], "utf-8"))
    page.wait("document.querySelectorAll('.matrix').length === 3")
    page.wait("document.querySelectorAll('.tokens li').length > 20")
    wide, visible = page.do("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= visible == width
    shot = browser.screenshot(tmp_path / f"{screen}-{language}.png")
    assert shot.startswith(b"\x89PNG") and len(shot) > 50_000
    assert page.is_silent()[0], page.is_silent()[1]
    assert page.do("document.documentElement.lang") == language
    browser.check(axe)


def test_the_page_speaks_the_browsers_language_until_another_is_chosen(one):
    agent = one.do("navigator.userAgent")
    one.do("localStorage.clear()")
    browser = one.browser
    browser.ask("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage="ja-JP")
    try:
        for wanted in ("ja", "en"):
            browser.open(f"{one.made.url}/", 1280)
            one.wait("document.querySelectorAll('#examples button').length")
            assert one.do("document.documentElement.lang") == wanted
            one.do("document.querySelector('[data-language=en]').click()")
    finally:
        browser.ask("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage="en-US")


def test_the_texts_of_both_languages_have_the_same_keys_and_blanks(one):
    texts = one.do("import('/texts.js').then(module => module.TEXTS)")
    blanks = {language: {key: set(re.findall(r"\{\w+\}", text)) for key, text in found.items()}
              for language, found in texts.items()}  # fmt: skip
    assert blanks["en"] == blanks["ja"]
    code = "".join(content.decode() for _, content in one.made.files.values())
    assert [key for key in texts["en"] if not re.search(rf"['\"`]{key}['\"`]", code)
            and not re.match("(example|where|cost)_|.*_of$", key)] == []  # fmt: skip
