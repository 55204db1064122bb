"""`python -m hosting.handler_service [gunicorn's options]`: gunicorn over the handler's app.

It runs in an environment of its own, which holds the container's packages. The module search
path becomes the container's too: the model's code/lib, code/, and the packages of its
requirements.txt, but nothing of this project's sources: an import that only works on this
machine must fail here, not on SageMaker.
"""

import importlib
import os
import sys

import hosting
from hosting.handler_service import paths


def _forget_sources():
    """Take this project's own sources off the search path; `hosting.*` stays importable."""
    sources = os.path.dirname(os.path.dirname(os.path.abspath(hosting.__file__)))
    if os.path.basename(sources) == "site-packages":
        return
    sys.path[:] = [entry for entry in sys.path if entry and os.path.abspath(entry) != sources]
    os.environ.pop("PYTHONPATH", None)


def main():
    _forget_sources()
    paths.extend_search_path(
        os.environ["HOSTING_CODE_DIR"],
        os.environ.get("HOSTING_PACKAGES_DIR"),
        os.environ.get("HOSTING_CONTRACT"),
    )
    if os.environ.get("HOSTING_CONTRACT") == "today":
        # Once, before the workers are forked: they share what it has loaded (docs/contract.md#a7).
        importlib.import_module("hosting.handler_service.wsgi")
    from gunicorn.app.wsgiapp import run

    sys.argv[0] = "gunicorn"
    run()


if __name__ == "__main__":
    main()
