"""The part of a report that is not about scores: speed, parity, environment."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from train2deploy import package, paths
from train2deploy.datasets import directory
from train2deploy.report import recorded
from train2deploy.runs.registry import Run

BENCH = Path("reports/bench.json")
VERIFICATION = Path(paths.VERIFICATION.name)
PARITY = Path(paths.PARITY.name)
CLOUD_PARITY = Path("cloud/parity.json")
FILES = (BENCH, VERIFICATION, PARITY, CLOUD_PARITY)
"""What a report can show beside the runs, below build/ or below a reference."""


SHOWN = ("machine", "measured", "command", "foreign_cpu", "subjects", "startup", "memory")
"""Of what the bench wrote."""
Shown = Mapping[str, Sequence[Run]]  # the runs that a report tells of, by version


def bench(source: Path, start: Path, shown: Shown) -> dict[str, Any] | None:
    """What `make bench` measured of a model that is shown, without its single rounds."""
    path = source / BENCH
    found = recorded.read_json(path)
    if found is None or not is_of(found.get("made_of") or {}, shown):
        return None
    return {
        **{name: found[name] for name in SHOWN},
        "job": found.get("job"),
        "against": (found.get("against") or {}).get("package"),
        **{key: found[key] for key in ("peers", "usd_per_million") if key in found},
        "measurements": [
            {name: value for name, value in row.items() if name != "rounds"}
            for row in found["measurements"]
        ],
        "source": recorded.link(path, start),
    }


def is_of(made_of: Mapping[str, Any], shown: Shown) -> bool:
    """Whether what was measured is a model of the kind that runs are shown of.

    That is version, data set and hyperparameters. What was measured before it was recorded of what
    is taken for one of our own data sets.

    Args:
        made_of: see `package.described`; empty where it is not known.
    """
    if not made_of:
        return any(run.dataset in directory.RESERVED for runs in shown.values() for run in runs)
    return any(
        made_of["data"]["dataset"] == run.dataset
        and all(
            run.manifest["hyperparameters"].get(name, value) == value
            for name, value in package.comparable(made_of["hyperparameters"]).items()
        )
        for run in shown.get(made_of["version"], ())
    )


def parity(source: Path, start: Path, shown: Shown) -> dict[str, Any]:
    """The comparisons that were made of a model that is shown: each None where it was not."""
    checks = {"session": VERIFICATION, "runtimes": PARITY, "cloud": CLOUD_PARITY}
    return {name: _check(source / path, start, shown) for name, path in checks.items()}


def _check(path: Path, start: Path, shown: Shown) -> dict[str, Any] | None:
    found = recorded.read_json(path)
    is_shown = found is not None and is_of(found.get("made_of") or {}, shown)
    if found is None or not is_shown or not found.get("sentences"):
        return None  # or another kind of model was asked
    weights = found.get("weights_sha256") or []
    holds = found["max_abs_difference"] <= found["tolerance"] and len(set(weights)) <= 1
    version = {"version": found["version"]} if "version" in found else {}
    return {
        **version,
        "sentences": found["sentences"],
        "max_abs_difference": found["max_abs_difference"],
        "tolerance": found["tolerance"],
        "runtimes": found.get("runtimes"),
        "weights_equal": len(set(weights)) == 1 if weights else None,
        "holds": holds and found.get("same_label", found["sentences"]) == found["sentences"],
        "source": recorded.link(path, start),
    }


def environment(runs: Sequence[Run], start: Path) -> dict[str, Any]:
    """Where the runs were made: of the first, and what differs between them."""
    found = [run.manifest["environment"] for run in runs]
    differing = sorted(
        {name for one in found for name in one if any(o.get(name) != one[name] for o in found)}
    )
    return {
        "first": found[0],
        "differing": [name for name in differing if name != "git"],
        "commits": sorted({one.get("git", {}).get("commit", "") for one in found} - {""}),
        "dirty": any(one.get("git", {}).get("dirty") for one in found),
        "source": recorded.link(runs[0].folder / "manifest.json", start),
    }
