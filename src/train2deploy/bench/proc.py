"""The endpoint's processes, seen from outside: which they are, their memory, their CPU time."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6

SUPERVISOR = "supervisor"
MODEL_SERVER = "model server"
GUNICORN = "gunicorn"
HANDLER = "handler"
EDGE = "edge"
ROLES = (SUPERVISOR, EDGE, GUNICORN, HANDLER, MODEL_SERVER)
CLIENT = "client"
TOTAL = "total"  # of memory: all processes of an endpoint together

_BY_COMMAND = (
    (b"hosting.model_server", MODEL_SERVER),
    (b"tensorflow_model_server", MODEL_SERVER),
    (b"hosting.handler_service", GUNICORN),
    (b"hosting.edge", EDGE),
)


def of_endpoint(supervisor: int) -> dict[str, int]:
    """The process id of each role below a supervisor; a role whose process is down is not there."""
    found = {SUPERVISOR: supervisor}
    for pid in children(supervisor):
        role = _role(pid)
        if role is not None:
            found[role] = pid
        if role == GUNICORN:
            for worker in children(pid):
                found[HANDLER] = worker
    return found


def tree(pid: int) -> list[int]:
    """The process ids of a process and of all below it."""
    return [pid, *(found for child in children(pid) for found in tree(child))]


def children(pid: int) -> list[int]:
    """The process ids of the children of a process."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def _role(pid: int) -> str | None:
    command = command_line(pid)
    for argument in command:
        for name, role in _BY_COMMAND:
            if argument == name or argument.endswith(b"/" + name):
                return role
    return None


def command_line(pid: int) -> list[bytes]:
    """The arguments of a process, [] when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def memory_mb(pid: int) -> dict[str, float]:
    """RSS and PSS (shared pages counted in parts), in MB of 10⁶ bytes; {} when it is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return {}
    sizes = {line.split(":")[0]: line.split() for line in text.splitlines()[1:]}
    return {
        key: round(int(sizes[name][1]) * 1024 / 1e6, 1)
        for key, name in (("rss", "Rss"), ("pss", "Pss"))
    }


def endpoint_memory_mb(supervisor: int) -> dict[str, dict[str, float]]:
    """Memory by role, and the TOTAL of every process below the supervisor, its own included.

    The total of RSS counts what processes share once for each of them, that of PSS once.
    """
    seen = {pid: memory_mb(pid) for pid in tree(supervisor)}
    roles = {role: seen[pid] for role, pid in of_endpoint(supervisor).items() if seen.get(pid)}
    total = {
        key: round(sum(found.get(key, 0.0) for found in seen.values()), 1) for key in ("rss", "pss")
    }
    return {**roles, TOTAL: total}


def rss_mb(pid: int) -> float | None:
    """RSS alone, cheap enough to be read often; None when the process is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_MB
    except OSError:
        return None


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used so far."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


class CpuMeter:
    """CPU time of some processes, and of everybody else, since the meter was made."""

    def __init__(self, pids: dict[str, int]) -> None:
        """`pids`: by role; this process, the client, is added."""
        self._pids = {**pids, CLIENT: os.getpid()}
        self._before = self._read()
        self._machine = machine_cpu_seconds()

    def _read(self) -> dict[str, float]:
        return {role: cpu_seconds(pid) for role, pid in self._pids.items()}

    def read(self) -> tuple[dict[str, float], float]:
        """(CPU seconds by role, foreign share of the machine)."""
        used = {role: now - self._before[role] for role, now in self._read().items()}
        total, busy = (
            now - before for now, before in zip(machine_cpu_seconds(), self._machine, strict=True)
        )
        foreign = max(0.0, busy - sum(used.values()))
        return used, foreign / total if total else 0.0


def machine_cpu_seconds() -> tuple[float, float]:
    """(all time of all cores, busy time) since the machine was started."""
    values = [int(value) for value in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    total = sum(values)
    return total / TICKS, (total - values[3] - values[4]) / TICKS
