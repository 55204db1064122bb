"""SageMaker's records and tags of a region in the journal: each again when it has changed."""

import json
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from emulator.journal import Entry, Journal

TIME = "\ue000time"
"""The key of a moment; of Unicode's private characters, so that it is nobody's own."""
TAGS = "tags"


class Collection(Protocol):
    """Records by the name that each is found by."""

    kind: str

    def items(self) -> list[tuple[str, dict[str, Any]]]: ...

    def add(self, name: str, record: dict[str, Any]) -> None: ...


class Account(Protocol):
    """What is kept of a region's account."""

    region: str
    lock: threading.RLock
    stopping: threading.Event
    tags: dict[str, dict[str, str]]

    @property
    def collections(self) -> Sequence[Collection]: ...


class Records:
    """What the journal has of a region.

    Args:
        account: without records yet, unless `restore` is called.
    """

    def __init__(self, account: Account, journal: Journal) -> None:
        self._account = account
        self._journal = journal
        self._written: dict[tuple[str, str], str] = {}

    def restore(self, entry: Entry) -> None:
        """Has the region a record as the journal has it."""
        kind, name, record = entry["kind"], entry["name"], entry["record"]
        self._written[kind, name] = json.dumps(record)
        if kind == TAGS:
            self._account.tags[name] = record
            return
        collections = {each.kind: each for each in self._account.collections}
        collections[kind].add(name, _with_times(record))

    def save(self) -> None:
        """Writes what is not as the journal has it; nothing of how an ending emulator ends jobs."""
        with self._account.lock:
            if self._account.stopping.is_set():
                return
            now = {(TAGS, arn): json.dumps(tags) for arn, tags in self._account.tags.items()}
            for collection in self._account.collections:
                for name, record in collection.items():
                    now[collection.kind, name] = json.dumps(record, default=_moment)
            for key in [*(self._written.keys() - now.keys()), *now]:
                if self._written.get(key) != now.get(key):
                    self._write(key, now.get(key))
            self._written = now

    def _write(self, key: tuple[str, str], text: str | None) -> None:
        record: Any = None if text is None else json.loads(text)
        kind, name = key
        self._journal.add(region=self._account.region, kind=kind, name=name, record=record)


def _moment(value: datetime) -> dict[str, str]:
    return {TIME: value.isoformat()}


def _with_times(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {TIME}:
            return datetime.fromisoformat(value[TIME])
        return {key: _with_times(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_with_times(member) for member in value]
    return value
