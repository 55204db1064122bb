"""What a session takes of the machine where the flags leave it open: threads and memory."""

import collections
import ctypes
import math
import mmap
import os
import re

# A serialized ConfigProto, intra_op_parallelism_threads: 1. Spelt out, since importing the
# protocol classes takes longer than reading a small model.
ONE_THREAD_AN_OPERATION = b"\x10\x01"
_FEW_CORES = 2
# A node's operation, and the field of its first input.
_PRODUCT = b"\x12\x06MatMul\x1a"
_READ = b"\x0eReadVariableOp\x1a"
_VARIABLES = (b"\x0aVariableV2", b"\x0bVarHandleOp")
# The attribute ``shape``, and in it each dimension's size.
_SHAPE = re.compile(rb"\n\x05shape\x12.:.((?:\x12.\x08[\x80-\xff]*[\x00-\x7f])*)", re.DOTALL)
_DIMENSION = re.compile(rb"\x12.\x08([\x80-\xff]*[\x00-\x7f])", re.DOTALL)
_LONG_VARINT = 5
# Operations that take longer than the number of their weights tells, or have none.
_OTHER_PRODUCTS = (b"Conv", b"BatchMatMul")
_STEPS = 8
# A sentence's product with so many takes half a millisecond of a core.
_FEW_WEIGHTS = 1 << 20

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_KEPT = 256 << 20
_FROM_THE_HEAP = 32 << 20


def default_config(path, cores=None):
    """The serialized ConfigProto for the SavedModel in `path`; empty: TensorFlow's defaults.

    TensorFlow divides a large matrix product among the cores. A recurrent network has one such
    product before its steps, and with a large batch hundreds in them; the rest of its run is a
    chain of small operations. A network that adds up what its tokens say has a few small ones. On
    two cores the second one has better things to do: other processes of the endpoint, which a
    request passes through. Waking a thread there and waiting for it took a tenth of the time of a
    lone request to the first kind, and of the model server's time under 32 clients of the second.
    With more cores, or where large products are all that a model does, dividing them may be worth
    it, so TensorFlow's default stays.
    """
    if (cores or os.cpu_count() or 1) > _FEW_CORES:
        return b""
    try:
        with open(os.path.join(path, "saved_model.pb"), "rb") as file, mmap.mmap(
            file.fileno(), 0, access=mmap.ACCESS_READ
        ) as graph:
            suits = _is_recurrent(graph) or _has_small_products(graph)
            return ONE_THREAD_AN_OPERATION if suits else b""
    except (OSError, ValueError, IndexError):
        return b""  # no such file, or an empty or a broken one: loading it tells what is wrong


# A graph is looked into, not parsed: that would take longer than loading it.


def _is_recurrent(graph):
    """Whether a serialized graph has a loop, or the steps of one, with products."""
    has_loop = graph.find(b"LoopCond") >= 0 or graph.find(b"While") >= 0  # TensorFlow 2's
    if has_loop and graph.find(b"MatMul") >= 0:
        return True
    # All steps of an unrolled loop use the same weights.
    return max(collections.Counter(_weights(graph)).values(), default=0) >= _STEPS


def _has_small_products(graph):
    """Whether a serialized graph has products, and each of them with few weights."""
    if any(graph.find(operation) >= 0 for operation in _OTHER_PRODUCTS):
        return False
    weights = set(_weights(graph))
    return bool(weights) and all(_size(graph, name) <= _FEW_WEIGHTS for name in weights)


def _weights(graph):
    """The second input of each product. Names are taken to be shorter than 128 bytes."""
    position = graph.find(_PRODUCT)
    while position >= 0:
        first = position + len(_PRODUCT)
        second = first + 1 + graph[first] + 1
        yield graph[second + 1 : second + 1 + graph[second]]
        position = graph.find(_PRODUCT, second)


def _size(graph, name):
    """How many numbers a product's weights have, infinity where they are no variable."""
    reads = _named(name, _READ)
    position = graph.find(reads)
    if position >= 0:  # a resource variable
        start = position + len(reads)
        name = graph[start + 1 : start + 1 + graph[start]]
    elif name.endswith(b"/read"):
        name = name[: -len(b"/read")]
    for operation in _VARIABLES:
        node = graph.find(_named(name, operation))
        if node >= 0:
            dimensions = _SHAPE.search(graph, node)
            return _numbers(dimensions.group(1)) if dimensions else math.inf
    return math.inf


def _named(name, operation):
    """How a node of this name and operation begins."""
    return b"\n%c%b\x12%b" % (len(name), name, operation)


def _numbers(dimensions):
    """The product of serialized dimensions; infinity where one is unknown, so negative."""
    product = 1
    for varint in _DIMENSION.findall(dimensions):
        if len(varint) > _LONG_VARINT:
            return math.inf
        product *= sum((byte & 127) << 7 * place for place, byte in enumerate(varint))
    return product


def keep_freed_memory():
    """Have the C library keep up to 256 MB of what a run has freed for the next one.

    By default it gives large blocks back to the kernel at once, and every run of a large
    batch begins with a thousand page faults: a tenth of its time. It also has a heap for each
    of some threads, and each would keep what the largest run took there: one heap is enough.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # glibc
        mallopt(_M_MMAP_THRESHOLD, _FROM_THE_HEAP)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
        mallopt(_M_ARENA_MAX, 1)
