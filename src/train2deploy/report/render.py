"""A report's pages: its content laid out as HTML and Markdown, in one language."""

import re
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from train2deploy import console, fonts, plots
from train2deploy.bench.names import OTHER, SUBJECTS
from train2deploy.plots import Plot
from train2deploy.report import cells, labels, wording
from train2deploy.texts import LANGUAGES, Texts, load

TEMPLATES = Path(__file__).with_name("templates")

OF_OUR_MODELS = ("scores", "learning", "classes", "confusion", "calibration", "golden")
SECTIONS = ("matrix", "today", *OF_OUR_MODELS, "speed", "parity", "environment", "runs")

PARITY_COMMANDS = {
    "session": "make verify",
    "runtimes": "make parity A=host B=docker",
    "cloud": "make parity A=host B=cloud",
}


def files(content: Mapping[str, Any]) -> dict[str, str]:
    """The pages in every language, and the plots of those in Markdown, by name."""
    made = {}
    for t in map(load, LANGUAGES):
        drawn = _drawings(content, t)
        name = f"report{suffix(t.language)}"
        made[f"{name}.html"] = _html(content, drawn, t)
        made[f"{name}.md"] = _markdown(content, drawn, t)
        for plot in drawn.values():
            if not plot.name.startswith("epochs-"):  # these are below a row of a table
                made[plot_file(t.language, plot.name)] = standalone(plot)
    return made


def standalone(plot: Plot) -> str:
    """A plot as a file of its own: SVG with the report's colours and the font that it needs."""
    return plot.svg(fonts.face(plot.svg()) + _style().partition("\n* {")[0])


def _html(content: Mapping[str, Any], drawn: Mapping[str, Plot], t: Texts) -> str:
    """The page: one file that needs nothing but itself."""
    return page("report.html.j2", {**_view(content, t, as_html=True), "drawn": drawn})


def _markdown(content: Mapping[str, Any], drawn: Mapping[str, Plot], t: Texts) -> str:
    """The same as Markdown, with the plots as files beside it."""
    view = {
        **_view(content, t, as_html=False),
        "drawn": drawn,
        "plot_file": partial(plot_file, t.language),
    }
    return page("report.md.j2", view)


def page(template: str, view: Mapping[str, Any]) -> str:
    """What a template makes of a view; HTML with the house's style and the font that it needs."""
    found = _environment().get_template(template)
    if not template.endswith(".html.j2"):
        return found.render(view)
    # Twice: the first page tells which characters its font must have.
    face = fonts.face(found.render({**view, "style": ""}))
    return found.render({**view, "style": face + _style()})


def plot_file(language: str, name: str) -> str:
    """Where a plot lies, from the page.

    >>> plot_file("ja", "ranking")
    'plots/ranking.ja.svg'
    """
    return f"plots/{name}{suffix(language)}.svg"


def suffix(language: str) -> str:
    """What comes before the ending of a file in this language."""
    return "" if language == "en" else f".{language}"


def _view(content: Mapping[str, Any], t: Texts, as_html: bool) -> dict[str, Any]:
    """What both templates are given."""
    rows = (content["matrix"] or {"rows": []})["rows"]
    models = [row for row in content["scores"] if row["is_model"]]
    other = "ja" if t.language == "en" else "en"
    return {
        "c": content,
        "t": t,
        "prose": _prose,
        "linked": _linked,
        "decimal": wording.decimal,
        "summary": wording.summary(content, t),
        "sections": [name for name in SECTIONS if _is_there(name, content)],
        "articles": cells.by_article(rows),
        "impossible": cells.impossible(rows),
        "cells": cells,
        "scores": _ranked(content["scores"]),
        "best": max(models, key=lambda row: row["accuracy"]["mean"])["name"] if models else None,
        "standard_error": wording.standard_error(content),
        "score": partial(_score, t, as_html),
        "intro": partial(_intro, content, t),
        "golden_labels": _golden_labels(content["golden"]) if content["golden"] else [],
        "speed_tables": _speed_tables(content["bench"], t) if content["bench"] else [],
        "parity_rows": [
            (_parity_name(name, content["parity"][name], t), content["parity"][name], command)
            for name, command in PARITY_COMMANDS.items()
        ],
        "facts": wording.facts(content, t),
        "seconds": lambda run, name: wording.duration(run["durations"].get(name)),
        "again": wording.again(content),
        "run_data": partial(_run_data, t),
        "other_language": other,
        "other_page": f"report{suffix(other)}.html",
    }


