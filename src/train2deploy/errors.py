"""Errors that a user can act on, and the exit codes they end with."""

EXIT_FAILED = 1  # something ran and its result is bad: a job failed, a check did not hold
EXIT_USAGE = 2  # wrong input: a variable, a file, a data set
EXIT_ENVIRONMENT = 3  # something that the machine must have is not there
EXIT_INTERRUPTED = 130  # Ctrl-C
EXIT_BROKEN_PIPE = 141
"""Nobody reads the output any more (`make runs | head`): what a shell sees of SIGPIPE."""


class UserError(Exception):
    """Ends the command with one line and no traceback (but for --verbose).

    The message says what was expected, what was found and what to do.
    """

    exit_code = EXIT_USAGE


class JobFailed(UserError):
    """A job or a check ran to a bad end."""

    exit_code = EXIT_FAILED


class MissingRequirement(UserError):
    """The machine lacks something."""

    exit_code = EXIT_ENVIRONMENT
