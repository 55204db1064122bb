"""Directories that are made beside their place and then renamed: whole, or not at all.

A program that outlives a killed step (pip, the builder of vectors) must not write into what the
next try makes: each try has a name of its own.
"""

import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def beside(target: Path) -> Path:
    """A path for a new directory beside `target`; what earlier tries left there is removed."""
    for left in target.parent.glob(f"{target.name}.part-*"):
        shutil.rmtree(left, ignore_errors=True)
    return target.with_name(f"{target.name}.part-{uuid.uuid4().hex[:8]}")


def is_one(path: Path) -> bool:
    """Whether a directory is such a try, left by a step that was killed."""
    return bool(re.search(r"\.part(-[0-9a-f]{8})?$", path.name))


@contextmanager
def directory(target: Path) -> Iterator[Path]:
    """A new directory that takes the place of `target` when the block ends without an error."""
    fresh = beside(target)
    fresh.mkdir(parents=True)
    try:
        yield fresh
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    shutil.rmtree(target, ignore_errors=True)
    fresh.replace(target)
