"""`python -m train2deploy.cloud <command>`: what the Makefile's cloud targets call."""

import sys

from train2deploy.cloud.cli import main

if __name__ == "__main__":
    sys.exit(main())
