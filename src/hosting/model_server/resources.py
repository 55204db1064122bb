"""What a session takes of the machine where the flags leave it open: threads and memory."""

import ctypes
import os

from hosting.model_server import graph_file

# A serialized ConfigProto, intra_op_parallelism_threads: 1. Spelt out, since importing the
# protocol classes takes longer than reading a small model.
ONE_THREAD_AN_OPERATION = b'\x10\x01'
_FEW_CORES = 2

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT = 256 << 20
_FROM_THE_HEAP = 32 << 20


def default_config(path, cores=None):
    """The serialized ConfigProto for the SavedModel in `path`; empty: TensorFlow's defaults.

    TensorFlow divides a matrix product among the cores from some 200,000 multiplications
    on. A recurrent layer makes a product or more for each step and gate, a thousand in a
    run, and with 24 rows each of them is just that large: handing them over then costs
    more than it saves, and on two cores such runs took half as much CPU again. There the
    second core has better things to do: the other direction's loop, other processes. With
    more cores, larger products may be worth it, so TensorFlow's default stays.
    """
    # A product beside a loop is the loop's, or small.
    if ((cores or os.cpu_count() or 1) <= _FEW_CORES
            and graph_file.holds(path, b'LoopCond', b'MatMul')):
        return ONE_THREAD_AN_OPERATION
    return b''


def keep_freed_memory():
    """Have the C library keep up to 256 MB of what a run has freed for the next one.

    By default it gives large blocks back to the kernel at once, and every run of a large
    batch begins with a thousand page faults: a tenth of its time.
    """
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:  # glibc
        mallopt(_M_MMAP_THRESHOLD, _FROM_THE_HEAP)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
