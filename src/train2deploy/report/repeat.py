"""The one command that makes runs again, with all that was given to them."""

from collections.abc import Sequence

from train2deploy import versions
from train2deploy.runs.registry import Run

ALWAYS_GIVEN = {"validation-split": 0.1}
"""Hyperparameters that make passes on in any case; these values need not be repeated."""


def command(runs: Sequence[Run]) -> str:
    """`make reproduce` for runs of one configuration."""
    first = runs[0]
    data = first.data
    words = [f"DATASET={first.dataset}", f"VERSION={first.version}"]
    words += [] if first.titles else ["TITLES=drop"]
    words += ["CLEAN=1"] if data.get("clean") else []
    words += [] if first.split == "random" else [f"SPLIT={first.split}"]
    if len({run.split_seed for run in runs}) > 1:
        words.append(f"SPLITS={max(run.seed for run in runs)}")
    else:
        words.append(f"SEEDS={max(run.seed for run in runs)}")
        words += [f"SPLIT_SEED={first.split_seed}"] if first.split_seed != 1 else []
    words += vectors(first.version, first.vectors)
    asked = first.manifest["inputs"]["hyperparameters"].items()
    variables = {
        name.upper().replace("-", "_"): value
        for name, value in asked
        if name != "seed" and ALWAYS_GIVEN.get(name) != value
    }
    words += [f"{name}={value}" for name, value in sorted(variables.items())]
    return " ".join(["make reproduce", *words])


def vectors(version: str, kind: str | None) -> list[str]:
    """VECTORS= where it is not what the version is given anyway."""
    return [] if kind in (None, versions.vectors_of(version)) else [f"VECTORS={kind}"]
