"""How upgrade-check tells one answer from another: every kind is found, and equal ones are not."""

import argparse
import itertools
import json
import re

import pytest

from train2deploy import paths
from train2deploy.endpoint import Answer
from train2deploy.errors import UserError
from train2deploy.make.variables import VARIABLES
from train2deploy.requests import Request
from train2deploy.upgrade import cases, compare, page, run
from train2deploy.upgrade.cases import Case

JSON = "application/json"
RANKING = '[{"label": "京都", "prob": %s}, {"label": "グルメ", "prob": %s}]'


def said(body, status=200, kind=JSON, **headers):
    return Answer(status, kind, body.encode(), headers)


@pytest.mark.parametrize(
    "one, other, kinds",
    [
        (said('{"p": [0.108025]}'), said('{"p": [0.108024694]}'), ["digits"]),
        (said('{"p": 1e+06}'), said('{"p": 1000000.0}'), ["digits"]),
        (said("3.0 5.000001"), said("3.0 5.0"), ["digits"]),
        (said("[1.23456]"), said("[1.23456493]"), ["digits"]),
        (said(RANKING % (0.75, 0.25)), said(RANKING % (0.750002, 0.25)), ["numbers"]),
        (said("[0.75]"), said("[0.7502]"), ["numbers"]),
        (said(RANKING % (0.75, 0.25)), said(RANKING % (0.7500004, 0.2499996)), ["digits"]),
        (said(RANKING % ('"0.75"', 0.25)), said(RANKING % ('"0.7500004"', 0.25)), ["digits"]),
        (said('{"p": [0.5]}'), said('{"p": [0.6]}'), ["numbers"]),
        (said(RANKING % (0.75, 0.25)), said(RANKING % (0.7, 0.3)), ["numbers"]),
        (said('{"p": [0.5]}'), said('{"p": [0.5, 1]}'), ["body"]),
        (said('{"p": 1}'), said('{"q": 1}'), ["body"]),
        (said("yes"), said("no"), ["body"]),
        (said('{"p": [NaN]}'), said('{"p": [1.0]}'), ["body"]),
        (said(""), said("{}"), ["body"]),
        (said('{"p":\n [1]}'), said('{"p": [1]}'), ["layout"]),
        (said("{}"), said("{}", 415), ["status"]),
        (said("{}", 502), said("{}", 200), ["status"]),
        (said("x", 0), said("{}", 200), ["status"]),
        (said("{}", 500), said("{}", 400), ["error-status"]),
        (said('{"error": "a"}', 400), said('{"error": "b"}', 400), ["errors"]),
        (said('{"error": 12}', 400), said('{"error": 13}', 400), ["errors"]),
        (said("{}"), said("{}", kind="text/csv"), ["content-type"]),
        (said("[0.5]"), said("[0.50000001]", kind="text/csv"), ["digits", "content-type"]),
        (said("{}"), said("{}", vary="Accept"), ["headers"]),
        (said("{}", 405, allow="GET"), said("{}", 405, allow="GET, POST"), ["headers"]),
    ],
)
def test_each_kind_of_difference_is_found(one, other, kinds):
    assert list(compare.compared(one, other).kinds) == kinds


@pytest.mark.parametrize(
    "one, other",
    [
        (said('{"p": [0.5, NaN]}'), said('{"p": [0.5, NaN]}')),
        (said("text"), said("text")),
        (said("[[{{node Max_4}}]]", 400), said("[[{{node Max}}]]", 400)),
        (said('{"error": "port=4711 at 0xabc, 127.0.0.1:31234"}', 500),
         said('{"error": "port=4712 at 0xdef, 127.0.0.1:31235"}', 500)),
        (said("{}", allow="GET, POST"), said("{}", allow="POST,GET")),
        (said("{}", date="Mon", server="a"), said("{}", date="Tue", server="b")),
    ],
)  # fmt: skip
def test_equal_answers_are_equal(one, other):
    assert compare.compared(one, other).kinds == ()


def test_the_largest_difference_is_one_of_numbers_alone():
    pairs = [("[0.5]", "[0.75]"), ("[1]", "[1]"), ("a", "b"), ("{}", "{}")]
    found = [compare.compared(said(one), said(other)) for one, other in pairs]
    assert [each.delta for each in found][:2] == [0.25, 0.0]
    assert (found[2].delta, found[3].delta) == (None, None)
    assert (compare.largest(found), compare.largest(found[2:])) == (0.25, None)


def test_warnings_and_errors_of_every_process_are_found():
    log = """
INFO:hosting.supervisor:all well
WARNING:hosting.settings:max_batch_size defaulted to 8
42 2026-11-28 22:00:01,123 ERROR    exception handling request: bad
exception handling request: bad
2026-11-28 22:00:04.1: E external/xla/cuda_platform.cc:51] failed call to cuInit: (303)
2026/11/28 22:00:02 [error] 7#7: *3 upstream timed out
2026/11/28 22:00:02 [notice] 7#7: start
[2026-11-28 22:00:03 +0000] [9] [CRITICAL] WORKER TIMEOUT (pid:12)
2026-11-28 22:00:04.123456: W tensorflow/core/x.cc:12] slow
2026-11-28 22:00:04.123456: I tensorflow/core/x.cc:12] fast
WARNING:hosting.supervisor:port 9000 is in use on this machine: port 9001 takes its place
it says ERROR in the middle
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
WARNING: pip says that there is a newer one
"""
    assert compare.warnings(log) == [
        "WARNING max_batch_size defaulted to N",
        "ERROR exception handling request: bad",
        "ERROR upstream timed out",
        "CRITICAL WORKER TIMEOUT (pid:N)",
        "WARNING slow",
    ]


