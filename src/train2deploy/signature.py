"""The signatures of a SavedModel, read without TensorFlow, and requests that fit them.

Of the protocol buffer only what names inputs and outputs is read (tensorflow's saved_model.proto
and meta_graph.proto): a few fields of each message, by their numbers.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train2deploy import paths
from train2deploy.errors import UserError

DEFAULT, SERVE = "serving_default", "serve"
FLOATS = {1: "float32", 2: "float64", 19: "float16"}
"""bfloat16 is not among them: the model server reads none from JSON."""
INTEGERS = {3: "int32", 4: "uint8", 5: "int16", 6: "int8", 9: "int64", 17: "uint16"}
INTEGERS |= {22: "uint32", 23: "uint64"}
STRING, BOOL = 7, 10

ROWS = 3
SIZES = (4, 32, 128)
"""What stands for a dimension that a signature leaves open, but the first; in turn."""


@dataclass(frozen=True)
class Tensor:
    """An input: its type, by TensorFlow's number, and its shape; -1 is any size, None any rank."""

    dtype: int
    shape: tuple[int, ...] | None


@dataclass(frozen=True)
class Signature:
    """What predict takes under this name."""

    name: str
    inputs: dict[str, Tensor]

    def requests(self) -> list[dict[str, Any]]:
        """Inputs that fit, as JSON: one for each size of what is left open; none where JSON
        has no such type."""
        if any(_value(tensor.dtype, 0) is None for tensor in self.inputs.values()):
            return []
        found: list[dict[str, Any]] = []
        for size in SIZES:
            inputs = {key: _generated(tensor, size) for key, tensor in self.inputs.items()}
            if inputs not in found:
                found.append(inputs)
        return found

    def given(self, body: bytes) -> dict[str, Any] | None:
        """The inputs of a request in TensorFlow Serving's JSON; None where it is something else."""
        try:
            request = json.loads(body)
        except (ValueError, RecursionError):
            return None
        if not isinstance(request, dict):
            return None
        keys = self.inputs.keys()
        if "inputs" in request:
            value = request["inputs"]
            named = isinstance(value, dict) and value.keys() <= keys
            return value if named else {next(iter(keys)): value} if len(keys) == 1 else None
        rows = request.get("instances")
        if not isinstance(rows, list):
            return None
        if rows and all(isinstance(row, dict) and row.keys() == keys for row in rows):
            return {key: [row[key] for row in rows] for key in keys}
        return {next(iter(keys)): rows} if len(keys) == 1 else None


def read(version: Path) -> Signature:
    """The default signature of a SavedModel directory, else the first one.

    Raises:
        UserError: it has none, or is not a SavedModel.
    """
    file = version / "saved_model.pb"
    try:
        found = _signatures(file.read_bytes())
    except (ValueError, IndexError) as error:
        raise UserError(f"{paths.relative(file)}: is not a SavedModel that can be read.") from error
    found.pop("__saved_model_init_op", None)
    if not found:
        raise UserError(f"{paths.relative(file)}: has no signature that could be asked.")
    return found.get(DEFAULT) or found[min(found)]


def _generated(tensor: Tensor, size: int) -> Any:
    shape = (ROWS,) if tensor.shape is None else tensor.shape
    first, *others = shape or (1,)
    sizes = [ROWS if first < 0 else first, *(size if other < 0 else other for other in others)]
    counter = iter(range(1 << 62))
    return _nested(tensor.dtype, sizes, counter) if shape else _value(tensor.dtype, 1)


def _nested(dtype: int, sizes: Sequence[int], counter: Iterator[int]) -> Any:
    if not sizes:
        return _value(dtype, next(counter))
    return [_nested(dtype, sizes[1:], counter) for _ in range(sizes[0])]


def _value(dtype: int, number: int) -> Any:
    """Small ones: an integer may be an index into some table."""
    if dtype in FLOATS:
        return number * 7 % 8 / 8
    if dtype in INTEGERS:
        return number % 2
    if dtype == BOOL:
        return number % 2 == 1
    return f"text {number}" if dtype == STRING else None


def _signatures(data: bytes) -> dict[str, Signature]:
    graphs = [value for number, value in _fields(data) if number == 2]
    for graph in graphs:
        fields = list(_fields(graph))
        tags = [tag for number, info in fields if number == 1 for n, tag in _fields(info) if n == 4]
        if SERVE.encode() in tags:
            entries = dict(_entry(value) for number, value in fields if number == 5)
            return {name: _signature(name, value) for name, value in entries.items()}
    return {}


def _signature(name: str, data: bytes) -> Signature:
    inputs = dict(_entry(value) for number, value in _fields(data) if number == 1)
    return Signature(name, {key: _tensor(value) for key, value in sorted(inputs.items())})


def _tensor(data: bytes) -> Tensor:
    fields = dict(_fields(data))
    dims, unknown = [], False
    for number, value in _fields(fields.get(3, b"")):
        if number == 2:
            size = dict(_fields(value)).get(1, 0)
            dims.append(size - (1 << 64) if size >> 63 else size)
        unknown = unknown or (number == 3 and bool(value))
    return Tensor(fields.get(2, 0), None if unknown else tuple(dims))


def _entry(data: bytes) -> tuple[str, bytes]:
    """A map's entry: key and value."""
    fields = dict(_fields(data))
    return fields.get(1, b"").decode(), fields.get(2, b"")


def _fields(data: Any) -> Iterator[tuple[int, Any]]:
    """(number, integer or bytes) of each field."""
    return ((number, value) for number, value, _ in located_fields(data))


def located_fields(data: Any) -> Iterator[tuple[int, Any, int]]:
    """The fields of a message in the wire format: (number, integer or bytes, where it ends)."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value, at
            continue
        size = {1: 8, 5: 4}.get(kind)
        if size is None:
            if kind != 2:
                raise ValueError(f"wire type {kind}")
            size, at = _varint(data, at)
        if at + size > len(data):
            raise ValueError("cut short")
        at += size
        yield number, data[at - size : at], at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("a number of more than ten bytes")
