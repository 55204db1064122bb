"""What a session takes of the machine where the flags leave it open: threads and memory."""

import collections
import ctypes
import mmap
import os

# A serialized ConfigProto, intra_op_parallelism_threads: 1. Spelt out, since importing the
# protocol classes takes longer than reading a small model.
ONE_THREAD_AN_OPERATION = b"\x10\x01"
_FEW_CORES = 2
# A node's operation, and the field of its first input.
_PRODUCT = b"\x12\x06MatMul\x1a"
_STEPS = 8

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_KEPT = 256 << 20
_FROM_THE_HEAP = 32 << 20


def default_config(path, cores=None):
    """The serialized ConfigProto for the SavedModel in `path`; empty: TensorFlow's defaults.

    TensorFlow divides a large matrix product among the cores. A recurrent network has one such
    product before its steps, and with a large batch hundreds in them; the rest of its run is a
    chain of small operations. On two cores the second one has better things to do: other
    processes of the endpoint, which a request passes through. Waking a thread there and waiting
    for it took a lone request a tenth of its time. With more cores, or where products are all
    that a model does, dividing them may be worth it, so TensorFlow's default stays.
    """
    if (cores or os.cpu_count() or 1) <= _FEW_CORES and _is_recurrent(path):
        return ONE_THREAD_AN_OPERATION
    return b""


def _is_recurrent(path):
    """Whether the graph of the SavedModel in `path` has a loop, or the steps of one, with products.

    It is looked into, not parsed: that would take longer than loading it.
    """
    try:
        with open(os.path.join(path, "saved_model.pb"), "rb") as file, mmap.mmap(
            file.fileno(), 0, access=mmap.ACCESS_READ
        ) as graph:
            has_loop = graph.find(b"LoopCond") >= 0 or graph.find(b"While") >= 0  # TensorFlow 2's
            if has_loop and graph.find(b"MatMul") >= 0:
                return True
            # All steps of an unrolled loop use the same weights.
            return max(collections.Counter(_weights(graph)).values(), default=0) >= _STEPS
    except (OSError, ValueError, IndexError):
        return False  # no such file, or an empty or a broken one: loading it tells what is wrong


def _weights(graph):
    """The second input of each product. Names are taken to be shorter than 128 bytes."""
    position = graph.find(_PRODUCT)
    while position >= 0:
        first = position + len(_PRODUCT)
        second = first + 1 + graph[first] + 1
        yield graph[second + 1 : second + 1 + graph[second]]
        position = graph.find(_PRODUCT, second)


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
