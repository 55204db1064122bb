"""What the runs on the KNB corpus show besides the verdicts, each as a number of these runs.

A finding whose runs are missing says which command makes them.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from train2deploy import versions
from train2deploy.report import recorded
from train2deploy.report.catalogue import Published
from train2deploy.report.matrix import DATASET
from train2deploy.report.recorded import PUBLISHED_SPLIT
from train2deploy.report.spread import DECIMALS, spread
from train2deploy.runs.registry import Run

RANDOM_SPLITS = (PUBLISHED_SPLIT, "random")
ARTICLE_SPLITS = ("fold", "article")
VECTORS = ("random", "characters", "wikipedia", "chive")
CHOSEN_ON_TEST = ("best-on-test", "not-stated")
"""Rules by which the author's figure is that of the best epoch on the test set."""
WITHOUT_TITLES = f"TITLES=drop SPLIT={PUBLISHED_SPLIT} SPLITS=5"
REPRODUCE = f"make reproduce DATASET={DATASET}"


def build(published: Published, runs: Sequence[Run]) -> dict[str, Any]:
    """Every finding by name; `needs` is the command that is missing, None where there is one.

    Each names the runs that it is of.
    """
    runs = [run for run in runs if run.dataset == DATASET]
    return {
        "stand": _stand(published, runs),
        "chosen": _chosen(published, runs),
        "yardstick": _yardstick(runs),
        "titles": _pairs(runs, WITHOUT_TITLES, _with_and_without_titles),
        "articles": _pairs(runs, "SPLIT=fold SPLITS=5", _within_and_across_articles),
        "vectors": _vectors(runs),
        "twice": _twice(published),
    }


def _of(runs: Sequence[Run], version: str, splits: Sequence[str], **wanted: Any) -> list[Run]:
    """The runs of a version on the first of these splits that it has any on."""
    wanted = {"titles": True, "vectors": versions.usual_vectors(version), **wanted}
    for split in splits:
        found = recorded.matching(runs, DATASET, version, split, **wanted)
        if found:
            return recorded.of_one_configuration(found)
    return []


def _spread(runs: Sequence[Run]) -> dict[str, Any]:
    return spread([run.accuracy for run in runs])


def _stand(published: Published, runs: Sequence[Run]) -> dict[str, Any]:
    """Our versions, and the best published model that can be trained."""
    members = {version: _of(runs, version, RANDOM_SPLITS) for version in recorded.packed(runs)}
    versions = {version: _spread(found) for version, found in members.items() if found}
    able = [
        model
        for model in published.models
        if model.version and model.accuracy is not None and model.measured_on == "test set"
    ]
    best = max(able, key=lambda model: model.accuracy or 0)
    return {
        "versions": versions,
        "best": {"name": dict(best.name), "right": best.right, "n": best.n},
        "runs": [run.id for found in members.values() for run in found],
        "needs": None if versions else f"{REPRODUCE} VERSION=v1 SPLIT={PUBLISHED_SPLIT} SPLITS=5",
    }


def _chosen(published: Published, runs: Sequence[Run]) -> dict[str, Any]:
    """The best epoch on the test set minus the one chosen on the validation split, by run.

    Runs of the models of which the author kept that epoch, or may have: others train for a few
    epochs, whatever these bring, and leave less to choose from.
    """
    both = [
        run
        for run in runs
        if run.split == PUBLISHED_SPLIT
        and run.titles
        and run.manifest["metrics"].get("author", {}).get("rule") in CHOSEN_ON_TEST
    ]
    gains = [run.manifest["metrics"]["author"]["accuracy"] - run.accuracy for run in both]
    needs = f"{REPRODUCE} VERSION=attention-visualize SPLIT={PUBLISHED_SPLIT} SPLITS=5"
    return {
        "gain": spread(gains) if gains else None,
        "models": len({run.version for run in both}),
        "articles": len(
            {m.article.id for m in published.models if m.chosen_on == "test set, best epoch"}
        ),
        "runs": [run.id for run in both],
        "needs": None if gains else needs,
    }


def _yardstick(runs: Sequence[Run]) -> dict[str, Any]:
    """The best baseline, each split counted once."""
    splits: dict[int, Mapping[str, Any]] = {
        run.split_seed: run.evaluation["yardsticks"]
        for run in runs
        if run.split == PUBLISHED_SPLIT and run.titles and run.evaluation["yardsticks"]
    }
    if not splits:
        needs = f"{REPRODUCE} VERSION=v1 SPLIT={PUBLISHED_SPLIT} SPLITS=5"
        return {"runs": [], "needs": needs}
    names = set.intersection(*(set(found) for found in splits.values()))
    by_name = {
        name: spread([float(found[name]["accuracy"]) for found in splits.values()])
        for name in sorted(names)
    }
    best = max(by_name, key=lambda name: by_name[name]["mean"])
    return {"name": best, "accuracy": by_name[best], "runs": [], "needs": None}


def _with_and_without_titles(runs: Sequence[Run], version: str) -> tuple[list[Run], list[Run]]:
    without = _of(runs, version, RANDOM_SPLITS, titles=False)
    splits = [without[0].split, *RANDOM_SPLITS] if without else RANDOM_SPLITS
    return _of(runs, version, splits), without


def _within_and_across_articles(runs: Sequence[Run], version: str) -> tuple[list[Run], list[Run]]:
    return _of(runs, version, RANDOM_SPLITS), _of(runs, version, ARTICLE_SPLITS)


def _pairs(runs: Sequence[Run], options: str, pair: Any) -> dict[str, Any]:
    """By version: runs as usual, runs otherwise, and what the second lose, in points."""
    found, used = {}, []
    for version in recorded.packed(runs):
        usual, other = pair(runs, version)
        if usual and other:
            points = 100 * (fmean(r.accuracy for r in usual) - fmean(r.accuracy for r in other))
            found[version] = {
                "usual": _spread(usual),
                "other": _spread(other),
                "points": round(points, DECIMALS),
            }
            used += [run.id for run in (*usual, *other)]
    needs = None if found else f"{REPRODUCE} VERSION=v1 {options}"
    return {"versions": found, "runs": used, "needs": needs}


def _vectors(runs: Sequence[Run]) -> dict[str, Any]:
    """v1 with each kind of vectors that it was run with."""
    members = {kind: _of(runs, "v1", RANDOM_SPLITS, vectors=kind) for kind in VECTORS}
    known = {kind: found for kind, found in members.items() if found and found[0].vectors}
    if len(known) < 2:
        needs = f"{REPRODUCE} VERSION=v1 SPLIT={PUBLISHED_SPLIT} SPLITS=5 VECTORS=random"
        return {"runs": [], "needs": needs}
    return {
        "kinds": {kind: _spread(found) for kind, found in known.items()},
        "runs": [run.id for found in known.values() for run in found],
        "needs": None,
    }


def _twice(published: Published) -> dict[str, Any]:
    """The figure whose test sentences were counted twice: it bounds what the right ones are."""
    model = next((model for model in published.models if model.counted_twice), None)
    if model is None or model.right is None or model.n is None:
        return {"runs": [], "needs": None}
    real = model.n - model.counted_twice
    return {
        "right": model.right,
        "n": model.n,
        "twice": model.counted_twice,
        "sentences": real,
        "low": model.right - model.counted_twice,
        "high": min(model.right, real),
        "runs": [],
        "needs": None,
    }
