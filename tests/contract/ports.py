"""Ports for what the tests start."""
import random
import socket

GIVEN = set()  # no port is given twice: not even to an endpoint and to the model servers beside it


def free_port():
    return free_port_range(1)


def free_port_range(count):
    """The lowest of `count` neighbouring free ports.

    From below the range that the kernel gives to outgoing connections: one of those could
    take a port before the endpoint does.
    """
    while True:
        low = random.randrange(10000, 32768 - count)
        ports = range(low, low + count)
        if GIVEN.isdisjoint(ports) and all(map(is_free, ports)):
            GIVEN.update(ports)
            return low


def is_free(port):
    """Whether nothing has the port and no endpoint has claimed it (see hosting.runtime.Ports)."""
    with socket.socket() as probe, socket.socket(socket.AF_UNIX) as claim:
        try:
            claim.bind('\0sagemaker-hosting-port-%d' % port)
            probe.bind(('127.0.0.1', port))
        except OSError:
            return False
    return True
