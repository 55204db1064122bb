"""`make reproduce-check`: built twice from nothing, in two folders, is everything the same?

Two clones of HEAD, each with environments, data, vectors, training and package of its own; what
they have in common is the machine and pip's cache. Every artifact is compared by sha256.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from train2deploy import console, manifest, paths, processes
from train2deploy.errors import JobFailed, UserError
from train2deploy.hashing import sha256_file
from train2deploy.runs import registry

FOLDERS = {"one": "one", "another": "another/folder/that/lies/deeper"}
RESULTS = ("evaluation.json", "history.json", "golden.json")  # of a run, without durations

Digests = dict[str, str]


def check(versions: Sequence[str], variables: Sequence[str]) -> None:
    """Builds twice; prints and writes every artifact's sha256 and whether the two are equal.

    Args:
        versions: of which a run is made in each clone.
        variables: further variables for `make reproduce`, NAME=value.

    Raises:
        JobFailed: a clone could not be built, or an artifact differs; the first is named.
    """
    commit = manifest.git_state()
    if not commit:
        raise UserError("expected a git checkout to clone, found none.")
    console.say(f"commit {commit['commit'][:12]}, cloned twice")
    if commit["dirty"]:
        console.say("warning: the work tree has changes that are not committed: they are NOT in it")
    with tempfile.TemporaryDirectory(prefix="reproduce-check-") as scratch:
        one, other = (
            _build(name, Path(scratch, folder, "train2deploy"), versions, variables)
            for name, folder in FOLDERS.items()
        )
        names = sorted(one.keys() | other.keys())
        console.print_table(_table(names, one, other))
        console.say("the two clones are removed")
    different = [name for name in names if one.get(name) != other.get(name)]
    manifest.write_json(
        paths.REPRODUCE_CHECK,
        {
            "commit": commit["commit"],
            "versions": list(versions),
            "artifacts": {name: [one.get(name), other.get(name)] for name in names},
            "different": different,
        },
    )
    if different:
        raise JobFailed(
            f"{len(different)} of {len(names)} artifacts differ between two builds of"
            f" {commit['commit'][:12]}; the first: {different[0]}."
        )
    console.say(f"all {len(names)} artifacts are equal, byte for byte")


def _build(name: str, clone: Path, versions: Sequence[str], variables: Sequence[str]) -> Digests:
    """Clones and runs `make reproduce`; sha256 of every artifact by version and name."""
    started = time.monotonic()
    _run(
        ["git", "clone", "--quiet", "--no-hardlinks", str(paths.ROOT), str(clone)], paths.ROOT, name
    )
    for version in versions:
        options = [f"VERSION={version}", "SEEDS=1", "RUNTIME=host", "REPORT=", *variables]
        _run(["make", "--no-print-directory", "reproduce", *options], clone, name)
    console.say(f"[{name}] built in {time.monotonic() - started:.0f} s")
    found: Digests = {}
    runs = clone / paths.RUNS.relative_to(paths.ROOT)
    for path in sorted(runs.glob(f"*/{registry.MANIFEST}")):
        found.update(digests(path.parent))
    return found


def digests(run: Path) -> Digests:
    """Everything of a run that must be the same when it is made again: inputs and outputs."""
    record: dict[str, Any] = manifest.read(run / registry.MANIFEST) or {}
    inputs = record["inputs"]
    parts = {
        **{f"channel {name}": digest for name, digest in inputs["channels"].items()},
        **{f"source {name}": digest for name, digest in inputs["sources"].items()},
        **record["outputs"],
        **{name: sha256_file(run / name) for name in RESULTS},
        "model.tar.gz, as recorded": sha256_file(run / paths.MODEL_ARCHIVE.name),
    }
    return {"run id " + record["version"]: record["id"]} | {
        f"{record['version']} {name}": digest for name, digest in parts.items()
    }


def _run(command: Sequence[str], directory: Path, name: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    kept = {
        variable: value
        for variable, value in {
            **processes.clean_environment(),
            **processes.pip_settings(),  # environments are made in it
        }.items()
        if not variable.startswith(("TRAIN2DEPLOY_", "MAKE"))
    }
    last: list[str] = []

    def on_line(line: str) -> None:
        last[:] = [*last, line][-5:]
        console.say(f"[{name}] {line}")

    if processes.run_streaming(command, kept, directory, on_line) != 0:
        raise JobFailed(f"{' '.join(command)} failed in a fresh clone: {' '.join(last)}")


def _table(names: Sequence[str], one: Digests, other: Digests) -> Table:
    pairs = [(name, one.get(name, "-"), other.get(name, "-")) for name in names]
    return console.table(
        "sha256 of two builds",
        ("artifact", "one", "another", ""),
        [(n, a[:24], b[:24], "equal" if a == b else "DIFFERS") for n, a, b in pairs],
        title_justify="left",
    )
