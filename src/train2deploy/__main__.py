"""`python -m train2deploy <command>`: what the Makefile calls."""

import sys

from train2deploy.cli import main

if __name__ == "__main__":
    sys.exit(main())
