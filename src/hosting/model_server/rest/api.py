"""The REST API of TF Serving 1.13: /v1/models/…"""

import asyncio
import logging
import re
import threading
from functools import partial
from typing import Callable, Dict

from hosting import prometheus
from hosting.http.messages import Response
from hosting.http.pending import Pending
from hosting.model_server import errors, examples, monitoring, predict
from hosting.model_server.errors import ServingError, Unloaded, internal, invalid_argument
from hosting.model_server.graph.signatures import CLASSIFY, REGRESS
from hosting.model_server.json.request import Body, predict_tensors
from hosting.model_server.json.response import (
    classifications,
    column_format,
    regressions,
    row_format,
)
from hosting.model_server.json.writer import quote
from hosting.model_server.manager import AVAILABLE, STATE_NAMES
from hosting.model_server.queues.tasks import Task
from hosting.model_server.rest.metadata import metadata_json

log = logging.getLogger(__name__)

_JSON = "application/json"
_VERSIONS = 1 << 63  # versions are int64
_PREDICTION = re.compile(
    r"/v1/models/([^/:]+)(?:/versions/(\d+))?:(classify|regress|predict)", re.IGNORECASE
)
_STATUS = re.compile(r"/v1/models(?:/([^/:]+))?(?:/versions/(\d+))?(?:/(metadata))?", re.IGNORECASE)

# By error code.
_STATUSES = (200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401)

_ESCAPES = {ord(text): b"\\" + code for text, code in zip("\n\r\t\"'\\", b"n r t \" ' \\".split())}
_CESCAPE = [
    _ESCAPES.get(i) or (bytes([i]) if 0x20 <= i < 0x7F else b"\\%03o" % i) for i in range(256)
]
_ESCAPED = re.compile(rb"[^ !#-&(-\[\]-~]")


def c_escape(text):
    """``absl::CEscape``: as in C source, bytes beyond ASCII in octal.

    The result is no valid JSON where it holds ``\\'`` or octal escapes; so it is
    with TF Serving.
    """
    return _ESCAPED.sub(
        lambda found: _CESCAPE[found[0][0]], text.encode("utf-8", "surrogateescape")
    )


def _not_served(path):
    """What TF Serving's HTTP library says to a path that is not the API's."""
    return Response(
        404,
        b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n"
        b"<H1>Not Found</H1>\n</BODY></HTML>\n",
        "text/html",
        close=True,
    )


def error_response(error):
    body = b'{ "error": "' + c_escape(error.message) + b'" }'
    return Response(_STATUSES[error.code], body, _JSON)


def _status_json(versions):
    items = []
    for version in versions:
        items.append(
            '  {\n   "version": "%d",\n   "state": "%s",\n   "status": {\n'
            '    "error_code": "%s",\n    "error_message": %s\n   }\n  }'
            % (
                version.number,
                STATE_NAMES[version.state],
                errors.ENUM_NAMES.get(version.error_code, "UNKNOWN"),
                quote(version.error_message),
            )
        )
    return '{\n "model_version_status": [\n%s\n ]\n}\n' % ",\n".join(items)


class RestApi:
    """The handler for hosting.http.server."""

    def __init__(self, manager, timeout_ms, metrics=False):
        self._manager = manager
        self._metrics = metrics
        self._timeout_ms = timeout_ms
        self._loop = asyncio.get_event_loop()
        self._thread = threading.get_ident()
        self._methods: Dict[str, Callable] = {
            "predict": self._predict,
            "classify": partial(self._run_examples, CLASSIFY),
            "regress": partial(self._run_examples, REGRESS),
        }

    def __call__(self, request):
        """A Response, or a Pending of one."""
        try:
            try:
                return self._dispatch(request)
            except Unloaded:
                # Another version may be there by now; if none is, that is the answer.
                return self._dispatch(request)
        except ServingError as error:
            return error_response(error)
        except RecursionError:
            return error_response(invalid_argument("JSON Parse error: nested too deeply"))
        except Exception:
            log.exception("%r failed", request)
            return error_response(internal("The model server failed on this request; see its log"))

    def _dispatch(self, request):
        path = request.path
        if request.method == "POST":
            match = _PREDICTION.fullmatch(path)
            if match:
                name, version, method = match.groups()
                if version and int(version) >= _VERSIONS:
                    # TF Serving leaves the body of this one error empty.
                    return Response(400, b"", _JSON)
                # The pattern ignores case, the methods' names do not.
                if method in self._methods:
                    return self._methods[method](
                        name, int(version) if version else None, request.body
                    )
        elif request.method == "GET":
            match = _STATUS.fullmatch(path)
            if match:
                return self._status(*match.groups())
            if self._metrics and path == prometheus.MODEL_SERVER_PATH:
                text = monitoring.metrics(self._manager.versions(), AVAILABLE)
                return Response(200, text.encode(), prometheus.CONTENT_TYPE)
        if path[:4].lower() != "/v1/":
            return _not_served(path)
        raise invalid_argument(f"Malformed request: {request.method} {path}")

    def _status(self, name, version, part):
        if not name:
            raise invalid_argument("Missing model name in request.")
        if version and int(version) >= _VERSIONS:
            raise invalid_argument(f"Failed to convert version: {version} to numeric.")
        version = int(version) if version else None
        if part:
            text = metadata_json(self._manager.servable(name, version))
        else:
            text = _status_json(self._manager.states(name, version))
        return Response(200, text.encode("utf-8", "surrogateescape"), _JSON)

    def _predict(self, name, version, raw):
        body = Body(raw)
        signature_name = body.signature_name()
        servable = self._manager.servable(name, version)
        signature = predict.signature_for_json(servable, signature_name)
        tensors, rows = predict_tensors(body, signature.inputs)
        write = row_format if rows else column_format

        def result(arrays):
            return write(predict.named_outputs(task, arrays))

        pending, done = self._pending(result)
        task = predict.new_task(signature, tensors, (), done, self._timeout_ms)
        servable.scheduler.submit(task, self._loop.call_soon)
        return pending

    def _run_examples(self, method, name, version, raw):
        body = Body(raw)
        signature_name = body.signature_name()
        serialized = examples.examples_from_json(body)
        servable = self._manager.servable(name, version)
        signature = examples.find_signature(servable, signature_name, method)
        outputs = examples.output_names(signature, method)

        def result(arrays):
            results = dict(zip(outputs, arrays))
            if method == REGRESS:
                return regressions(examples.regression_result(signature, results, len(serialized)))
            return classifications(
                examples.classification_result(signature, results, len(serialized))
            )

        pending, done = self._pending(result)
        inputs, types = examples.input_arrays(serialized), examples.INPUT_TYPES
        task = Task(signature, inputs, outputs, done, self._timeout_ms, types)
        servable.scheduler.submit(task, self._loop.call_soon)
        return pending

    def _pending(self, write):
        """A Pending of the response, and the function that a task calls when it is done.

        `write(arrays)` makes the body; it runs in the loop's own thread.
        """
        loop = self._loop
        pending = Pending()

        def finish(arrays, error):
            if pending.done():  # nobody waits any more
                return
            try:
                if error is not None:
                    raise error
                text = write(arrays)
                response = Response(200, text.encode("utf-8", "surrogateescape"), _JSON)
            except ServingError as failure:
                response = error_response(failure)
            except Exception:
                log.exception("writing a response failed")
                response = error_response(internal("Failed to write the response"))
            pending.settle(response)

        def done(arrays, error):
            if threading.get_ident() == self._thread:
                finish(arrays, error)
            else:
                loop.call_soon_threadsafe(finish, arrays, error)

        return pending, done
