"""Today's container's handler: attributes are checked, and handlers may choose the status.

docs/contract.md#a12-handler
"""

import json
import logging
import os

import falcon

from hosting.handler_service.answer import answer, error, load_script, routed
from hosting.handler_service.context import DEFAULT_ACCEPT, todays_context
from hosting.handler_service.head import HeadInvocationResource
from hosting.handler_service.loader import todays_reply

log = logging.getLogger("python_service")

_TYPES = ("application/json", "application/jsonlines", "application/jsons", "text/csv")


def default_handler(data, context):
    """Without inference.py: the body as it is, and the model server's answer."""
    reply = todays_reply(data.read().decode("utf-8"), context)
    return reply.content, context.accept_header or DEFAULT_ACCEPT


def script_or_default(code_dir):
    """The handler of code/inference.py, or the default one."""
    path = os.path.join(code_dir, "inference.py")
    if not os.path.exists(path):
        return default_handler
    log.info("Universal inference script exists at path %s, importing handlers.", path)
    return load_script()


def invoke(handler, request, response, *asked, **further):
    """Answers an invocation; `asked` and `further` are todays_context's."""
    content_type = (request.get_header("Content-Type") or "").partition(";")[0].strip().lower()
    if handler is default_handler and content_type and content_type not in _TYPES:
        error(response, falcon.HTTP_415, f"Unsupported Media Type: {content_type}")
        return
    try:
        context = todays_context(request, *asked, **further)
    except ValueError as wrong:
        error(response, falcon.HTTP_400, str(wrong))
        return
    answer(handler, request.stream, context, response, passed_on=falcon.HTTPError)


class TodaysInvocationResource(HeadInvocationResource):
    """The same as in the final container, with a limit for the model server."""

    def __init__(self, handler):
        super().__init__(handler)
        self._timeout = int(os.environ["HOSTING_WAIT_SECONDS"])

    def on_post(self, request, response):
        ports, channel = self._drawn()
        further = {"channel": channel, "timeout": self._timeout}
        invoke(self._handler, request, response, ports, self._default_model_name, **further)

    def on_get(self, request, response):
        # The container's list of loaded models, of which it has none.
        response.body = json.dumps({})


def make_app(models):
    """The application; `models` makes what answers for several models."""

    def invocations():
        return TodaysInvocationResource(script_or_default(os.environ["HOSTING_CODE_DIR"]))

    return routed(falcon.App(), invocations, models)
