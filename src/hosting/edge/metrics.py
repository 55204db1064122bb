"""GET /metrics: what this front has seen, and what the model servers say (docs/contract.md#a11)."""

from time import perf_counter
from typing import AbstractSet

from hosting import prometheus
from hosting.edge.pages import page
from hosting.http.client import Client, ClientError
from hosting.http.connection import Connection
from hosting.http.messages import Response

_PATIENCE = 2.0  # seconds for a model server to answer a scrape


class _Route:
    """What has been counted of one location."""

    __slots__ = ("statuses", "seconds", "received", "sent")

    def __init__(self):
        self.statuses = {}
        self.seconds = prometheus.Histogram()
        self.received = self.sent = 0


class Metrics:
    """Counts answers, and writes the page; `ports`: the model servers'."""

    def __init__(self, ports):
        self._clients = [
            Client(host="127.0.0.1", port=port, connect_timeout=_PATIENCE) for port in ports
        ]
        self._routes = {}
        self.connections: AbstractSet[Connection] = set()  # the server's, once there is one

    def timed(self, router):
        """The handler that hands a request to `router` and notes when."""

        def handler(request):
            request.begun = perf_counter()
            return router(request)

        return handler

    def counted(self, access_log):
        """The function that is told of each answer, and tells `access_log`."""

        def on_response(request, status, sent):
            access_log(request, status, sent)
            self._count(request, status, sent)

        return on_response

    def _count(self, request, status, sent):
        name = "other" if request is None else request.memo.get("route") or "other"
        route = self._routes.get(name) or self._routes.setdefault(name, _Route())
        route.statuses[status] = route.statuses.get(status, 0) + 1
        route.sent += sent
        begun = getattr(request, "begun", None)
        if begun is not None:  # not one that was refused before it had been read
            route.received += len(request.body)
            route.seconds.observe(perf_counter() - begun)

    async def answer(self, request):
        """The page; a model server that does not answer in time is missing in it."""
        if request.method not in ("GET", "HEAD"):
            return page(405)
        pendings = [
            client.request("GET", prometheus.MODEL_SERVER_PATH, timeout=_PATIENCE)
            for client in self._clients
        ]
        up, texts = [], {}
        for number, pending in enumerate(pendings):
            try:
                reply = await pending
            except ClientError:
                up.append(({"model_server": number}, 0))
                continue
            up.append(({"model_server": number}, 1))
            # A real tensorflow_model_server says 404.
            if (
                reply.status == 200
                and reply.header(b"content-type", b"") == prometheus.CONTENT_TYPE.encode()
            ):
                texts[number] = reply.body.decode("utf-8")
        text = self._own(request, up)
        text += prometheus.merged(texts) if len(self._clients) > 1 else "".join(texts.values())
        return Response(200, text.encode("utf-8"), prometheus.CONTENT_TYPE)

    def _own(self, request, up):
        routes = [({"route": name}, route) for name, route in sorted(self._routes.items())]
        in_work = [connection.current for connection in self.connections]
        others = sum(one is not None and one is not request for one in in_work)
        statuses = [
            (dict(labels, status=status), count)
            for labels, route in routes
            for status, count in sorted(route.statuses.items())
        ]

        def of_each(name):
            return [(labels, getattr(route, name)) for labels, route in routes]

        described = {
            "requests_total counter Requests answered, by location and status.": statuses,
            "request_seconds histogram From a request read whole to its answer written.": of_each(
                "seconds"
            ),
            "request_bytes_total counter Bytes of the bodies of requests.": of_each("received"),
            "response_bytes_total counter Bytes of the bodies of answers.": of_each("sent"),
            "requests_in_progress gauge Requests in work, but for this one.": [({}, others)],
            "connections gauge Open connections of clients.": [({}, len(in_work))],
            "model_server_up gauge Whether a model server answers.": up,
        }
        return prometheus.families("endpoint_", described)