def _is_there(section: str, content: Mapping[str, Any]) -> bool:
    if section == "matrix":
        return content["matrix"] is not None
    if section == "today":
        return "today" in content
    if section == "golden":
        return content["golden"] is not None
    # Neither depends on the data set: the report of the sample asks for them.
    if section == "speed" and content["matrix"]:
        return content["bench"] is not None
    if section == "parity" and content["matrix"]:
        return any(content["parity"].values())
    return bool(content["versions"]) or section not in OF_OUR_MODELS


def _run_data(t: Texts, run: Mapping[str, Any]) -> str:
    """The split of a run, and the sentences and vectors where the run tells."""
    parts = [t("split_of", split=run["split"], seed=run["split_seed"])]
    parts += [] if run["titles"] else [t("titles_dropped")]
    parts += [run["vectors"]] if run["vectors"] else []
    return ", ".join(parts)


def _intro(content: Mapping[str, Any], t: Texts, section: str) -> str:
    bench = content["bench"]
    sentences = bench["measurements"] if bench else []
    batches = sorted({row["sentences"] for row in sentences if row["sentences"] > 1})
    asked = [t("one_sentence"), *(t("batch", n=number) for number in batches)]
    return t(
        f"intro_{section}",
        n=content["dataset"]["test_sentences"],
        sentence=(content["golden"] or {}).get("sentence", ""),
        sentences=" / ".join(asked),
    )


def _score(t: Texts, as_html: bool, row: Mapping[str, Any], metric: str) -> str:
    """A score with its spread, as a link; a yardstick has none."""
    text = t.spread(row[metric] if row["is_model"] else {**row[metric], "sd": None})
    target = row["sources"][0] if len(row["sources"]) == 1 else "report.json"
    return Markup('<a href="{}">{}</a>').format(target, text) if as_html else f"[{text}]({target})"


