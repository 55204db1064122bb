"""`make playground`, in front of an endpoint with a trained model."""

import http.client
import json
import os
import re
import signal
import time

from chromium import SILENT
from project import PATIENCE_SECONDS


def test_make_playground_answers_and_leaves_nothing(project, packed, browser):
    """A= starts an endpoint of its own, whatever the other tests' does."""
    files, processes = files_of(project), set(project.processes())
    started = project.start("playground", "PORT_UI=0", "A=build/model.tar.gz")
    try:
        line = next(line for line in started.stdout if line.startswith("playground at "))
        url = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        connection = http.client.HTTPConnection("127.0.0.1", int(url[1]), timeout=PATIENCE_SECONDS)
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert (answer.status, answer.read()[:15]) == (200, b"<!doctype html>")
        for text, count in (("電波が悪い", 2), ("\ud800", 0), ("電波が悪い", 2)):
            headers = {"Origin": url[0]}
            connection.request("POST", "/a/tokens", json.dumps({"q": text}), headers)
            assert len(json.loads(connection.getresponse().read()) or []) >= count
        connection.close()
        browser.open(f"{url[0]}/", 1280)
        browser.wait_for("document.querySelectorAll('#examples button').length")
        browser.evaluate("document.querySelector('#sentence').focus()")
        browser.type("電波が悪い")
        browser.wait_for("document.querySelectorAll('.ranking li').length === 3")
        browser.wait_for("document.querySelectorAll('.tokens li').length > 1")
        assert [each for each in browser.events if each["method"] in SILENT] == []
    finally:
        browser.open("about:blank", 1280)
        os.killpg(started.pid, signal.SIGINT)  # as a terminal does
        printed = started.communicate(timeout=PATIENCE_SECONDS)[0]
    assert "rror" not in printed, printed
    end = time.monotonic() + PATIENCE_SECONDS
    while set(project.processes()) - processes and time.monotonic() < end:
        time.sleep(0.05)
    assert set(project.processes()) - processes == set()
    assert files_of(project) == files


def files_of(project):
    """Of build/, but for the unpacked model, which every command that serves it shares."""
    found = {path.relative_to(project.build) for path in project.build.rglob("*")}
    return {path for path in found if path.parts[0] != "served"}
