"""How quick the playground's page is: `make playground`, and beside it

    PYTHONPATH=src:tests .venvs/host/bin/python tests/integration/playground_speed.py [its address]

prints the time from a key to the drawn ranking, and how 5,000 pasted lines go, in headless
Chromium.
Nothing is asserted: figures are of the machine.
"""

import csv
import itertools
import json
import statistics
import sys
import tempfile
from pathlib import Path

import chromium

REPOSITORY = Path(__file__).resolve().parents[2]
TYPED = "駅の地下に入ると電波が悪いので、抹茶パフェの写真が送れない。"
ROUNDS, LINES = 5, 5000
LONG_TASKS = """new PerformanceObserver(list => { (window.long ??= []).push(
  ...list.getEntries().map(entry => entry.duration)); }).observe({type: 'longtask'});"""


def main(url: str) -> None:
    with tempfile.TemporaryDirectory() as profile:
        browser = chromium.Browser(chromium.find() or "chromium", Path(profile))
        try:
            browser.open(url, 1280)
            browser.wait_for("document.querySelectorAll('#examples button').length")
            browser.evaluate(LONG_TASKS)
            key_to_ranking(browser)
            many_lines(browser)
        finally:
            browser.close()


def key_to_ranking(browser: chromium.Browser) -> None:
    """Each character is pressed when the ranking of the one before is drawn."""
    done = "performance.getEntriesByName('key to ranking').length"
    browser.evaluate("document.querySelector('#sentence').focus()")
    for _ in range(ROUNDS):
        browser.evaluate("document.querySelector('#sentence').select()")
        for character in TYPED:
            before = browser.evaluate(done)
            browser.type(character)
            browser.wait_for(f"{done} > {before}")
    found = browser.evaluate("performance.getEntriesByName('key to ranking')"
                             ".map(entry => [entry.duration, entry.detail.model])")  # fmt: skip
    whole = statistics.median(duration for duration, _ in found)
    model = statistics.median(milliseconds for _, milliseconds in found)
    rest = statistics.median(duration - milliseconds for duration, milliseconds in found)
    print(f"from key to drawn ranking: p50 {whole:.1f} ms of {len(found)} keys; the model's p50"
          f" {model:.1f} ms; the page's part {rest:.1f} ms")  # fmt: skip


def many_lines(browser: chromium.Browser) -> None:
    """The sample's sentences with their labels, again and again, pasted as two columns."""
    with (REPOSITORY / "data/sample/sentences.csv").open(encoding="utf-8") as source:
        rows = [f"{row['feature']}\t{row['label']}" for row in csv.DictReader(source)]
    text = "\n".join(itertools.islice(itertools.cycle(rows), LINES))
    browser.evaluate("window.long = []")
    browser.evaluate("(() => {const data = new DataTransfer();"
                     f" data.setData('text/plain', {json.dumps(text)});"
                     " document.querySelector('#lines').dispatchEvent(new ClipboardEvent('paste',"
                     " {clipboardData: data, bubbles: true, cancelable: true}));})()")  # fmt: skip
    browser.wait_for("document.querySelector('.matrix')")
    print(browser.evaluate("document.querySelector('#progress-text').textContent"), end="; ")
    print(browser.evaluate("document.querySelector('#summary').innerText"), end="; ")
    long = browser.evaluate("window.long")
    print(f"tasks over 50 ms: {len(long)}, the longest {max(long, default=0):.0f} ms")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8088/")
