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

_INT64, _STRING = ".google.protobuf.Int64Value", ".google.protobuf.StringValue"
_FIELDS = [
    ("max_batch_size", _INT64),
    ("batch_timeout_micros", _INT64),
    ("max_enqueued_batches", _INT64),
    ("num_batch_threads", _INT64),
    ("thread_pool_name", _STRING),
]


def _message_class():
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="hosting/batching_parameters.proto",
        package="hosting",
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    message = file.message_type.add(name="BatchingParameters")
    for number, (name, kind) in enumerate(_FIELDS, 1):
        message.field.add(
            name=name,
            number=number,
            type=field.TYPE_MESSAGE,
            type_name=kind,
            label=field.LABEL_OPTIONAL,
        )
    message.field.add(
        name="allowed_batch_sizes", number=6, type=field.TYPE_INT64, label=field.LABEL_REPEATED
    )
    message.field.add(
        name="pad_variable_length_inputs",
        number=7,
        type=field.TYPE_BOOL,
        label=field.LABEL_OPTIONAL,
    )
    pool = descriptor_pool.Default()
    pool.Add(file)
    return message_factory.MessageFactory(pool).GetPrototype(
        pool.FindMessageTypeByName("hosting.BatchingParameters")
    )


class BatchingParameters:
    """The values, with TF Serving's defaults."""

    def __init__(
        self,
        max_batch_size=1000,
        batch_timeout_micros=0,
        max_enqueued_batches=10,
        num_batch_threads=None,
        allowed_batch_sizes=(),
        pad_variable_length_inputs=False,
    ):
        self.max_batch_size = max_batch_size
        self.batch_timeout_micros = batch_timeout_micros
        self.max_enqueued_batches = max_enqueued_batches
        if num_batch_threads is None:
            num_batch_threads = os.cpu_count() or 1
        self.num_batch_threads = num_batch_threads
        self.allowed_batch_sizes = list(allowed_batch_sizes)
        self.pad_variable_length_inputs = pad_variable_length_inputs
        self._check()

    def _check(self):
        for name, least in (
            ("num_batch_threads", 1),
            ("max_batch_size", 1),
            ("batch_timeout_micros", 0),
            ("max_enqueued_batches", 1),
        ):
            value = getattr(self, name)
            if value < least:
                raise invalid_argument(
                    name, " must be ", "positive" if least else "non-negative", "; was ", value
                )
        sizes = self.allowed_batch_sizes
        if sizes and sizes[-1] != self.max_batch_size:
            raise invalid_argument(
                "Last entry in allowed_batch_sizes must match max_batch_size; last entry was ",
                sizes[-1],
                "; expected ",
                self.max_batch_size,
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
    """The BatchingParameters in the text of the file `path`."""
    message = _message_class()()
    try:
        text_format.Parse(text, message)
    except text_format.ParseError as error:
        raise invalid_argument("Invalid protobuf file: '", path, "': ", error) from None
    values = {
        name: getattr(message, name).value
        for name, kind in _FIELDS
        if kind == _INT64 and message.HasField(name)
    }
    return BatchingParameters(
        allowed_batch_sizes=message.allowed_batch_sizes,
        pad_variable_length_inputs=message.pad_variable_length_inputs,
        **values,
    )
