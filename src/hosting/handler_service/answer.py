"""What all contracts' applications share: /ping, the handler of inference.py, its answers.

docs/contract.md#a7
"""

import json
import logging
import os

import falcon

from hosting.handler_service.loader import explain_missing_module, load_handler

log = logging.getLogger("python_service")


class PingResource:
    """Healthy once the handler is loaded; the model server is not asked (docs/contract.md#a4)."""

    def on_get(self, request, response):
        response.status = falcon.HTTP_200


def answer(handler, data, context, response, passed_on=()):
    """Fill in `response` with what the handler makes of `data`.

    The status is 200, or 500 if the handler raises. Exceptions that are `passed_on` say theirs.
    """
    try:
        response.status = falcon.HTTP_200
        response.body, response.content_type = handler(data, context)
    except passed_on:
        raise
    except Exception as error:  # whatever a handler raises becomes the error body
        log.exception("exception handling request: %s", error)
        if isinstance(error, ImportError):
            explain_missing_module(error)
        response.status = falcon.HTTP_500
        response.body = json.dumps({"error": str(error)}).encode("utf-8")


def error(response, status, message):
    response.status = status
    response.body = json.dumps({"error": message})


def routed(application, invocations, models):
    """The application of a container that knows multi-model endpoints, with its routes.

    `invocations` and `models` make a resource: of /invocations alone, or of a multi-model endpoint.
    """
    application.add_route("/ping", PingResource())
    if os.environ.get("SAGEMAKER_MULTI_MODEL", "false").lower() == "true":
        resource, route = models(), "/models/{model_name}"
        for path in ("/invocations", "/models", route, route + "/invoke"):
            application.add_route(path, resource)
    else:
        application.add_route("/invocations", invocations())
    return application


def load_script():
    path = os.path.join(os.environ["HOSTING_CODE_DIR"], "inference.py")
    try:
        return load_handler(path)
    except ImportError as error:
        explain_missing_module(error)
        raise
    except SystemExit as exit_:
        if os.environ.get("DEV") != "1":
            raise
        # gunicorn would take this for a worker that ends by itself, and boot another.
        raise ImportError(f"inference.py called sys.exit({exit_}) while it was loaded")
