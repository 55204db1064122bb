"""The section of README.md and README.ja.md that the reference report fills."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from train2deploy import paths
from train2deploy.errors import UserError
from train2deploy.report import wording
from train2deploy.report.published import LANGUAGES
from train2deploy.report.render import suffix
from train2deploy.report.texts import load

BEGIN = "<!-- report: made by `make reference`, checked by a test -->"
END = "<!-- end of report -->"


def file(language: str) -> Path:
    """The README of a language."""
    return paths.ROOT / f"README{suffix(language)}.md"


def section(content: Mapping[str, Any], language: str) -> str:
    """What stands between the markers, both included."""
    t = load(language)
    rows = sorted(content["scores"], key=lambda row: -row["accuracy"]["mean"])
    table = [
        f"| | {t('accuracy')} | {t('f1_weighted')} | {t('column_n')} |",
        "| --- | --: | --: | --: |",
        *(_row(row, t) for row in rows),
    ]
    page = f"results/{content['dataset']['name']}/report{suffix(language)}"
    links = t("readme_links", html=f"{page}.html", markdown=f"{page}.md")
    lines = [f"- {line}" for line in wording.summary(content, t)]
    return "\n".join([BEGIN, "", *lines, "", *table, "", links, "", END])


def _row(row: Mapping[str, Any], t: Any) -> str:
    if not row["is_model"]:
        values = [f"{row[name]['mean']:.3f}" for name in ("accuracy", "f1_weighted")]
        return f"| {t.name(row['name'])} | {' | '.join(values)} | |"
    name = f"{row['name']}, {t(row['name'] + '_what')}"
    values = [t.spread(row[name_]) for name_ in ("accuracy", "f1_weighted")]
    return f"| {name} | {' | '.join(values)} | {row['accuracy']['n']} |"


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
                " Put them where the table shall be."
            )
        before, _, rest = text.partition(BEGIN)
        renewed = before + fresh + rest.partition(END)[2]
        if renewed != text:
            path.write_text(renewed, encoding="utf-8")
            changed.append(path)
    return changed
