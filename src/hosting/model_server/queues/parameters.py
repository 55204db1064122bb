"""BatchingParameters: the text form of ``--batching_parameters_file``.

The message is of tensorflow_serving's session_bundle_config.proto, which the
package tensorflow-serving-api does not contain; it is described here instead.
"""

import os

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)

from hosting.model_server.errors import invalid_argument
from hosting.model_server.model_config import read_text

_NUMBERS = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")


def _message_class():
    file = descriptor_pb2.FileDescriptorProto(
        name="hosting/batching_parameters.proto",
        package="hosting",
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    message = file.message_type.add(name="BatchingParameters")
    field = descriptor_pb2.FieldDescriptorProto
    for name in (*_NUMBERS, "thread_pool_name"):
        value = "Int64Value" if name in _NUMBERS else "StringValue"
        message.field.add(name=name, type_name=".google.protobuf." + value, type=field.TYPE_MESSAGE)
    message.field.add(name="allowed_batch_sizes", type=field.TYPE_INT64)
    message.field.add(name="pad_variable_length_inputs", type=field.TYPE_BOOL)
    for number, one in enumerate(message.field, 1):
        repeated = one.name == "allowed_batch_sizes"
        one.number, one.label = number, field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
    pool = descriptor_pool.Default()
    pool.Add(file)
    described = pool.FindMessageTypeByName("hosting.BatchingParameters")
    if hasattr(message_factory, "GetMessageClass"):  # protobuf since 4.22
        return message_factory.GetMessageClass(described)
    return message_factory.MessageFactory(pool).GetPrototype(described)


class BatchingParameters:
    """The values, with TF Serving's defaults."""

    max_batch_size = 1000
    batch_timeout_micros = 0
    max_enqueued_batches = 10
    num_batch_threads = os.cpu_count() or 1
    pad_variable_length_inputs = False

    def __init__(self, allowed_batch_sizes=(), **values):
        self.__dict__.update(values)
        self.allowed_batch_sizes = list(allowed_batch_sizes)
        for name in ("num_batch_threads", *_NUMBERS[:3]):
            value, least = getattr(self, name), int(name != "batch_timeout_micros")
            if value < least:
                allowed = "positive" if least else "non-negative"
                raise invalid_argument(f"{name} must be {allowed}; was {value}")
        sizes = self.allowed_batch_sizes
        if sizes and sizes[-1] != self.max_batch_size:
            raise invalid_argument(
                "Last entry in allowed_batch_sizes must match max_batch_size; last entry was "
                f"{sizes[-1]}; expected {self.max_batch_size}"
            )
        if sizes != sorted(set(sizes)):
            raise invalid_argument("allowed_batch_sizes entries must be monotonically increasing")

    def padding(self, rows):
        """How many rows more a batch of `rows` must have."""
        return min((size for size in self.allowed_batch_sizes if size >= rows), default=rows) - rows


def read(path):
    """The BatchingParameters in a file; with no path the defaults."""
    return parse(read_text(path), path) if path else BatchingParameters()


def parse(text, path):
    message = _message_class()()
    try:
        text_format.Parse(text, message)
    except text_format.ParseError as error:
        raise invalid_argument(f"Invalid protobuf file: '{path}': {error}") from None
    values = {name: getattr(message, name).value for name in _NUMBERS if message.HasField(name)}
    return BatchingParameters(
        allowed_batch_sizes=message.allowed_batch_sizes,
        pad_variable_length_inputs=message.pad_variable_length_inputs,
        **values,
    )
