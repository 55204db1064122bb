"""/ping and /invocations of a model without inference.py.

docs/contract.md#a4, docs/contract.md#a5

In the container nginx's JavaScript does this; the names of its functions are kept where
they help to compare.
"""

from hosting.edge import attributes, conversion, today
from hosting.edge.content_types import DEFAULT
from hosting.edge.pages import page
from hosting.edge.upstream import Failure
from hosting.http.messages import Response

_JSON_TYPES = frozenset([b"application/json", b"application/jsonlines", b"application/jsons"])
_CSV = b"text/csv"
_ESCAPED_INSTANCES = b"\\'instances\\'"
# nginx keeps a client's body, and the answer to a subrequest, in buffers of this size; its
# JavaScript cannot reach what is beyond.
BUFFER = 100 * 1024 * 1024


class PlainMode:
    """Answers /ping and /invocations by asking the model server."""

    def __init__(self, model_server, default_model, contract, tfs_version="1.13", error_log=None):
        self._model_server = model_server
        self._default_model = default_model
        self._contract = contract
        self._ping_by_predict = tfs_version == "1.11" and contract != "today"
        self._log = error_log

    async def ping(self, request):
        """200 with an empty body if the model is there, else nginx's 502."""
        path = self._path(request, with_method=self._ping_by_predict)
        if not isinstance(path, str):
            return path
        try:
            if self._ping_by_predict:
                # The model server of TensorFlow 1.11 cannot be asked for a model's state.
                status, body = await self._model_server.ask(
                    "POST", path, b'{"instances": "invalid"}', request
                )
                healthy = status in (200, 400)
            else:
                status, body = await self._model_server.ask("GET", path, b"", request)
                healthy = status == 200 and b'"AVAILABLE"' in body
        except Failure as failure:
            body, healthy = failure.body(), False
        if healthy:
            return answer(request, 200, b"")
        if self._log is not None:
            self._log("error", "js: failed ping" + body.decode("utf-8", "replace"), request)
        return page(502)

    async def invocations(self, request):
        """Convert the body, ask the model server, hand its answer on."""
        content_type = request.header(b"content-type")
        body = request.body
        if len(body) > BUFFER:
            return page(500)
        if (
            not body
            and request.header(b"content-length") is None
            and request.header(b"transfer-encoding") is None
        ):
            body = None
        try:
            if self._contract == "today":
                body = today.request_body(content_type, body)
                if not isinstance(body, bytes):
                    return body
            elif content_type in _JSON_TYPES:
                body = conversion.from_json(body, tfs_first=self._contract == "head")
            elif content_type == _CSV:
                body = conversion.from_csv(body)
            else:
                shown = (content_type or b"").decode("latin-1") or "Unknown"
                message = '{"error": "Unsupported Media Type: %s"}' % shown
                return answer(request, 415, message.encode("latin-1"))
        except conversion.NoBody:
            return page(500)
        path = self._path(request, with_method=True)
        return await self._predict(request, path, body) if isinstance(path, str) else path

    async def _predict(self, request, path, body):
        try:
            status, reply = await self._model_server.ask("POST", path, body, request)
        except Failure as failure:
            # The subrequest's page is taken for the model server's answer.
            status, reply = failure.status, failure.body()
        if len(reply) > BUFFER:
            return page(502)
        if self._contract == "today":
            reply = today.as_text(reply)
        if status == 400:
            # The model server escapes this one name so that its message is not valid JSON.
            reply = reply.replace(_ESCAPED_INSTANCES, b"'instances'", 1)
        content_type = accepted_type(_all_values(request, b"accept"), self._contract)
        if content_type is not None:
            reply = reply.replace(b"\n", b"")
        return answer(request, status, reply, content_type)

    def _path(self, request, with_method):
        """The model server's address, or the Response that refuses the custom attributes."""
        path = request.memo.get("model_server_path")
        if path is None:
            header = _all_values(request, attributes.HEADER)
            asked = attributes.parse(header.decode("latin-1") if header else None)
            refused = today.refusal(asked, with_method) if self._contract == "today" else None
            path = request.memo["model_server_path"] = refused or attributes.model_server_path(
                asked, self._default_model, with_method
            )
        return path


def answer(request, status, body, content_type=None):
    """The response of nginx's JavaScript; an error without text becomes nginx's page."""
    if status >= 400 and not body:
        return page(status)
    if status == 200:
        status = request.memo.get("precondition")
        if status is None:
            status = request.memo["precondition"] = _precondition(request)
        if status != 200:
            return page(status)
    return Response(status, body, content_type or request.memo.get("content_type", DEFAULT))


def _precondition(request):
    """The status of an answer without date or ETag: 200, 304, or 412.

    RFC 7232, as nginx judges such an answer: nothing matches it but `*`.
    """
    if (
        request.header(b"if-unmodified-since") is not None
        or request.header(b"if-match", b"*") != b"*"
    ):
        return 412
    if request.header(b"if-none-match") == b"*" and request.header(b"if-modified-since") is None:
        return 304
    return 200


def _all_values(request, name):
    """What nginx's JavaScript sees of a header that may come several times, or None."""
    values = [value for key, value in request.headers if key == name]
    return b", ".join(values) if values else None


def accepted_type(accept, contract):
    """The content type that an Accept header brings about, or None.

    With one, the answer's newlines are removed and the type is the answer's, whatever it
    says. 2019: exactly application/jsonlines or application/jsons. Last container: a list
    that holds application/jsonlines or application/json, and then the list's first entry; today
    application/json.

    >>> accepted_type(b'text/html, application/json', 'head')
    'text/html'
    """
    if contract == "today":
        return today.accepted_type(accept)
    if accept is None:
        return None
    text = accept.decode("latin-1")
    if contract == "2019":
        return text if text in ("application/jsonlines", "application/jsons") else None
    # JavaScript's replace takes away the first space only.
    entries = text.strip().replace(" ", "", 1).split(",")
    if "application/jsonlines" in entries or "application/json" in entries:
        return entries[0]
    return None
