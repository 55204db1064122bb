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


def _context(channel="", timeout=""):
    return namedtuple(
        "Context",
        f"model_name model_version method rest_uri grpc_port {channel} custom_attributes "
        f"request_content_type accept_header content_length {timeout}",
    )


Context2019 = _context()
ContextHead = _context("channel")
ContextToday = _context("channel", "timeout")

MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
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


def todays_attributes(header):
    """Likewise in today's container: a value may hold `=`."""
    return dict(pair.split("=", 1) for pair in _ATTRIBUTE.findall(header or ""))


def rest_uri(port, attributes, default_model_name, model_name=None):
    """The model server's REST address for a request with these attributes."""
    name = model_name or attributes.get("tfs-model-name", default_model_name)
    uri = f"http://localhost:{port}/v1/models/{name}"
    version = attributes.get("tfs-model-version")
    if version:
        uri += "/versions/" + version
    return uri + ":" + attributes.get("tfs-method", "predict")


def _fields(request, rest_port, default_model_name, model_name=None, parsed=tfs_attributes):
    """Every context's fields but those of gRPC, and the attributes that they were found in."""
    custom = request.get_header(CUSTOM_ATTRIBUTES_HEADER)
    attributes = parsed(custom)
    return attributes, {
        "model_name": model_name or attributes.get("tfs-model-name"),
        "model_version": attributes.get("tfs-model-version"),
        "method": attributes.get("tfs-method"),
        "rest_uri": rest_uri(rest_port, attributes, default_model_name, model_name),
        "custom_attributes": custom,
        "request_content_type": request.get_header("Content-Type") or DEFAULT_CONTENT_TYPE,
        "accept_header": request.get_header("Accept") or DEFAULT_ACCEPT,
        "content_length": request.content_length,
    }


def context_2019(request, rest_port, grpc_port, default_model_name):
    return Context2019(grpc_port=grpc_port, **_fields(request, rest_port, default_model_name)[1])


def parse_request(request, rest_port, grpc_port, default_model_name, model_name=None, channel=None):
    """The final container's Context; in a multi-model endpoint the address names the model."""
    attributes, fields = _fields(request, rest_port, default_model_name, model_name)
    log.info("sagemaker tfs attributes: \n%s", attributes)
    return ContextHead(grpc_port=grpc_port, channel=channel, **fields)


def todays_context(request, ports, default_model_name, model_name=None, channel=None, timeout=60):
    """Today's Context; ValueError for attributes that cannot be right (docs/contract.md#a6).

    Args:
        ports: of a model server: REST, gRPC.
    """
    asked = todays_attributes(request.get_header(CUSTOM_ATTRIBUTES_HEADER))
    log.info("sagemaker tfs attributes: \n%s", asked)
    name = asked.get("tfs-model-name")
    if name is not None and not MODEL_NAME.fullmatch(name):
        raise ValueError("invalid tfs-model-name")
    if not (model_name or name or default_model_name):
        raise ValueError("no model name available: set tfs-model-name or a default model")
    if not re.fullmatch("[0-9]+", asked.get("tfs-model-version", "1")):
        raise ValueError("invalid tfs-model-version: must be a positive integer")
    if asked.get("tfs-method", "predict") not in ("predict", "classify", "regress"):
        raise ValueError("invalid tfs-method: must be one of predict|classify|regress")
    _, fields = _fields(request, ports[0], default_model_name, model_name, todays_attributes)
    return ContextToday(grpc_port=ports[1], channel=channel, timeout=timeout, **fields)