def test_lines_of_a_log_that_only_one_has():
    logs = {"2019": "ERROR:a:one 1\nERROR:a:both 2", "head": "ERROR:b:both 3\nWARNING:b:two"}
    assert compare.differing_lines(logs) == [
        {"only": "2019", "not": "head", "line": "ERROR one N"},
        {"only": "head", "not": "2019", "line": "WARNING two"},
    ]


def test_every_section_is_one_of_the_contract():
    text = (paths.ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    anchors = set(re.findall(r'<a id="([\w-]+)">', text))
    named = (value for name, value in vars(cases).items() if name.isupper())
    groups = [value for value in named if isinstance(value, str)]
    for kind in compare.KINDS:
        for group in groups:
            for has_code, todays in itertools.product((True, False), repeat=2):
                found = compare.section(Case(group, ""), kind, has_code, todays)
                assert found in anchors or (found == "" and kind == "numbers")


@pytest.mark.parametrize(
    "answers, expected",
    [
        ({"2019": 415, "head": 415, "today": 200}, ["a12-plain"]),
        ({"2019": 415, "head": 200, "today": 200}, ["a5"]),
        ({"2019": 415, "head": 200, "today": 400}, ["a5", "a12-plain"]),
        ({"2019": 415, "today": 200}, ["a5", "a12-plain"]),
        ({"head": 415, "today": 200}, ["a12-plain"]),
    ],
)
def test_what_today_does_as_the_final_container_is_explained_as_that_does(answers, expected):
    replies = {name: said("{}", status) for name, status in answers.items()}
    first, *others = replies
    found = {name: compare.compared(replies[first], replies[name]) for name in others}
    assert compare.sections(Case(cases.CSV, ""), found, replies, has_code=False) == expected


def asked(**given):
    values = {"package": None, "model_dir": None, "requests": None, "allow": ""}
    return run.Asked.of(argparse.Namespace(**{**values, "contracts": "2019,head", **given}))


@pytest.mark.parametrize(
    "given, expected",
    [
        ({"allow": "digits,typos"}, "ALLOW=typos: expected some of digits, numbers"),
        ({"contracts": "2019"}, "CONTRACTS=2019: expected two or more of"),
        ({"contracts": "2019,2019"}, "expected two or more"),
        ({"contracts": "2019,2.20"}, "expected two or more of 2019, head, today"),
        ({"package": paths.ROOT, "model_dir": paths.SRC}, "expected one of them"),
    ],
)
def test_what_is_given_is_checked(given, expected):
    with pytest.raises(UserError, match=re.escape(expected)):
        asked(**given)


def result(**further):
    case = Case(cases.CSV, "a | b", Request(b"1,2", "text/csv"))
    answers = {"2019": said('{"p": [0.108025]}'), "head": said('{"p": [0.108024694]}')}
    found = {"head": compare.compared(answers["2019"], answers["head"])}
    row = page.row(case, found, answers, has_code=False)
    made = {"package": "x.tar.gz", "sha256": "0" * 64, "contracts": ["2019", "head"]}
    made |= {"requests": 3, "failed": {}, "differences": [row], "largest": {"head": 3.1e-7}}
    made |= {"log": [{"only": "head", "not": "2019", "line": "ERROR <b>"}], "left_out": {}}
    made |= {"findings": [{"place": "code/x", "text": "y", "since": "head", "section": "a7"}]}
    return {**made, "notes": [], **further}


def judged(allowed, **further):
    made = result(**further)
    run.judge(made, allowed)
    return made


def test_the_kinds_are_those_that_are_described():
    text = VARIABLES["ALLOW"].text.partition("commas: ")[2]
    assert text.split(", ") == list(compare.KINDS)
    page_of_kinds = (paths.ROOT / "docs" / "upgrade.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([\w-]+)` \|", page_of_kinds, re.M) == list(compare.KINDS)


def test_only_what_is_not_allowed_counts_against_a_package():
    assert judged([])["refused"] == {"digits": 1, "log": 1, "lint": 1}
    assert judged(["digits", "lint"])["refused"] == {"log": 1}
    assert judged(["digits", "lint", "log"])["refused"] == {}
    assert judged(["digits", "lint", "log"], failed={"today": "why"})["refused"] == {"start": 1}


def test_the_report_is_written_as_a_page_as_markdown_and_as_json(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(paths, "UPGRADE", tmp_path / "upgrade")
    made = judged(["log"])
    page.write(made)
    page.show(made)
    html, markdown, data = ((paths.UPGRADE / f"report.{end}").read_text("utf-8")
                            for end in ("html", "md", "json"))  # fmt: skip
    assert "ERROR &lt;b&gt;" in html and 'href="../../../docs/contract.md#a5-json"' in html
    assert "head: digits (3.1e-07)" in html and "head: digits (3.1e-07)" in markdown
    assert r"CSV: a \| b" in markdown and "[a5-json](../../../docs/contract.md#a5-json)" in markdown
    assert json.loads(data)["counts"] == {"digits": 1, "log": 1, "lint": 1}
    printed = capsys.readouterr().out
    assert "3 requests under 2019, head: 1 answered differently" in printed
    assert "2019 against head: largest |Δ| 3.1e-07" in printed and "allowed: log" in printed
    assert "code/x: y (docs/contract.md#a7)" in printed
