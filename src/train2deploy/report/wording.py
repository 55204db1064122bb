"""Sentences of a report: what its first screen says, and its facts, in the page's language."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from train2deploy import uncertainty
from train2deploy.report import verdicts
from train2deploy.report.findings import VECTORS
from train2deploy.texts import Texts

LEVEL = 0.0005  # accuracies closer than this are the same at three decimals


def decimal(value: float, digits: int) -> str:
    """A number with so many decimals, in every language the same.

    >>> decimal(0.7506, 3)
    '0.751'
    """
    return f"{value:.{digits}f}"


def summary(content: Mapping[str, Any], t: Texts) -> list[str]:
    """The lines of the first screen: on the KNB corpus the findings, else the scores alone."""
    if content["matrix"]:
        return findings(content, t)
    models = [row for row in content["scores"] if row["is_model"]]
    yardsticks = [row for row in content["scores"] if not row["is_model"]]
    sentences = content["dataset"]["test_sentences"]
    lines = [t("between_sentences").join(_scores(row, sentences, t) for row in models)]
    if yardsticks:
        best = max(yardsticks, key=lambda row: row["accuracy"]["mean"])
        compared = t("between_clauses").join(_compared(row, best, t) for row in models)
        value = decimal(best["accuracy"]["mean"], 3)
        lines.append(t("summary_yardstick", yardstick=value, comparison=compared))
    if sentences < uncertainty.FEW:
        best = max(models, key=lambda row: row["accuracy"]["mean"])
        low, high = uncertainty.interval(best["accuracy"]["mean"], sentences)
        found = {"name": best["name"], "low": decimal(low, 2), "high": decimal(high, 2)}
        lines.append(t("summary_few", n=sentences, points=decimal(100 / sentences, 1), **found))
    return [*lines, t("summary_elsewhere")] if content["golden"] else lines


def findings(content: Mapping[str, Any], t: Texts) -> list[str]:
    """A sentence for each finding, with its number; where runs are missing, what makes them."""
    say = {
        "stand": _stand,
        "chosen": _chosen,
        "yardstick": _yardstick,
        "titles": _pairs("titles"),
        "articles": _pairs("articles"),
        "vectors": _vectors,
        "twice": _twice,
    }
    lines = [verdict_line(content, t)]
    for name, sentence in say.items():
        found = content["findings"][name]
        if found["needs"]:
            what, command = t(f"find_{name}_needs"), f"`{found['needs']}`"
            lines.append(t("find_needs", what=what, command=command))
        else:
            lines.append(sentence(found, t))
    return lines


def verdict_line(content: Mapping[str, Any], t: Texts) -> str:
    """How many published models there are, and what became of their figures."""
    count = Counter(row["verdict"]["verdict"] for row in content["matrix"]["rows"])
    judged = (verdicts.REPRODUCED, verdicts.DIFFERS, verdicts.NOT_COMPARABLE)
    line = t(
        "find_verdicts",
        total=count.total(),
        judged=sum(count[name] for name in judged),
        reproduced=count[verdicts.REPRODUCED],
        differs=count[verdicts.DIFFERS],
        others=count[verdicts.NOT_COMPARABLE],
    )
    rest = (verdicts.NO_FIGURE, verdicts.NOT_POSSIBLE, verdicts.NOT_RUN)
    clauses = [
        t(f"find_verdicts_{name.replace(' ', '_')}", n=count[name]) for name in rest if count[name]
    ]
    return t("between_sentences").join([line, *clauses])


def _stand(found: Mapping[str, Any], t: Texts) -> str:
    best = found["best"]
    return t(
        "find_stand",
        scores=_listed(dict(sorted(found["versions"].items())), t),
        name=best["name"][t.language],
        best=decimal(best["right"] / best["n"], 3),
        right=best["right"],
        n=best["n"],
    )


def _chosen(found: Mapping[str, Any], t: Texts) -> str:
    gain = found["gain"]
    return t(
        "find_chosen",
        points=decimal(100 * gain["mean"], 1),
        runs=gain["n"],
        models=found["models"],
        articles=found["articles"],
    )


def _yardstick(found: Mapping[str, Any], t: Texts) -> str:
    return t("find_yardstick", accuracy=t.spread(found["accuracy"]), name=t.name(found["name"]))


def _pairs(name: str) -> Callable[[Mapping[str, Any], Texts], str]:
    def sentence(found: Mapping[str, Any], t: Texts) -> str:
        versions = dict(sorted(found["versions"].items()))
        clauses = [
            t(
                f"find_{name}_of",
                name=version,
                points=decimal(one["points"], 1),
                usual=decimal(one["usual"]["mean"], 3),
                other=decimal(one["other"]["mean"], 3),
            )
            for version, one in versions.items()
        ]
        counts = [one["other"]["n"] for one in versions.values()]
        return t(f"find_{name}", clauses=_counted(clauses, counts, t))

    return sentence


def _vectors(found: Mapping[str, Any], t: Texts) -> str:
    kinds = {t(f"vectors_{kind}"): found["kinds"].get(kind) for kind in VECTORS}
    return t("find_vectors", clauses=_listed({n: one for n, one in kinds.items() if one}, t))


def _listed(spreads: Mapping[str, Mapping[str, Any]], t: Texts) -> str:
    """Names with their accuracies."""
    items = [t("find_score", name=name, accuracy=t.spread(s)) for name, s in spreads.items()]
    return _counted(items, [one["n"] for one in spreads.values()], t)


def _counted(items: list[str], runs: list[int], t: Texts) -> str:
    """The items with their numbers of runs, said once where they are the same."""
    if len(set(runs)) == 1:
        return t("find_counted", items=t("between_items").join(items), runs=t.runs(runs[0]))
    each = zip(items, runs, strict=True)
    return t("between_items").join(
        t("find_counted", items=item, runs=t.runs(number)) for item, number in each
    )


def _twice(found: Mapping[str, Any], t: Texts) -> str:
    sentences = found["sentences"]
    return t(
        "find_twice",
        printed=decimal(found["right"] / found["n"], 3),
        right=found["right"],
        n=found["n"],
        twice=found["twice"],
        sentences=sentences,
        low=decimal(found["low"] / sentences, 3),
        high=decimal(found["high"] / sentences, 3),
    )


def _scores(row: Mapping[str, Any], sentences: int, t: Texts) -> str:
    runs = row["accuracy"]["n"]
    return t(
        "summary_scores",
        name=t.known.get(f"{row['name']}_long", row["name"]),
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


def standard_error(content: Mapping[str, Any]) -> str:
    """Of one run's accuracy, because the test sentences are so many and no more: √(p (1 - p) / n).

    For p that of the best model here.
    """
    share = max(
        (row["accuracy"]["mean"] for row in content["scores"] if row["is_model"]), default=0.5
    )
    return decimal(math.sqrt(share * (1 - share) / content["dataset"]["test_sentences"]), 3)


def again(content: Mapping[str, Any]) -> str:
    """The commands that make these runs and this report."""
    lines = [detail["command"] for _, detail in sorted(content["versions"].items())]
    tables = [table for table in (content["matrix"], content.get("today")) if table]
    rows = [row for table in tables for row in table["rows"] if row["runs"]]
    lines += [row["command"] for row in rows if row["command"] not in lines]
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
    locks = sorted(first.get("locks", {}).items())
    rows = [
        (t("env_dataset"), content["dataset"]["description"]["sha256"]),
        (t("env_python"), ", ".join(python.get(k, "") for k in ("host", "train", "serve"))),
        (t("env_tensorflow"), f"{first.get('tensorflow')}, {first.get('tensorflow_serving')}"),
        (t("env_packages"), ", ".join(str(first.get(name)) for name in packages)),
        (t("env_cpu"), str(first.get("cpu"))),
        (t("env_cores"), str(first.get("cores"))),
        (t("env_platform"), str(first.get("platform"))),
        (t("env_runtime"), str(first.get("runtime"))),
        (t("env_commit"), commit),
        (t("env_locks"), ", ".join(f"{name} {digest[:12]}" for name, digest in locks)),
    ]
    for version, detail in sorted(content["versions"].items()):
        given = ", ".join(f"{name} {value}" for name, value in detail["hyperparameters"].items())
        rows.append((t("env_hyperparameters", version=version), given))
    rows.append((t("env_duration"), duration(trained)))
    rows.append((t("env_cost"), f"{cost:.2f} USD" if cost else t("env_cost_local")))
    return rows
