"""The cloud tool, forked from a process that has imported it and read botocore's descriptions of
the services: these are most of its work.

    python forked.py <root> <descriptor of a listening socket>    serves; `Process` is its client

A connection brings a command line and the ends of two streams. It is told the process id at once
and the exit status when the process has ended.
"""
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys

SERVICES = ("application-autoscaling", "cloudwatch", "iam", "logs", "resourcegroupstaggingapi",
            "s3", "sagemaker", "sagemaker-runtime", "sts")


class Process:
    """As subprocess.Popen has one; both output streams are in what `communicate` returns."""

    returncode = None

    def __init__(self, server, arguments, stdin):
        output, written = os.pipe()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(server)
            socket.send_fds(connection, [json.dumps(arguments).encode()], [stdin, written])
            self._told = connection.makefile()
        os.close(written)
        self._output = os.fdopen(output, encoding="utf-8")
        self.pid = int(self._told.readline())

    def send_signal(self, number):
        os.kill(self.pid, number)

    def communicate(self):
        with self._output, self._told:
            output = self._output.read()
            self.returncode = int(self._told.readline())
        return output


def serve(listener):
    """Forks for ever; returns in what was forked, with the status to exit with."""
    import botocore.loaders
    import botocore.session

    import train2deploy.cli  # noqa: F401
    from train2deploy import cloud

    for module in pkgutil.iter_modules(cloud.__path__, f"{cloud.__name__}."):
        importlib.import_module(module.name)
    loader = botocore.loaders.create_loader()
    botocore.session.create_loader = lambda path: loader
    for service in SERVICES:
        botocore.session.Session().create_client(
            service, "us-east-1", aws_access_key_id="none", aws_secret_access_key="none")

    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listener.accept()
        text, streams, _, _ = socket.recv_fds(connection, 1 << 16, 2)
        if os.fork() == 0:
            listener.close()
            return keep(connection, streams, json.loads(text))
        connection.close()
        for stream in streams:
            os.close(stream)


def keep(connection, streams, arguments):
    """Runs the tool in a process below this one, which tells of it."""
    from train2deploy import cli

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        connection.close()
        for number, stream in enumerate((*streams, streams[1])):
            os.dup2(stream, number)
    for stream in streams:
        os.close(stream)
    if child == 0:
        return cli.main(arguments)
    with connection:
        connection.sendall(b"%d\n" % child)
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    return 0


if __name__ == "__main__":
    os.environ["TRAIN2DEPLOY_ROOT"] = sys.argv[1]
    status = serve(socket.socket(fileno=int(sys.argv[2])))
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)  # to clear away all that was imported would take longer than most commands
