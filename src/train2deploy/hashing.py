"""sha256 of files, of directories and of values."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def sha256_file(path: Path) -> str:
    """The sha256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while chunk := source.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_tree(directory: Path) -> str:
    """One sha256 over the relative names and contents of all files below `directory`."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return sha256_files(directory, (path for path in files if "__pycache__" not in path.parts))


def sha256_files(directory: Path, files: Iterable[Path]) -> str:
    """The same of these files below `directory`."""
    return sha256_value(
        {path.relative_to(directory).as_posix(): sha256_file(path) for path in files}
    )


def sha256_value(value: Any) -> str:
    """The sha256 of a JSON value in its canonical form."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
