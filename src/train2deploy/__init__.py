"""The host tool behind the make targets: data, vectors, jobs, package, endpoint, reports.

Runs on Python 3.10 and newer. It starts the TensorFlow 1.x side (src/train,
src/hosting) as separate processes in their own environments and imports nothing
of it, except src/encoding.py's contract by way of files.
"""

import sys

__version__ = "0.1.0"

# Here, in words that any Python can read, since PYTHON= may name any.
if sys.version_info < (3, 10):  # noqa: UP036
    get = "curl -LsSf https://astral.sh/uv/install.sh | sh && ~/.local/bin/uv python install 3.12"
    get = "brew install python@3.12" if sys.platform == "darwin" else get
    sys.stderr.write(
        "train2deploy: expected Python 3.10 or newer as PYTHON, found %s at %s. This gets one, for"  # noqa: UP031
        " PYTHON=python3.12: %s\n" % (sys.version.split()[0], sys.executable, get)
    )
    sys.exit(3)
