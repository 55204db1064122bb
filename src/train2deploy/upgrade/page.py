"""What upgrade-check found: on the terminal, as HTML and Markdown, and as JSON."""

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from train2deploy import console, paths
from train2deploy.endpoint import Answer
from train2deploy.report import render
from train2deploy.upgrade import compare
from train2deploy.upgrade.cases import Case
from train2deploy.upgrade.compare import Difference
from train2deploy.upgrade.finding import Finding

if TYPE_CHECKING:
    from rich.table import Table

DOCUMENT = "docs/contract.md"
LONGEST_BODY = 400
BEFORE = 14  # characters before the first that differs


def row(
    case: Case, found: Mapping[str, Difference], said: Mapping[str, Answer], has_code: bool
) -> dict[str, Any]:
    """A request whose answers differ."""
    sent, bodies = case.request, [_text(each.body) for each in said.values()]
    columns = itertools.takewhile(lambda each: len(set(each)) == 1, zip(*bodies, strict=False))
    same = sum(1 for _ in columns)
    asked = {"method": case.method, "path": case.path, "type": sent.content_type}
    asked |= {"accept": sent.accept, "attributes": case.attributes, "body": _text(sent.body)}
    return {
        "group": case.group,
        "name": case.name,
        "request": {key: value for key, value in asked.items() if value},
        "kinds": {name: list(each.kinds) for name, each in found.items() if each.kinds},
        "delta": {name: each.delta for name, each in found.items() if each.delta is not None},
        "answers": {name: _answer(each) for name, each in said.items()},
        "sections": compare.sections(case, found, said, has_code),
        "from": 0 if len(set(bodies)) == 1 else max(0, same - BEFORE),
    }


def _answer(said: Answer) -> dict[str, Any]:
    kept = {name: said.headers[name] for name in compare.COMPARED_HEADERS if name in said.headers}
    found = {"status": said.status, "type": said.content_type, **kept}
    return {**found, "body": _text(said.body)}


def _text(body: bytes) -> str:
    text = compare.text(body)
    return console.shown(text.replace(f"{paths.ROOT}/", ""), LONGEST_BODY)


def counted(counts: Mapping[str, int]) -> str:
    """Kinds with their numbers, as a sentence says them.

    >>> counted({"digits": 3, "lint": 1})
    'digits 3, lint 1'
    """
    return ", ".join(f"{kind} {number}" for kind, number in counts.items()) or "nothing"


def link(section: str) -> str:
    """Where the contract says it."""
    return f"{DOCUMENT}#{section}" if section else ""


def write(result: Mapping[str, Any]) -> None:
    """Writes build/reports/upgrade/report.{json,html,md}."""
    text = json.dumps(result, ensure_ascii=False, indent=1, default=str) + "\n"
    view = {"r": json.loads(text), "kinds": compare.KINDS, "link": link, "counted": counted}
    view |= {
        "lines": summary(result),
        "brief": brief,
        "kinds_of": kinds_of,
        "cell": _cell,
        "up": "../../../",
    }
    paths.UPGRADE.mkdir(parents=True, exist_ok=True)
    files = {
        "report.json": text,
        "report.html": render.page("upgrade.html.j2", view),
        "report.md": render.page("upgrade.md.j2", view),
    }
    for name, content in files.items():
        (paths.UPGRADE / name).write_text(content, encoding="utf-8")


def summary(result: Mapping[str, Any]) -> list[str]:
    """What stands above everything else, a line each."""
    first, others = result["contracts"][0], list(result["largest"])
    first = next((name for name in result["contracts"] if name not in others), first)
    lines = [f"left out: {why}" for why in result["left_out"].values()]
    lines += [f"{name} does not start: {why}" for name, why in result["failed"].items()]
    if result["requests"]:
        lines.append(
            f"{result['requests']} requests under {', '.join([first, *others])}:"
            f" {len(result['differences'])} answered differently"
        )
    for name, delta in result["largest"].items():
        found = "no numbers to compare" if delta is None else f"largest |Δ| {delta:.1e}"
        lines.append(f"{first} against {name}: {found}")
    if result["counts"]:
        lines.append(f"differs: {counted(result['counts'])}")
    if result["allowed"]:
        lines.append(f"allowed: {', '.join(result['allowed'])}")
    return [*lines, *result["notes"]]


def show_findings(found: Iterable[Finding]) -> None:
    """A line for each."""
    for each in found:
        console.say(f"{each} ({link(each.section)})")


def show(result: Mapping[str, Any]) -> None:
    """Prints the findings, a table of the differences, and the summary."""
    show_findings(Finding(**each) for each in result["findings"])
    if rows := result["differences"]:
        console.print_table(_table(result["contracts"], rows))
    for line in result["log"]:
        console.say(f"log, {line['only']} alone: {_cell(line['line'], 160)}")
    for line in summary(result):
        console.say(line)
    console.say(f"{paths.relative(paths.UPGRADE / 'report.html')}, and the same as .md and .json")


def _table(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> "Table":
    """The first of each group that differs in the same way; the report has them all."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False)
    for column in ("request", "differs in", *names, "contract"):
        made.add_column(column, overflow="fold")
    alike: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for each in rows:
        statuses = (f"{answer['status']}" for answer in each["answers"].values())
        alike.setdefault((each["group"], _kinds(each), *statuses), []).append(each)
    for (group, kinds, *_), found in alike.items():
        first, more = found[0], len(found) - 1
        name = f"{group}: {_cell(first['name'], 40)}" + (f" (and {more} like it)" if more else "")
        where = " ".join(f"#{section}" for section in first["sections"])
        made.add_row(name, kinds, *(brief(first, each, 26) for each in names), where)
    return made


def kinds_of(each: Mapping[str, Any], name: str) -> str:
    """What is different under one contract, numbers with the largest difference."""
    delta = f" ({each['delta'][name]:.1e})" if each["delta"].get(name) else ""
    return ", ".join(each["kinds"][name]) + delta


def _kinds(each: Mapping[str, Any]) -> str:
    return ", ".join(dict.fromkeys(kind for kinds in each["kinds"].values() for kind in kinds))


def brief(row: Mapping[str, Any], name: str, most: int = 120) -> str:
    """One contract's answer in a cell: its status, its type where that is not JSON, and its body
    from where the answers begin to differ."""
    answer = row["answers"].get(name)
    if answer is None:
        return "not asked"
    kind = answer["type"].removeprefix("application/")
    further = [f"{name}: {answer[name]}" for name in compare.COMPARED_HEADERS if name in answer]
    body = ("…" if row["from"] else "") + answer["body"][row["from"] :]
    if not any("layout" in kinds for kinds in row["kinds"].values()):
        body = " ".join(body.replace("␊", " ").split())
    words = [str(answer["status"] or ""), "" if kind == "json" else kind, *further, body]
    return _cell(" ".join(filter(None, words)), most)


def _cell(text: str, most: int = 120) -> str:
    return console.shown(text, most)
