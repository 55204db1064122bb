"""The application that gunicorn runs: `wsgi` imports it once in each worker.

docs/contract.md#a7
"""
import json
import logging
import os

import falcon

from hosting.handler_service.context import (
    MEMO,
    Context2019,
    request_fields,
    rest_uri,
    tfs_attributes,
)
from hosting.handler_service.loader import explain_missing_module, load_handler

logging.basicConfig(level=logging.INFO)
log = logging.getLogger('python_service')


class PingResource:
    """Healthy once the handler is loaded; the model server is not asked (docs/contract.md#a4)."""

    def on_get(self, request, response):
        response.status = falcon.HTTP_200


class InvocationResource:
    """/invocations under the contract of 2019 (docs/contract.md#a7)."""

    def __init__(self, handler):
        self._handler = handler
        self._default_model_name = os.environ['TFS_DEFAULT_MODEL_NAME']
        self._grpc_port = os.environ['TFS_GRPC_PORT']
        self._rest_port = os.environ['TFS_REST_PORT']

    def on_post(self, request, response):
        memo = request.env.get(MEMO, {})
        context = memo.get('context')
        if context is None:
            context = memo['context'] = self._context(request)
        answer(self._handler, request.stream, context, response)

    def _context(self, request):
        """What the handler is told; it follows from the request's head alone."""
        custom, content_type, accept, length = request_fields(request)
        attributes = tfs_attributes(custom)
        return Context2019(
            attributes.get('tfs-model-name'), attributes.get('tfs-model-version'),
            attributes.get('tfs-method'),
            rest_uri(self._rest_port, attributes, self._default_model_name),
            self._grpc_port, custom, content_type, accept, length)


def answer(handler, data, context, response):
    """Fill in `response` with what the handler makes of `data`.

    There is no way for a handler to set a status: it is 200, or 500 if it raises.
    """
    try:
        response.status = falcon.HTTP_200
        response.body, response.content_type = handler(data, context)
    except Exception as error:  # whatever a handler raises becomes the error body
        log.exception('exception handling request: %s', error)
        if isinstance(error, ImportError):
            explain_missing_module(error)
        response.status = falcon.HTTP_500
        response.body = json.dumps({'error': str(error)}).encode('utf-8')


def load_script():
    """The handler of code/inference.py."""
    path = os.path.join(os.environ['HOSTING_CODE_DIR'], 'inference.py')
    try:
        return load_handler(path)
    except ImportError as error:
        explain_missing_module(error)
        raise
    except SystemExit as exit_:
        if os.environ.get('DEV') != '1':
            raise
        # gunicorn would take this for a worker that ends by itself, and boot another.
        raise ImportError('inference.py called sys.exit(%s) while it was loaded' % exit_)


def make_app():
    """The application for the contract in force."""
    if os.environ.get('HOSTING_CONTRACT') == 'head':
        from hosting.handler_service import head
        return head.make_app()
    application = falcon.API()
    application.add_route('/ping', PingResource())
    application.add_route('/invocations', InvocationResource(load_script()))
    return application
