"""The application of today's container (docs/contract.md#a3)."""

import os

import falcon

from hosting.handler_service.answer import PingResource
from hosting.handler_service.today import TodaysInvocationResource, script_or_default


def make_app():
    application = falcon.App()
    application.add_route("/ping", PingResource())
    if os.environ.get("SAGEMAKER_MULTI_MODEL", "false").lower() == "true":
        from hosting.handler_service.todays_models import ModelsResource

        resource = ModelsResource()
        application.add_route("/invocations", resource)
        application.add_route("/models", resource)
        application.add_route("/models/{model_name}", resource)
        application.add_route("/models/{model_name}/invoke", resource)
    else:
        handler = script_or_default(os.environ["HOSTING_CODE_DIR"])
        application.add_route("/invocations", TodaysInvocationResource(handler))
    return application
