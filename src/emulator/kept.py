"""moto with a memory: what it carries out is written to the journal, and done again at a start.

Doing a request again must give what the client was told: moto takes every id from one generator,
which is seeded with the number of the request's line, and the time from one clock, which stands
still for each. So requests are carried out one after the other; their bodies are read before.
"""

import base64
import contextlib
import datetime
import io
import logging
import os
import re
import shutil
import threading
import time
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs

import moto.applicationautoscaling.models
import moto.core.utils
import moto.s3.models
from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY
from moto.moto_api._internal import mock_random
from werkzeug.wrappers import Request

from emulator.journal import CHUNK, Entry, Journal

logger = logging.getLogger("emulator")

READS = re.compile(r"(Describe|Get|List|Head|Filter|BatchGet|Test|Simulate|Lookup)")
INLINE, INLINE_JSON = 4 * 1024, 2 * 1024 * 1024
"""Bytes of a body that stands in its line: an object's, a call's in JSON."""
DROPPED = re.compile(r"HTTP_(USER_AGENT|AMZ_SDK_.*|X_AMZ_SECURITY_TOKEN|ACCEPT.*|EXPECT)")
"""Variables of a request that moto does not look at, or that are nobody's business."""
SIGNED = re.compile(r"Credential=([^,\s]+)")


class Kept:
    """A WSGI application around moto's."""

    def __init__(self, moto_application: Any, journal: Journal) -> None:
        self._moto = moto_application
        self._journal = journal
        self._lock = threading.RLock()
        # Ids of uploads are the only ones that moto takes from the system.
        own = types.SimpleNamespace(**{**vars(os), "urandom": mock_random.randbytes})
        vars(moto.s3.models)["os"] = own

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        call = operation(environ)
        if READS.match(call):
            with self._lock:
                return list(self._moto(environ, start_response))
        number = self._journal.number()
        draft = self._journal.draft(number)
        try:
            body = self._take_body(environ, draft)
            with body, self._lock:
                environ["wsgi.input"] = body
                at = time.time()
                status, answer = self._carry_out(number, at, environ, start_response)
                if status < 400:
                    self._write(number, at, call, environ, body)
        finally:
            draft.unlink(missing_ok=True)
        return answer

    def replay(self, entry: Entry) -> None:
        """Does a request again, as at its time."""
        environ: dict[str, Any] = dict(entry["request"])
        names = environ.pop("names", None)
        if names:
            environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = names
        if "size" in entry:
            body: BinaryIO = self._journal.body(entry["n"]).open("rb")
        else:
            body = io.BytesIO(
                base64.b64decode(entry["bytes"]) if "bytes" in entry else entry["text"].encode()
            )
        fixed = {
            "wsgi.version": (1, 0), "wsgi.errors": io.StringIO(), "wsgi.multithread": True,
            "wsgi.multiprocess": False, "wsgi.run_once": False, "wsgi.input": body,
        }  # fmt: skip
        try:
            with body, self._lock:
                status, _ = self._carry_out(
                    entry["n"], entry["at"], {**environ, **fixed}, lambda *_: None
                )
        except Exception:
            logger.exception("%s of %s", entry["call"], environ["PATH_INFO"])
            return
        if status >= 400:
            logger.error("%s of %s was refused this time", entry["call"], environ["PATH_INFO"])

    def reset(self) -> None:
        """An empty account."""
        from moto.moto_api._internal.models import moto_api_backend

        with self._lock:
            moto_api_backend.reset()
            self._journal.clear()

    def _carry_out(
        self, number: int, at: float, environ: dict[str, Any], start_response: Any
    ) -> tuple[int, list[bytes]]:
        statuses: list[str] = []

        def start(status: str, *rest: Any) -> Any:
            statuses.append(status)
            return start_response(status, *rest)

        mock_random.seed(number)
        with _clock(at):
            found = self._moto(environ, start)
            try:
                answer = list(found)
            finally:
                if hasattr(found, "close"):
                    found.close()
        return int(statuses[-1].split()[0]), answer

    def _take_body(self, environ: dict[str, Any], draft: Path) -> BinaryIO:
        """The whole body, in memory where it is small, else in the draft of its file."""
        stream = Request(environ).stream
        limit = INLINE_JSON if "HTTP_X_AMZ_TARGET" in environ else INLINE
        start = _read(stream, limit + 1)
        size = len(start)
        body: BinaryIO = io.BytesIO(start)
        if size > limit:
            with draft.open("wb") as file:
                file.write(start)
                shutil.copyfileobj(stream, file, CHUNK)
                size = file.tell()
            body = draft.open("rb")
        environ["CONTENT_LENGTH"] = str(size)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ.pop("wsgi.input_terminated", None)
        return body

    def _write(
        self, number: int, at: float, call: str, environ: dict[str, Any], body: BinaryIO
    ) -> None:
        request = {
            name: value
            for name, value in environ.items()
            if isinstance(value, str) and not DROPPED.fullmatch(name)
        }
        # Whose key it was, and for which region and service; not the signature.
        signed = SIGNED.search(request.get("HTTP_AUTHORIZATION", ""))
        if signed:
            request["HTTP_AUTHORIZATION"] = (
                f"AWS4-HMAC-SHA256 Credential={signed.group(1)}, SignedHeaders=host, Signature=0"
            )
        more: dict[str, Any] = {}
        if names := environ.get(PRESERVED_HEADER_NAMES_ENVIRON_KEY):
            more["names"] = names
        what: dict[str, Any] = {"size": int(environ["CONTENT_LENGTH"])}
        if isinstance(body, io.BytesIO):
            try:
                what = {"text": body.getvalue().decode()}
            except UnicodeDecodeError:
                what = {"bytes": base64.b64encode(body.getvalue()).decode()}
        self._journal.add(at=at, n=number, call=call, request={**request, **more}, **what)


def operation(environ: dict[str, Any]) -> str:
    """What a request asks for, as far as it tells whether anything changes by it."""
    if target := environ.get("HTTP_X_AMZ_TARGET", ""):
        return str(target).rpartition(".")[2]
    if "/operation/" in environ["PATH_INFO"]:
        return str(environ["PATH_INFO"]).rpartition("/")[2]
    method = str(environ["REQUEST_METHOD"])
    if method == "POST" and environ.get("CONTENT_TYPE", "").startswith(FORM):
        body = Request(environ).get_data()
        environ["wsgi.input"] = io.BytesIO(body)
        action = parse_qs(body.decode("utf-8", "replace")).get("Action", [method])
        return str(action[0])
    return {"GET": "Get", "HEAD": "Head", "OPTIONS": "Get"}.get(method, method)


FORM = "application/x-www-form-urlencoded"


def _read(stream: Any, size: int) -> bytes:
    """That many bytes, or all there are."""
    parts = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


@contextlib.contextmanager
def _clock(at: float) -> Iterator[None]:
    """moto's time is this."""

    class Then(datetime.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.datetime.fromtimestamp(at, tz)

        @classmethod
        def utcnow(cls) -> Any:
            return cls.now(datetime.timezone.utc).replace(tzinfo=None)

    then = types.SimpleNamespace(**{**vars(datetime), "datetime": Then})
    stopped = types.SimpleNamespace(time=lambda: at)
    places: list[tuple[Any, str, Any]] = [
        (moto.core.utils, "datetime", then),
        (moto.s3.models, "datetime", then),
        (moto.applicationautoscaling.models, "time", stopped),
    ]
    before = [(module, name, getattr(module, name)) for module, name, _ in places]
    for module, name, value in places:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)
