"""What a running endpoint needs of this machine: a private directory, and ports.

In the container these are fixed places: /sagemaker, /tmp/gunicorn.sock, ports 9000 and 8501.
"""

import fcntl
import glob
import os
import random
import shutil
import socket
import tempfile

_PREFIX = "sagemaker-hosting-"
_LONGEST_SOCKET_PATH = 100  # Linux allows 107 characters
FREE_PORTS = (10000, 32768)


class RuntimeDirectory:
    """A private directory for one endpoint; what killed endpoints left is removed."""

    def __init__(self):
        parent = tempfile.gettempdir()
        if len(os.path.join(parent, _PREFIX + "x" * 8, "gunicorn.sock")) > _LONGEST_SOCKET_PATH:
            parent = "/tmp"  # noqa: S108, mkdtemp makes a private directory in it
        _remove_abandoned(parent)
        # Held as long as this process lives: whoever can take it may remove the directory. Another
        # endpoint that is just starting may be faster.
        self._lock = None
        while self._lock is None:
            self.path = tempfile.mkdtemp(prefix=_PREFIX, dir=parent)
            self._lock = _locked(os.path.join(self.path, "lock"))
        self.working_dir = os.path.join(self.path, "sagemaker")
        os.mkdir(self.working_dir)

    @property
    def gunicorn_socket(self):
        return os.path.join(self.path, "gunicorn.sock")

    def write(self, name, text):
        path = os.path.join(self.path, name)
        with open(path, "w") as stream:
            stream.write(text)
        return path

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def _locked(path):
    """A new file that only this process has; None if another one has taken it for abandoned."""
    lock = open(path, "w")  # noqa: SIM115
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.exists(path):
            return lock
    except OSError:
        pass
    lock.close()
    return None


def _remove_abandoned(parent):
    for path in glob.glob(os.path.join(glob.escape(parent), _PREFIX + "*")):
        try:
            with open(os.path.join(path, "lock"), "r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
        except OSError:
            continue  # in use, somebody else's, or just being made


class Ports:
    """Ports of 127.0.0.1 that this process has claimed.

    A model server listens only seconds after it was started, so that looking whether a port
    is free is not enough: two endpoints started together would choose the same one, and one
    would answer with the other's model. A name in the abstract socket namespace, which
    vanishes with the process, says that a port is spoken for.
    """

    def __init__(self):
        self._claims = {}

    def claim(self, port):
        """Whether `port` is free and now ours."""
        if port in self._claims:
            return True
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0sagemaker-hosting-port-{port}")
        except OSError:
            claim.close()
            return False
        if not can_listen("127.0.0.1", port):
            claim.close()
            return False
        self._claims[port] = claim
        return True

    def claim_any(self):
        """A free port, now ours.

        From below the range that the kernel gives to outgoing connections: one of those
        could take it before the model server listens.
        """
        while True:
            port = random.randrange(*FREE_PORTS)
            if self.claim(port):
                return port


def can_listen(host, port):
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
        return True
    except OSError:
        return False
