"""Where the handler's imports come from (docs/contract.md#a7-packages)."""

import os
import sys


def extend_search_path(code_dir, packages_dir=None, contract="2019"):
    """Put code/ and, before it, code/lib on sys.path, as the container's gunicorn does.

    In today's container code/ comes first, and PYTHONPATH says so to what the handler starts.

    `packages_dir` holds what requirements.txt asked for; in the container that is installed
    among the interpreter's own packages, so it comes after the standard library. What the last
    container holds beyond that of 2019 lies in a folder of the environment.
    """
    lib = os.path.join(code_dir, "lib")
    own = [path for path in (lib, code_dir) if path == code_dir or os.path.isdir(path)]
    if contract == "today":
        own.reverse()
        os.environ["PYTHONPATH"] = os.pathsep.join(own)
    sys.path[:0] = [path for path in own if path not in sys.path]
    if packages_dir:
        at = next(
            (i for i, entry in enumerate(sys.path) if entry.endswith("site-packages")),
            len(sys.path),
        )
        sys.path.insert(at, packages_dir)
    if contract == "head":
        sys.path.append(os.path.join(sys.prefix, "head"))
