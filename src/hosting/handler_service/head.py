"""The final container's handler: gRPC channel, several model servers, /models.

docs/contract.md#a7
"""

import logging
import os
import random

import falcon

from hosting.handler_service.answer import answer, load_script, routed
from hosting.handler_service.context import parse_request


class HeadInvocationResource:
    """/invocations: the ports of one of the model servers, and a channel to it."""

    def __init__(self, handler):
        import grpc

        self._handler = handler
        self._default_model_name = os.environ["TFS_DEFAULT_MODEL_NAME"]
        self._grpc_ports = os.environ["HOSTING_GRPC_PORTS"].split(",")
        self._rest_ports = os.environ["HOSTING_REST_PORTS"].split(",")
        self._channels = {}
        for port in self._grpc_ports:
            logging.getLogger("python_service").info("Creating grpc channel for port: %s", port)
            self._channels[port] = grpc.insecure_channel("localhost:" + port)

    def on_post(self, request, response):
        (rest, grpc), channel = self._drawn()
        context = parse_request(request, rest, grpc, self._default_model_name, channel=channel)
        answer(self._handler, request.stream, context, response)

    def on_get(self, request, response):
        self._no_models()

    on_delete = on_get

    def _drawn(self):
        # The two are drawn independently: they may belong to different model servers.
        grpc_port = random.choice(self._grpc_ports)
        return (random.choice(self._rest_ports), grpc_port), self._channels[grpc_port]

    @staticmethod
    def _no_models():
        # The last container routes these to its multi-model methods, which fail (500).
        raise RuntimeError("this endpoint is not a multi-model endpoint")


def make_app():
    def models():
        from hosting.handler_service.multi_model import ModelsResource

        return ModelsResource()

    return routed(falcon.API(), lambda: HeadInvocationResource(load_script()), models)
