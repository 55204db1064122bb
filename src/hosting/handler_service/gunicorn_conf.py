"""gunicorn's hooks: a worker never outlives gunicorn."""

import signal

from hosting.processes import die_with_parent


def post_fork(server, worker):
    die_with_parent(signal.SIGKILL, worker.ppid)
