"""The page at `/` of the emulator: what it shows, to whom, and how a browser takes it."""

import html
import re
import time
import urllib.error
import urllib.request

import chromium
import pytest
from test_restart import TRAINING, Emulator, eventually, fill
from wire import call

ATTACK = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    made = Emulator(tmp_path_factory.mktemp("page") / "emulator")
    made.account = made.start()
    fill(made.account)
    given = {**TRAINING, "OutputDataConfig": {"S3OutputPath": f"s3://absent/{ATTACK}"}}
    given["InputDataConfig"] = [{"ChannelName": "train", "DataSource": {"S3DataSource": {
        "S3DataType": "S3Prefix", "S3Uri": f"s3://data/{ATTACK}"}}}]
    call(made.account, "CreateTrainingJob", TrainingJobName="broken", **given)
    eventually(lambda: call(made.account, "DescribeTrainingJob", TrainingJobName="broken")[
        "TrainingJobStatus"] == "Failed", "a failed job")
    logs = made.account.client("logs")
    logs.put_log_events(logGroupName="mine", logStreamName="one", logEvents=[
        {"timestamp": int(time.time() * 1000), "message": f"{ATTACK} 電波"}])
    yield made
    made.end()
    eventually(lambda: not made.processes(), "no process is left")


def page(account, accept="text/html,*/*;q=0.8", **headers):
    request = urllib.request.Request(f"{account.url}/", headers={"Accept": accept, **headers})
    try:
        with urllib.request.urlopen(request) as response:
            return response, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error, error.read().decode()


def test_the_page_shows_what_is_in_the_account(emulator):
    response, text = page(emulator.account)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    plain = html.unescape(re.sub(r"<[^>]+>", " ", text))
    for each in ("InService", "A: 1 × ml.m5.large, weight 1", "s3://data/dir/model.tar.gz",
                 "broken", "No S3 objects found", "mine one", "行", "電波"):
        assert each in plain
    assert re.search(r"\d+\.\d\d USD on AWS", re.sub(r"\s+", " ", plain))
    # Nothing of it is HTML, and nothing of it is had from elsewhere.
    assert ATTACK not in text and html.escape(ATTACK, quote=False) in text
    assert re.findall(r'(?:src|href)="(?!data:)', text) == []
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy


def test_only_a_browser_at_this_address_is_shown_it(emulator):
    account = emulator.account
    assert page(account, Host="evil.example:80")[0].status == 403
    _, buckets = page(account, accept="*/*")
    assert "ListAllMyBucketsResult" in buckets
    assert {each["Name"] for each in account.client("s3").list_buckets()["Buckets"]} == {"data"}


@pytest.mark.parametrize("width, dark", [(1280, False), (390, True)])
def test_a_browser_shows_it_and_keeps_it_fresh(emulator, tmp_path, width, dark):
    browser = chromium.started(tmp_path / "profile")
    try:
        browser.open(f"{emulator.account.url}/", width, dark=dark)
        browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = false)")
        browser.evaluate("window.kept = document.querySelector('#endpoints'); null")
        name = f"fresh{width}"
        emulator.account.client("s3").create_bucket(Bucket=name)
        browser.wait_for(f"document.querySelector('main').innerText.includes('{name}')")
        assert browser.evaluate("document.querySelectorAll('details[open]').length") == 0
        assert browser.evaluate("kept.isConnected")  # what has not changed is left as it was
        wide, visible = browser.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= visible == width
        assert [each for each in browser.events if each["method"] in chromium.SILENT] == []
        browser.screenshot(tmp_path / "page.png")
        browser.check(chromium.axe(tmp_path))
    finally:
        emulator.account.client("s3").delete_bucket(Bucket=name)
        browser.close()
