"""How every command of ours ends: one line for a user, and a status.

Standard library alone: it serves what runs before any environment is made, too.
"""

import argparse
import contextlib
import os
import re
import select
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, TextIO

from train2deploy import disk
from train2deploy.errors import (
    EXIT_BROKEN_PIPE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    UserError,
)

Failures = tuple[type[Exception], ...]


class Parser(argparse.ArgumentParser):
    """Says of a wrong value one line, which names make's variable: there it was given."""

    def error(self, message: str) -> NoReturn:
        found = re.match(r"argument --[\w-]+: ([A-Z0-9_]+=.*)", message, re.DOTALL)
        if not found:
            super().error(message)
        self.exit(EXIT_USAGE, f"train2deploy: {found[1]}\n")


def run(
    command: Callable[[], int | None],
    verbose: bool = False,
    program: str = "train2deploy",
    failures: Failures = (),
    explained: Callable[[Exception], str] = str,
) -> int:
    """Runs a command to its end.

    Args:
        verbose: the traceback is shown, too.
        failures: errors of a library that are a user's to mend, as UserError is.
        explained: the line for a UserError or one of `failures`.

    Returns:
        The exit status: what the command returned, or one of errors.EXIT_*.
    """
    known: Failures = (UserError, *failures)
    try:
        try:
            status = command() or 0
        finally:
            sys.stdout.flush()
    except known as error:
        return _told(error, explained(error), verbose, program)
    except KeyboardInterrupt:
        _say(f"{program}: interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        if not _reader_left():
            raise
        _drop(sys.stdout)
        return EXIT_BROKEN_PIPE
    except OSError as error:
        full = disk.explained(error)
        if full is None:
            raise
        _drop(sys.stdout)
        return _told(full, str(full), verbose, program)
    return status


def interrupt_on_sigterm() -> None:
    """SIGTERM ends a command as Ctrl-C does; a second one does not end the tidying up."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        # (SIG_IGN would be inherited by child processes.)
        signal.signal(signal.SIGTERM, lambda *_: None)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def _told(error: Exception, line: str, verbose: bool, program: str) -> int:
    if verbose:
        with contextlib.suppress(OSError):
            traceback.print_exc()
    _say(f"{program}: {line}")
    return error.exit_code if isinstance(error, UserError) else EXIT_FAILED


def _say(line: str) -> None:
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _drop(sys.stderr)


def _reader_left() -> bool:
    """Whether it is our output that nobody reads any more, and not some other pipe or socket."""
    poller = select.poll()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            poller.register(stream.fileno(), 0)
    return any(event & select.POLLERR for _, event in poller.poll(0))


def _drop(stream: TextIO) -> None:
    """What is still buffered must not fail again when Python ends: that would change the status."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with contextlib.suppress(OSError, ValueError):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
