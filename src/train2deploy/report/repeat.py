"""The one command that makes runs again, with all that was given to them."""

from collections.abc import Sequence

from train2deploy import hyperparameters, stack, versions
from train2deploy.runs.registry import Run


def command(runs: Sequence[Run]) -> str:
    """`make reproduce` for runs of one configuration."""
    first = runs[0]
    data = first.data
    script = first.manifest.get("script")
    model = f"SCRIPT={script}" if script else f"VERSION={first.model}"
    words = [f"DATASET={first.dataset}", model]
    words += [] if first.titles else ["TITLES=drop"]
    words += ["CLEAN=1"] if data.get("clean") else []
    words += [] if first.split == "random" else [f"SPLIT={first.split}"]
    if len({run.split_seed for run in runs}) > 1:
        words.append(f"SPLITS={max(run.seed for run in runs)}")
    else:
        words.append(f"SEEDS={max(run.seed for run in runs)}")
        words += [f"SPLIT_SEED={first.split_seed}"] if first.split_seed != 1 else []
    words += vectors(first.model, first.vectors)
    asked = {
        name: value
        for name, value in first.manifest["inputs"]["hyperparameters"].items()
        if name != "seed" and hyperparameters.ALWAYS.get(name) != value
    }
    words += hyperparameters.as_variables(script or first.model, asked)
    words += [f"{stack.VARIABLE}={stack.TODAYS}"] if first.is_todays else []
    return " ".join(["make reproduce", *words])


def vectors(version: str, kind: str | None) -> list[str]:
    """VECTORS= where it is not what the version is given anyway."""
    return [] if kind in (None, versions.usual_vectors(version)) else [f"VECTORS={kind}"]
