"""Manifests: what an artifact was made from, beside the artifact.

A manifest is a JSON file `manifest.json` (or `<file>.manifest.json`) that holds
inputs' and outputs' sha256, versions, seeds, the git commit and durations.
A step whose manifest names the same inputs as now, and whose outputs are still
there, need not run again.
"""

import json
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from train2deploy import __version__, paths, processes
from train2deploy.hashing import sha256_value


def write(path: Path, inputs: dict[str, Any], outputs: dict[str, Any], **facts: Any) -> None:
    """Writes a manifest; `facts` are further entries (durations, metrics)."""
    manifest = {
        "inputs": inputs,
        "inputs_sha256": sha256_value(inputs),
        "outputs": outputs,
        "train2deploy": __version__,
        "python": platform.python_version(),
        "git": git_state(),
        **facts,
    }
    write_json(path, manifest)


def read(path: Path) -> dict[str, Any] | None:
    """The manifest at `path`, or None where there is none that can be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def is_manifest(path: Path) -> bool:
    """Whether a file is a manifest of ours, and no data of a user's that is called so."""
    return path.name == "manifest.json" and "inputs_sha256" in (read(path) or {})


def is_current(path: Path, inputs: dict[str, Any], outputs: Iterable[Path] = ()) -> bool:
    """Whether the manifest at `path` is for these very inputs, and `outputs` are still there."""
    manifest = read(path)
    if manifest is None or manifest.get("inputs_sha256") != sha256_value(inputs):
        return False
    return all(output.exists() for output in outputs)


def write_json(path: Path, value: Any) -> None:
    """Writes JSON whole or not at all (a reader never sees half a file)."""
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def git_state() -> dict[str, Any]:
    """The commit of the working tree and whether it was changed; empty outside a checkout."""

    def git(*arguments: str) -> str | None:
        try:
            done = processes.captured(["git", *arguments], cwd=paths.ROOT)
        except OSError:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    if commit is None:
        return {}
    return {"commit": commit, "dirty": bool(git("status", "--porcelain"))}
