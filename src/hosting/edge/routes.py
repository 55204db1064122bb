"""Which location of nginx.conf a request falls into (docs/contract.md#a3)."""

import re
from functools import partial
from typing import List
from urllib.parse import quote, unquote_to_bytes

from hosting.edge.attributes import SAFE
from hosting.edge.content_types import content_type
from hosting.edge.pages import page
from hosting.http.messages import Response

_NOT_NORMAL = re.compile(r"%|//|/\.|#|[^!-~]")


class BadPath(ValueError):
    """nginx refuses the path: it leads above the root, or holds a NUL or a bad escape."""


def normalised(path):
    """The path nginx matches locations with: unescaped, slashes merged, dots resolved."""
    if not _NOT_NORMAL.search(path):
        return path
    if re.search(r"%(?![0-9a-fA-F]{2})|%00", path):
        raise BadPath(path)
    parts: List[str] = []
    text = unquote_to_bytes(path.partition("#")[0].encode("latin-1")).decode("latin-1")
    segments = text.split("/")
    for i, segment in enumerate(segments[1:], 1):
        last = i == len(segments) - 1
        if segment == "..":
            if not parts:
                raise BadPath(path)
            parts.pop()
        elif segment and segment != ".":
            parts.append(segment)
        if last and segment in ("", ".", ".."):
            parts.append("")
    return "/" + "/".join(parts)


class Router:
    """Hands a request to its location's function."""

    def __init__(self, model_server, gunicorn=None, plain=None, models=False, metrics=None):
        """`gunicorn`: the upstream with the model's inference.py, else `plain` answers.

        `models`: whether /models is a location (last container); `metrics`: who answers /metrics.
        """
        self._model_server = model_server
        self._gunicorn = gunicorn
        self._plain = plain
        self._metrics = metrics
        self._prefixes = ("/invocations", "/ping", "/tfs") + (("/models",) if models else ())

    def __call__(self, request):
        location = request.memo.get("location")
        if location is None:
            location = request.memo["location"] = self._location(request)
        return location(request)

    def _location(self, request):
        """The function that answers the request; it follows from its head alone."""
        try:
            path = normalised(request.path)
        except BadPath:
            return _bad_path
        request.memo["content_type"] = content_type(path)
        if self._metrics is not None and path == "/metrics":
            request.memo["route"] = path
            return self._metrics.answer
        route = next((prefix for prefix in self._prefixes if path.startswith(prefix)), None)
        request.memo["route"] = route
        if route is None:
            return _not_found
        if route == "/tfs":
            stripped = path[4:] if path.startswith("/tfs/") else path
            return partial(self._model_server.forward_json, target=self._target(stripped, request))
        if self._plain is not None and route != "/models":
            return self._plain.ping if route == "/ping" else self._plain.invocations
        return partial(self._gunicorn.forward, target=self._target(path, request))

    @staticmethod
    def _target(path, request):
        """The request target for an upstream: the normalised path, escaped again."""
        path = quote(path, safe=SAFE, encoding="latin-1")
        query = request.query.partition("#")[0]
        return path + "?" + query if query else path


def _bad_path(request):
    return page(400)


def _not_found(request):
    return Response(404, b'{"error": "Not Found"}', request.memo["content_type"])
