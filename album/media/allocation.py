"""Memory that is kept from one picture to the next."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of ``mallopt(3)``."""
LARGEST_BLOCK = 32 << 20
"""Bytes, the most that glibc takes; Pillow asks for 16 MB at a time."""
KEPT = 256 << 20
"""Bytes that stay with the process between two pictures."""


def keep_large_blocks() -> bool:
    """Have the C library keep the memory of a picture for the next one; return whether it does.

    Else it gives every large block back and asks for it anew, which the system then fills with
    zeros page by page: a third of the time of decoding 12 megapixels. Only glibc has such a
    setting; elsewhere nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = (M_MMAP_THRESHOLD, LARGEST_BLOCK), (M_TRIM_THRESHOLD, KEPT)
    return all(mallopt(name, value) == 1 for name, value in settings)
