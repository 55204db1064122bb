"""`python -m train2deploy <command>`: what the Makefile calls."""

import gc
import sys

from train2deploy.cli import main

if __name__ == "__main__":
    # What a command imports stays, and most commands are short: looking through it for garbage, at
    # the end once more, would take as long as all the rest.
    gc.set_threshold(100_000)
    status = main()
    gc.freeze()
    sys.exit(status)
