"""The playground's page in a browser, and sides of it that say what a test wants."""

import json

import servers
from chromium import SILENT
from project import PATIENCE_SECONDS

from train2deploy.endpoint import Answer
from train2deploy.playground import run, server

LABELS = ["スポーツ", "京都", "携帯電話", "グルメ"]
WORDS = {"ゴール": "スポーツ", "寺": "京都", "電波": "携帯電話", "抹茶": "グルメ"}


class Side:
    """Knows a topic by a word of it, v2's weights and `unknown`, and 64 tokens of a character."""

    def __init__(self, package, blind=(), url="http://127.0.0.1:8080/invocations"):
        self.package, self.blind, self.url = package, blind, url
        self.reset()

    def reset(self):
        self.asked, self.held = [], {}

    def ask(self, body, content_type, accept):
        request = json.loads(body)
        self.asked.append(request)
        query = request["q"]
        if query in self.held if isinstance(query, str) else False:
            assert self.held[query].wait(PATIENCE_SECONDS)
        texts = query if isinstance(query, list) else [query]
        if not all(text.strip() for text in texts):
            return Answer(500, "application/json", b'{"error": "\\"q\\": found an empty string"}')
        for option in ("explain", "unknown"):
            if request.get(option) and getattr(self.package, option) is not True:
                said = f'"{option}": this model has no such answer (v2 has)'
                return Answer(500, "application/json", json.dumps({"error": said}).encode())
        if any("壊" in text for text in texts):
            return Answer(500, "application/json", b'{"error": "broken <b>on purpose</b>"}')
        found = [self._ranking(text, request) for text in texts]
        answer = found if isinstance(query, list) else found[0]
        return Answer(200, "application/json", json.dumps(answer, ensure_ascii=False).encode())

    def _ranking(self, text, request):
        known = [label for word, label in WORDS.items() if word in text and word not in self.blind]
        first = known[0] if known else LABELS[0]
        prob = 0.9 if known else 0.3
        others = [label for label in LABELS if label != first]
        labels = [{"label": first, "prob": prob}]
        labels += [{"label": label, "prob": (1 - prob) / len(others)} for label in others]
        if request.get("unknown") and not known:
            labels.insert(0, {"label": "unknown", "prob": None})
        if not request.get("explain"):
            return labels
        seen = text[-64:]
        return {"labels": labels, "tokens": [{"token": c, "weight": 1 / len(seen)} for c in seen]}

    def tokens(self, body):
        text = json.loads(body)["q"]
        return [[character, ord(character) % 1000, character != "👻", place >= len(text) - 64]
                for place, character in enumerate(text)]  # fmt: skip

    def facts(self):
        return {**self.package.facts(), "tokens": True, "url": self.url}


def serving(sides, **about):
    made = server.Server(0)
    made.sides = sides
    facts = {name: side.facts() for name, side in sides.items()}
    made.about = {"kind": "local", "sides": facts, "examples": run.examples(set()), **about}
    with servers.running(made):
        yield made


class Page:
    """The page, just opened; its sides have been asked nothing."""

    def __init__(self, browser, made):
        self.browser, self.made, self.sides = browser, made, made.sides
        for side in self.sides.values():
            side.reset()

    def open(self, width=1280, dark=False, language="en"):
        self.browser.open(f"{self.made.url}/", width, dark=dark)
        self.wait("document.querySelectorAll('#examples button').length")
        self.do(f"document.querySelector('[data-language={language}]').click()")
        self.browser.events.clear()
        return self

    def do(self, expression):
        return self.browser.evaluate(expression)

    def wait(self, expression):
        self.browser.wait_for(expression)

    def text(self, selector):
        return self.do(f"document.querySelector({json.dumps(selector)}).innerText")

    def type(self, text):
        self.do("document.querySelector('#sentence').focus()")
        self.browser.type(text)

    def wait_for_answer_to(self, sentence, side="a"):
        wanted = json.dumps(f"for “{sentence}”")
        self.wait(f"document.querySelector('#ranking-{side} ~ .what').innerText === {wanted}")

    def asked(self, side="a"):
        return [each["q"] for each in self.sides[side].asked]

    def drop(self, path):
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.browser.ask("Input.dispatchDragEvent", type=kind, data=data, x=100, y=100)

    def wait_for_table(self, rows):
        self.wait(f"document.querySelector('#progress-text').textContent.startsWith('{rows} of')")

    def table(self):
        return self.do("[...document.querySelectorAll('#table tbody tr')]"
                       ".map(row => [...row.cells].map(cell => cell.innerText))")  # fmt: skip

    def is_silent(self):
        noise = [event for event in self.browser.events if event["method"] in SILENT]
        asked = {event["params"]["request"]["url"] for event in self.browser.events
                 if event["method"] == "Network.requestWillBeSent"}  # fmt: skip
        foreign = {url for url in asked if not url.startswith((self.made.url, "blob:"))}
        return (noise, foreign) == ([], set()), (noise, foreign)
