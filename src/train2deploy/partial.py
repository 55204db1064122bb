"""Directories that other programs fill, made beside their place and then renamed.

A program that outlives a killed step (pip, the builder of vectors) must not write into what the
next try makes: each try has a name of its own.
"""

import shutil
import uuid
from pathlib import Path


def beside(target: Path) -> Path:
    """A path for a new directory beside `target`; what earlier tries left there is removed."""
    for left in target.parent.glob(f"{target.name}.part-*"):
        shutil.rmtree(left, ignore_errors=True)
    return target.with_name(f"{target.name}.part-{uuid.uuid4().hex[:8]}")
