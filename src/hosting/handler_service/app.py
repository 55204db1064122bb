"""The application that gunicorn runs: `wsgi` imports it once in each worker.

docs/contract.md#a7
"""

import logging
import os

import falcon

from hosting import environment
from hosting.handler_service.answer import PingResource, answer, load_script
from hosting.handler_service.context import MEMO, context_2019

logging.basicConfig(level=logging.INFO, format=environment.log_format())


class InvocationResource:
    """/invocations under the contract of 2019 (docs/contract.md#a7)."""

    def __init__(self, handler):
        self._handler = handler
        self._default_model_name = os.environ["TFS_DEFAULT_MODEL_NAME"]
        self._grpc_port = os.environ["TFS_GRPC_PORT"]
        self._rest_port = os.environ["TFS_REST_PORT"]

    def on_post(self, request, response):
        memo = request.env.get(MEMO, {})
        context = memo.get("context")
        if context is None:  # it follows from the request's head alone
            context = memo["context"] = context_2019(
                request, self._rest_port, self._grpc_port, self._default_model_name
            )
        answer(self._handler, request.stream, context, response)


def make_app():
    contract = os.environ.get("HOSTING_CONTRACT")
    if contract == "head":
        from hosting.handler_service import head

        return head.make_app()
    if contract == "today":
        from hosting.handler_service import today

        def models():
            from hosting.handler_service.todays_models import ModelsResource

            return ModelsResource()

        return today.make_app(models)
    application = falcon.API()
    application.add_route("/ping", PingResource())
    application.add_route("/invocations", InvocationResource(load_script()))
    return application
