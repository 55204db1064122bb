"""The cells of the matrix of published models, in the page's language."""

from collections.abc import Mapping, Sequence
from typing import Any

from train2deploy.report.verdicts import NOT_POSSIBLE
from train2deploy.texts import Texts

Row = Mapping[str, Any]
LONGEST = 8  # figures as printed; one article prints all sixteen digits of a double


def by_article(rows: Sequence[Row]) -> list[tuple[Mapping[str, Any], list[Row]]]:
    """The rows that can be run, by article, in order."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row["verdict"]["verdict"] != NOT_POSSIBLE:
            groups.setdefault(row["article"]["id"], []).append(row)
    return [(members[0]["article"], members) for members in groups.values()]


def impossible(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["verdict"]["verdict"] == NOT_POSSIBLE]


def printed(row: Row, t: Texts) -> str:
    """The headline figure with its metric, or the answer that the verdict is on."""
    if row["printed"] is None:
        answer = judged_answer(row)
        return f"{answer['label']} {answer['printed']}" if answer else t("no_figure_printed")
    figure = row["printed"] if len(row["printed"]) <= LONGEST else f"{float(row['printed']):.4f}"
    return f"{t('printed_' + row['metric'])} {figure}"


def judged_answer(row: Row) -> Mapping[str, Any] | None:
    """Of a model of which answers were printed and no accuracy: the one farthest from ours."""
    if row["printed"] is not None or not row["answers"]:
        return None
    told = row["verdict"].get("sentence")
    answers = [one for one in row["answers"] if one["sentence"] == told] or row["answers"]
    found: Mapping[str, Any] = answers[0]["probabilities"][0]
    return found


def by_his_rule(row: Row) -> Mapping[str, Any] | None:
    """What stands beside the printed figure: the spread of ours; None without runs."""
    answer = judged_answer(row)
    found: Mapping[str, Any] | None = answer["ours"] if answer else row["by_his_rule"]
    return found


def exact(row: Row) -> str:
    """Right answers of sentences.

    >>> exact({"right": 330, "n": 419, "at_least": True})
    '≥ 330 / 419'
    """
    if row["right"] is None:
        return ""
    return f"{'≥ ' if row['at_least'] else ''}{row['right']} / {row['n']}"


def share(row: Row) -> str:
    return "" if row["accuracy"] is None else f"{row['accuracy']:.4f}"


def verdict_key(row: Row) -> str:
    """A verdict as a key and a class: one word."""
    return str(row["verdict"]["verdict"]).replace(" ", "_")


def remark(row: Row, t: Texts) -> str:
    """How far ours is from the printed figure, and how likely that is."""
    found = row["verdict"]
    if found["points"] is None:
        return ""
    points = round(-found["points"], 1)
    distance = t(
        "ours_level" if not points else "ours_higher" if points > 0 else "ours_lower",
        points=f"{abs(points):.1f}",
    )
    p = "p < 0.001" if found["p"] < 0.001 else f"p = {found['p']:.{2 if found['p'] >= 0.1 else 3}f}"
    return t("remark", distance=distance, p=p)


def interval(row: Row, t: Texts) -> str:
    """Where one more run of ours would fall."""
    found = row["verdict"]
    if found["low"] is None:
        return ""
    low, high = f"{found['low']:.3f}", f"{found['high']:.3f}"
    return t("interval", low=low, high=high, runs=t.runs(found["runs"]))


def within(row: Row, t: Texts) -> str:
    """How many runs of today's stack are where one more of 2019's would fall, and their mean."""
    inside, total = sum(row["within"]), len(row["within"])
    if inside == total:
        return t("within_all", n=total)
    return t("within_mean" if row["mean_within"] else "without_mean", inside=inside, n=total)


def points(row: Row) -> str:
    """Today's accuracy minus 2019's, in points, over pairs of runs.

    >>> points({"points": {"mean": -0.24, "sd": 1.0}})
    '-0.2 ± 1.0'
    """
    found = row["points"]
    sd = "" if found["sd"] is None else f" ± {found['sd']:.1f}"
    return f"{found['mean']:+.1f}{sd}"


def parameters(row: Row, t: Texts) -> str:
    """How many numbers the model has: the article's count, and ours."""
    ours = row["our_parameters"] or {}
    counts = []
    if "total" in row["parameters"]:
        counts.append(t("parameters_printed", n=f"{row['parameters']['total']:,}"))
    if "all" in ours:
        counts.append(
            t("parameters_ours", n=f"{ours['all']:,}", trainable=f"{ours['trainable']:,}")
        )
    return t("between_items").join(counts)


def facts(row: Row, t: Texts) -> list[tuple[str, str]]:
    """What the fold of a row says besides its tables: names and texts."""
    language = t.language
    substitutes = [one["text"][language] for one in row["substitutes"]]
    found = [
        (t("fact_layers"), row["layers"]),
        (t("fact_training"), row["training"].get(language, "")),
        (t("fact_inferred"), row["inferred"].get(language, "")),
        (t("fact_test_set"), row["test_set"].get(language, "")),
        (t("fact_last"), _last(row)),
        (t("fact_interval"), interval(row, t)),
        (t("fact_parameters"), parameters(row, t)),
        (t("fact_substitutes"), t("between_items").join(substitutes)),
        (t("fact_note"), row["note"].get(language, "")),
    ]
    return [(name, text) for name, text in found if text]


def _last(row: Row) -> str:
    if row["last_right"] in (None, row["right"]):
        return ""
    return f"{row['last_right']} / {row['n']} = {row['last_right'] / row['n']:.4f}"
