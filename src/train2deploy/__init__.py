"""The host tool behind the make targets: data, vectors, jobs, package, endpoint, reports.

Runs on Python 3.10 and newer. It starts the TensorFlow 1.x side (src/train,
src/hosting) as separate processes in their own environments and imports nothing
of it, except src/encoding.py's contract by way of files.
"""

import sys

__version__ = "0.1.0"

# Here, in words that any Python can read, since PYTHON= may name any.
if sys.version_info < (3, 10):  # noqa: UP036
    sys.stderr.write(
        "train2deploy: expected Python 3.10 or newer as PYTHON, found %s at %s."  # noqa: UP031
        " Give PYTHON=<path of a newer one>.\n" % (sys.version.split()[0], sys.executable)
    )
    sys.exit(3)
