"""What glibc's allocator is told: a setting that halves the memory of an idle TLS connection, and to give back.

uvloop gives every TLS connection a read buffer of 256 KiB, of which it rarely touches more than a page or two. glibc
at first maps such a block by itself, so that the rest takes no memory; but once one has been freed, glibc raises its
threshold and takes later ones from the heap, where a handshake has just left tens of kilobytes of touched memory.
Setting the threshold explicitly keeps it where it is. Measured: 24 instead of 48 KiB a connection.
"""

import asyncio
import ctypes
import os
from pathlib import Path
from typing import Final

from pillarbox.world.clock import Clock

_M_MMAP_THRESHOLD: Final = -3
"""`mallopt(3)`."""
MAPPED_OCTETS: Final = 256 * 1024
"""Blocks of at least this size are mapped by themselves; it must not exceed uvloop's buffer."""

GIVE_BACK_EVERY_S: Final = 30.0
"""How often growth is looked at."""
GROWN_OCTETS: Final = 32 * 1024 * 1024
"""Growth after which what is free is given back to the system; glibc keeps it between blocks in use."""


def map_large_blocks() -> bool:
    """Set it; false where the C library has no such setting."""
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, MAPPED_OCTETS))
    except (AttributeError, OSError, TypeError):
        return False


def resident_octets() -> int:
    """What this process takes of the machine's memory; 0 where that is not told."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def give_back() -> bool:
    """Give free memory back to the system; false where there was none, or the C library does not do that."""
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (AttributeError, OSError, TypeError):
        return False


async def give_back_after_growth(clock: Clock, every_s: float = GIVE_BACK_EVERY_S) -> None:
    """`give_back` after much was used, for ever: much mail at once leaves holes, a hundred megabytes and more."""
    loop, kept_octets = asyncio.get_running_loop(), resident_octets()
    while True:
        await clock.sleep(every_s)
        if resident_octets() > kept_octets + GROWN_OCTETS:
            await loop.run_in_executor(None, give_back)
            kept_octets = resident_octets()
