"""X-Amzn-SageMaker-Custom-Attributes, as the container's JavaScript reads it.

docs/contract.md#a6
"""

import re
from urllib.parse import quote

HEADER = b"x-amzn-sagemaker-custom-attributes"

_PAIR = re.compile(r"tfs-[a-z-]+=[^,]+")
# What may stand in a path as it is; the rest is escaped on the way to the model server.
SAFE = "/:@!$&'()*+,;=-._~[]"


def parse(header):
    """The `tfs-…` pairs of the header; a value that holds `=` is ignored.

    >>> parse('x=1,tfs-model-name=m,tfs-method=a=b')
    {'tfs-model-name': 'm'}
    """
    attributes = {}
    if header:
        for pair in _PAIR.findall(header):
            parts = pair.split("=")
            if len(parts) == 2:
                attributes[parts[0]] = parts[1]
    return attributes


def model_server_path(attributes, default_model, with_method):
    path = "/v1/models/" + (attributes.get("tfs-model-name") or default_model)
    if "tfs-model-version" in attributes:
        path += "/versions/" + attributes["tfs-model-version"]
    if with_method:
        path += ":" + (attributes.get("tfs-method") or "predict")
    return quote(path, safe=SAFE, encoding="latin-1")
