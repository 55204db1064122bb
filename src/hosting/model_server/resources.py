"""What a session keeps of the machine's memory."""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_KEPT = 256 << 20
_FROM_THE_HEAP = 32 << 20


def keep_freed_memory():
    """Have the C library keep up to 256 MB of what a run has freed for the next one.

    By default it gives large blocks back to the kernel at once, and every run of a large
    batch begins with a thousand page faults: a tenth of its time. It also has a heap for each
    of some threads, and each would keep what the largest run took there: one heap is enough.
    """
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:  # glibc
        mallopt(_M_MMAP_THRESHOLD, _FROM_THE_HEAP)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
        mallopt(_M_ARENA_MAX, 1)
