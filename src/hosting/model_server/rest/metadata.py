"""The signatures of a model as REST's ``…/metadata`` prints them.

The layout is that of protobuf's C++ JSON printer with its options for white
space, default values and original field names.
"""

from hosting.model_server.json.writer import quote


def _printed(value, depth):
    """A dict, a list or the text of a scalar: each item on its line, one space for each level."""
    if isinstance(value, str):
        return value
    brackets = "{}" if isinstance(value, dict) else "[]"
    if not value:
        return brackets
    if isinstance(value, dict):
        items = [f"{quote(name)}: {_printed(item, depth + 1)}" for name, item in value.items()]
    else:
        items = [_printed(item, depth + 1) for item in value]
    indent = "\n" + " " * (depth + 1)
    return brackets[0] + indent + ("," + indent).join(items) + indent[:-1] + brackets[1]


def _dtype(number):
    from tensorflow.core.framework import types_pb2

    try:
        return quote(types_pb2.DataType.Name(number))
    except ValueError:
        return str(number)


def _tensor_info(info):
    found = {"dtype": _dtype(info.dtype)}
    if info.HasField("tensor_shape"):
        shape = info.tensor_shape
        found["tensor_shape"] = {
            "dim": [{"size": f'"{dim.size}"', "name": quote(dim.name)} for dim in shape.dim],
            "unknown_rank": "true" if shape.unknown_rank else "false",
        }
    encoding = info.WhichOneof("encoding")
    if encoding == "coo_sparse":
        names = [field.name for field in info.coo_sparse.DESCRIPTOR.fields]
        found["coo_sparse"] = {name: quote(getattr(info.coo_sparse, name)) for name in names}
    elif encoding == "name":
        found["name"] = quote(info.name)
    return found


def _signature(proto):
    return {
        "inputs": {name: _tensor_info(proto.inputs[name]) for name in sorted(proto.inputs)},
        "outputs": {name: _tensor_info(proto.outputs[name]) for name in sorted(proto.outputs)},
        "method_name": quote(proto.method_name),
    }


def metadata_json(servable):
    """The body of ``GET /v1/models/M/metadata``."""
    spec = {
        "name": quote(servable.name),
        "signature_name": '""',
        "version": f'"{servable.version}"',
    }
    signatures = {
        name: _signature(servable.signature_def[name]) for name in sorted(servable.signature_def)
    }
    return '{\n"model_spec":%s\n,\n"metadata": {"signature_def": %s\n}\n}\n' % (
        _printed(spec, 0),
        _printed({"signature_def": signatures}, 0),
    )
