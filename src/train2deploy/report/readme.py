"""The section of README.md and README.ja.md that the reference report on the KNB corpus fills."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from train2deploy import paths
from train2deploy.errors import UserError
from train2deploy.report import cells, wording
from train2deploy.report.render import suffix
from train2deploy.texts import LANGUAGES, Texts, load

BEGIN = "<!-- report: made by `make reference DATASET=knbc`, checked by a test -->"
END = "<!-- end of report -->"


def file(language: str) -> Path:
    return paths.ROOT / f"README{suffix(language)}.md"


def section(content: Mapping[str, Any], language: str) -> str:
    """What stands between the markers, both included: a row a model, and what was found."""
    t = load(language)
    rows = content["matrix"]["rows"]
    names = ("model", "published", "exact", "his_rule", "ours", "verdict")
    table = [
        f"| {' | '.join(t(f'column_{name}') for name in names)} |",
        "| --- | --: | --: | --: | --: | --- |",
        *(_published(row, t) for _, members in cells.by_article(rows) for row in members),
        *(_ours(row, t) for row in sorted(content["scores"], key=_accuracy, reverse=True)),
    ]
    lines = [f"- {line}" for line in wording.summary(content, t)]
    page = f"results/{content['dataset']['name']}/report{suffix(language)}"
    links = t(
        "readme_links",
        html=f"{page}.html",
        markdown=f"{page}.md",
        sample=f"results/sample/report{suffix(language)}.md",
    )
    rule = _folded(t("readme_rule"), [content["matrix"]["rule"][language]])
    parts = [*table, "", *_impossible(cells.impossible(rows), t), "", *rule, "", *lines, "", links]
    return "\n".join([BEGIN, "", *parts, "", END])


def _impossible(rows: Sequence[Mapping[str, Any]], t: Texts) -> list[str]:
    """The models that cannot be run, folded, each with its figure and the reason."""
    names = ("model", "published", "exact", "reason")
    lines = [
        f"| {' | '.join(t(f'column_{name}') for name in names)} |",
        "| --- | --: | --: | --- |",
        *(
            f"| {_linked(row, t)} | {cells.printed(row, t)} | {cells.exact(row)}"
            f" | {row['impossible'][t.language]} |"
            for row in rows
        ),
    ]
    return _folded(t("impossible", n=len(rows)), lines)


def _folded(title: str, lines: Sequence[str]) -> list[str]:
    return [f"<details><summary>{title}</summary>", "", *lines, "", "</details>"]


def _linked(row: Mapping[str, Any], t: Texts) -> str:
    return f"[{row['name'][t.language]}]({row['article']['url']})"


def _accuracy(row: Mapping[str, Any]) -> float:
    return float(row["accuracy"]["mean"])


def _published(row: Mapping[str, Any], t: Texts) -> str:
    found = cells.by_his_rule(row)
    by_his_rule = t.spread(found) if found else ""
    ours = f"{t.spread(row['ours'])} ({row['ours']['n']})" if row["ours"] else ""
    key = cells.verdict_key(row)
    verdict = t("readme_not_run") if key == "not_run" else t(f"verdict_{key}")
    figures = [cells.printed(row, t), cells.exact(row), by_his_rule, ours, verdict]
    return f"| {_linked(row, t)} | {' | '.join(figures)} |"


def _ours(row: Mapping[str, Any], t: Texts) -> str:
    if not row["is_model"]:
        return f"| {t.name(row['name'])} | | | | {row['accuracy']['mean']:.3f} | {t('yardstick')} |"
    title = t.title(row["name"])
    name = f"**{row['name']}**" + (f", {title}" if title else "")
    return f"| {name} | | | | {t.spread(row['accuracy'])} ({row['accuracy']['n']}) | |"


def renew(report_json: str) -> list[Path]:
    """Fills the section of each README; gives those that changed.

    Raises:
        UserError: a README has no place for it.
    """
    content = json.loads(report_json)
    changed = []
    for language in LANGUAGES:
        path = file(language)
        text = path.read_text(encoding="utf-8")
        fresh = section(content, language)
        if not re.search(f"{re.escape(BEGIN)}.*{re.escape(END)}", text, re.S):
            raise UserError(
                f"{paths.relative(path)}: expected the lines {BEGIN} and {END}, found none."
                " Put them where the table should be."
            )
        before, _, rest = text.partition(BEGIN)
        renewed = before + fresh + rest.partition(END)[2]
        if renewed != text:
            path.write_text(renewed, encoding="utf-8")
            changed.append(path)
    return changed
