"""What a handler learns about its request (docs/contract.md#a6, docs/contract.md#a7)."""

import logging
import re
from collections import namedtuple

log = logging.getLogger("tfs_utils")

CUSTOM_ATTRIBUTES_HEADER = "X-Amzn-SageMaker-Custom-Attributes"
MEMO = "hosting.memo"
"""In a WSGI environment: a dict that requests with the same head share."""
DEFAULT_CONTENT_TYPE = "application/json"
DEFAULT_ACCEPT = "application/json"


def _context(channel=""):
    return namedtuple(
        "Context",
        f"model_name model_version method rest_uri grpc_port {channel} custom_attributes "
        "request_content_type accept_header content_length",
    )


Context2019 = _context()
ContextHead = _context("channel")

_ATTRIBUTE = re.compile(r"tfs-[a-z-]+=[^,]+")


def tfs_attributes(header):
    """The `tfs-…` pairs of the custom attributes header.

    >>> tfs_attributes('trace=1,tfs-model-name=m')
    {'tfs-model-name': 'm'}

    A value that holds `=` raises ValueError: the container parses outside its error handler.
    """
    if not header:
        return {}
    return dict(pair.split("=") for pair in _ATTRIBUTE.findall(header))


def rest_uri(port, attributes, default_model_name, model_name=None):
    """The model server's REST address for a request with these attributes."""
    uri = "http://localhost:%s/v1/models/%s" % (
        port,
        model_name or attributes.get("tfs-model-name", default_model_name),
    )
    version = attributes.get("tfs-model-version")
    if version:
        uri += "/versions/" + version
    return uri + ":" + attributes.get("tfs-method", "predict")


def request_fields(request):
    """(custom_attributes, request_content_type, accept_header, content_length) of a request."""
    return (
        request.get_header(CUSTOM_ATTRIBUTES_HEADER),
        request.get_header("Content-Type") or DEFAULT_CONTENT_TYPE,
        request.get_header("Accept") or DEFAULT_ACCEPT,
        request.content_length,
    )


def parse_request(request, rest_port, grpc_port, default_model_name, model_name=None, channel=None):
    """The final container's Context; in a multi-model endpoint the address names the model."""
    custom, content_type, accept, length = request_fields(request)
    attributes = tfs_attributes(custom)
    log.info("sagemaker tfs attributes: \n%s", attributes)
    return ContextHead(
        model_name or attributes.get("tfs-model-name"),
        attributes.get("tfs-model-version"),
        attributes.get("tfs-method"),
        rest_uri(rest_port, attributes, default_model_name, model_name),
        grpc_port,
        channel,
        custom,
        content_type,
        accept,
        length,
    )
