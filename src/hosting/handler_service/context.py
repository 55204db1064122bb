"""What a handler learns about its request (docs/contract.md#a6, docs/contract.md#a7)."""
import re
from collections import namedtuple

CUSTOM_ATTRIBUTES_HEADER = 'X-Amzn-SageMaker-Custom-Attributes'
MEMO = 'hosting.memo'
"""In a WSGI environment: a dict that requests with the same head share."""
DEFAULT_CONTENT_TYPE = 'application/json'
DEFAULT_ACCEPT = 'application/json'

Context2019 = namedtuple('Context', [
    'model_name', 'model_version', 'method', 'rest_uri', 'grpc_port',
    'custom_attributes', 'request_content_type', 'accept_header', 'content_length'])

ContextHead = namedtuple('Context', [
    'model_name', 'model_version', 'method', 'rest_uri', 'grpc_port', 'channel',
    'custom_attributes', 'request_content_type', 'accept_header', 'content_length'])

_ATTRIBUTE = re.compile(r'tfs-[a-z-]+=[^,]+')


def tfs_attributes(header):
    """The `tfs-…` pairs of the custom attributes header.

    >>> tfs_attributes('trace=1,tfs-model-name=m')
    {'tfs-model-name': 'm'}

    A value that holds `=` raises ValueError: the container parses outside its error handler.
    """
    if not header:
        return {}
    return dict(pair.split('=') for pair in _ATTRIBUTE.findall(header))


def rest_uri(port, attributes, default_model_name, model_name=None):
    """The model server's REST address for a request with these attributes."""
    uri = 'http://localhost:%s/v1/models/%s' % (
        port, model_name or attributes.get('tfs-model-name', default_model_name))
    version = attributes.get('tfs-model-version')
    if version:
        uri += '/versions/' + version
    return uri + ':' + attributes.get('tfs-method', 'predict')


def request_fields(request):
    """(custom_attributes, request_content_type, accept_header, content_length) of a request."""
    return (request.get_header(CUSTOM_ATTRIBUTES_HEADER),
            request.get_header('Content-Type') or DEFAULT_CONTENT_TYPE,
            request.get_header('Accept') or DEFAULT_ACCEPT,
            request.content_length)
