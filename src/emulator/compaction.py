"""Which lines of the journal still count: those whose effect no later line has undone.

Left out are records of SageMaker's but the latest, S3 objects that were deleted or written over,
log groups that were deleted, and metrics older than are kept. What is in doubt stays:
a bucket with versions, an object that another was copied from, an upload that is not complete.
"""

import html
import json
import re
from collections import defaultdict
from typing import Any
from urllib.parse import parse_qs, unquote

Entry = dict[str, Any]

METRICS_SECONDS = 24 * 3600.0  # how long their values are kept here


def alive(entries: list[Entry], now: float) -> list[Entry]:
    """Of an account's lines those that make the same account."""
    records: dict[tuple[str, str, str], int] = {}
    dead: set[int] = set()
    latest = dict(enumerate(entries))
    objects = _Objects(entries)
    groups: dict[str, list[int]] = defaultdict(list)
    for place, entry in enumerate(entries):
        if "kind" in entry:
            key = (entry["region"], entry["kind"], entry["name"])
            first = records.setdefault(key, place)
            if entry["record"] is None:
                dead |= {first, place}
                del records[key]
            elif first != place:
                latest[first] = entry  # at the place of the first: the order is of creation
                dead.add(place)
        elif "request" in entry:
            if entry["call"] == "PutMetricData" and entry["at"] < now - METRICS_SECONDS:
                dead.add(place)
            elif group := _log_group(entry):
                groups[group].append(place)
                if entry["call"] == "DeleteLogGroup":
                    dead.update(groups.pop(group))
            elif "HTTP_X_AMZ_TARGET" not in entry["request"]:
                objects.take(place)
        else:
            dead.add(place)
    dead |= objects.dead
    return [latest[place] for place in range(len(entries)) if place not in dead]


def _log_group(entry: Entry) -> str:
    """Region and name of the log group that a call is about, "" where it is about none."""
    request = entry["request"]
    if not request.get("HTTP_X_AMZ_TARGET", "").startswith("Logs_"):
        return ""
    scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/", request.get("HTTP_AUTHORIZATION", ""))
    name = json.loads(entry.get("text") or "{}").get("logGroupName", "")
    return f"{scope.group(1)} {name}" if scope and name else ""


class _Objects:
    """S3's lines by the path of their object."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries
        self._of: dict[str, list[int]] = defaultdict(list)
        self.dead: set[int] = set()
        self._pinned: set[str] = set()
        for request in (entry["request"] for entry in entries if "request" in entry):
            source = unquote(request.get("HTTP_X_AMZ_COPY_SOURCE", "")).lstrip("/")
            self._pinned.add(source.partition("?")[0])
            bucket, _, key = _path(request).partition("/")
            query, method = request["QUERY_STRING"], request["REQUEST_METHOD"]
            form = method == "POST" and not key and "delete" not in query
            if form or (method == "PUT" and "versioning" in query):
                self._pinned.add(bucket)
            if host := _virtual_host(request):
                self._pinned.add(host)

    def take(self, place: int) -> None:
        request = self._entries[place]["request"]
        if _virtual_host(request):
            return
        path, method = _path(request), request["REQUEST_METHOD"]
        query = parse_qs(request["QUERY_STRING"], keep_blank_values=True)
        bucket, _, key = path.partition("/")
        if method == "POST" and "delete" in query and not key:
            self._delete_many(place, bucket)
            return
        plain = not query.keys() - {"x-id"}
        if key and plain and method in ("PUT", "DELETE"):
            self._undo(path)
        self._of[path].append(place)
        if method == "DELETE" and plain:
            of = [each for each, places in self._of.items() if places and _is_in(each, path)]
            if of == [path] and (not key or self._of[path] == [place]):
                self._undo(path)  # an object that leaves nothing; a bucket, with its settings

    def _undo(self, path: str) -> None:
        places = self._of[path]
        if path.partition("/")[0] in self._pinned or path in self._pinned or self._is_open(places):
            return
        self.dead.update(places)
        places.clear()

    def _is_open(self, places: list[int]) -> bool:
        """Whether an upload has begun here that has neither been completed nor given up."""
        begun = ended = 0
        for request in (self._entries[place]["request"] for place in places):
            query, method = request["QUERY_STRING"], request["REQUEST_METHOD"]
            begun += method == "POST" and "uploads" in query
            ended += method in ("POST", "DELETE") and "uploadId=" in query
        return begun > ended

    def _delete_many(self, place: int, bucket: str) -> None:
        text = self._entries[place].get("text")
        keys = re.findall(r"<Key>(.*?)</Key>", text or "", re.DOTALL)
        paths = [f"{bucket}/{html.unescape(key)}" for key in keys]
        for path in paths:
            self._undo(path)
        if text and not any(self._of[path] for path in paths):
            self.dead.add(place)
        else:
            self._of[bucket].append(place)  # it goes with its bucket


def _virtual_host(request: dict[str, str]) -> str:
    """The bucket that the Host names, "" where the path does."""
    host = request.get("HTTP_HOST", "").partition(":")[0]
    return "" if host in ("127.0.0.1", "localhost", "") else host.partition(".")[0]


def _is_in(path: str, place: str) -> bool:
    return path == place or ("/" not in place and path.startswith(f"{place}/"))


def _path(request: dict[str, str]) -> str:
    """bucket/key; paths in WSGI are bytes that pretend to be Latin-1."""
    path = request["PATH_INFO"].encode("latin-1", "replace").decode("utf-8", "replace")
    return path.removeprefix("/")
