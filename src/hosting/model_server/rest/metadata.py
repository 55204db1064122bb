"""The signatures of a model as REST's ``…/metadata`` prints them.

The layout is that of protobuf's C++ JSON printer with its options for white
space, default values and original field names.
"""

from hosting.model_server.json.writer import quote


def _object(members, depth):
    """An object with one member on each line, one space for each level."""
    if not members:
        return "{}"
    indent = "\n" + " " * (depth + 1)
    return "{%s%s\n%s}" % (
        indent,
        ("," + indent).join(f"{quote(name)}: {text}" for name, text in members),
        " " * depth,
    )


def _array(items, depth):
    if not items:
        return "[]"
    indent = "\n" + " " * (depth + 1)
    return "[%s%s\n%s]" % (indent, ("," + indent).join(items), " " * depth)


def _dtype(number):
    from tensorflow.core.framework import types_pb2

    try:
        return quote(types_pb2.DataType.Name(number))
    except ValueError:
        return str(number)


def _shape(shape, depth):
    dims = [
        _object([("size", f'"{dim.size}"'), ("name", quote(dim.name))], depth + 2)
        for dim in shape.dim
    ]
    return _object(
        [
            ("dim", _array(dims, depth + 1)),
            ("unknown_rank", "true" if shape.unknown_rank else "false"),
        ],
        depth,
    )


def _tensor_info(info, depth):
    members = [("dtype", _dtype(info.dtype))]
    if info.HasField("tensor_shape"):
        members.append(("tensor_shape", _shape(info.tensor_shape, depth + 1)))
    encoding = info.WhichOneof("encoding")
    if encoding == "coo_sparse":
        members.append(
            (
                "coo_sparse",
                _object(
                    [
                        (field.name, quote(getattr(info.coo_sparse, field.name)))
                        for field in info.coo_sparse.DESCRIPTOR.fields
                    ],
                    depth + 1,
                ),
            )
        )
    elif encoding == "name":
        members.append(("name", quote(info.name)))
    return _object(members, depth)


def _signature(proto, depth):
    parts = []
    for field in ("inputs", "outputs"):
        infos = getattr(proto, field)
        parts.append(
            (
                field,
                _object(
                    [(name, _tensor_info(infos[name], depth + 2)) for name in sorted(infos)],
                    depth + 1,
                ),
            )
        )
    parts.append(("method_name", quote(proto.method_name)))
    return _object(parts, depth)


def metadata_json(servable):
    """The body of ``GET /v1/models/M/metadata``."""
    spec = _object(
        [
            ("name", quote(servable.name)),
            ("signature_name", '""'),
            ("version", f'"{servable.version}"'),
        ],
        0,
    )
    signatures = _object(
        [
            (name, _signature(servable.signature_def[name], 2))
            for name in sorted(servable.signature_def)
        ],
        1,
    )
    return '{\n"model_spec":%s\n,\n"metadata": {"signature_def": %s\n}\n}\n' % (
        spec,
        _object([("signature_def", signatures)], 0),
    )
