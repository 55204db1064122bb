"""Sentences of a report: its three lines, and names of rows, in the page's language."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from train2deploy.report.comparison import NOT_REPRODUCED, OTHER_MODEL, REPRODUCED, WITHIN
from train2deploy.report.texts import Texts

LEVEL = 0.0005
"""Accuracies closer than this are the same at three decimals."""


def decimal(value: float, digits: int) -> str:
    """A number with so many decimals, in every language the same.

    >>> decimal(0.7506, 3)
    '0.751'
    """
    return f"{value:.{digits}f}"


def summary(content: Mapping[str, Any], t: Texts) -> list[str]:
    """The three lines: our scores, the yardstick, the published figures."""
    models = [row for row in content["scores"] if row["is_model"]]
    yardsticks = [row for row in content["scores"] if not row["is_model"]]
    sentences = content["dataset"]["test_sentences"]
    lines = [t("between_sentences").join(_scores(row, sentences, t) for row in models)]
    if yardsticks:
        best = max(yardsticks, key=lambda row: row["accuracy"]["mean"])
        compared = t("between_clauses").join(_compared(row, best, t) for row in models)
        value = decimal(best["accuracy"]["mean"], 3)
        lines.append(t("summary_yardstick", yardstick=value, comparison=compared))
    lines.append(published_line(content, t))
    return lines


def _scores(row: Mapping[str, Any], sentences: int, t: Texts) -> str:
    runs = row["accuracy"]["n"]
    return t(
        "summary_scores",
        name=t(f"{row['name']}_long"),
        accuracy=t.spread(row["accuracy"]),
        n=sentences,
        seeds=t("seeds_one") if runs == 1 else t("seeds_count", n=runs),
    )


def _compared(row: Mapping[str, Any], best: Mapping[str, Any], t: Texts) -> str:
    difference = row["accuracy"]["mean"] - best["accuracy"]["mean"]
    if abs(difference) < LEVEL:
        return t("summary_level", name=row["name"])
    points = t("points", n=decimal(100 * abs(difference), 1))
    return t(
        "summary_ahead" if difference > 0 else "summary_behind", name=row["name"], points=points
    )


def published_line(content: Mapping[str, Any], t: Texts) -> str:
    """How many published figures there are, and what became of them."""
    rows = [row for row in content["comparison"] if row["figure"]]
    ran = [row for row in rows if row["reproduced"]]
    if not ran:
        return t("summary_not_run", total=len(rows))
    count = {
        verdict: sum(row["verdict"] == verdict for row in ran)
        for verdict in (REPRODUCED, WITHIN, NOT_REPRODUCED, OTHER_MODEL)
    }
    return t(
        "summary_run",
        claims=len(ran) - count[OTHER_MODEL],
        reproduced=count[REPRODUCED],
        within=count[WITHIN],
        missed=count[NOT_REPRODUCED],
        others=count[OTHER_MODEL],
    )


def row_name(row: Mapping[str, Any], t: Texts) -> str:
    """What a row of the comparison is about: metric, and which of several."""
    parts = [t(row["metric"])]
    if row["class"]:
        parts.insert(0, row["class"])
    if row["epoch"]:
        parts.append(t("epoch_of", n=row["epoch"]))
    if row["variant"]:
        parts.append(t(f"variant_{row['variant']}"))
    if not row["figure"]:
        parts.insert(0, row["version"])
    return ", ".join(parts) if row["epoch"] or row["variant"] else " ".join(parts)


def remark(row: Mapping[str, Any], t: Texts) -> str:
    """What a verdict needs besides: the direction, or that the model is only the nearest."""
    remarks = []
    if row["verdict"] == NOT_REPRODUCED:
        above = row["reproduced"]["mean"] > row["published"]
        remarks.append(t("higher" if above else "lower"))
    if row["relation"] == "nearest" and row["reproduced"]:
        remarks.append(t("nearest"))
    return f"({', '.join(remarks)})" if remarks else ""


def places(row: Mapping[str, Any]) -> int:
    """Decimals of a row's numbers: probabilities may be small."""
    return 4 if row["metric"] == "probability" else 3


def is_headline(row: Mapping[str, Any]) -> bool:
    """Whether a row is of a whole model, not of one class or epoch."""
    return row["metric"] in ("accuracy", "f1_weighted", "f1_macro", "probability")


