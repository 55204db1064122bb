"""Child processes that never outlive their parent (Linux)."""

import ctypes
import os
import signal
import sys

# The handler's process, which starts model servers of a multi-model endpoint, runs in an
# environment that lacks what a model server stands on: it is told where the right one is.
PYTHON_VARIABLE = "HOSTING_PYTHON"

_PR_SET_PDEATHSIG = 1

try:
    _prctl = ctypes.CDLL(None).prctl
except (AttributeError, OSError):  # not Linux: children then end with their parent's signals
    _prctl = None


def die_with_parent(signum=signal.SIGKILL, parent=None):
    """Have the kernel send `signum` to this process when its parent dies.

    `parent` is the parent's process id; if it has died already, this process ends at once.
    """
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0)
        if parent is not None and os.getppid() != parent:
            os._exit(1)


def child_setup(parent):
    """A function for Popen's preexec_fn: the child dies with `parent` (a process id).

    It is in a process group of its own: Ctrl-C reaches the supervisor, which ends the others
    in its own order.
    """

    def setup():
        os.setpgid(0, 0)
        die_with_parent(signal.SIGKILL, parent)

    return setup


def is_alive(pid):
    """Whether a process runs, whosever child it is: one that nobody has waited for does not."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as stream:
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:  # not Linux
        return not os.path.isdir("/proc")
    except OSError:
        return False


def python_command(module):
    """The command that runs one of this project's modules in the serving environment."""
    return [os.environ.get(PYTHON_VARIABLE, sys.executable), "-m", module]
