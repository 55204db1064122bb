"""A disk with no space left: recognised wherever it shows, and told in one line.

Standard library alone.
"""

import errno
import io
import os
import shutil
import stat
import tempfile
import traceback
from pathlib import Path

from train2deploy import paths
from train2deploy.errors import MissingRequirement

NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no space, no quota, or beyond `ulimit -f`
SAID = tuple(os.strerror(number) for number in NUMBERS[:2])
"""How other programs print the first two."""
STANDARD_OUTPUT = 1


class DiskFull(MissingRequirement):
    """Something could not be written for lack of space."""


def explained(error: OSError) -> DiskFull | None:
    """What a user is told of a full disk; None for any other error."""
    if isinstance(error, shutil.Error):  # of copytree, which keeps nothing but texts
        copies = [copy for copy in error.args[0] if shows(str(copy))]
        return DiskFull(message(Path(copies[0][1]))) if copies else None
    if error.errno not in NUMBERS:
        return None
    found = error.filename or _written_to(error)
    return DiskFull(message(Path(os.fsdecode(found)) if found else None, os.strerror(error.errno)))


def check_output(output: str, path: Path) -> None:
    """Raises DiskFull where the output of a program that writes to `path` names a full disk."""
    if shows(output):
        raise DiskFull(message(path))


def shows(output: str) -> bool:
    return any(said in output for said in SAID)


def message(path: Path | None, reason: str = SAID[0]) -> str:
    """One line: which file, why, how much is free there, what to do."""
    place = path or paths.ROOT
    while not place.exists():
        place = place.parent
    name = paths.relative(path) if path else "a file"
    free = shutil.disk_usage(place).free / 1e6
    advice = "`make clean` removes build/"
    if place.resolve().is_relative_to(tempfile.gettempdir()):
        advice += ", TMPDIR=<directory> moves temporary files"
    return (
        f"{name} could not be written: {reason} ({free:,.1f} MB free)."
        f" Free some space ({advice}) and run the same command again."
    )


def _written_to(error: OSError) -> str | None:
    """The file whose writing failed. write() does not say; the frames that it failed in do."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        for value in frame.f_locals.values():
            if isinstance(value, io.IOBase) and set("wax+") & set(str(getattr(value, "mode", ""))):
                name = getattr(value, "name", None)
                if isinstance(name, (str, os.PathLike)) and not str(name).startswith("<"):
                    return str(name)
    mode = os.fstat(STANDARD_OUTPUT).st_mode
    redirected = stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and not os.isatty(STANDARD_OUTPUT))
    return os.path.realpath(f"/dev/fd/{STANDARD_OUTPUT}") if redirected else None