def grouped(
    content: Mapping[str, Any], rows: list[dict[str, Any]]
) -> Iterator[tuple[dict[str, Any] | None, list[dict[str, Any]]]]:
    """Rows by figure, in order; None for ours."""
    for figure_id in dict.fromkeys(row["figure"] for row in rows):
        members = [row for row in rows if row["figure"] == figure_id]
        yield content["figures"].get(figure_id), members


def tolerance(content: Mapping[str, Any], figure: str) -> str:
    """The tolerances of a figure's values: one, or from to."""
    found = sorted({row["tolerance"] for row in content["comparison"] if row["figure"] == figure})
    return " – ".join(f"{value:g}" for value in dict.fromkeys((found[0], found[-1])))


def standard_error(content: Mapping[str, Any]) -> str:
    """Of one run's accuracy, because the test sentences are so many and no more: √(p (1 - p) / n).

    For p that of the best model here.
    """
    share = max(row["accuracy"]["mean"] for row in content["scores"] if row["is_model"])
    return decimal(math.sqrt(share * (1 - share) / content["dataset"]["test_sentences"]), 3)


def again(content: Mapping[str, Any]) -> str:
    """The commands that make these runs and this report, with all that was given to them."""
    data = content["dataset"]["description"]["inputs"]
    given = [f"DATASET={content['dataset']['name']}"]
    given += ["TITLES=drop"] if data.get("titles") is False else []
    given += ["CLEAN=1"] if data.get("clean") else []
    given += [f"SPLIT={data['split']}"] if data.get("split", "random") != "random" else []
    given += [f"SPLIT_SEED={data['seed']}"] if data["seed"] != 1 else []
    lines = []
    for version, detail in sorted(content["versions"].items()):
        seeds = max(run["seed"] for run in content["runs"] if run["version"] == version)
        variables = {
            name.upper().replace("-", "_"): value
            for name, value in detail["given"].items()
            if name != "seed"
        }
        words = [f"{name}={value}" for name, value in sorted(variables.items())]
        options = [*given, f"VERSION={version}", f"SEEDS={seeds}", *words]
        lines.append(" ".join(["make reproduce", *options]))
    return "\n".join([*lines, f"make report DATASET={content['dataset']['name']}"])


def duration(seconds: float | None) -> str:
    """Seconds, or minutes of a long one; nothing of an unknown one.

    >>> duration(12.34), duration(754), duration(None)
    ('12.3 s', '13 min', '')
    """
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def facts(content: Mapping[str, Any], t: Texts) -> list[tuple[str, str]]:
    """The environment as names and values."""
    found = content["environment"]
    first = found["first"]
    python, git = first.get("python", {}), found["commits"]
    state = t("env_dirty" if found["dirty"] else "env_clean")
    commit = f"{', '.join(git)} ({state})" if git else t("env_no_git")
    trained = sum(run["durations"].get("training_s") or 0 for run in content["runs"])
    cost = sum(run["cost_usd"] for run in content["runs"])
    packages = ("keras-self-attention", "text-vectorian", "numpy")
    rows = [
        (t("env_dataset"), content["dataset"]["description"]["sha256"]),
        (t("env_python"), ", ".join(python.get(k, "") for k in ("host", "train", "serve"))),
        (
            t("env_tensorflow"),
            f"{first.get('tensorflow')}, {first.get('tensorflow_serving')}",
        ),
        (t("env_packages"), ", ".join(str(first.get(name)) for name in packages)),
        (t("env_cpu"), str(first.get("cpu"))),
        (t("env_cores"), str(first.get("cores"))),
        (t("env_platform"), str(first.get("platform"))),
        (t("env_runtime"), str(first.get("runtime"))),
        (t("env_commit"), commit),
        (t("env_locks"), _hashes(first.get("locks", {}), 12)),
    ]
    for version, detail in sorted(content["versions"].items()):
        given = ", ".join(f"{name} {value}" for name, value in detail["hyperparameters"].items())
        rows.append((t("env_hyperparameters", version=version), given))
    rows.append((t("env_duration"), duration(trained)))
    rows.append((t("env_cost"), f"{cost:.2f} USD" if cost else t("env_cost_local")))
    return rows


def _hashes(found: Mapping[str, str], length: int = 64) -> str:
    return ", ".join(f"{name} {digest[:length]}" for name, digest in sorted(found.items()))
