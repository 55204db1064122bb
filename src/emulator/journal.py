"""What the account's state is made of, in the order in which it came about: a line of JSON each.

A line is a request that moto carried out (kept.py) or a record of SageMaker's as it is from then
on (records.py). The lines are written before the client has its answer, so whatever a client was
told is still true after a kill. What is large, such as an S3 object, is a file of its own, written
once and named by the line's number. Lines that later ones have made pointless are left out when the
account starts, and whenever they have come to more than what is alive (compaction.py).
"""

import json
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

from emulator import compaction

Entry = dict[str, Any]

LEAST = 64 * 1024 * 1024  # bytes written since the last compaction, below which there is none
CHUNK = 1024 * 1024


class Journal:
    """The lines of an account's directory; for several threads.

    Args:
        directory: made if need be.

    Attributes:
        is_closed: set once no line is written any more.
    """

    def __init__(self, directory: Path) -> None:
        self._lines = directory / "journal.jsonl"
        self._bodies = directory / "bodies"
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        self._number = 0
        self._written = 0
        self._alive = 0
        self.is_closed = threading.Event()
        self._bodies.mkdir(parents=True, exist_ok=True)

    def open(self) -> list[Entry]:
        """The lines so far that still count; from now on there may be more."""
        with self._lock:
            return self._compact(at_start=True)

    def clear(self) -> None:
        """An account in which nothing has happened."""
        with self._lock:
            self._close()
            self._lines.unlink(missing_ok=True)
            shutil.rmtree(self._bodies, ignore_errors=True)
            self._bodies.mkdir(parents=True)
            self._compact()

    def close(self) -> None:
        """No line is written any more."""
        self.is_closed.set()
        with self._lock:
            self._close()

    def number(self) -> int:
        """One that no line has, and none that was left out ever had."""
        with self._lock:
            self._number += 1
            return self._number

    def body(self, number: int) -> Path:
        """Where a body lies that is too long for its line."""
        return self._bodies / str(number)

    def draft(self, number: int) -> Path:
        """Where it lies until there is a line."""
        return self._bodies / f"{number}.new"

    def add(self, **entry: Any) -> None:
        """Writes a line, with the time; one that has a `size` takes its draft along."""
        with self._lock:
            if self._file is None:
                return
            if "size" in entry:
                os.replace(self.draft(entry["n"]), self.body(entry["n"]))
            entry = {"at": time.time(), **entry}
            line = json.dumps(entry).encode() + b"\n"
            self._file.write(line)
            self._written += len(line) + entry.get("size", 0)
            if self._written > max(LEAST, self._alive):
                self._compact()

    def _compact(self, at_start: bool = False) -> list[Entry]:
        self._close()
        entries = _read(self._lines)
        self._number = max([self._number, *(entry.get("n", 0) for entry in entries)])
        # The first line keeps the numbers of those that are left out from being given again.
        alive = [{"n": self._number}, *compaction.alive(entries, time.time())]
        fresh = self._lines.with_suffix(".new")
        with fresh.open("wb") as file:
            for entry in alive:
                file.write(json.dumps(entry).encode() + b"\n")
            self._alive = file.tell() + sum(entry.get("size", 0) for entry in alive)
        os.replace(fresh, self._lines)
        kept = {str(entry["n"]) for entry in alive if "size" in entry}
        for path in self._bodies.iterdir():
            if path.name not in kept and (path.suffix != ".new" or at_start):
                path.unlink()
        self._written = 0
        self._file = self._lines.open("ab", buffering=0)
        return alive[1:]

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _read(path: Path) -> list[Entry]:
    """Without the end of a line whose writing was cut short by a kill."""
    if not path.exists():
        return []
    *whole, _ = path.read_bytes().split(b"\n")
    return [json.loads(line) for line in whole]
