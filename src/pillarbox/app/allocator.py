"""One setting of the C library's allocator, which halves what an idle TLS connection costs.

uvloop gives every TLS connection a read buffer of 256 KiB, of which a page or two is ever touched. glibc
at first maps such a piece by itself, so that the rest costs nothing; but once one has been freed it takes later
ones from the heap, where a handshake has just left tens of kilobytes of touched memory. Saying the threshold
aloud keeps it where it is. Measured: 48 instead of 24 KiB a connection.
"""

import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
"""`mallopt(3)`."""
MAPPED_OCTETS: Final = 256 * 1024
"""From this size on a piece of memory is mapped by itself; it must not exceed uvloop's buffer."""


def map_large_pieces() -> bool:
    """Do it; false, and nothing happens, where the C library has no such setting."""
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, MAPPED_OCTETS))
    except (AttributeError, OSError, TypeError):
        return False