def _ranked(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(rows, key=lambda row: row["accuracy"]["mean"], reverse=True)


def _golden_labels(golden: Mapping[str, Any]) -> list[str]:
    article = golden["article"]
    ours = {label for one in golden["ours"].values() for label in one["probabilities"]}
    return [*sorted(article, key=lambda label: -article[label]), *sorted(ours - set(article))]


def _parity_name(name: str, found: Mapping[str, Any] | None, t: Texts) -> str:
    if name == "session" or not (found and found["runtimes"]):
        return t("parity_runtimes_plain" if name == "runtimes" else f"parity_{name}")
    a, b = found["runtimes"]
    if name == "cloud":
        return t(f"parity_cloud_{b}", here=a)
    trained = t("parity_runtimes", a=a, b=b)
    return f"{found['version']}, {trained}" if "version" in found else trained


def _speed_tables(bench: Mapping[str, Any], t: Texts) -> list[dict[str, Any]]:
    """Median latency and sentences a second: a row a subject, a column a number of clients."""
    tables: list[dict[str, Any]] = []
    sizes = sorted({row["sentences"] for row in bench["measurements"]})
    for value, size in [("p50_ms", 1), *(("per_second", size) for size in sizes)]:
        rows = [row for row in bench["measurements"] if row["sentences"] == size]
        columns = sorted({row["clients"] for row in rows})
        cells = {
            (row["subject"], row["clients"]): row["median"][value]
            * (size if value != "p50_ms" else 1)
            for row in rows
        }
        form = "{:.1f}" if value == "p50_ms" else "{:,.0f}"
        named = t("one_sentence") if size == 1 else t("batch", n=size)
        body = [
            (
                _subject(subject, bench, t),
                [
                    form.format(cells[subject, n]) if (subject, n) in cells else None
                    for n in columns
                ],
            )
            for subject in SUBJECTS
            if any((subject, n) in cells for n in columns)
        ]
        title = f"{t(value)}, {named}"
        tables.append({"title": title, "corner": t("clients"), "columns": columns, "rows": body})
    return [*tables, *_process_tables(bench, t)]


def _subject(name: str, bench: Mapping[str, Any], t: Texts) -> str:
    """What was measured, as a table calls it; a second package by its file."""
    if name == OTHER and bench["against"]:
        return t("subject_other_named", package=console.shown(Path(bench["against"]).name))
    version = bench.get("peers", {}).get(name)
    return t.name(name) + (f", {version}" if version else "")


def _process_tables(bench: Mapping[str, Any], t: Texts) -> list[dict[str, Any]]:
    """Seconds to the first answer, resident memory by process, and what requests cost."""
    started, memory = bench["startup"], bench["memory"]
    roles = sorted({role for found in memory.values() for role in found})
    starts = [
        (_subject(name, bench, t), [f"{found['seconds']:.2f}"]) for name, found in started.items()
    ]
    held = [
        (
            _subject(subject, bench, t),
            [f"{found[role]['rss']:.0f}" if role in found else None for role in roles],
        )
        for subject, found in memory.items()
    ]
    tables: list[dict[str, Any]] = [
        {"title": t("start"), "corner": "", "columns": [t("seconds")], "rows": starts},
        {"title": t("memory"), "corner": "", "columns": list(map(t.name, roles)), "rows": held},
    ]
    if costs := bench.get("usd_per_million"):
        subjects = list(next(iter(costs.values())))
        tables.append(
            {
                "title": t("usd_per_million"),
                "corner": "",
                "columns": [_subject(subject, bench, t) for subject in subjects],
                "rows": [
                    (kind, [f"{row[subject]:.3f}" for subject in subjects])
                    for kind, row in costs.items()
                ],
            }
        )
    return [table for table in tables if table["rows"]]


def _drawings(content: Mapping[str, Any], t: Texts) -> dict[str, Plot]:
    """Every plot of the content, by name."""
    rows = (content["matrix"] or {"rows": []})["rows"]
    drawn = [plots.epochs(row, t) for row in rows if row["curves"] or row["log"]]
    if versions := content["versions"]:
        drawn.append(plots.scores(_ranked(content["scores"]), t))
        learned = [run for detail in versions.values() for run in detail["learning"]]
        values = [v for run in learned for name in ("acc", "val_acc") for v in run.get(name, [])]
        low = min(values, default=0.0)
        drawn += [plots.learning(v, one["learning"], low, t) for v, one in versions.items()]
        drawn += [
            plots.calibration(version, one["calibration"], t)
            for version, one in versions.items()
            if one["calibration"]
        ]
    if golden := content["golden"]:
        drawn.append(plots.ranking(golden, _golden_labels(golden), t))
    if content["bench"]:
        speeds = [plots.speed(content["bench"], value, t) for value in ("p50_ms", "per_second")]
        drawn += [plot for plot in speeds if plot]
    return {plot.name: plot for plot in drawn}


def _prose(text: str, link_numbers: bool = False) -> Markup:
    """HTML of a text in which `…` is code and, if asked, decimals link to the file of them all."""
    made = []
    for part in re.split(r"(`[^`]*`|\d+\.\d+(?: ± \d+\.\d+)?)", text):
        if part.startswith("`"):
            made.append(Markup("<code>{}</code>").format(part.strip("`")))
        elif link_numbers and part[:1].isdigit() and "." in part:
            made.append(Markup('<a href="report.json">{}</a>').format(part))
        else:
            made.append(escape(part))
    return Markup("").join(made)


def _linked(text: str, target: str) -> Markup:
    """The text with LINK replaced by a link to the file."""
    link = Markup('<a href="{0}">{0}</a>').format(target)
    return link.join(escape(part) for part in text.split("LINK"))


@cache
def _style() -> str:
    return (TEMPLATES / "style.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["plain"] = labels.plain
    return made
