"""Runs a command on a network that has the loopback and nothing else (Linux, as root).

    unshare --net python loopback.py <file> <command> …

Every attempt to reach anything beyond the loopback finds no route, and the kernel counts
it (IpOutNoRoutes); the count of the command's whole life is written to <file>.
"""

import fcntl
import socket
import struct
import subprocess
import sys
from pathlib import Path

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


def bring_up(interface: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", interface.encode(), 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
        request = struct.pack("16sh14x", interface.encode(), flags | IFF_UP)
        fcntl.ioctl(control, SIOCSIFFLAGS, request)


def unroutable() -> int:
    """Packets that had no way out, in this network namespace."""
    names, values = [
        line.split() for line in Path("/proc/net/snmp").read_text().splitlines()
        if line.startswith("Ip:")
    ]
    return int(dict(zip(names, values))["OutNoRoutes"])


if __name__ == "__main__":
    bring_up("lo")
    before = unroutable()
    status = subprocess.call(sys.argv[2:])
    Path(sys.argv[1]).write_text(str(unroutable() - before))
    sys.exit(status)
